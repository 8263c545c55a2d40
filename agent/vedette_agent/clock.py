"""The clock: the only module of the agent that asks what time it is, or waits.

Two readings that are never mixed: wall time says when a fact was observed, monotonic time measures waits. A
`Clock` is passed to everything that needs one, so that a test or a simulation brings its own.
"""

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the agent needs to know about time; `SystemClock` here, a manual one in tests."""

    def now_us(self) -> int:
        """Return wall time, microseconds since the Unix epoch."""
        ...

    def monotonic(self) -> float:
        """Return seconds since an arbitrary start; never goes back, unaffected by wall clock steps."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds` of monotonic time."""
        ...


class SystemClock:
    """This machine's clock."""

    def now_us(self) -> int:
        """Return wall time, microseconds since the Unix epoch."""
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        """Return seconds of monotonic time."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`; a negative wait is none."""
        await asyncio.sleep(max(0.0, seconds))


def rfc3339(time_us: int) -> str:
    """Return wall time as people and log collectors read it, e.g. "2026-03-01T09:30:00.125Z"."""
    at = datetime.fromtimestamp(time_us // 1_000_000, UTC).replace(microsecond=time_us % 1_000_000)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
