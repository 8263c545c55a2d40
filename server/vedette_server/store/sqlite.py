"""SQLite as the store uses it: how a connection is opened, for the one writer and for readers.

The writer syncs at every commit (`synchronous=FULL`; less would lose acknowledged commits at power loss)
and alone checkpoints: two connections that do so at once can corrupt a WAL in SQLite before 3.51.3. Readers
are opened read-only, so they cannot.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

DATABASE_FILE: Final = "vedette.db"

#: Three batches of usual size fit on a page; a page is what a small commit writes for each tree it touches.
PAGE_BYTES: Final = 8192
#: The WAL is copied back at the first commit after it has grown to this, and cut to the second afterwards.
CHECKPOINT_BYTES: Final = 16 * 1024 * 1024
WAL_KEPT_BYTES: Final = 64 * 1024 * 1024
#: Pages that the writer and each reader keep in memory.
WRITER_CACHE_BYTES: Final = 64 * 1024 * 1024
READER_CACHE_BYTES: Final = 8 * 1024 * 1024
#: Readers at once; more wait for one.
READERS: Final = 4
#: How long a statement waits for a lock; only a starting reader can meet one.
BUSY_SECONDS: Final = 5.0


def writer_engine(path: Path) -> AsyncEngine:
    """Return the engine of the one writing connection; transactions take the write lock when they begin."""
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{path}",
        poolclass=NullPool,
        connect_args={"isolation_level": "IMMEDIATE", "timeout": BUSY_SECONDS},
    )
    # page_size goes first: it holds only for a file that has no page yet.
    _at_connect(
        engine,
        f"PRAGMA page_size={PAGE_BYTES}",
        "PRAGMA journal_mode=WAL",
        "PRAGMA synchronous=FULL",
        "PRAGMA foreign_keys=ON",
        "PRAGMA trusted_schema=OFF",
        f"PRAGMA wal_autocheckpoint={CHECKPOINT_BYTES // PAGE_BYTES}",
        f"PRAGMA journal_size_limit={WAL_KEPT_BYTES}",
        f"PRAGMA cache_size={-WRITER_CACHE_BYTES // 1024}",
    )
    return engine


def reader_engine(path: Path) -> AsyncEngine:
    """Return the engine of a few read-only connections."""
    engine = create_async_engine(
        f"sqlite+aiosqlite:///file:{quote(str(path))}?mode=ro&uri=true",
        pool_size=READERS,
        max_overflow=0,
        # A read leaves no transaction that would have to be rolled back.
        pool_reset_on_return=None,
        connect_args={"timeout": BUSY_SECONDS},
    )
    _at_connect(
        engine,
        "PRAGMA query_only=ON",
        "PRAGMA trusted_schema=OFF",
        f"PRAGMA cache_size={-READER_CACHE_BYTES // 1024}",
    )
    return engine


def _at_connect(engine: AsyncEngine, *pragmas: str) -> None:
    """Run pragmas on each new connection of an engine."""

    @event.listens_for(engine.sync_engine, "connect")
    def on_connect(connection: Any, _record: object) -> None:  # noqa: ANN401 -- the driver's, through an adapter
        with contextlib.closing(connection.cursor()) as cursor:
            for pragma in pragmas:
                cursor.execute(pragma)
