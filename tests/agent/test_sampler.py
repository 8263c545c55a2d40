"""From collectors to facts in the outbox."""

import asyncio
import math
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.agent.support.clocks import ManualClock
from tests.agent.support.collecting import Hang, Scripted
from tests.agent.support.facts import event
from tests.agent.support.waiting import until
from vedette.agent.v1 import agent_pb2
from vedette.telemetry.v1 import telemetry_pb2
from vedette_agent.collectors.collector import Reading
from vedette_agent.errors import OutboxError
from vedette_agent.facts import gauge
from vedette_agent.outbox.outbox import Outbox
from vedette_agent.outbox.record import Appended
from vedette_agent.sampler import Sampler

LEVEL = Reading(samples=((gauge("level", "1"), 1.0),))
Frame = agent_pb2.ConnectRequest


@pytest.fixture
async def outbox(tmp_path: Path) -> AsyncIterator[Outbox]:
    opened = await Outbox.open(tmp_path / "outbox.db")
    yield opened
    await opened.close()


async def frames(outbox: Outbox) -> list[Frame]:
    records = await outbox.peek(0, max_count=1000, max_bytes=10**8)
    return [Frame.FromString(record.payload) for record in records]


async def codes(outbox: Outbox) -> list[str]:
    return [one.code for frame in await frames(outbox) for one in frame.events.events]


async def kinds(outbox: Outbox) -> list[str | None]:
    return [frame.WhichOneof("frame") for frame in await frames(outbox)]


def boom() -> Reading:
    raise PermissionError(13, "Permission denied")


async def test_all_that_is_due_together_is_one_batch_with_one_time(outbox: Outbox) -> None:
    clock = ManualClock()
    other = Reading(samples=((gauge("other", "1"), 2.0),), events=(event("a"), event("b")))
    sampler = Sampler(outbox, [Scripted("one", LEVEL), Scripted("two", other)], clock=clock)
    await sampler.tick()
    batch, events = await frames(outbox)
    assert batch.batch.observe_time_us == clock.now_us()
    assert len(batch.batch.values) == 16
    assert [one.code for one in events.events.events] == ["a", "b"]


async def test_a_tick_runs_only_what_is_due(outbox: Outbox) -> None:
    clock = ManualClock()
    fast, slow = Scripted("fast", LEVEL, interval=1), Scripted("slow", LEVEL, interval=10)
    sampler = Sampler(outbox, [fast, slow], clock=clock)
    await sampler.tick()
    clock.advance(1)
    await sampler.tick()
    assert (fast.looks, slow.looks) == (2, 1)


async def test_the_loop_follows_the_plan(outbox: Outbox) -> None:
    clock = ManualClock(monotonic=1000.3)
    one = Scripted("one", LEVEL, interval=10)
    task = asyncio.create_task(Sampler(outbox, [one], clock=clock).run())
    await until(lambda: one.looks >= 3)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert clock.slept[0] == 0.0
    assert clock.slept[1] == pytest.approx(9.7)
    assert clock.slept[2] == pytest.approx(10.0)


async def test_a_collector_that_raises_hurts_no_other(outbox: Outbox) -> None:
    sampler = Sampler(outbox, [Scripted("bad", boom), Scripted("good", LEVEL)], clock=ManualClock())
    await sampler.tick()
    assert await kinds(outbox) == ["batch"]
    assert [one.problem for one in sampler.collectors] == [
        "PermissionError: [Errno 13] Permission denied",
        "",
    ]


async def test_a_hung_collector_is_told_once_left_alone_and_told_again_when_it_answers(
    outbox: Outbox,
) -> None:
    clock = ManualClock()
    hang = Hang(Reading(samples=LEVEL.samples, events=(event("found.late"),), memory=b"late"))
    stuck = Scripted("nfs", hang, LEVEL, interval=1, timeout=0.05)
    good = Scripted("good", LEVEL, interval=1)
    sampler = Sampler(outbox, [stuck, good], clock=clock)
    await sampler.tick()
    assert await codes(outbox) == ["collector.stuck"]
    gaps = [frame.gap for frame in await frames(outbox) if frame.HasField("gap")]
    assert [gap.reason for gap in gaps] == [telemetry_pb2.Gap.REASON_COLLECTOR_TIMEOUT]
    for _ in range(3):
        clock.advance(1)
        await sampler.tick()
    assert (stuck.looks, good.looks) == (1, 4)
    assert await codes(outbox) == ["collector.stuck"]
    assert sampler.collectors[0].problem == "gives no answer"
    hang.let_go()
    before = outbox.next_seq
    await until(lambda: outbox.next_seq > before)
    assert await codes(outbox) == ["collector.stuck", "found.late", "collector.recovered"]
    assert await outbox.memory("nfs") == b"late"
    clock.advance(1)
    await sampler.tick()
    assert stuck.looks == 2


