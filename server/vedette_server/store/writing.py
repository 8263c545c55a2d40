"""Writing: one turn as one transaction, in one go, in the thread of the driver's connection.

Each statement that is awaited by itself costs a trip to that thread and back and, while the event loop is
busy, a wait for the interpreter at both ends. A turn has a dozen of them, so it makes the trip once.

What the rows hold is said in `rows.py`, what the statements say in `statements.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from sqlite3 import Connection
from typing import TypeVar

import aiosqlite

from vedette_server import failpoint
from vedette_server.engine.changes import TurnRecord
from vedette_server.store.journal import Entry
from vedette_server.store.position import Position
from vedette_server.store.rows import batch_rows, entry_row, event_rows, state_rows, turn_row
from vedette_server.store.statements import Statements

T = TypeVar("T")


async def run_in_thread(driver: aiosqlite.Connection, work: Callable[[Connection], T]) -> T:
    """Run `work` on the connection that `driver` stands for, in that connection's thread."""
    # The driver has no public way to do several things in one trip; this is what all of its own are made of.
    result: T = await driver._execute(work, driver._conn)  # type: ignore[no-untyped-call]  # noqa: SLF001
    return result


def write_turn(
    sql: Statements, record: TurnRecord, entries: Sequence[Entry], position: Position, connection: Connection
) -> bool:
    """Write a turn and commit it; durable on return.

    Args:
        sql: the statements.
        record: the turn.
        entries: journal entries of its changes.
        position: where the partition stands after it.
        connection: not in a transaction.

    Returns:
        False when the partition is another epoch's or the turn is not new; the transaction is open then.

    Raises:
        sqlite3.Error: the transaction is still open, unless SQLite has rolled it back.
    """
    # The first statement begins the transaction and asks whether we may.
    place = (
        position.turn,
        position.sequence,
        position.head_hash,
        record.partition,
        record.epoch,
        record.turn,
    )
    if connection.execute(sql.advance, place).rowcount != 1:
        return False
    connection.execute(sql.add_turn, turn_row(record))
    if record.batches:
        connection.executemany(sql.add_batch, batch_rows(record))
    if record.links:
        connection.executemany(sql.put_link, [(record.partition, *link) for link in record.links])
    if record.events:
        connection.executemany(sql.add_event, event_rows(record))
    if entries:
        connection.executemany(sql.add_entry, map(entry_row, entries))
    state = state_rows(record, entries)
    for kind, rows in state.puts.items():
        connection.executemany(sql.put[kind], rows)
    for kind, keys in state.drops.items():
        connection.executemany(sql.drop[kind], keys)
    failpoint.hit(failpoint.BEFORE_COMMIT)
    connection.commit()
    return True
