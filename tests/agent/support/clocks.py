"""A clock that tests move by hand."""

import asyncio


class ManualClock:
    """Wall and monotonic time that stand still until `advance`; sleeping yields once and returns."""

    def __init__(self, *, now_us: int = 1_700_000_000_000_000, monotonic: float = 1000.0) -> None:
        self._now_us = now_us
        self._monotonic = monotonic
        self.slept: list[float] = []

    def now_us(self) -> int:
        return self._now_us

    def monotonic(self) -> float:
        return self._monotonic

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance(seconds)
        await asyncio.sleep(0)

    def advance(self, seconds: float) -> None:
        self._monotonic += seconds
        self._now_us += round(seconds * 1e6)

    def step(self, seconds: float) -> None:
        """Set the wall clock; monotonic time does not notice."""
        self._now_us += round(seconds * 1e6)
