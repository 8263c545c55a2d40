"""What SQLite, the disk and other processes do to a store, for real."""

import asyncio
import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.server.store import samples
from vedette_server.engine.changes import Counter, Entity, Kind
from vedette_server.store.audit import audit
from vedette_server.store.errors import (
    InvalidTurn,
    StoreBroken,
    StoreCorrupt,
    StoreError,
    StoreFull,
    StoreInUse,
    translate,
)
from vedette_server.store.reader import Reader
from vedette_server.store.sql import Store
from vedette_server.store.sqlite import DATABASE_FILE, PAGE_BYTES

OPEN = """
import asyncio, sys
from pathlib import Path
from vedette_server.store.errors import StoreInUse
from vedette_server.store.sql import Store
try:
    asyncio.run(Store.open(Path(sys.argv[1])))
except StoreInUse as error:
    print(error)
"""


def counter(value: int) -> list[tuple[Kind, str, Entity | None]]:
    return [(Kind.COUNTER, "A", Counter(id="A", value=value))]


# --- another process --------------------------------------------------------------------------------------


def test_a_second_process_is_refused_and_told_who_has_the_folder(tmp_path: Path) -> None:
    async def story() -> str:
        store = await Store.open(tmp_path)
        try:
            command = (sys.executable, "-c", OPEN, str(tmp_path))
            child = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
            return (await child.communicate())[0].decode()
        finally:
            await store.close()

    assert asyncio.run(story()) == f"{tmp_path} is in use by process {os.getpid()}; stop it first\n"


async def test_a_second_store_in_the_same_process_is_refused(store: Store) -> None:
    with pytest.raises(StoreInUse):
        await Store.open(store.folder)


async def test_a_folder_that_was_let_go_or_refused_can_be_opened(tmp_path: Path) -> None:
    (tmp_path / DATABASE_FILE).write_bytes(b"no database at all" * 1000)
    with pytest.raises(StoreCorrupt):
        await Store.open(tmp_path)
    (tmp_path / DATABASE_FILE).unlink()
    for epoch in (1, 2):
        store = await Store.open(tmp_path)
        assert store.position.epoch == epoch
        await store.close()


async def test_a_reader_cannot_write_and_never_holds_the_writer_up(store: Store, reader: Reader) -> None:
    await store.commit(samples.turn(store.position, batches=samples.batches(50)))
    reading = reader.batches(samples.AGENT_ID, 0, 2**62)
    assert (await anext(reading)).seq == 1
    await store.commit(samples.turn(store.position, counter(1)))
    assert await reader.get(Kind.COUNTER, "A") == Counter(id="A", value=1)
    async with reader._engine.connect() as connection:
        for statement in ("DELETE FROM counters", "PRAGMA wal_checkpoint(FULL)", "DROP TABLE counters"):
            with pytest.raises(Exception, match=r"readonly|I/O"):
                await connection.exec_driver_sql(statement)


# --- the disk ---------------------------------------------------------------------------------------------


async def test_a_full_disk_refuses_the_turn_whole_and_takes_it_once_there_is_space(
    store: Store, reader: Reader
) -> None:
    await store.commit(samples.turn(store.position, counter(1)))
    before = store.position
    pages = await (await store._driver.execute("PRAGMA page_count")).fetchone()
    assert pages is not None
    await store._driver.execute(f"PRAGMA max_page_count = {pages[0] + 2}")
    record = samples.turn(before, counter(2), batches=samples.batches(50, raw=bytes(2500)))
    for _attempt in range(3):
        with pytest.raises(StoreFull, match="turn 2: database or disk is full; free space"):
            await store.commit(record)
        assert store.position == before
        assert await reader.get(Kind.COUNTER, "A") == Counter(id="A", value=1)
    await store._driver.execute("PRAGMA max_page_count = 1000000")
    await store.commit(record)
    assert await reader.get(Kind.COUNTER, "A") == Counter(id="A", value=2)
    assert (await audit(store.folder)).sound


async def test_a_failed_write_breaks_the_store_for_good_and_loses_nothing_that_was_committed(
    tmp_path: Path,
) -> None:
    store = await Store.open(tmp_path)
    await store.commit(samples.turn(store.position, counter(1)))
    before = store.position
    wal = tmp_path / f"{DATABASE_FILE}-wal"
    with no_file_grows_beyond(wal.stat().st_size + 10_000):
        record = samples.turn(before, counter(2), batches=samples.batches(500, raw=bytes(2500)))
        with pytest.raises(StoreBroken, match="turn 2: disk I/O error"):
            await store.commit(record)
    with pytest.raises(StoreBroken, match="turn 2: disk I/O error"):
        await store.commit(record)
    await store.close()
    store = await Store.open(tmp_path)
    assert (store.position.turn, store.position.head_hash) == (1, before.head_hash)
    assert (await store.load()).counters == [Counter(id="A", value=1)]
    await store.close()


