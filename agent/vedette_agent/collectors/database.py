"""Databases: how large a SQLite database is, and how large it may become.

Only the sizes of its files are read. The agent never opens a customer's database: even a reader would take
locks and may leave files of its own behind. The write-ahead log counts, because its pages are the newest
part of the database.
"""

from datetime import timedelta
from pathlib import Path

import psutil

from vedette_agent.collectors.collector import Reading
from vedette_agent.facts import Sample, gauge
from vedette_agent.settings.model import CollectorSettings, DatabaseSettings


class DatabaseCollector:
    """Reports usage and limit of one SQLite database."""

    def __init__(self, settings: CollectorSettings, database: DatabaseSettings) -> None:
        self.name = f"database:{database.name}"
        self.interval: timedelta = settings.interval
        self.timeout: timedelta = settings.timeout
        self._path = database.path
        self._limit = database.limit
        self._usage_series = gauge("database.usage", "By", database=database.name)
        self._limit_series = gauge("database.limit", "By", database=database.name)

    def collect(self) -> Reading:
        """Return bytes in its files, and the bytes that they may take."""
        try:
            usage = self._path.stat().st_size
            limit = self._limit if self._limit is not None else self._room(usage)
        except OSError as error:
            return Reading(problems=(f"{self._path}: {error.strerror or error}",))
        usage += _size_if_there(self._path.with_name(f"{self._path.name}-wal"))
        samples: list[Sample] = [(self._usage_series, float(usage)), (self._limit_series, float(limit))]
        return Reading(samples=tuple(samples))

    def _room(self, usage: int) -> int:
        """Return what the file takes and what its file system can still give it."""
        return usage + psutil.disk_usage(str(self._path.parent)).free


def _size_if_there(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
