"""Alembic's entry point: run migrations on the connection, and in the transaction, of `store/upgrade.py`."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=False)
context.run_migrations()
