"""Outbox: facts wait here, on disk, until the server says that they are durable there.

Theory of operation. `append` gives facts their seq and commits them, fsynced, before anything else may see
them. `peek` reads what is to be sent, `acknowledge` remembers how far the server is; acknowledged records
are deleted by the next append, in its transaction, so that an ack costs no fsync. The order of seq has no
holes: a record that is lost, because the outbox is full or the disk damaged it, is replaced in its place by
a gap that says so.

The bound is in bytes. When it is reached the oldest metrics make room first; events, and the gaps
themselves, go only when no metrics are left, from the front, and then one gap at the end tells of all of
them.

Cancellation never tears a transaction: each runs in a task of its own that nobody cancels, one at a time.

This module does not know the server, nor what a collector is; it carries their memory (`memory`) only
because that must be committed together with the facts that it explains.
"""

from __future__ import annotations

import asyncio
import sqlite3
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

import aiosqlite

from vedette_agent.errors import OutboxError
from vedette_agent.facts import Batch, EventBatch, Fact, FactKind, Gap, GapReason, Series, kind_of, time_of
from vedette_agent.link import wire
from vedette_agent.log import Logger
from vedette_agent.outbox import batch, room, salvage, tables
from vedette_agent.outbox.record import (
    Appended,
    Record,
    gap_in_place_of,
    gap_record,
    intact,
    under_seq,
)

_log = Logger("outbox")
_T = TypeVar("_T")

#: Bytes of facts that an outbox holds unless told otherwise.
DEFAULT_MAX_SIZE = 256 * 1024 * 1024
#: Series that an outbox numbers at most; a runaway label must not fill the server's memory.
DEFAULT_MAX_SERIES = 5000
#: SQLite's codes for a file that is damaged or is no database.
_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class _Damaged(OutboxError):
    """The file was found damaged."""


class Observer(Protocol):
    """Is told what happens to facts; for ledgers of tests and benchmarks."""

    def appended(self, outbox_id: str, record: Record) -> None:
        """Take note of a fact that is durable here and not sent yet; also of a gap that replaces one."""
        ...

    def acknowledged(self, outbox_id: str, watermark: int) -> None:
        """Take note that the server has everything up to `watermark`."""
        ...

    def renumbered(self, old_outbox_id: str, old_seq: int, outbox_id: str, record: Record) -> None:
        """Take note that a waiting fact got a new identity."""
        ...


