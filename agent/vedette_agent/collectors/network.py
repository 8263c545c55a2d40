"""Network: bytes received and transmitted since boot, by interface."""

from datetime import timedelta

import psutil

from vedette_agent.collectors.collector import Reading
from vedette_agent.facts import counter
from vedette_agent.settings.model import CollectorSettings, Selection


class NetworkCollector:
    """Reports the counters of each network interface."""

    name = "network"

    def __init__(self, settings: CollectorSettings, selection: Selection) -> None:
        self.interval: timedelta = settings.interval
        self.timeout: timedelta = settings.timeout
        self._selection = selection

    def collect(self) -> Reading:
        """Return a counter for each interface and direction."""
        counters = psutil.net_io_counters(pernic=True) or {}
        return Reading(
            samples=tuple(
                (counter("system.network.io", "By", device=device, direction=direction), float(value))
                for device, one in sorted(counters.items())
                if self._selection.takes(device)
                for direction, value in (("receive", one.bytes_recv), ("transmit", one.bytes_sent))
            )
        )
