"""Recorded: what replay reads back, in the order of writing: turns with their batches, and the journal.

Read-only, and a page at a time: a store may hold more than memory does.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from vedette_server.store import tables
from vedette_server.store.journal import Entry
from vedette_server.store.rows import entry_of_row, from_us
from vedette_server.store.sqlite import DATABASE_FILE, reader_engine

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

#: Rows read at once.
PAGE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedTurn:
    """One turn as it was stored."""

    turn: int
    wall: datetime
    mono: float
    #: As `store.codec.encode_inputs` wrote them.
    inputs: bytes
    #: Frames of the batches that the turn took, in order.
    frames: tuple[bytes, ...]


class Recorded:
    """The recorded past of one partition."""

    def __init__(self, folder: Path, partition: int = 0) -> None:
        """Look at a data folder; a server may be writing to it."""
        self._engine = reader_engine(folder / DATABASE_FILE)
        self._partition = partition

    async def close(self) -> None:
        """Let the folder go."""
        await self._engine.dispose()

    async def turns(self) -> AsyncGenerator[RecordedTurn, None]:
        """Yield all turns in order, each with the batches it took."""
        async with self._engine.connect() as connection:
            frames = _Frames(connection, self._partition)
            table, last = tables.turns, 0
            while True:
                page = (
                    await connection.execute(
                        select(table)
                        .where(table.c.partition == self._partition, table.c.turn > last)
                        .order_by(table.c.turn)
                        .limit(PAGE)
                    )
                ).all()
                for row in page:
                    last = row.turn
                    yield RecordedTurn(
                        turn=row.turn,
                        wall=from_us(row.wall_us),
                        mono=row.mono,
                        inputs=row.inputs,
                        frames=await frames.of(row.turn),
                    )
                if len(page) < PAGE:
                    return

    async def entries(self, after: int = 0) -> AsyncGenerator[Entry, None]:
        """Yield the journal behind a position, in order."""
        table = tables.journal
        async with self._engine.connect() as connection:
            while True:
                page = (
                    await connection.execute(
                        select(table)
                        .where(table.c.partition == self._partition, table.c.sequence > after)
                        .order_by(table.c.sequence)
                        .limit(PAGE)
                    )
                ).all()
                for row in page:
                    after = row.sequence
                    yield entry_of_row(row)
                if len(page) < PAGE:
                    return


class _Frames:
    """The batch table, read once from front to back in step with the turns."""

    def __init__(self, connection: AsyncConnection, partition: int) -> None:
        self._connection = connection
        self._partition = partition
        self._page: list[tuple[int, int, bytes]] = []
        self._next = 0
        self._last_id = 0

    async def of(self, turn: int) -> tuple[bytes, ...]:
        """Return the frames of a turn; turns must be asked for in order."""
        frames = []
        while (row := await self._peek()) is not None and row[1] <= turn:
            self._next += 1
            frames.append(row[2])
        return tuple(frames)

    async def _peek(self) -> tuple[int, int, bytes] | None:
        if self._next >= len(self._page):
            table = tables.batches
            rows = await self._connection.execute(
                select(table.c.id, table.c.turn, table.c.raw)
                .where(table.c.partition == self._partition, table.c.id > self._last_id)
                .order_by(table.c.id)
                .limit(PAGE)
            )
            self._page, self._next = [(row.id, row.turn, row.raw) for row in rows], 0
            if not self._page:
                return None
            self._last_id = self._page[-1][0]
        return self._page[self._next]
