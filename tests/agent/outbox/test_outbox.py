"""The durable queue of facts, on a real SQLite file."""

import asyncio
import errno
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import aiosqlite
import pytest

from tests.agent.support.facts import Ledger, batch, events
from vedette.agent.v1 import agent_pb2
from vedette.telemetry.v1 import telemetry_pb2
from vedette_agent.errors import OutboxError
from vedette_agent.facts import Batch, FactKind, Gap, GapReason, gauge
from vedette_agent.outbox import salvage, tables
from vedette_agent.outbox.outbox import Outbox
from vedette_agent.outbox.record import Record

GAP_REASON = telemetry_pb2.Gap


@asynccontextmanager
async def opened(path: Path, **options: Any) -> AsyncIterator[Outbox]:
    outbox = await Outbox.open(path, **options)
    try:
        yield outbox
    finally:
        await outbox.close()


async def everything(outbox: Outbox) -> list[Record]:
    return await outbox.peek(0, max_count=10_000, max_bytes=10**9)


def gap_of(record: Record) -> telemetry_pb2.Gap:
    return agent_pb2.ConnectRequest.FromString(record.payload).gap


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.db"


async def test_facts_get_consecutive_seqs_and_come_out_in_order(path: Path) -> None:
    async with opened(path) as outbox:
        assert (await outbox.append([batch(), events("a"), Gap(reason=GapReason.DISK_FULL)])).seqs == (
            1,
            2,
            3,
        )
        assert (await outbox.append([batch()])).seqs == (4,)
        records = await everything(outbox)
        assert [record.seq for record in records] == [1, 2, 3, 4]
        assert [record.kind for record in records] == [
            FactKind.BATCH,
            FactKind.EVENTS,
            FactKind.GAP,
            FactKind.BATCH,
        ]
        frame = agent_pb2.ConnectRequest.FromString(records[1].payload)
        assert (frame.events.seq, frame.events.events[0].code) == (2, "a")


async def test_facts_series_and_memory_survive_a_process_that_never_closed(
    path: Path, tmp_path: Path
) -> None:
    async with opened(path) as outbox:
        await outbox.append([batch(), events()], memory={"log:x": b"42"})
        outbox.acknowledge(1)
        # What a killed process leaves behind: the files as they are now, log and all.
        copy = tmp_path / "copy"
        copy.mkdir()
        for file in tmp_path.glob("outbox.db*"):
            shutil.copy(file, copy)
        identity = outbox.outbox_id
    async with opened(copy / "outbox.db") as outbox:
        assert outbox.outbox_id == identity
        assert [record.seq for record in await everything(outbox)] == [1, 2]
        assert outbox.next_seq == 3
        assert len(outbox.series) == 3
        assert await outbox.memory("log:x") == b"42"
        assert (await outbox.append([batch()])).seqs == (3,)


async def test_series_keep_their_numbers_over_a_restart(path: Path) -> None:
    def measured(*names: str) -> Batch:
        return Batch(observe_time_us=1, samples=tuple((gauge(name, "1"), 1.0) for name in names))

    async with opened(path) as outbox:
        await outbox.append([measured("a", "b")])
    async with opened(path) as outbox:
        await outbox.append([measured("c", "b", "a")])
        assert [series.name for series in outbox.series] == ["a", "b", "c"]
        frame = agent_pb2.ConnectRequest.FromString((await everything(outbox))[1].payload)
        assert frame.batch.series_numbers == b"\2\0\0\0\1\0\0\0\0\0\0\0"


async def test_seqs_are_never_used_again_even_when_nothing_is_left(path: Path) -> None:
    async with opened(path) as outbox:
        await outbox.append([batch(), batch()])
        outbox.acknowledge(2)
        await outbox.append([batch()])
        outbox.acknowledge(3)
        assert (outbox.fact_count, outbox.oldest_seq, outbox.next_seq) == (0, 4, 4)
    async with opened(path) as outbox:
        assert outbox.next_seq == 4
        assert (await outbox.append([batch()])).seqs == (4,)


