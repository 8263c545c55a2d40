"""CPU: how busy all processors of the machine are together."""

from dataclasses import dataclass
from datetime import timedelta

import psutil

from vedette_agent.collectors.collector import Reading
from vedette_agent.facts import gauge
from vedette_agent.settings.model import CollectorSettings

_UTILIZATION = gauge("system.cpu.utilization", "1")
_COUNT = gauge("system.cpu.logical.count", "{cpu}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ticks:
    """Processor time since boot, seconds of all processors together."""

    busy: float
    total: float


class CpuCollector:
    """Reports the share of processor time that was not idle since the look before.

    Compares counters itself: psutil's own percentages share one memory in a process, and their first is
    always 0.
    """

    name = "cpu"

    def __init__(self, settings: CollectorSettings) -> None:
        self.interval: timedelta = settings.interval
        self.timeout: timedelta = settings.timeout
        self._last: _Ticks | None = None

    def compares(self) -> bool:
        """Say that the first look has no utilization."""
        return True

    def collect(self) -> Reading:
        """Return utilization (0..1) and the number of logical processors."""
        samples = [(_COUNT, float(psutil.cpu_count() or 1))]
        last, self._last = self._last, _ticks()
        if last is not None and (total := self._last.total - last.total) > 0:
            samples.append((_UTILIZATION, min(1.0, max(0.0, (self._last.busy - last.busy) / total))))
        return Reading(samples=tuple(samples))


def _ticks() -> _Ticks:
    times = psutil.cpu_times()._asdict()
    # Linux counts a guest's time in user time too, and time spent waiting for a disk is idle time.
    total = sum(times.values()) - times.get("guest", 0.0) - times.get("guest_nice", 0.0)
    return _Ticks(busy=total - times["idle"] - times.get("iowait", 0.0), total=total)
