"""Dry run: what `vedette-agent test` measures and shows; nothing is sent and nothing is written.

Runs every enabled collector once, those that compare a second time, and describes the frames that would
leave: built by the same code that builds the real ones, then read back from their bytes.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from vedette_agent.clock import Clock
from vedette_agent.collectors.collector import Collector, Compares
from vedette_agent.facts import Event, EventBatch, Sample
from vedette_agent.lane import Lane, Outcome
from vedette_agent.link import frames, wire
from vedette_agent.link.link import Node
from vedette_agent.outbox import batch

#: Pause before the second look of collectors that compare, in seconds.
_PAUSE = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one collector found."""

    name: str
    samples: tuple[Sample, ...]
    events: tuple[Event, ...]
    #: What could not be measured, or why nothing was.
    problems: tuple[str, ...]
    failed: bool
    #: Seconds of the longest look.
    duration: float


async def measure(collectors: Sequence[Collector], clock: Clock) -> list[Measured]:
    """Run all collectors side by side, each under its own time limit."""
    return list(await asyncio.gather(*(_measure(collector, clock) for collector in collectors)))


async def _measure(collector: Collector, clock: Clock) -> Measured:
    lane = Lane(collector, clock, late=_ignore)
    outcomes = [await lane.look()]
    if isinstance(collector, Compares) and collector.compares() and outcomes[0].reading is not None:
        await clock.sleep(_PAUSE)
        outcomes.append(await lane.look())
    last = outcomes[-1]
    reading = last.reading
    problems = reading.problems if reading else (last.error or _no_answer(collector),)
    return Measured(
        name=collector.name,
        samples=batch.admit(reading.samples).samples if reading else (),
        events=tuple(event for outcome in outcomes for event in outcome.events),
        problems=problems,
        # A collector that measures nothing and says why has failed just as well.
        failed=reading is None or bool(problems and not reading.samples),
        duration=max(outcome.duration for outcome in outcomes),
    )


def _ignore(_outcome: Outcome) -> None:
    """Let what returns after its time be."""


def _no_answer(collector: Collector) -> str:
    return f"no answer within {collector.timeout.total_seconds():g} s"


def payload(
    measured: Sequence[Measured], node: Node, wanted_heartbeat: timedelta, now_us: int
) -> list[dict[str, Any]]:
    """Return the frames that would leave for these measurements, each as it would be read from its bytes.

    Args:
        now_us: wall time of the frames, microseconds since the Unix epoch.
    """
    samples = batch.admit(sample for one in measured for sample in one.samples).samples
    events = tuple(event for one in measured for event in one.events)
    series = tuple(enumerate(series for series, _ in samples))
    numbers = {one: number for number, one in series}
    hello = frames.Hello(
        boot_id=node.boot_id,
        start_id=node.start_id,
        outbox_id="(made when the agent first runs)",
        next_seq=1,
        oldest_seq=1,
        previous_stop=node.previous_stop,
        agent_version=node.agent_version,
        product_version=node.product_version,
        agent_time_us=now_us,
        ha_role=node.ha_role,
        claimed_agent=node.claimed_agent,
        host_name=node.host_name,
        platform=node.platform,
        previous_link_error="",
        wanted_heartbeat_interval=wanted_heartbeat.total_seconds(),
    )
    leaving = [wire.encode(hello)]
    if series:
        leaving.append(wire.encode(frames.SeriesFrame(descriptors=series)))
    seq = 1
    for piece in batch.split(samples):
        leaving.append(wire.batch_frame(seq, now_us, batch.columns(piece, numbers)))
        seq += 1
    if events:
        leaving.append(wire.events_frame(seq, EventBatch(events=events)))
    leaving.append(
        wire.encode(frames.Heartbeat(agent_time_us=now_us, outbox_fact_count=0, outbox_size_bytes=0))
    )
    return [wire.described(frame, dict(series)) for frame in leaving]