class Outbox:
    """One agent's durable queue of facts; open it with `Outbox.open`."""

    def __init__(
        self, path: Path, *, max_size_bytes: int, max_series: int, observer: Observer | None
    ) -> None:
        self._path = path
        self._max_size = max_size_bytes
        self._max_series = max_series
        self._observer = observer
        self._database: aiosqlite.Connection | None = None
        self._lock = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._listeners: list[Callable[[], None]] = []
        self._outbox_id = ""
        self._next_seq = 1
        self._acked_seq = 0
        self._deleted_seq = 0
        self._size = 0
        self._newest_event_seq = 0
        self._series: list[Series] = []
        self._numbers: dict[Series, int] = {}
        #: What was found wrong with the file; empty while it is whole.
        self._damage = ""
        self._is_closed = False

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        max_size_bytes: int = DEFAULT_MAX_SIZE,
        max_series: int = DEFAULT_MAX_SERIES,
        observer: Observer | None = None,
    ) -> Outbox:
        """Open the outbox in the file `path`, new if there is none; a damaged one is set aside and salvaged.

        Raises:
            OutboxError: the file cannot be used, or another process uses it.
        """
        outbox = cls(path, max_size_bytes=max_size_bytes, max_series=max_series, observer=observer)
        try:
            await asyncio.to_thread(salvage.finish_repair, path)
            await outbox._open(path)
        except sqlite3.DatabaseError as error:
            await outbox._close_database()
            if error.sqlite_errorcode not in _DAMAGE:
                raise OutboxError(_cannot_use(path, error)) from error
            outbox._damage = str(error)
            await outbox._recover()
        except BaseException:
            await outbox._close_database()
            raise
        return outbox

    async def close(self) -> None:
        """Finish what is being written and release the file."""
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._is_closed = True
        await self._close_database()

    # --- what is in it --------------------------------------------------------------------------------------

    @property
    def outbox_id(self) -> str:
        """Identity of this numbering of facts."""
        return self._outbox_id

    @property
    def next_seq(self) -> int:
        """The seq that the next new fact will get."""
        return self._next_seq

    @property
    def acked_seq(self) -> int:
        """Highest seq of this outbox that the server said is durable; 0 when it said so of none."""
        return self._acked_seq

    @property
    def oldest_seq(self) -> int:
        """Seq of the oldest fact that is not acknowledged; equals `next_seq` when there is none."""
        return max(self._acked_seq, self._deleted_seq) + 1

    @property
    def fact_count(self) -> int:
        """Facts that are not acknowledged."""
        return self._next_seq - self.oldest_seq

    @property
    def size_bytes(self) -> int:
        """Bytes that the records take; those acknowledged since the last append still count."""
        return self._size if self.fact_count else 0

    @property
    def newest_event_seq(self) -> int:
        """Seq of the newest fact that carries events; 0 when there never was one."""
        return self._newest_event_seq

    @property
    def series(self) -> Sequence[Series]:
        """All series, each at the position of its number. Grows only."""
        return self._series

    def limit_series(self, count: int) -> None:
        """Number at most `count` series from now on, if that is less than before."""
        self._max_series = min(self._max_series, count)

    def on_append(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after each append; returns a function that ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def oldest_time_us(self) -> int | None:
        """Return the observe time of the oldest waiting fact that has one; None when there is none."""
        return await self._run(self._oldest_time)

    async def memory(self, name: str) -> bytes | None:
        """Return what was last remembered under `name`."""
        return await self._run(lambda: self._memory(name))

    # --- facts in -------------------------------------------------------------------------------------------

    async def append(self, facts: Sequence[Fact], *, memory: Mapping[str, bytes] | None = None) -> Appended:
        """Give facts their seq and make them durable, all or none, together with what collectors remember.

        Raises:
            OutboxError: the disk refused; nothing was appended.
        """
        if not facts and not memory:
            return Appended(seqs=(), refused_count=0)
        appended = await self._run(lambda: self._append(facts, memory or {}), repeat=True)
        for listener in tuple(self._listeners):
            listener()
        return appended

    async def _append(self, facts: Sequence[Fact], memory: Mapping[str, bytes]) -> Appended:
        fresh = self._fresh_series(facts)
        numbers = {**self._numbers, **fresh} if fresh else self._numbers
        records, refused = self._records(facts, numbers)
        seqs = tuple(record.seq for record in records)
        database = self._connection
        async with tables.transaction(database):
            made = await room.make_room(
                database,
                size_bytes=await self._delete_acknowledged(database) + sum(one.size_bytes for one in records),
                max_size_bytes=self._max_size,
                next_seq=self._next_seq + len(records),
            )
            records += made.told
            await tables.insert_series(database, fresh)
            await tables.insert_records(database, records)
            await tables.remember(database, memory.items())
            next_seq = self._next_seq + len(records)
            await database.execute(
                "UPDATE outbox SET next_seq = ?, acked_seq = ?", (next_seq, self._acked_seq)
            )
        self._numbers.update(fresh)
        self._series.extend(fresh)
        self._size = made.size_bytes
        self._deleted_seq = max(self._deleted_seq, made.deleted_seq)
        self._take_note([*made.gaps, *records], next_seq)
        return Appended(seqs=seqs, refused_count=refused)

    def _take_note(self, records: Sequence[Record], next_seq: int) -> None:
        for record in records:
            if record.kind is FactKind.EVENTS:
                self._newest_event_seq = record.seq
            self._tell(record)
        # Last, so that an observer has written a fact down before `peek` lets anybody send it.
        self._next_seq = next_seq

    def _tell(self, record: Record) -> None:
        if self._observer is not None:
            self._observer.appended(self._outbox_id, record)

    def _fresh_series(self, facts: Sequence[Fact]) -> dict[Series, int]:
        fresh: dict[Series, int] = {}
        for fact in facts:
            if isinstance(fact, Batch):
                for series, _ in fact.samples:
                    number = len(self._series) + len(fresh)
                    if series not in self._numbers and series not in fresh and number < self._max_series:
                        fresh[series] = number
        return fresh

    def _records(self, facts: Sequence[Fact], numbers: Mapping[Series, int]) -> tuple[list[Record], int]:
        """Return the facts in their places, and how many samples have no number and are left out."""
        records: list[Record] = []
        refused = 0
        for fact in facts:
            fit = _numbered(fact, numbers)
            refused += _sample_count(fact) - _sample_count(fit)
            if not isinstance(fit, Batch) or fit.samples:
                seq = self._next_seq + len(records)
                payload = _payload(fit, seq, numbers)
                records.append(Record(seq=seq, kind=kind_of(fit), time_us=time_of(fit), payload=payload))
        return records, refused

    # --- facts out ------------------------------------------------------------------------------------------

    async def peek(
        self, after_seq: int, *, max_count: int, max_bytes: int, up_to_seq: int | None = None
    ) -> list[Record]:
        """Return the next facts after `after_seq`, at least one if there is one.

        A record that the disk damaged is replaced by a gap before it is returned.

        Args:
            max_bytes: stop after the fact that reaches this much.
            up_to_seq: return none beyond this.
        """
        return await self._run(lambda: self._peek(after_seq, max_count, max_bytes, up_to_seq))

    async def _peek(
        self, after_seq: int, max_count: int, max_bytes: int, up_to_seq: int | None
    ) -> list[Record]:
        last = self._next_seq - 1 if up_to_seq is None else min(up_to_seq, self._next_seq - 1)
        query = (
            f"SELECT {tables.RECORD_COLUMNS} FROM record"  # noqa: S608 - a constant
            " WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?"
        )
        found: list[Record] = []
        damaged: list[Record] = []
        size = 0
        for row in await tables.rows(self._connection, query, after_seq, last, max_count):
            record = intact((row[0], row[1], row[2], row[3], row[4]))
            if record is None:
                record = gap_in_place_of(row[0], GapReason.OUTBOX_CORRUPT)
                damaged.append(record)
            found.append(record)
            size += record.size_bytes
            if size >= max_bytes:
                break
        await self._replace(damaged)
        return found

    async def replace_by_gap(self, seq: int, reason: GapReason) -> None:
        """Give up one waiting fact and tell why in its place."""
        await self._run(lambda: self._replace([gap_in_place_of(seq, reason)]))

    async def _replace(self, gaps: Sequence[Record]) -> None:
        if not gaps:
            return
        async with tables.transaction(self._connection):
            await tables.insert_records(self._connection, gaps)
        for gap in gaps:
            _log.warning("outbox.fact_replaced_by_gap", seq=gap.seq)
            self._tell(gap)

    def acknowledge(self, watermark: int) -> None:
        """Take note that the server has everything up to `watermark`; deleted with the next append."""
        if self._acked_seq < watermark < self._next_seq:
            self._acked_seq = watermark
        if self._observer is not None:
            self._observer.acknowledged(self._outbox_id, watermark)

    async def _delete_acknowledged(self, database: aiosqlite.Connection) -> int:
        """Delete what the server has; returns the bytes of what stays."""
        query = "SELECT COALESCE(SUM(size_bytes), 0) FROM record WHERE seq <= ?"
        freed = await tables.number(database, query, self._acked_seq)
        if freed:
            await database.execute("DELETE FROM record WHERE seq <= ?", (self._acked_seq,))
        return self._size - freed

    # --- identity -------------------------------------------------------------------------------------------

    async def renew(self) -> str:
        """Number the waiting facts anew from 1 under a new outbox id, which is returned; nothing is lost.

        Series keep their numbers: a number means its series within any outbox id of this file.
        """
        return await self._run(self._renew)

    async def _renew(self) -> str:
        old_id, new_id = self._outbox_id, uuid.uuid4().hex
        query = f"SELECT {tables.RECORD_COLUMNS} FROM record WHERE seq >= ? ORDER BY seq"  # noqa: S608
        moved: list[tuple[int, Record]] = []
        async with tables.transaction(self._connection):
            for row in await tables.rows(self._connection, query, self.oldest_seq):
                whole = intact((row[0], row[1], row[2], row[3], row[4]))
                moved.append((row[0], under_seq(whole, len(moved) + 1)))
            await self._connection.execute("DELETE FROM record")
            await tables.insert_records(self._connection, [record for _, record in moved])
            await self._connection.execute(
                "UPDATE outbox SET outbox_id = ?, next_seq = ?, acked_seq = 0", (new_id, len(moved) + 1)
            )
        await self._load()
        self._tell_moved(old_id, moved)
        _log.warning("outbox.renewed", outbox_id=new_id, fact_count=len(moved))
        return new_id

    def _tell_moved(self, old_id: str, moved: Sequence[tuple[int, Record]]) -> None:
        if self._observer is not None:
            for old_seq, record in moved:
                self._observer.renumbered(old_id, old_seq, self._outbox_id, record)

    # --- the file -------------------------------------------------------------------------------------------

    @property
    def _connection(self) -> aiosqlite.Connection:
        if self._database is None:
            raise OutboxError(f"{self._path}: the outbox is closed")
        return self._database

    async def _open(self, path: Path) -> None:
        self._database = await aiosqlite.connect(path, isolation_level=None, timeout=1.0)
        for pragma in tables.PRAGMAS:
            await self._database.execute(pragma)
        version = await tables.number(self._database, "PRAGMA user_version")
        if version > tables.VERSION:
            raise OutboxError(f"{path}: written by a newer agent (format {version}); install that one")
        async with tables.transaction(self._database):
            for statement in tables.TABLES:
                await self._database.execute(statement)
            await self._database.execute(f"PRAGMA user_version = {tables.VERSION}")
            await self._database.execute(
                "INSERT OR IGNORE INTO outbox (one, outbox_id, next_seq, acked_seq) VALUES (1, ?, 1, 0)",
                (uuid.uuid4().hex,),
            )
        await self._load()

    async def _load(self) -> None:
        database = self._connection
        state = await tables.rows(database, "SELECT outbox_id, next_seq, acked_seq FROM outbox")
        ((self._outbox_id, self._next_seq, self._acked_seq),) = state
        dictionary = await tables.rows(
            database, "SELECT name, unit, labels, kind FROM series ORDER BY number"
        )
        self._series = [tables.series_of((row[0], row[1], row[2], row[3])) for row in dictionary]
        self._numbers = {series: number for number, series in enumerate(self._series)}
        self._size = await tables.number(database, "SELECT COALESCE(SUM(size_bytes), 0) FROM record")
        first = "SELECT COALESCE(MIN(seq), ?) FROM record"
        self._deleted_seq = await tables.number(database, first, self._next_seq) - 1
        newest = "SELECT COALESCE(MAX(seq), 0) FROM record WHERE kind = ?"
        self._newest_event_seq = await tables.number(database, newest, FactKind.EVENTS)

    async def _recover(self) -> None:
        """Repair the file if it is damaged, and open it again.

        Raises:
            OutboxError: the disk refused. What could be read is still there, and is tried again with the next
                use.
        """
        try:
            if self._damage:
                await self._repair()
            await self._open(self._path)
        except BaseException as error:
            await self._close_database()
            if isinstance(error, (sqlite3.Error, OSError)):
                raise OutboxError(f"{self._path}: is damaged and cannot be repaired: {error}") from error
            raise

    async def _repair(self) -> None:
        """Put a new file, with a new outbox id and what can still be read, in the place of a damaged one."""
        _log.error("outbox.damaged", path=str(self._path), damage=self._damage)
        saved = await asyncio.to_thread(salvage.salvage, self._path)
        moved = [(one.seq, under_seq(one, seq)) for seq, one in enumerate(saved.records, start=1)]
        lost = Gap(reason=GapReason.OUTBOX_CORRUPT, fact_count=max(1, saved.lost_count))
        told = gap_record(len(moved) + 1, lost)
        await self._open(await asyncio.to_thread(salvage.begin_repair, self._path))
        await self._write_saved(saved, [*(record for _, record in moved), told])
        await self._close_database()
        aside = await asyncio.to_thread(salvage.put_in_place, self._path)
        self._damage = ""
        self._tell_moved(saved.outbox_id, moved)
        self._tell(told)
        _log.warning("outbox.salvaged", kept=len(moved), lost=lost.fact_count, damaged_file=str(aside))

    async def _write_saved(self, saved: salvage.Salvaged, records: Sequence[Record]) -> None:
        """Fill the new file with what was saved, and leave all of it in that one file."""
        database = self._connection
        async with tables.transaction(database):
            await tables.insert_series(database, {one: number for number, one in enumerate(saved.series)})
            await tables.insert_records(database, records)
            await tables.remember(database, saved.memory.items())
            await database.execute("UPDATE outbox SET next_seq = ?", (len(records) + 1,))
        # Ends the log beside the file, or raises: a rename moves one file only.
        await database.execute("PRAGMA journal_mode=DELETE")

    async def _close_database(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            with suppress(sqlite3.Error):
                await database.close()

    async def _run(self, work: Callable[[], Awaitable[_T]], *, repeat: bool = False) -> _T:
        """Do `work` alone and to its end, even if the caller is cancelled meanwhile."""
        task = asyncio.create_task(self._alone(work, repeat=repeat))
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return await asyncio.shield(task)

    def _finished(self, task: asyncio.Task[_T]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # read here too: the caller may be gone

    async def _alone(self, work: Callable[[], Awaitable[_T]], *, repeat: bool) -> _T:
        """Do `work`, and after a repair once more if it does not depend on seqs of before."""
        async with self._lock:
            if self._database is not None or self._is_closed:
                with suppress(_Damaged):
                    return await self._attempt(work)
            await self._recover()
            if not repeat:
                raise OutboxError(f"{self._path}: was damaged and is repaired")
            return await self._attempt(work)

    async def _attempt(self, work: Callable[[], Awaitable[_T]]) -> _T:
        try:
            return await work()
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode not in _DAMAGE:
                raise OutboxError(f"{self._path}: the outbox refused: {error}") from error
            self._damage = str(error)
            await self._close_database()
            raise _Damaged(f"{self._path}: is damaged: {error}") from error

    async def _oldest_time(self) -> int | None:
        query = "SELECT time_us FROM record WHERE seq >= ? AND time_us > 0 ORDER BY seq LIMIT 1"
        found = await tables.rows(self._connection, query, self.oldest_seq)
        return int(found[0][0]) if found else None

    async def _memory(self, name: str) -> bytes | None:
        found = await tables.rows(self._connection, "SELECT value FROM memory WHERE name = ?", name)
        return bytes(found[0][0]) if found else None


def _cannot_use(path: Path, error: sqlite3.DatabaseError) -> str:
    if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
        return f"{path}: is used by another process; an outbox belongs to one agent"
    return f"{path}: cannot be used as outbox: {error}"


def _numbered(fact: Fact, numbers: Mapping[Series, int]) -> Fact:
    """Return a fact without the samples whose series have no number."""
    if not isinstance(fact, Batch) or all(series in numbers for series, _ in fact.samples):
        return fact
    return replace(fact, samples=tuple(sample for sample in fact.samples if sample[0] in numbers))


def _sample_count(fact: Fact) -> int:
    return len(fact.samples) if isinstance(fact, Batch) else 0


def _payload(fact: Fact, seq: int, numbers: Mapping[Series, int]) -> bytes:
    match fact:
        case Batch():
            return wire.batch_frame(seq, fact.observe_time_us, batch.columns(fact.samples, numbers))
        case EventBatch():
            return wire.events_frame(seq, fact)
        case Gap():
            return wire.gap_frame(seq, fact)
