"""Integrity: whether what is on disk may be trusted, asked once when the store is opened.

The pages are checked by SQLite, and the head of the journal against the position: together they find a
damaged or half-restored file before anything is decided on it. The whole hash chain is `journal.verify`'s
business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select

from vedette_server.store import tables
from vedette_server.store.errors import StoreCorrupt
from vedette_server.store.journal import Break, verify
from vedette_server.store.rows import entry_of_row

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from vedette_server.store.position import Position

#: Up to this size the whole file is checked; beyond it the tables that the world is loaded from, so that
#: history does not delay a start.
WHOLE_FILE_BYTES: Final = 256 * 1024 * 1024
#: Findings of SQLite that a message repeats.
_FINDINGS: Final = 3


async def check_database(connection: AsyncConnection) -> None:
    """Let SQLite check its pages.

    Raises:
        StoreCorrupt: it found damage.
    """
    pages = (await connection.exec_driver_sql("PRAGMA page_count")).scalar_one()
    page_bytes = (await connection.exec_driver_sql("PRAGMA page_size")).scalar_one()
    if pages * page_bytes <= WHOLE_FILE_BYTES:
        checks = [f"PRAGMA quick_check({_FINDINGS})"]
    else:
        small = (*tables.STATE_TABLES.values(), tables.links, tables.partitions, tables.store_info)
        checks = [f'PRAGMA quick_check("{table.name}")' for table in small]
    for check in checks:
        found = [str(row[0]) for row in await connection.exec_driver_sql(check)]
        if found != ["ok"]:
            words = "; ".join(" ".join(line.split()) for line in found[:_FINDINGS])
            raise StoreCorrupt(f"{connection.engine.url.database} is damaged: {words}; restore a backup")
    await connection.rollback()


async def check_head(connection: AsyncConnection, position: Position | None, partition: int) -> None:
    """Check that the journal of a partition ends where its position says, with the hash it says.

    Raises:
        StoreCorrupt: it does not.
    """
    journal = tables.journal
    of_partition = journal.c.partition == partition
    newest = (
        await connection.execute(select(func.max(journal.c.sequence)).where(of_partition))
    ).scalar() or 0
    expected = position.sequence if position is not None else 0
    if newest != expected:
        raise StoreCorrupt(
            f"the journal of partition {partition} ends at {newest}, its position says {expected}; "
            f"restore a backup"
        )
    if position is None or not newest:
        return
    row = (await connection.execute(select(journal).where(of_partition, journal.c.sequence == newest))).one()
    entry = entry_of_row(row)
    held = verify((entry,), prev_sequence=newest - 1, prev_hash=entry.prev_hash)
    if isinstance(held, Break) or entry.hash != position.head_hash:
        why = held.text if isinstance(held, Break) else "its hash is not the head that the position names"
        raise StoreCorrupt(f"journal entry {newest} of partition {partition}: {why}; restore a backup")
