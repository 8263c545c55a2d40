"""Audit: proof that the journal is unbroken and that the tables are what it says.

Reads the whole journal once, in one read transaction, so a server may be writing meanwhile. Compare the head
that it returns with one that was published outside of the database: only that finds a tail that was cut off.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from vedette_server.engine.changes import Kind
from vedette_server.store import tables
from vedette_server.store.journal import GENESIS, Break, Entry, Image, fold, verify
from vedette_server.store.rows import entry_of_row
from vedette_server.store.sqlite import DATABASE_FILE, reader_engine

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

#: Journal entries read at once.
PAGE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """An entity whose row is not what the journal says."""

    kind: Kind
    id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What an audit found; nothing is wrong when there is neither a break nor a difference."""

    #: Last position that holds, and its hash.
    sequence: int
    hash: bytes
    #: Where the chain breaks, if it does; tables are not compared then.
    broken: Break | None
    differences: tuple[Difference, ...]

    @property
    def sound(self) -> bool:
        """Tell whether nothing is wrong."""
        return self.broken is None and not self.differences


async def audit(folder: Path, partition: int = 0) -> Audit:
    """Verify the chain of a partition's journal, rebuild the state from it, and compare every table."""
    engine = reader_engine(folder / DATABASE_FILE)
    try:
        async with engine.connect() as connection:
            await connection.exec_driver_sql("BEGIN")
            try:
                return await _audit(connection, partition)
            finally:
                await connection.exec_driver_sql("ROLLBACK")
    finally:
        await engine.dispose()


async def _audit(connection: AsyncConnection, partition: int) -> Audit:
    sequence, head = 0, GENESIS
    state: dict[tuple[Kind, str], Image] = {}
    async for page in _pages(connection, partition):
        held = verify(page, prev_sequence=sequence, prev_hash=head)
        if isinstance(held, Break):
            return Audit(sequence=sequence, hash=head, broken=held, differences=())
        sequence, head = held
        fold(state, page)
    position = await _position(connection, partition)
    if position != (sequence, head):
        text = f"the journal ends here, the position of the partition is {position[0]}"
        broken = Break(sequence=sequence, text=text)
        return Audit(sequence=sequence, hash=head, broken=broken, differences=())
    differences = [
        difference
        for kind in tables.STATE_TABLES
        for difference in await _compare(connection, partition, kind, state)
    ]
    return Audit(sequence=sequence, hash=head, broken=None, differences=tuple(differences))


async def _pages(connection: AsyncConnection, partition: int) -> AsyncIterator[list[Entry]]:
    table, after = tables.journal, 0
    while True:
        statement = (
            select(table)
            .where(table.c.partition == partition, table.c.sequence > after)
            .order_by(table.c.sequence)
            .limit(PAGE)
        )
        page = [entry_of_row(row) for row in await connection.execute(statement)]
        if not page:
            return
        yield page
        after = page[-1].sequence


async def _position(connection: AsyncConnection, partition: int) -> tuple[int, bytes]:
    table = tables.partitions
    statement = select(table.c.sequence, table.c.head_hash).where(table.c.partition == partition)
    row = (await connection.execute(statement)).first()
    return (0, GENESIS) if row is None else (row.sequence, row.head_hash)


async def _compare(
    connection: AsyncConnection, partition: int, kind: Kind, state: Mapping[tuple[Kind, str], Image]
) -> list[Difference]:
    """Compare one table with what the journal says, both ways."""
    table = tables.STATE_TABLES[kind]
    missing = {id_ for of_kind, id_ in state if of_kind is kind}
    found = []
    statement = select(table.c.id, table.c.sequence, table.c.data).where(table.c.partition == partition)
    for row in await connection.execute(statement):
        missing.discard(row.id)
        image = state.get((kind, row.id))
        if image is None:
            found.append(Difference(kind=kind, id=row.id, text="the journal does not have it"))
        elif image != Image(sequence=row.sequence, data=row.data):
            text = f"the journal has another image, of position {image.sequence}"
            found.append(Difference(kind=kind, id=row.id, text=text))
    return found + [
        Difference(kind=kind, id=id_, text="the table does not have it") for id_ in sorted(missing)
    ]