@contextmanager
def no_file_grows_beyond(size: int) -> Iterator[None]:
    """Let the kernel refuse writes behind `size`: an error of the disk that is not "disk full"."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    ("code", "type_"),
    [
        (sqlite3.SQLITE_FULL, StoreFull),
        (sqlite3.SQLITE_IOERR_FSYNC, StoreBroken),
        (sqlite3.SQLITE_IOERR, StoreBroken),
        (sqlite3.SQLITE_READONLY_DBMOVED, StoreBroken),
        (sqlite3.SQLITE_CORRUPT_INDEX, StoreCorrupt),
        (sqlite3.SQLITE_NOTADB, StoreCorrupt),
        (sqlite3.SQLITE_CONSTRAINT_UNIQUE, InvalidTurn),
        (None, StoreBroken),
    ],
)
def test_every_code_of_the_driver_has_its_type(code: int | None, type_: type[StoreError]) -> None:
    error = sqlite3.OperationalError("words")
    if code is not None:
        error.sqlite_errorcode = code
    assert type(translate(error, "turn 1")) is type_


async def test_the_log_does_not_grow_for_ever(store: Store) -> None:
    for _turn in range(40):
        await store.commit(samples.turn(store.position, batches=samples.batches(400, raw=bytes(2500))))
    assert (store.folder / f"{DATABASE_FILE}-wal").stat().st_size < 24 * 1024 * 1024


# --- damage -----------------------------------------------------------------------------------------------


async def test_whichever_page_is_destroyed_the_store_is_refused(tmp_path: Path) -> None:
    store = await Store.open(tmp_path)
    await store.commit(samples.turn(store.position, samples.ENTITIES, batches=samples.batches(20)))
    await store.close()
    path = tmp_path / DATABASE_FILE
    whole = path.read_bytes()
    for page in range(len(whole) // PAGE_BYTES):
        start = page * PAGE_BYTES
        path.write_bytes(whole[:start] + b"\xa5" * PAGE_BYTES + whole[start + PAGE_BYTES :])
        with pytest.raises(StoreCorrupt, match="restore a backup"):
            await Store.open(tmp_path)
    path.write_bytes(whole)
    store = await Store.open(tmp_path)
    await store.close()


async def test_a_bit_that_fell_over_in_an_image_is_found_when_the_world_is_loaded(tmp_path: Path) -> None:
    store = await Store.open(tmp_path)
    await store.commit(samples.turn(store.position, counter(1)))
    await store.commit(samples.turn(store.position, [(Kind.COUNTER, "B", Counter(id="B", value=7))]))
    await store.close()
    path = tmp_path / DATABASE_FILE
    whole = path.read_bytes()
    found = whole.find(b'"value":1}')
    assert found > 0
    path.write_bytes(whole[:found] + b'"value":3}' + whole[found + 10 :])
    store = await Store.open(tmp_path)
    with pytest.raises(StoreCorrupt, match="counter A is not what the journal says; restore a backup"):
        await store.load()
    await store.close()
    assert not (await audit(tmp_path)).sound


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE partitions SET sequence = 1", "ends at 2, its position says 1"),
        ("UPDATE partitions SET head_hash = zeroblob(32)", "journal entry 2 of partition 0: its hash is not"),
        ("DELETE FROM partitions", "ends at 2, its position says 0"),
    ],
)
async def test_a_head_that_contradicts_the_journal_is_refused(
    tmp_path: Path, statement: str, words: str
) -> None:
    store = await Store.open(tmp_path)
    await store.commit(samples.turn(store.position, [*counter(1), *counter(2)]))
    await store.close()
    with closing(sqlite3.connect(tmp_path / DATABASE_FILE)) as connection:
        connection.execute(statement)
        connection.commit()
    with pytest.raises(StoreCorrupt, match=words):
        await Store.open(tmp_path)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal SET text = 'never said'",
        "UPDATE journal SET sequence = 9 WHERE sequence = 1",
        "DELETE FROM journal WHERE sequence = 1",
        "INSERT OR REPLACE INTO journal SELECT * FROM journal WHERE sequence = 1",
    ],
)
async def test_the_database_itself_refuses_to_change_the_journal(store: Store, statement: str) -> None:
    await store.commit(samples.turn(store.position, counter(1)))
    with pytest.raises(sqlite3.IntegrityError, match=r"journal entries are never"):
        await store._driver.execute(statement)
    await store._driver.rollback()
