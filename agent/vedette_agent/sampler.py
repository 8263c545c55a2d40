"""Sampler: asks each collector when it is due, and turns what it finds into facts in the outbox.

Theory of operation. A tick starts every collector that is due at once, each in its lane, and waits for them
for a moment. What has arrived becomes one batch with one observe time, and one fact with the events; a
collector that takes longer gets a batch of its own when it is done. So no collector delays another, and none
of them the link, which shares nothing with this loop but the outbox.

An exit of a component is reported only after the logs were read once more: a stop that was announced must be
seen before the exit that it explains.

What becomes of them when the disk refuses is `waiting.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from vedette_agent import plan
from vedette_agent.clock import Clock
from vedette_agent.collectors.collector import Collector, Explains, Reading, Remembers
from vedette_agent.errors import OutboxError
from vedette_agent.facts import (
    Batch,
    Event,
    Fact,
    Gap,
    GapReason,
    Sample,
    Severity,
    labels_of,
)
from vedette_agent.lane import Lane, LaneState, Outcome
from vedette_agent.log import Logger
from vedette_agent.outbox import batch
from vedette_agent.outbox.outbox import Outbox
from vedette_agent.waiting import Refusal, Waiting

_log = Logger("sampler")
_T = TypeVar("_T")

#: Code of the event that waits for its explanation.
EXITED = "component.exited"

#: How long a tick waits for its slower collectors before it goes on without them, in seconds.
_GRACE = 0.5
#: Invalid values are told of at most this often, in microseconds.
_INVALID_INTERVAL_US = 60_000_000
#: An observe time this little behind the last one is two batches of one moment, not a clock that was set
#: back.
_SAME_MOMENT_US = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorStatus:
    """A collector as `status` shows it."""

    name: str
    state: str
    #: Seconds of the last look; None before the first.
    last_duration: float | None
    #: Empty when all was well.
    problem: str


class Sampler:
    """Runs the collectors of one agent."""

    def __init__(self, outbox: Outbox, collectors: Sequence[Collector], *, clock: Clock) -> None:
        self._outbox = outbox
        self._clock = clock
        self._lanes = {one.name: Lane(one, clock, self._returned_late) for one in collectors}
        intervals = {one.name: round(one.interval.total_seconds() * 1e6) for one in collectors}
        self._plan = plan.Plan(intervals_us=intervals)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._writing = asyncio.Lock()
        self._last_observe_us = 0
        self._waiting = Waiting()
        self._invalid_count = 0
        self._invalid_told_us = 0

    @property
    def collectors(self) -> tuple[CollectorStatus, ...]:
        """Each collector as it is now."""
        return tuple(_status(lane) for lane in self._lanes.values())

    @property
    def refusal(self) -> Refusal | None:
        """Set while the outbox takes nothing, with what became of the facts since."""
        return self._waiting.refusal

    async def restore(self) -> None:
        """Give each collector back what it remembered when the agent last ran."""
        for name, lane in self._lanes.items():
            memory = await self._outbox.memory(name)
            if memory is not None and isinstance(lane.collector, Remembers):
                lane.collector.restore(memory)

    async def run(self) -> None:
        """Serve ticks until cancelled."""
        await self.restore()
        try:
            while True:
                due_us = plan.next_due_us(self._plan, self._monotonic_us())
                if due_us is None:
                    await asyncio.Event().wait()  # nothing to measure, yet the agent is there
                    return
                await self._clock.sleep((due_us - self._monotonic_us()) / 1e6)
                await self.tick()
        finally:
            for task in tuple(self._tasks):
                task.cancel()

    async def tick(self) -> None:
        """Run what is due now, once."""
        now_us = self._monotonic_us()
        names = plan.due(self._plan, now_us)
        self._plan = plan.run(self._plan, names, now_us)
        observed_us = self._clock.now_us()
        lanes = [lane for name in names if (lane := self._lanes[name]).state is LaneState.IDLE]
        looks = [self._background(lane.look()) for lane in lanes]
        if not looks:
            return
        done, slow = await asyncio.wait(looks, timeout=_GRACE)
        await self._take([look.result() for look in looks if look in done], observed_us)
        for look in slow:
            self._background(self._take_later(look))

    async def _take_later(self, look: asyncio.Task[Outcome]) -> None:
        outcome = await look
        await self._take([outcome], self._clock.now_us())

    def _returned_late(self, outcome: Outcome) -> None:
        """Take the events of a look that hung; its samples are too old to be a measurement of now."""
        reading = replace(outcome.reading, samples=()) if outcome.reading else Reading()
        recovered = self._about(outcome.name, "collector.recovered", Severity.INFO, "answers again")
        late = Outcome(
            name=outcome.name,
            reading=replace(reading, events=(*reading.events, recovered)),
            duration=outcome.duration,
        )
        _log.info("collector.recovered", collector=outcome.name, seconds=outcome.duration)
        self._background(self._take([late], self._clock.now_us()))

    def _background(self, work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # --- from readings to facts -----------------------------------------------------------------------------

    async def _take(self, outcomes: Sequence[Outcome], observed_us: int) -> None:
        """Make what was found durable."""
        outcomes = await self._in_order(outcomes)
        facts: list[Fact] = []
        samples: list[Sample] = []
        events: list[Event] = []
        memory: dict[str, bytes] = {}
        for outcome in outcomes:
            if outcome.is_stuck:
                facts.append(Gap(reason=GapReason.COLLECTOR_TIMEOUT, oldest_time_us=observed_us))
                events.append(self._stuck(outcome))
            if outcome.error:
                _log.error("collector.failed", collector=outcome.name, error=outcome.error)
            reading = outcome.reading or Reading()
            samples += reading.samples
            events += reading.events
            self._invalid_count += reading.invalid_count
            if reading.memory is not None:
                memory[outcome.name] = reading.memory
        facts += self._batches(samples, observed_us)
        facts += self._invalid()
        await self._write(facts, events, memory)

    async def _in_order(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """Return the outcomes with those first that may explain an exit, read once more if there is one."""
        explaining = [outcome for outcome in outcomes if self._explains(outcome.name)]
        others = [outcome for outcome in outcomes if not self._explains(outcome.name)]
        exits = [event.time_us for outcome in others for event in outcome.events if event.code == EXITED]
        if exits:
            lanes = [
                lane
                for name, lane in self._lanes.items()
                if lane.state is LaneState.IDLE and self._explains(name)
            ]
            explaining += await asyncio.gather(*(lane.look() for lane in lanes))
            explaining = [_not_after(outcome, min(exits)) for outcome in explaining]
        return [*explaining, *others]

    def _explains(self, name: str) -> bool:
        collector = self._lanes[name].collector
        return isinstance(collector, Explains) and collector.explains_exits()

    def _batches(self, samples: Iterable[Sample], observed_us: int) -> list[Fact]:
        admitted = batch.admit(samples)
        self._invalid_count += admitted.refused_count
        facts: list[Fact] = []
        for piece in batch.split(admitted.samples):
            # The server judges the newest batch of an agent, so no two may carry one time.
            if 0 <= self._last_observe_us - observed_us < _SAME_MOMENT_US:
                observed_us = self._last_observe_us + 1
            self._last_observe_us = observed_us
            facts.append(Batch(observe_time_us=observed_us, samples=piece))
        return facts

    def _invalid(self) -> list[Fact]:
        now_us = self._clock.now_us()
        if not self._invalid_count or now_us - self._invalid_told_us < _INVALID_INTERVAL_US:
            return []
        gap = Gap(
            reason=GapReason.INVALID_VALUE,
            fact_count=self._invalid_count,
            oldest_time_us=self._invalid_told_us,
            newest_time_us=now_us,
        )
        self._invalid_count, self._invalid_told_us = 0, now_us
        return [gap]

    def _stuck(self, outcome: Outcome) -> Event:
        _log.warning("collector.stuck", collector=outcome.name, seconds=outcome.duration)
        text = f"gave no answer within {outcome.duration:.1f} s and is left out until it does"
        return self._about(outcome.name, "collector.stuck", Severity.WARNING, text)

    def _about(self, name: str, code: str, severity: Severity, text: str) -> Event:
        return Event(
            time_us=self._clock.now_us(),
            code=code,
            severity=severity,
            message=f"collector {name} {text}",
            attributes=labels_of(collector=name),
        )

    async def _write(self, facts: list[Fact], events: list[Event], memory: dict[str, bytes]) -> None:
        async with self._writing:
            self._waiting.add(events, memory)
            try:
                appended = await self._outbox.append(
                    [*self._waiting.gaps(), *facts, *self._waiting.event_facts()],
                    memory=self._waiting.memory,
                )
            except OutboxError as error:
                self._waiting.refused(facts, str(error), self._clock.now_us())
                return
            self._invalid_count += appended.refused_count
            self._waiting.taken(self._clock.now_us())

    def _monotonic_us(self) -> int:
        return round(self._clock.monotonic() * 1e6)


def _not_after(outcome: Outcome, time_us: int) -> Outcome:
    """Return an outcome whose events happened no later than `time_us`."""
    if outcome.reading is None:
        return outcome
    events = tuple(replace(event, time_us=min(event.time_us, time_us)) for event in outcome.reading.events)
    return replace(outcome, reading=replace(outcome.reading, events=events))


def _status(lane: Lane) -> CollectorStatus:
    last = lane.last
    problem = ""
    if last is not None:
        problem = last.error or "; ".join(last.reading.problems if last.reading else ())
    if lane.state is LaneState.STUCK:
        problem = "gives no answer"
    return CollectorStatus(
        name=lane.collector.name,
        state=lane.state.value,
        last_duration=None if last is None else last.duration,
        problem=problem,
    )
