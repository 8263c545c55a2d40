"""Latency: from a sample that is sent to the alarm that somebody sees, idle and under half of the load.

A few agents let a database cross its threshold and come back, one crossing at a time. The clock runs from the
moment before the batch is handed to gRPC until the committed alarm has arrived at a watcher, both in this
process. Beside it: how long the disk takes to sync one page, which every commit has to wait for.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Final

from grpc import aio

from bench.disk import fdatasync_seconds
from bench.figures import Figure, Target, figure, percentile, ratios
from bench.frames import SAMPLES, Batches
from bench.machine import CLIENT_CORE, on_core
from bench.rig import CONNECT, Rig, Sender, agent_names, running_rig
from bench.stream import Stream
from vedette.support.v1 import alarm_pb2, watch_pb2, watch_pb2_grpc

#: Agents that cross a threshold; one crosses while the others rest.
PROBES: Final = 20
#: Streams of the load.
STREAMS: Final = 50
#: Batches in flight of each; a rate keeps fewer.
WINDOW: Final = 64
#: Pause between two crossings, seconds, drawn anew each time so that no rhythm forms.
PAUSE: Final = (0.005, 0.030)
#: How long an alarm may take to be seen, seconds.
PATIENCE: Final = 20.0
#: What p99 may be, idle, in fdatasyncs; and p50 under half load, milliseconds.
IDLE_P99: Final = Target(bound=25.0, at_least=False)
HALF_LOAD_P50: Final = Target(bound=10.0, at_least=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How often to measure."""

    repetitions: int
    #: Alarms of each repetition, and syncs beside it.
    alarms: int
    syncs: int
    #: Seconds of load before the first alarm.
    warm_up: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Repetition:
    """Every time that was taken, seconds, in order."""

    #: Batches a second that the server took meanwhile; 0 is idle.
    rate: float
    raised: tuple[float, ...]
    acked: tuple[float, ...]
    synced: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Repetitions without load and under half of it, in turns."""

    repetitions: tuple[Repetition, ...]
    #: Half of what the server takes, batches a second.
    wanted_rate: float

    def figures(self) -> Iterator[Figure]:
        """Yield the lines of the table."""
        idle = [one for one in self.repetitions if not one.rate]
        loaded = [one for one in self.repetitions if one.rate]
        syncs = [_ms(percentile(one.synced, 0.5)) for one in idle]
        yield figure("fdatasync of 4 KiB: p50", syncs, "ms", per_repetition=len(idle[0].synced))
        count = len(idle[0].raised)
        p99 = [_ms(percentile(one.raised, 0.99)) for one in idle]
        yield figure("alarm seen, idle: p50", _percentiles(idle, 0.5), "ms", per_repetition=count)
        yield figure("alarm seen, idle: p99", p99, "ms", per_repetition=count)
        yield figure(
            "alarm seen, idle: p99 in syncs",
            ratios(p99, syncs),
            "x",
            per_repetition=count,
            target=IDLE_P99,
            beside="p50 of an fdatasync just before",
        )
        acked = [_ms(percentile(one.acked, 0.5)) for one in idle]
        yield figure("batch acknowledged, idle: p50", acked, "ms", per_repetition=count)
        reached = figure("", [one.rate * SAMPLES / 1e6 for one in loaded], "").spread.middle
        wanted = self.wanted_rate * SAMPLES / 1e6
        beside = f"{reached:.2f} M samples/s; half of what this run took is {wanted:.2f}"
        yield figure(
            "alarm seen, half load: p50",
            _percentiles(loaded, 0.5),
            "ms",
            per_repetition=count,
            target=HALF_LOAD_P50,
            beside=beside,
        )
        yield figure("alarm seen, half load: p99", _percentiles(loaded, 0.99), "ms", per_repetition=count)

    def as_json(self) -> dict[str, object]:
        """Return every time."""
        return asdict(self)


async def measure(parent: Path | None, scale: Scale, *, half_load: float) -> Latency:
    """Measure idle and at `half_load` batches a second, in turns."""
    repetitions = []
    async with running_rig(parent, agent_names(STREAMS + PROBES)) as rig:
        for _ in range(scale.repetitions):
            repetitions.append(await _repetition(rig, scale))
            repetitions.append(await _under_load(rig, scale, half_load))
    return Latency(repetitions=tuple(repetitions), wanted_rate=half_load)


async def _under_load(rig: Rig, scale: Scale, rate: float) -> Repetition:
    # As long as the alarms may take; the load is ended when they are done.
    plan = rig.plan(
        CONNECT, streams=STREAMS, window=WINDOW, warm_up=0.0, measured=PATIENCE * scale.alarms, rate=rate
    )
    sender = await Sender.start(plan)
    try:
        await asyncio.sleep(scale.warm_up)
        before, begun = rig.scrape(), perf_counter()
        repetition = await _repetition(rig, scale)
        batches = (rig.scrape().samples - before.samples) / SAMPLES
        return replace(repetition, rate=batches / (perf_counter() - begun))
    finally:
        await sender.kill()


async def _repetition(rig: Rig, scale: Scale) -> Repetition:
    synced = await asyncio.to_thread(fdatasync_seconds, rig.server.folder, scale.syncs)
    raised, acked = [], []
    async with _probing(rig) as probe:
        for _ in range(scale.alarms):
            seen, known = await probe.cross()
            raised.append(seen)
            acked.append(known)
    return Repetition(rate=0.0, raised=tuple(raised), acked=tuple(acked), synced=tuple(synced))


_Watch = aio.UnaryStreamCall[watch_pb2.WatchRequest, watch_pb2.WatchResponse]


class _Probe:
    """Agents that cross and a watcher that sees it."""

    def __init__(self, streams: list[Stream], watch: _Watch) -> None:
        self._streams = streams
        self._watch = watch
        self._batches = Batches(0)
        self._chance = random.Random(0)
        self._turn = 0

    async def cross(self) -> tuple[float, float]:
        """Raise an alarm and clear it; return the seconds until the first was seen, and until its ack."""
        stream = self._streams[self._turn % len(self._streams)]
        self._turn += 1
        await asyncio.sleep(self._chance.uniform(*PAUSE))
        begun = perf_counter()
        stream.send(self._batches, [True])
        await self._until(stream.agent, active=True)
        seen = perf_counter() - begun
        await stream.drained()
        acked = stream.acked_at - begun
        await asyncio.sleep(self._chance.uniform(*PAUSE))
        stream.send(self._batches, [False])
        await self._until(stream.agent, active=False)
        await stream.drained()
        return seen, acked

    async def _until(self, agent: str, *, active: bool) -> None:
        """Read the watch until the alarm of an agent has begun, or gone away."""
        wanted = alarm_pb2.Alarm.CONDITION_ACTIVE if active else alarm_pb2.Alarm.CONDITION_CLEARED
        async with asyncio.timeout(PATIENCE):
            while True:
                frame = await self._watch.read()
                assert isinstance(frame, watch_pb2.WatchResponse), "the watch ended"
                alarm = frame.change.alarm
                of = f"{alarm.customer}/{alarm.installation}/{alarm.node}"
                if of == agent and alarm.condition == wanted:
                    return


@asynccontextmanager
async def _probing(rig: Rig) -> AsyncIterator[_Probe]:
    """Open the streams that cross, on agents that no load uses, and the watch."""
    secret = await rig.server.api_token("bench", role="viewer")
    outbox_id = f"bench-probe-{os.urandom(4).hex()}"
    streams = [
        Stream(agent=agent, outbox_id=outbox_id, is_echo=False, window=WINDOW)
        for agent, _ in rig.agents[STREAMS:]
    ]
    with on_core(CLIENT_CORE):
        async with aio.insecure_channel(rig.server.target) as channel:
            for stream, (_, token) in zip(streams, rig.agents[STREAMS:], strict=True):
                await stream.open(rig.server.target, CONNECT, token)
            asked = watch_pb2.WatchRequest(kinds=[watch_pb2.WatchRequest.KIND_ALARM])
            metadata = (("authorization", f"Bearer {secret}"),)
            watch = watch_pb2_grpc.WatchServiceStub(channel).Watch(asked, metadata=metadata)
            try:
                # The first frame says that the watch has begun.
                await watch.read()
                yield _Probe(streams, watch)
            finally:
                watch.cancel()
                for stream in streams:
                    await stream.close()


def _ms(seconds: float) -> float:
    return 1e3 * seconds


def _percentiles(repetitions: list[Repetition], share: float) -> list[float]:
    return [_ms(percentile(one.raised, share)) for one in repetitions]
