"""The first schema: state tables, journal, turns and facts; `store/tables.py` says what columns mean."""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _state_tables()
    _journal()
    _facts()
    _positions()


def _state_tables() -> None:
    _state("agents", _text("customer"), _text("installation"), _text("state"))
    _state(
        "alarms",
        *(_text(name) for name in ("key", "code", "customer", "case_id")),
        _integer("closed"),
        _big("raised_us"),
    )
    open_only = sa.text("closed = 0")
    op.create_index(
        "uq_alarms_open_key",
        "alarms",
        ["partition", "key"],
        unique=True,
        sqlite_where=open_only,
        postgresql_where=open_only,
    )
    op.create_index("ix_alarms_case", "alarms", ["partition", "case_id"])
    op.create_index("ix_alarms_raised", "alarms", ["partition", "raised_us", "id"])
    _state("calendars")
    _state(
        "cases",
        *(_text(name) for name in ("customer", "installation", "state", "owner")),
        _integer("priority"),
        _big("due_us"),
        _big("created_us"),
    )
    queue = ["partition", "state", "due_us", "priority", "created_us", "id"]
    op.create_index("ix_cases_queue", "cases", queue)
    _state("catalogs")
    _state("counters")
    _state("gaps", _text("agent"))
    op.create_index("ix_gaps_agent", "gaps", ["partition", "agent"])
    _state("policies")
    _state("requests")
    _state("rule_states", _text("agent"))
    _state("series_pages", _text("agent"), _text("outbox_id"), _integer("series_count"))
    op.create_index("ix_series_pages_agent", "series_pages", ["partition", "agent", "outbox_id"])
    _state("timers", _big("due_us"))
    _state("tokens", _text("secret_hash"))
    op.create_index("uq_tokens_secret_hash", "tokens", ["partition", "secret_hash"], unique=True)


def _journal() -> None:
    op.create_table(
        "journal",
        _integer("partition"),
        *(_big(name) for name in ("sequence", "turn", "time_us")),
        *(_text(name) for name in ("kind", "id", "op", "reason", "actor", "text")),
        *(_text(name) for name in ("engine", "catalog", "policy")),
        sa.Column("after", sa.LargeBinary(), nullable=True),
        _bytes("prev_hash"),
        _bytes("hash"),
        sa.PrimaryKeyConstraint("partition", "sequence", name="pk_journal"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_journal_subject", "journal", ["partition", "kind", "id", "sequence"])
    if op.get_context().dialect.name == "sqlite":
        _refuse("UPDATE", "", "changed")
        _refuse("DELETE", "", "deleted")
        # INSERT OR REPLACE deletes without asking the trigger above.
        there = "SELECT 1 FROM journal WHERE partition = NEW.partition AND sequence = NEW.sequence"
        _refuse("INSERT", f"WHEN EXISTS ({there})", "replaced")


def _refuse(event: str, condition: str, done: str) -> None:
    op.execute(
        f"CREATE TRIGGER journal_refuse_{event.lower()} BEFORE {event} ON journal {condition} "
        f"BEGIN SELECT RAISE(ABORT, 'journal entries are never {done}'); END"
    )


def _facts() -> None:
    op.create_table(
        "turns",
        _integer("partition"),
        *(_big(name) for name in ("turn", "epoch", "wall_us")),
        sa.Column("mono", sa.Float(53), nullable=False),
        *(_text(name) for name in ("engine", "catalog", "policy")),
        _bytes("inputs"),
        sa.PrimaryKeyConstraint("partition", "turn", name="pk_turns"),
    )
    op.create_table(
        "batches",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        _integer("partition"),
        _big("turn"),
        _text("agent"),
        _text("outbox_id"),
        _big("seq"),
        _big("observed_us"),
        _integer("minute"),
        _bytes("raw"),
        sa.PrimaryKeyConstraint("id", name="pk_batches"),
    )
    op.create_index("ix_batches_minute", "batches", ["partition", "minute", "agent"])
    op.create_table(
        "events",
        _integer("partition"),
        _text("agent"),
        _text("outbox_id"),
        _big("seq"),
        _integer("position"),
        _big("time_us"),
        _text("code"),
        _integer("severity"),
        _text("component"),
        _text("message"),
        _bytes("attributes"),
        sa.PrimaryKeyConstraint("partition", "agent", "outbox_id", "seq", "position", name="pk_events"),
    )
    op.create_index("ix_events_agent", "events", ["partition", "agent", "time_us"])
    op.create_table(
        "links",
        _integer("partition"),
        _text("agent"),
        _text("outbox_id"),
        *(_big(name) for name in ("watermark", "fact_hash", "last_seen_us")),
        sa.PrimaryKeyConstraint("partition", "agent", "outbox_id", name="pk_links"),
        sqlite_with_rowid=False,
    )


def _positions() -> None:
    op.create_table(
        "partitions",
        _integer("partition"),
        *(_big(name) for name in ("epoch", "turn", "sequence")),
        _bytes("head_hash"),
        sa.PrimaryKeyConstraint("partition", name="pk_partitions"),
    )
    store_info = op.create_table(
        "store_info",
        _text("name"),
        _text("value"),
        sa.PrimaryKeyConstraint("name", name="pk_store_info"),
    )
    # What tells this store's resume tokens from those of any other.
    op.bulk_insert(store_info, [{"name": "store_id", "value": secrets.token_hex(8)}])


def _state(name: str, *columns: sa.Column[object]) -> None:
    op.create_table(
        name,
        _integer("partition"),
        _text("id"),
        _big("revision"),
        _big("sequence"),
        *columns,
        _bytes("data"),
        sa.PrimaryKeyConstraint("partition", "id", name=f"pk_{name}"),
        sqlite_with_rowid=False,
    )


def _text(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Text(), nullable=False)


def _integer(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Integer(), nullable=False, autoincrement=False)


def _big(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.BigInteger(), nullable=False, autoincrement=False)


def _bytes(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.LargeBinary(), nullable=False)
