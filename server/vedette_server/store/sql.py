"""The one writer of a partition: opens its data folder, loads the world, commits turns.

Each turn is one transaction: its row, its facts, the new images of entities, and their journal entries,
chained by hash. It is durable when `commit` returns. Rows go to the driver directly (see `writing.py`);
everything that is rare goes through SQLAlchemy.

A commit that fails leaves nothing behind and says what to do by its type. One that is cancelled is carried
through all the same: a transaction that somebody else's rollback could tear does not exist here.

Readers have connections of their own, in `reader.py`.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Coroutine
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite
from sqlalchemy import insert, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from vedette_server import failpoint
from vedette_server.engine.changes import TurnRecord
from vedette_server.engine.world import Loaded
from vedette_server.store import loading, tables
from vedette_server.store.errors import Fenced, InvalidTurn, StoreBroken, translate, translated
from vedette_server.store.integrity import check_database, check_head
from vedette_server.store.journal import GENESIS, Entry, entry_of
from vedette_server.store.lock import FolderLock
from vedette_server.store.position import Position
from vedette_server.store.rows import to_us
from vedette_server.store.sqlite import DATABASE_FILE, writer_engine
from vedette_server.store.statements import Statements, statements
from vedette_server.store.upgrade import check_current, migrate, revision
from vedette_server.store.writing import run_in_thread, write_turn

T = TypeVar("T")


class Store:
    """The writing side of one partition. Only the turn loop commits, one turn at a time."""

    def __init__(
        self,
        folder: Path,
        lock: FolderLock,
        engine: AsyncEngine,
        connection: AsyncConnection,
        driver: aiosqlite.Connection,
        position: Position,
    ) -> None:
        """Take what `open` opened."""
        self.folder = folder
        self._lock = lock
        self._engine = engine
        self._connection = connection
        self._driver = driver
        self._position = position
        self._statements: Statements = statements()
        self._broken: StoreBroken | None = None

    @classmethod
    async def open(cls, folder: Path, partition: int = 0) -> Store:
        """Open the database of a data folder for writing, and make it when the folder has none.

        The partition gets a new epoch, so that whoever wrote to it before is fenced off.

        Args:
            folder: existing folder.
            partition: the one to write to.

        Raises:
            StoreInUse: another process works on the folder.
            SchemaTooNew: a newer version wrote it.
            SchemaTooOld: it needs `db upgrade`.
            StoreCorrupt: it is damaged; nothing was changed.
            StoreFull: there is no space even to open it.
            StoreBroken: the disk failed.
        """
        lock = FolderLock(folder)
        engine = writer_engine(folder / DATABASE_FILE)
        connection: AsyncConnection | None = None
        try:
            connection = await engine.connect()
            await _prepare(connection, folder)
            position = await _take_partition(connection, partition)
            driver = (await connection.get_raw_connection()).driver_connection
        except BaseException as error:
            if connection is not None:
                await connection.close()
            await engine.dispose()
            lock.release()
            if isinstance(error, DBAPIError):
                raise translated(error, str(folder / DATABASE_FILE)) from error
            raise
        if not isinstance(driver, aiosqlite.Connection):
            raise TypeError(f"the driver must be aiosqlite, got {type(driver)}")
        return cls(folder, lock, engine, connection, driver, position)

    async def close(self) -> None:
        """Close the connection and let the folder go."""
        await self._connection.close()
        await self._engine.dispose()
        self._lock.release()

    @property
    def position(self) -> Position:
        """Return where the partition stands after the last commit."""
        return self._position

    async def load(self) -> Loaded:
        """Return what the world is made of, as it was committed last.

        Raises:
            StoreCorrupt: an entity cannot be decoded.
        """
        try:
            return await loading.load(self._connection, self._position)
        except DBAPIError as error:
            raise translated(error, "loading the world") from error
        finally:
            await self._connection.rollback()

    async def commit(self, record: TurnRecord) -> None:
        """Write a turn in one transaction; durable on return. Every error but the last two left no trace.

        Raises:
            StoreFull: the disk is full; the same record may be committed again.
            InvalidTurn: the record contradicts what is stored.
            Fenced: another epoch owns the partition.
            StoreCorrupt: the database is damaged.
            StoreBroken: the disk failed; so will every later call.
        """
        if self._broken is not None:
            raise self._broken
        self._check(record)
        await _carry_through(self._commit(record))

    async def outcome(self, partition: int, epoch: int, turn: int) -> bool:
        """Tell whether a turn was committed, for one whose commit was cut off."""
        table = tables.turns
        statement = select(table.c.turn).where(
            table.c.partition == partition, table.c.epoch == epoch, table.c.turn == turn
        )
        found = (await self._connection.execute(statement)).first() is not None
        await self._connection.rollback()
        return found

    def _check(self, record: TurnRecord) -> None:
        position = self._position
        if record.partition != position.partition:
            raise InvalidTurn(f"turn of partition {record.partition} came to partition {position.partition}")
        for expected, change in enumerate(record.changes, position.sequence + 1):
            if change.sequence != expected:
                raise InvalidTurn(
                    f"turn {record.turn}: {change.kind} {change.id} has journal position {change.sequence}, "
                    f"the next is {expected}"
                )

    async def _commit(self, record: TurnRecord) -> None:
        entries = self._chain(record)
        last = entries[-1] if entries else None
        position = Position(
            partition=record.partition,
            epoch=record.epoch,
            turn=record.turn,
            sequence=last.sequence if last else self._position.sequence,
            head_hash=last.hash if last else self._position.head_hash,
        )
        try:
            written = await run_in_thread(
                self._driver, partial(write_turn, self._statements, record, entries, position)
            )
            if not written:
                raise await self._refused(record)
        except sqlite3.Error as error:
            raise await self._failed(error, record) from error
        except BaseException:
            await self._driver.rollback()
            raise
        self._position = position
        failpoint.hit(failpoint.AFTER_COMMIT_BEFORE_ACK)

    def _chain(self, record: TurnRecord) -> list[Entry]:
        """Return the journal entries of a turn, each behind its predecessor."""
        hash_, time_us = self._position.head_hash, to_us(record.wall)
        entries = []
        for change in record.changes:
            entry = entry_of(
                change,
                partition=record.partition,
                turn=record.turn,
                time_us=time_us,
                versions=record.versions,
                prev_hash=hash_,
            )
            hash_ = entry.hash
            entries.append(entry)
        return entries

    async def _refused(self, record: TurnRecord) -> Fenced | InvalidTurn:
        """Say why the position did not move."""
        stored = await _position(self._connection, record.partition)
        await self._connection.rollback()
        if stored is not None and stored.epoch == record.epoch:
            return InvalidTurn(f"turn {record.turn} is not new, the last one is {stored.turn}")
        owner = "nobody" if stored is None else f"epoch {stored.epoch}"
        return Fenced(
            f"turn {record.turn} was decided in epoch {record.epoch}, "
            f"but {owner} owns partition {record.partition}"
        )

    async def _failed(self, error: sqlite3.Error, record: TurnRecord) -> Exception:
        """Roll back, unless SQLite has already; return what to raise."""
        failure = translate(error, f"turn {record.turn}")
        if isinstance(failure, StoreBroken):
            # What a failed sync left on the disk is unknown: nothing may be tried on this connection again.
            self._broken = failure
            return failure
        await self._driver.rollback()
        return failure


async def _carry_through(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` to its end even if the caller is cancelled meanwhile; then let the cancellation go on."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            try:
                await asyncio.wait((task,))
            except asyncio.CancelledError:
                continue
        if not task.cancelled():
            task.exception()  # looked at, so that nobody is told that it was not
        raise


async def _prepare(connection: AsyncConnection, folder: Path) -> None:
    """See to it that the database is whole and of this version; make it when the file is empty."""
    found = await revision(connection)
    if found:
        check_current(found, folder)
        await check_database(connection)
    else:
        await migrate(connection)


async def _take_partition(connection: AsyncConnection, partition: int) -> Position:
    """Give the partition a new epoch, and return where it stands."""
    table = tables.partitions
    before = await _position(connection, partition)
    await check_head(connection, before, partition)
    if before is None:
        before = Position(partition=partition, epoch=0, turn=0, sequence=0, head_hash=GENESIS)
        await connection.execute(
            insert(table).values(partition=partition, epoch=0, turn=0, sequence=0, head_hash=GENESIS)
        )
    epoch = before.epoch + 1
    await connection.execute(update(table).where(table.c.partition == partition).values(epoch=epoch))
    await connection.commit()
    return replace(before, epoch=epoch)


async def _position(connection: AsyncConnection, partition: int) -> Position | None:
    table = tables.partitions
    row = (await connection.execute(select(table).where(table.c.partition == partition))).first()
    if row is None:
        return None
    return Position(
        partition=row.partition,
        epoch=row.epoch,
        turn=row.turn,
        sequence=row.sequence,
        head_hash=row.head_hash,
    )