async def test_an_ack_deletes_with_the_next_append(path: Path) -> None:
    async with opened(path) as outbox:
        await outbox.append([batch(), batch(), batch()])
        size = outbox.size_bytes
        outbox.acknowledge(2)
        assert outbox.fact_count == 1
        assert len(await everything(outbox)) == 3
        await outbox.append([batch()])
        assert [record.seq for record in await everything(outbox)] == [3, 4]
        assert outbox.size_bytes == pytest.approx(size * 2 / 3)


@pytest.mark.parametrize("watermark", [0, 1, 99])
async def test_an_ack_that_goes_back_or_beyond_changes_nothing(path: Path, watermark: int) -> None:
    async with opened(path) as outbox:
        await outbox.append([batch(), batch(), batch()])
        outbox.acknowledge(2)
        outbox.acknowledge(watermark)
        assert outbox.oldest_seq == 3


async def test_peek_stops_at_each_of_its_bounds_but_always_gives_one(path: Path) -> None:
    async with opened(path) as outbox:
        await outbox.append([batch() for _ in range(10)])
        assert len(await outbox.peek(3, max_count=4, max_bytes=10**6)) == 4
        assert [one.seq for one in await outbox.peek(3, max_count=9, max_bytes=1)] == [4]
        assert [one.seq for one in await outbox.peek(3, max_count=9, max_bytes=10**6, up_to_seq=5)] == [4, 5]
        assert await outbox.peek(10, max_count=1, max_bytes=1) == []


async def test_when_full_the_oldest_metrics_become_gaps_in_their_place(path: Path) -> None:
    size = len(
        agent_pb2.ConnectRequest(
            batch=telemetry_pb2.Batch(seq=1, observe_time_us=1, series_numbers=b"x" * 400, values=b"x" * 800)
        ).SerializeToString()
    )
    async with opened(path, max_size_bytes=10 * (size + 40)) as outbox:
        await outbox.append([events("kept")])
        for moment in range(1, 21):
            await outbox.append([batch(moment, series=100)])
        records = await everything(outbox)
        assert [record.seq for record in records] == list(range(1, 22))
        kinds = [record.kind for record in records]
        assert kinds[0] is FactKind.EVENTS
        dropped = kinds.count(FactKind.GAP)
        assert 11 <= dropped < 20
        assert kinds[1 : 1 + dropped] == [FactKind.GAP] * dropped
        assert outbox.size_bytes <= 10 * (size + 40)
        first = gap_of(records[1])
        assert (first.seq, first.first_seq, first.last_seq, first.fact_count) == (2, 2, 2, 1)
        assert first.reason == GAP_REASON.REASON_OUTBOX_OVERFLOW
        assert first.oldest_time_us == 1


async def test_when_only_events_are_left_the_oldest_go_and_one_gap_tells_of_them(path: Path) -> None:
    async with opened(path, max_size_bytes=5000) as outbox:
        for _ in range(100):
            await outbox.append([events("x")])
            assert outbox.size_bytes <= 5000
        records = await everything(outbox)
        assert records[0].seq == outbox.oldest_seq > 1
        told = [gap_of(record) for record in records if record.kind is FactKind.GAP]
        assert told
        assert [record.seq for record in records] == list(range(outbox.oldest_seq, outbox.next_seq))
        assert told[-1].last_seq == outbox.oldest_seq - 1


async def test_what_goes_from_the_front_is_told_of_even_when_the_gaps_that_told_of_it_go_too(
    path: Path,
) -> None:
    async with opened(path, max_size_bytes=5000) as outbox:
        # Long enough that gaps reach the front themselves, again and again.
        for moment in range(1, 501):
            await outbox.append([batch(moment), events("x")])
        told = [gap_of(record) for record in await everything(outbox) if record.kind is FactKind.GAP]
        covered = {seq for gap in told for seq in range(gap.first_seq, gap.last_seq + 1)}
        assert covered >= set(range(1, outbox.oldest_seq))
        assert sum(gap.fact_count for gap in told) <= 1000
        assert min(gap.oldest_time_us for gap in told) == 1


