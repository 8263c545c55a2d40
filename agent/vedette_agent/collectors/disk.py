"""Disks: bytes read and written since boot, by device."""

from datetime import timedelta

import psutil

from vedette_agent.collectors.collector import Reading
from vedette_agent.facts import counter
from vedette_agent.settings.model import CollectorSettings, Selection


class DiskCollector:
    """Reports the counters of each block device."""

    name = "disk"

    def __init__(self, settings: CollectorSettings, selection: Selection) -> None:
        self.interval: timedelta = settings.interval
        self.timeout: timedelta = settings.timeout
        self._selection = selection

    def collect(self) -> Reading:
        """Return a counter for each device and direction; none where the system has no such counters."""
        counters = psutil.disk_io_counters(perdisk=True) or {}
        return Reading(
            samples=tuple(
                (counter("system.disk.io", "By", device=device, direction=direction), float(value))
                for device, one in sorted(counters.items())
                if self._selection.takes(device)
                for direction, value in (("read", one.read_bytes), ("write", one.write_bytes))
            )
        )
