"""A clock that a test moves. Whoever sleeps on it wakes when enough time has been let pass."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from vedette_server.clock import Instant


class ManualClock:
    """Implements `vedette_server.clock.Clock`."""

    def __init__(self, wall: datetime, mono: float = 1000.0) -> None:
        self.wall = wall
        self.mono = mono
        self._step: timedelta | None = None
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def read(self) -> Instant:
        return Instant(self.wall, self.mono)

    def take_step(self) -> timedelta | None:
        step, self._step = self._step, None
        return step

    def stopwatch(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        future = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.mono + seconds, future))
        await future

    def advance(self, **span: float) -> None:
        """Let time pass."""
        passed = timedelta(**span)
        self.wall += passed
        self.mono += passed.total_seconds()
        for due, future in self._sleepers:
            if due <= self.mono and not future.done():
                future.set_result(None)
        self._sleepers = [one for one in self._sleepers if not one[1].done()]
