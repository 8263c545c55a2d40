"""File systems: how full each mounted one is, for a program without special rights.

Only what the system lists as mounted is asked, so a mount that vanished is not reported as the disk below
it. Network file systems are left out unless a pattern includes them: one whose server is gone blocks the
look, and with it the local ones, until the time limit.
"""

from datetime import timedelta

import psutil

from vedette_agent.collectors.collector import Reading
from vedette_agent.facts import Sample, gauge
from vedette_agent.settings.model import CollectorSettings, Selection


class FilesystemCollector:
    """Reports usage and limit of each file system, each file system once."""

    name = "filesystem"

    def __init__(self, settings: CollectorSettings, selection: Selection) -> None:
        self.interval: timedelta = settings.interval
        self.timeout: timedelta = settings.timeout
        self._selection = selection

    def collect(self) -> Reading:
        """Return bytes used, and bytes used plus those that an ordinary program may still take."""
        samples: list[Sample] = []
        problems: list[str] = []
        for mountpoint in self._mountpoints():
            try:
                usage = psutil.disk_usage(mountpoint)
            except OSError as error:
                problems.append(f"{mountpoint}: {error.strerror or error}")
                continue
            samples += [
                (gauge("system.filesystem.usage", "By", mountpoint=mountpoint), float(usage.used)),
                (
                    gauge("system.filesystem.limit", "By", mountpoint=mountpoint),
                    float(usage.used + usage.free),
                ),
            ]
        return Reading(samples=tuple(samples), problems=tuple(problems))

    def _mountpoints(self) -> list[str]:
        partitions = psutil.disk_partitions(all=bool(self._selection.include))
        taken = [one for one in partitions if self._selection.takes(one.mountpoint)]
        if self._selection.include:
            return sorted({one.mountpoint for one in taken})
        # A device mounted in several places is one file system; containers show it at many single files.
        shortest: dict[str, str] = {}
        for one in sorted(taken, key=lambda one: (len(one.mountpoint), one.mountpoint)):
            shortest.setdefault(one.device, one.mountpoint)
        return sorted(shortest.values())
