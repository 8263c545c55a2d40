"""The clock: the only module of the server that asks what time it is, or waits.

A turn has two times. Its *wall* time is for contracts and people, its *monotonic* time for silence and holds.
The wall time handed out here never goes back and never jumps: when the machine's clock is moved by more than
`STEP`, the old time goes on until the new one has been agreed on for `AGREEMENT`, and is then adopted as an
explicit step that the turn loop records as an input.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

#: A difference to the expected wall time up to this is drift, and followed at once.
STEP = timedelta(seconds=2)
#: How long a moved wall clock must stay moved before it is believed.
AGREEMENT = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Instant:
    """One reading of both clocks."""

    wall: datetime
    #: Seconds since an arbitrary start.
    mono: float


class Clock(Protocol):
    """What the server needs to know about time; `SystemClock` here, a manual one in tests."""

    def read(self) -> Instant:
        """Return both times; neither goes back."""
        ...

    def take_step(self) -> timedelta | None:
        """Return how far the wall clock was moved, once, when a step was adopted; None otherwise."""
        ...

    def stopwatch(self) -> float:
        """Return seconds for measuring how long work takes."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after so many seconds of monotonic time."""
        ...


class SystemClock:
    """This machine's clock, with steps held back until they are agreed on."""

    def __init__(
        self, wall: Callable[[], datetime] | None = None, mono: Callable[[], float] = time.monotonic
    ) -> None:
        """Read these two; the machine's when none is given."""
        self._wall_now = wall or _wall_now
        self._mono_now = mono
        self._wall = self._wall_now()
        self._mono = self._mono_now()
        self._suspect_step: timedelta | None = None
        self._suspect_since = 0.0
        self._adopted: timedelta | None = None

    def read(self) -> Instant:
        """Return both times."""
        mono = self._mono_now()
        expected = self._wall + timedelta(seconds=mono - self._mono)
        real = self._wall_now()
        difference = real - expected
        if abs(difference) <= STEP:
            self._suspect_step = None
            self._set(max(real, self._wall), mono)
        elif self._suspect_step is None or abs(difference - self._suspect_step) > STEP:
            self._suspect_step, self._suspect_since = difference, mono
            self._set(expected, mono)
        elif mono - self._suspect_since >= AGREEMENT.total_seconds():
            self._suspect_step, self._adopted = None, difference
            self._set(real, mono)
        else:
            self._set(expected, mono)
        return Instant(self._wall, self._mono)

    def _set(self, wall: datetime, mono: float) -> None:
        self._wall, self._mono = wall, mono

    def take_step(self) -> timedelta | None:
        """Return a step that was adopted since the last call."""
        step, self._adopted = self._adopted, None
        return step

    def stopwatch(self) -> float:
        """Return seconds for measuring."""
        return time.perf_counter()

    async def sleep(self, seconds: float) -> None:
        """Return after so many seconds."""
        await asyncio.sleep(max(0.0, seconds))


def _wall_now() -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=time.time_ns() // 1000)
