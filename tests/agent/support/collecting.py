"""Collectors for tests."""

import threading
from collections.abc import Callable
from datetime import timedelta

from vedette_agent.collectors.collector import Reading


class Scripted:
    """A collector that does what it is told, one step a look; the last step repeats."""

    def __init__(
        self,
        name: str,
        *steps: Reading | Callable[[], Reading],
        interval: float = 10.0,
        timeout: float = 5.0,
        explains: bool = False,
    ) -> None:
        self.name = name
        self.interval = timedelta(seconds=interval)
        self.timeout = timedelta(seconds=timeout)
        self.looks = 0
        self.restored: bytes | None = None
        self._steps = steps
        self._explains = explains

    def collect(self) -> Reading:
        step = self._steps[min(self.looks, len(self._steps) - 1)]
        self.looks += 1
        return step if isinstance(step, Reading) else step()

    def restore(self, memory: bytes) -> None:
        self.restored = memory

    def explains_exits(self) -> bool:
        return self._explains


class Hang:
    """A step that does not return until it is let go."""

    def __init__(self, reading: Reading | None = None) -> None:
        self._reading = reading or Reading()
        self._go = threading.Event()

    def __call__(self) -> Reading:
        self._go.wait(10)
        return self._reading

    def let_go(self) -> None:
        self._go.set()
