"""The outbox's tables, and the few statements on them that more than one part needs.

One idea: a commit is on the disk before it is told to anybody (`synchronous=FULL`), and one connection alone
has the file (`locking_mode=EXCLUSIVE`), so there is no second writer whose checkpoint could meet ours.
"""

import json
import sqlite3
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiosqlite

from vedette_agent.facts import Series, SeriesKind
from vedette_agent.outbox.record import Record

#: Bumped when the tables change; an older program refuses a newer file.
VERSION = 1

#: WAL file that stays behind after a checkpoint, in bytes.
_JOURNAL_SIZE_LIMIT = 4 * 1024 * 1024

PRAGMAS = (
    "PRAGMA locking_mode=EXCLUSIVE",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    f"PRAGMA journal_size_limit={_JOURNAL_SIZE_LIMIT}",
    "PRAGMA cache_size=-1024",
)

TABLES = (
    # One row: which outbox this is and the seq of the next new fact, which outlives the records.
    """CREATE TABLE IF NOT EXISTS outbox (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        outbox_id TEXT NOT NULL,
        next_seq INTEGER NOT NULL,
        acked_seq INTEGER NOT NULL
    )""",
    # The dictionary: a number means its series for the life of the outbox id.
    """CREATE TABLE IF NOT EXISTS series (
        number INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        unit TEXT NOT NULL,
        labels TEXT NOT NULL,
        kind INTEGER NOT NULL
    )""",
    """CREATE TABLE IF NOT EXISTS record (
        seq INTEGER PRIMARY KEY,
        kind INTEGER NOT NULL,
        time_us INTEGER NOT NULL,
        size_bytes INTEGER NOT NULL,
        checksum INTEGER NOT NULL,
        payload BLOB NOT NULL
    )""",
    # Finds the oldest metrics when they must make room, and the newest event.
    "CREATE INDEX IF NOT EXISTS record_kind ON record (kind, seq)",
    # What collectors remember, written in the transaction of the facts that it goes with.
    "CREATE TABLE IF NOT EXISTS memory (name TEXT PRIMARY KEY, value BLOB NOT NULL)",
)

#: Columns of a record in the order that `record.intact` takes.
RECORD_COLUMNS = "seq, kind, time_us, payload, checksum"


@asynccontextmanager
async def transaction(database: aiosqlite.Connection) -> AsyncIterator[None]:
    """Commit what is done inside, or nothing of it."""
    await database.execute("BEGIN IMMEDIATE")
    try:
        yield
        await database.commit()
    except BaseException:
        # A transaction that SQLite ended by itself (disk full) has nothing to roll back.
        with suppress(sqlite3.Error):
            await database.rollback()
        raise


async def rows(database: aiosqlite.Connection, query: str, *values: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401
    """Return all rows of a query."""
    return [tuple(row) for row in await database.execute_fetchall(query, values)]


async def number(database: aiosqlite.Connection, query: str, *values: Any) -> int:  # noqa: ANN401
    """Return the one number that a query yields."""
    ((value,),) = await rows(database, query, *values)
    return int(value)


async def insert_records(database: aiosqlite.Connection, records: Sequence[Record]) -> None:
    """Write records; one with a seq that is there replaces it."""
    if records:
        await database.executemany(
            "INSERT OR REPLACE INTO record (seq, kind, time_us, size_bytes, checksum, payload)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            [(one.seq, one.kind, one.time_us, one.size_bytes, one.checksum, one.payload) for one in records],
        )


async def insert_series(database: aiosqlite.Connection, fresh: Mapping[Series, int]) -> None:
    """Add series to the dictionary."""
    if fresh:
        await database.executemany(
            "INSERT INTO series (number, name, unit, labels, kind) VALUES (?, ?, ?, ?, ?)",
            [(place, one.name, one.unit, json.dumps(one.labels), one.kind) for one, place in fresh.items()],
        )


async def remember(database: aiosqlite.Connection, memory: Iterable[tuple[str, bytes]]) -> None:
    """Replace what is remembered under each name."""
    await database.executemany("INSERT OR REPLACE INTO memory (name, value) VALUES (?, ?)", list(memory))


def series_of(row: tuple[str, str, str, int]) -> Series:
    """Return the series of a row (name, unit, labels, kind)."""
    name, unit, labels, kind = row
    pairs = tuple((str(label), str(value)) for label, value in json.loads(labels))
    return Series(name=name, unit=unit, labels=pairs, kind=SeriesKind(kind))