async def test_a_record_that_the_disk_changed_is_a_gap(path: Path) -> None:
    async with opened(path) as outbox:
        await outbox.append([batch(), events("x"), batch()])
    with closing(sqlite3.connect(path)) as database:
        (payload,) = database.execute("SELECT payload FROM record WHERE seq = 2").fetchone()
        flipped = payload[:-1] + bytes([payload[-1] ^ 1])
        database.execute("UPDATE record SET payload = ? WHERE seq = 2", (flipped,))
        database.execute("UPDATE record SET kind = 9 WHERE seq = 3")
        database.commit()
    ledger = Ledger()
    async with opened(path, observer=ledger) as outbox:
        records = await everything(outbox)
        assert [record.kind for record in records] == [FactKind.BATCH, FactKind.GAP, FactKind.GAP]
        assert gap_of(records[1]).reason == GAP_REASON.REASON_OUTBOX_CORRUPT
        assert (gap_of(records[1]).first_seq, gap_of(records[1]).last_seq) == (2, 2)
        assert [record.seq for _, record in ledger.appended_facts] == [2, 3]
        assert await everything(outbox) == records


@pytest.mark.parametrize("part", [0.15, 0.4, 0.6, 0.85])
async def test_a_damaged_file_never_stops_the_agent_and_is_told_as_a_gap(path: Path, part: float) -> None:
    async with opened(path) as outbox:
        before = outbox.outbox_id
        await outbox.append([events("first")], memory={"log:x": b"1"})
        for moment in range(300):
            await outbox.append([batch(moment + 1, series=20)])
    data = bytearray(path.read_bytes())
    page = int(len(data) * part) // 4096 * 4096
    data[page : page + 8192] = b"\xa5" * 8192
    path.write_bytes(data)
    async with opened(path) as outbox:
        records: list[Record] = []
        try:
            records = await everything(outbox)
        except OutboxError as error:
            assert "repaired" in str(error)  # noqa: PT017 - damage is found on opening or only on reading
        await outbox.append([events("after")])
        records = await everything(outbox)
        assert [record.seq for record in records] == list(range(1, outbox.next_seq))
        reasons = [gap_of(one).reason for one in records if one.kind is FactKind.GAP]
        assert GAP_REASON.REASON_OUTBOX_CORRUPT in reasons
        assert outbox.outbox_id != before
        assert path.with_name("outbox.db.damaged-1").exists()


async def test_a_file_that_is_no_database_is_set_aside(path: Path) -> None:
    path.write_bytes(b"no database at all, just some text that is long enough" * 100)
    async with opened(path) as outbox:
        (record,) = await everything(outbox)
        assert gap_of(record).reason == GAP_REASON.REASON_OUTBOX_CORRUPT


class Killed(BaseException):
    """Stands for a process that ends at once."""


async def filled_then_damaged(path: Path) -> None:
    """Leave an outbox with three events and a remembered value, then damage what holds the metrics."""
    async with opened(path) as outbox:
        await outbox.append([events("first"), events("second"), events("third")], memory={"log:x": b"1"})
    with closing(sqlite3.connect(path)) as database:
        ((root,),) = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'record_kind'")
        database.execute("PRAGMA journal_mode=DELETE")
    data = bytearray(path.read_bytes())
    data[(root - 1) * 4096 : root * 4096] = b"\xa5" * 4096
    path.write_bytes(data)


async def is_salvaged(path: Path) -> bool:
    """Say whether the outbox has everything that `filled_then_damaged` put in, and the gap that tells."""
    async with opened(path) as outbox:
        records = await everything(outbox)
        frames = [agent_pb2.ConnectRequest.FromString(one.payload) for one in records]
        codes = [frame.events.events[0].code for frame in frames[:-1]]
        assert await outbox.memory("log:x") == b"1"
        assert frames[-1].gap.reason == GAP_REASON.REASON_OUTBOX_CORRUPT
        assert [record.seq for record in records] == list(range(1, outbox.next_seq))
        return codes == ["first", "second", "third"]


