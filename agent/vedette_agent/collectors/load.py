"""Load: how many threads ran or wanted to run, averaged over 1, 5 and 15 minutes."""

from datetime import timedelta

import psutil

from vedette_agent.collectors.collector import Reading
from vedette_agent.facts import gauge
from vedette_agent.settings.model import CollectorSettings

_AVERAGES = tuple(gauge(f"system.cpu.load_average.{minutes}m", "{thread}") for minutes in (1, 5, 15))


class LoadCollector:
    """Reports the load averages; psutil estimates them on Windows, from the second look on."""

    name = "load"

    def __init__(self, settings: CollectorSettings) -> None:
        self.interval: timedelta = settings.interval
        self.timeout: timedelta = settings.timeout

    def collect(self) -> Reading:
        """Return the three averages."""
        return Reading(samples=tuple(zip(_AVERAGES, psutil.getloadavg(), strict=True)))
