"""Memory: what the machine has, and what of it could not be given to a new program."""

from datetime import timedelta

import psutil

from vedette_agent.collectors.collector import Reading
from vedette_agent.facts import gauge
from vedette_agent.settings.model import CollectorSettings

_USAGE = gauge("system.memory.usage", "By")
_LIMIT = gauge("system.memory.limit", "By")
_UTILIZATION = gauge("system.memory.utilization", "1")


class MemoryCollector:
    """Reports memory in use: all that is not available, so caches that would make room do not count."""

    name = "memory"

    def __init__(self, settings: CollectorSettings) -> None:
        self.interval: timedelta = settings.interval
        self.timeout: timedelta = settings.timeout

    def collect(self) -> Reading:
        """Return usage, limit and the ratio of the two."""
        memory = psutil.virtual_memory()
        used = max(0, memory.total - memory.available)
        return Reading(
            samples=(
                (_USAGE, float(used)),
                (_LIMIT, float(memory.total)),
                (_UTILIZATION, used / memory.total if memory.total else 0.0),
            )
        )