@pytest.mark.parametrize(
    ("where", "part", "files"),
    [
        # Before anything is committed.
        (tables, "insert_records", {"outbox.db", "outbox.db.repaired"}),
        (tables, "remember", {"outbox.db", "outbox.db.repaired"}),
        # Committed, and no file moved yet.
        (salvage, "put_in_place", {"outbox.db", "outbox.db.repaired"}),
        # The damaged file is set aside, the repaired one is not in its place yet.
        (salvage, "finish_repair", {"outbox.db.damaged-1", "outbox.db.repaired"}),
    ],
)
async def test_a_kill_at_any_point_of_a_salvage_loses_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch, where: Any, part: str, files: set[str]
) -> None:
    await filled_then_damaged(path)
    whole = getattr(where, part)

    def killed(*arguments: Any, **options: Any) -> Any:
        if part == "finish_repair" and path.exists():
            return whole(*arguments, **options)  # the one at the start, that finds nothing to finish
        raise Killed

    monkeypatch.setattr(where, part, killed)
    with pytest.raises(Killed):
        await Outbox.open(path)
    assert files <= {file.name for file in path.parent.iterdir()}
    monkeypatch.setattr(where, part, whole)
    assert await is_salvaged(path)
    assert {file.name for file in path.parent.iterdir()} == {"outbox.db", "outbox.db.damaged-1"}


