"""Lane: runs one collector, never twice at once, and gives up waiting when it hangs.

A thread cannot be killed. So a look that does not return in time is left alone, the collector counts as
stuck and is not asked again until its thread returns; what it brings then is handed to `late`. Threads are
daemons and made anew for each look, because an executor's threads are joined when the program ends, and one
that hangs would keep it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from vedette_agent.clock import Clock
from vedette_agent.collectors.collector import Collector, Reading
from vedette_agent.facts import Event


class LaneState(StrEnum):
    """What a collector is doing."""

    IDLE = "idle"
    RUNNING = "running"
    STUCK = "stuck"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a look ended: with a reading, an error, or neither when it is stuck."""

    name: str
    reading: Reading | None = None
    #: What the collector raised, in words.
    error: str = ""
    #: Seconds that the look took, so far if it is stuck.
    duration: float = 0.0

    @property
    def events(self) -> tuple[Event, ...]:
        """What happened according to this look."""
        return self.reading.events if self.reading else ()

    @property
    def is_stuck(self) -> bool:
        """Whether the look did not return in time."""
        return self.reading is None and not self.error


class Lane:
    """The one place where a collector runs.

    Args:
        late: called in the event loop with the outcome of a look that returned after its time.
    """

    def __init__(self, collector: Collector, clock: Clock, late: Callable[[Outcome], None]) -> None:
        self.collector = collector
        self.state = LaneState.IDLE
        #: How the last look ended; None before the first.
        self.last: Outcome | None = None
        self._clock = clock
        self._late = late

    async def look(self) -> Outcome:
        """Run the collector once; it must be idle."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Outcome] = loop.create_future()
        started = self._clock.monotonic()
        self.state = LaneState.RUNNING

        def work() -> None:
            outcome = _look(self.collector, self._clock, started)
            # The loop may be gone by the time a hung collector returns; then nobody is interested.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._returned, done, outcome)

        threading.Thread(target=work, name=f"collect-{self.collector.name}"[:60], daemon=True).start()
        timeout = self.collector.timeout.total_seconds()
        await asyncio.wait([done], timeout=timeout)
        if done.done():
            return done.result()
        self.state = LaneState.STUCK
        self.last = Outcome(name=self.collector.name, duration=self._clock.monotonic() - started)
        return self.last

    def _returned(self, done: asyncio.Future[Outcome], outcome: Outcome) -> None:
        was_stuck = self.state is LaneState.STUCK
        self.state = LaneState.IDLE
        self.last = outcome
        if not done.done():
            done.set_result(outcome)
        if was_stuck:
            self._late(outcome)


def _look(collector: Collector, clock: Clock, started: float) -> Outcome:
    try:
        reading = collector.collect()
    except Exception as error:  # noqa: BLE001 - a collector's bug must not end the agent
        text = f"{type(error).__name__}: {error}"
        return Outcome(name=collector.name, error=text, duration=clock.monotonic() - started)
    return Outcome(name=collector.name, reading=reading, duration=clock.monotonic() - started)