async def test_a_slow_collector_delays_no_other_and_gets_a_batch_of_its_own(outbox: Outbox) -> None:
    clock = ManualClock()
    slow = Hang(LEVEL)
    quick = Reading(samples=((gauge("quick", "1"), 1.0),))
    sampler = Sampler(outbox, [Scripted("slow", slow), Scripted("quick", quick)], clock=clock)
    await sampler.tick()
    (batch,) = await frames(outbox)
    assert len(batch.batch.values) == 8
    slow.let_go()
    await until(lambda: outbox.next_seq == 3)
    first, second = (frame.batch.observe_time_us for frame in await frames(outbox))
    assert second > first


async def test_logs_are_read_before_an_exit_is_told(outbox: Outbox) -> None:
    clock = ManualClock()
    now = clock.now_us()
    processes = Scripted("process", Reading(events=(event("component.exited", now - 5),)))
    planned = Reading(events=(event("component.stop_planned", now),), memory=b"after")
    log = Scripted("log", Reading(), planned, explains=True)
    await Sampler(outbox, [processes, log], clock=clock).tick()
    assert log.looks == 2
    assert await codes(outbox) == ["component.stop_planned", "component.exited"]
    (fact,) = await frames(outbox)
    assert [one.time_us for one in fact.events.events] == [now - 5, now - 5]
    assert await outbox.memory("log") == b"after"


async def test_a_planned_stop_read_in_the_same_tick_goes_ahead_of_the_exit_too(outbox: Outbox) -> None:
    processes = Scripted("process", Reading(events=(event("component.exited"),)))
    log = Scripted("log", Reading(events=(event("component.stop_planned"),)), Reading(), explains=True)
    await Sampler(outbox, [processes, log], clock=ManualClock()).tick()
    assert await codes(outbox) == ["component.stop_planned", "component.exited"]


async def test_logs_are_not_read_twice_without_an_exit(outbox: Outbox) -> None:
    log = Scripted("log", Reading(), explains=True)
    await Sampler(outbox, [Scripted("process", LEVEL), log], clock=ManualClock()).tick()
    assert log.looks == 1


async def test_values_that_cannot_be_sent_are_dropped_and_told_once_a_minute(outbox: Outbox) -> None:
    clock = ManualClock()
    bad = Reading(samples=((gauge("level", "1"), math.nan), *LEVEL.samples), invalid_count=2)
    sampler = Sampler(outbox, [Scripted("one", bad, interval=1)], clock=clock)
    await sampler.tick()
    for _ in range(59):
        clock.advance(1)
        await sampler.tick()
    assert (await kinds(outbox)).count("gap") == 1
    clock.advance(1)
    await sampler.tick()
    gaps = [frame.gap for frame in await frames(outbox) if frame.HasField("gap")]
    assert [(gap.reason, gap.fact_count) for gap in gaps] == [
        (telemetry_pb2.Gap.REASON_INVALID_VALUE, 3),
        (telemetry_pb2.Gap.REASON_INVALID_VALUE, 180),
    ]


async def test_no_two_batches_carry_one_time_and_a_clock_set_back_is_believed(outbox: Outbox) -> None:
    clock = ManualClock()
    many = Reading(samples=tuple((gauge("s", "1", n=str(index)), 1.0) for index in range(4500)))
    sampler = Sampler(outbox, [Scripted("many", many, interval=1)], clock=clock)
    start = clock.now_us()
    await sampler.tick()
    times = [frame.batch.observe_time_us for frame in await frames(outbox)]
    assert times == [start, start + 1, start + 2]
    clock.advance(1)
    clock.step(-3600)
    await sampler.tick()
    assert (await frames(outbox))[3].batch.observe_time_us == start - 3_599_000_000


async def test_collectors_get_back_what_became_durable(outbox: Outbox) -> None:
    reading = Reading(events=(event("a"),), memory=b"position 7")
    await Sampler(outbox, [Scripted("log", reading)], clock=ManualClock()).tick()
    again = Scripted("log", Reading())
    sampler = Sampler(outbox, [again], clock=ManualClock())
    await sampler.restore()
    assert again.restored == b"position 7"


async def test_when_nothing_was_found_nothing_is_written(outbox: Outbox) -> None:
    await Sampler(outbox, [Scripted("log", Reading())], clock=ManualClock()).tick()
    assert outbox.next_seq == 1


async def test_while_the_disk_refuses_events_wait_and_metrics_are_told_as_a_gap(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ManualClock()
    found = Reading(samples=LEVEL.samples, events=(event("kept"),), memory=b"1")
    sampler = Sampler(outbox, [Scripted("one", found, interval=1)], clock=clock)

    async def refuse(*_args: object, **_kwargs: object) -> Appended:
        raise OutboxError("database or disk is full")

    append = outbox.append
    monkeypatch.setattr(outbox, "append", refuse)
    for _ in range(3):
        await sampler.tick()
        clock.advance(1)
    assert await outbox.memory("one") is None
    monkeypatch.setattr(outbox, "append", append)
    await sampler.tick()
    assert await kinds(outbox) == ["gap", "batch", "events"]
    gap = (await frames(outbox))[0].gap
    assert (gap.reason, gap.fact_count) == (telemetry_pb2.Gap.REASON_DISK_FULL, 3)
    assert await codes(outbox) == ["kept"] * 4
    assert await outbox.memory("one") == b"1"