async def test_a_log_left_of_the_damaged_file_never_reaches_the_repaired_one(path: Path) -> None:
    await filled_then_damaged(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(salvage, "finish_repair", lambda path: None if path.exists() else _kill())
        with pytest.raises(Killed):
            await Outbox.open(path)
    path.with_name("outbox.db-wal").write_bytes(b"\x37\x7f\x06\x82" + b"stale" * 2000)
    assert await is_salvaged(path)


def _kill() -> None:
    raise Killed


async def test_the_last_three_damaged_files_are_kept_and_none_is_overwritten(path: Path) -> None:
    for number in range(1, 6):
        path.write_bytes(b"no database, number %d " % number * 100)
        async with opened(path):
            pass
    kept = sorted(path.parent.glob("outbox.db.damaged*"))
    assert [file.name for file in kept] == [
        "outbox.db.damaged-3",
        "outbox.db.damaged-4",
        "outbox.db.damaged-5",
    ]
    assert [file.read_bytes()[20:21] for file in kept] == [b"3", b"4", b"5"]


async def test_a_repair_that_the_disk_refuses_is_tried_again_with_the_next_use(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled_then_damaged(path)
    data = path.read_bytes()
    path.unlink()
    begin_repair = salvage.begin_repair

    def full(_path: Path) -> Path:
        raise OSError(errno.ENOSPC, "No space left on device")

    async with opened(path) as outbox:
        assert outbox._database is not None
        await outbox._database.close()
        path.write_bytes(data)
        outbox._database = await aiosqlite.connect(path, isolation_level=None)
        monkeypatch.setattr(salvage, "begin_repair", full)
        for _ in range(2):
            with pytest.raises(OutboxError, match="cannot be repaired"):
                await outbox.append([events("fourth")])
        monkeypatch.setattr(salvage, "begin_repair", begin_repair)
        assert (await outbox.append([events("fourth")])).seqs == (5,)
        assert [one.kind for one in await everything(outbox)].count(FactKind.EVENTS) == 4
    with pytest.raises(OutboxError, match="is closed"):
        await outbox.append([events("fifth")])


async def test_a_new_id_renumbers_what_waits_and_loses_nothing(path: Path) -> None:
    ledger = Ledger()
    async with opened(path, observer=ledger) as outbox:
        await outbox.append([batch(1), batch(2), events("x"), Gap(reason=GapReason.DISK_FULL)])
        before = outbox.outbox_id
        outbox.acknowledge(1)
        after = await outbox.renew()
        assert after == outbox.outbox_id != before
        assert (outbox.oldest_seq, outbox.next_seq, outbox.newest_event_seq) == (1, 4, 2)
        records = await everything(outbox)
        frames = [agent_pb2.ConnectRequest.FromString(record.payload) for record in records]
        assert [frames[0].batch.seq, frames[1].events.seq, frames[2].gap.seq] == [1, 2, 3]
        assert frames[0].batch.observe_time_us == 2
        assert ledger.moves == [(before, 2, after, 1), (before, 3, after, 2), (before, 4, after, 3)]
    async with opened(path) as outbox:
        assert outbox.outbox_id == after
        assert outbox.next_seq == 4


async def test_a_cancelled_append_is_whole_or_not_there(path: Path) -> None:
    async with opened(path) as outbox:
        for wait in range(20):
            task = asyncio.create_task(outbox.append([batch(), events(), batch()]))
            for _ in range(wait):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await outbox.append([batch()])
        records = await everything(outbox)
        assert [record.seq for record in records] == list(range(1, outbox.next_seq))
        assert (outbox.next_seq - 2) % 3 == 0


async def test_closing_waits_for_what_is_being_written(path: Path) -> None:
    outbox = await Outbox.open(path)
    task = asyncio.create_task(outbox.append([batch()]))
    await asyncio.sleep(0)
    await outbox.close()
    assert (await task).seqs == (1,)


async def test_two_cannot_use_one_outbox(path: Path) -> None:
    async with opened(path):
        with pytest.raises(OutboxError, match="is used by another process"):
            await Outbox.open(path)


async def test_a_newer_format_is_refused_and_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(OutboxError, match="written by a newer agent"):
        await Outbox.open(path)


async def test_series_beyond_the_limit_are_left_out_and_counted(path: Path) -> None:
    async with opened(path, max_series=2) as outbox:
        appended = await outbox.append([batch(series=5)])
        assert appended.refused_count == 3
        assert len(outbox.series) == 2
        only_new = Batch(observe_time_us=2, samples=((gauge("new", "1"), 1.0),))
        assert await outbox.append([only_new, events()]) == type(appended)(seqs=(2,), refused_count=1)
        assert [record.kind for record in await everything(outbox)] == [FactKind.BATCH, FactKind.EVENTS]


async def test_an_observer_knows_of_a_fact_before_anybody_can_send_it(path: Path) -> None:
    ledger = Ledger()
    async with opened(path, observer=ledger) as outbox:
        seen: list[int] = []
        outbox.on_append(lambda: seen.append(len(ledger.appended_facts)))
        await outbox.append([batch(), events()])
        outbox.acknowledge(2)
        assert seen == [2]
        assert [(id_, record.seq) for id_, record in ledger.appended_facts] == [
            (outbox.outbox_id, 1),
            (outbox.outbox_id, 2),
        ]
        assert ledger.watermarks == [(outbox.outbox_id, 2)]


async def test_a_refusing_disk_is_an_error_and_nothing_is_half_done(path: Path) -> None:
    async with opened(path) as outbox:
        await outbox.append([batch()])
        assert outbox._database is not None
        pages = await (await outbox._database.execute("PRAGMA page_count")).fetchone()
        assert pages is not None
        await outbox._database.execute(f"PRAGMA max_page_count = {pages[0]}")
        with pytest.raises(OutboxError, match="full"):
            await outbox.append([batch(moment + 2, series=100) for moment in range(100)])
        await outbox._database.execute("PRAGMA max_page_count = 100000")
        next_seq = outbox.next_seq
        assert (await outbox.append([batch(999)])).seqs == (next_seq,)
        assert [record.seq for record in await everything(outbox)] == list(range(1, next_seq + 1))
