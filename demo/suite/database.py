"""The database's growth: real rows in a real SQLite file under a quota that SQLite itself enforces.

Everyday life adds a small row now and then. `fill_ratio=0.85` writes recordings, a few at a time, until the
file is that full; a ratio below the present one deletes the newest and gives the space back (VACUUM).

The rollback journal is SQLite's plain one, so the file is all there is to measure.
"""

import sqlite3
import time
from collections.abc import Iterable
from pathlib import Path

from demo.suite.work import Gauge, SettingRefused

PAGE_BYTES = 4096
#: Size of a recording's row, in bytes.
RECORDING_BYTES = 32 * 1024
#: Most recordings written in one step, so that the component answers in between.
RECORDINGS_A_STEP = 8
#: Pause between two steps of filling, in seconds: slow enough to be seen as a slope, not a jump.
FILL_PAUSE = 0.05
#: How often everyday life adds a row, in seconds.
EVERYDAY_INTERVAL = 2.0
#: How full the database is on its first day.
FIRST_RATIO = 0.30


class DatabaseWork:
    """The rows of one database and how full it shall be.

    Args:
        limit: quota of the file in bytes.
    """

    def __init__(self, path: Path, *, limit: int) -> None:
        self._path = path
        self._limit = limit // PAGE_BYTES * PAGE_BYTES
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute(f"PRAGMA page_size={PAGE_BYTES}")
        self._connection.execute("PRAGMA synchronous=OFF")  # its loss would hurt nobody
        self._connection.execute(f"PRAGMA max_page_count={self._limit // PAGE_BYTES}")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS recordings (id INTEGER PRIMARY KEY, audio BLOB NOT NULL)"
        )
        self._target: float | None = FIRST_RATIO if self.ratio < FIRST_RATIO else None
        self._next_row = time.monotonic() + EVERYDAY_INTERVAL

    @property
    def size(self) -> int:
        """Size of the file in bytes."""
        return self._path.stat().st_size

    @property
    def ratio(self) -> float:
        """How full the quota is, 0..1."""
        return self.size / self._limit

    def gauges(self, now: float) -> Iterable[Gauge]:  # noqa: ARG002 - the protocol's
        """Return size, quota and rows."""
        (rows,) = self._connection.execute("SELECT count(*) FROM recordings").fetchone()
        yield Gauge(name="size_bytes", help="Size of the database file.", value=self.size)
        yield Gauge(name="limit_bytes", help="Quota of the database file.", value=self._limit)
        yield Gauge(name="rows", help="Recordings kept.", value=rows)

    def change(self, setting: str, value: str) -> str:
        """Take the command `fill_ratio`."""
        if setting != "fill_ratio":
            raise SettingRefused(f'unknown setting "{setting}"; known: fill_ratio')
        try:
            ratio = float(value)
        except ValueError:
            ratio = -1.0
        if not 0.05 <= ratio <= 0.99:
            raise SettingRefused(f'fill_ratio must be between 0.05 and 0.99, got "{value}"')
        self._target = ratio
        if ratio < self.ratio:
            self._shrink(ratio)
        return f"database.target {ratio:.0%} of {self._limit} bytes"

    def step(self) -> float:
        """Write towards the target, or an everyday row when one is due."""
        if self._target is not None and self.ratio < self._target:
            self._write(self._recordings_missing(self._target))
            return FILL_PAUSE
        self._target = None
        if time.monotonic() >= self._next_row:
            self._next_row = time.monotonic() + EVERYDAY_INTERVAL
            if self.ratio < 0.99:
                self._connection.execute("INSERT INTO recordings (audio) VALUES (zeroblob(200))")
        return self._next_row - time.monotonic()

    def _recordings_missing(self, ratio: float) -> int:
        missing = int(ratio * self._limit) - self.size
        return max(1, min(RECORDINGS_A_STEP, missing // RECORDING_BYTES))

    def _write(self, count: int) -> None:
        self._connection.execute("BEGIN")
        self._connection.executemany(
            "INSERT INTO recordings (audio) VALUES (zeroblob(?))", [(RECORDING_BYTES,)] * count
        )
        self._connection.execute("COMMIT")

    def _shrink(self, ratio: float) -> None:
        keep = int(ratio * self._limit)
        self._connection.execute(
            "DELETE FROM recordings WHERE id IN (SELECT id FROM (SELECT id, sum(length(audio)) OVER"
            " (ORDER BY id) AS upto FROM recordings) WHERE upto > ?)",
            (keep,),
        )
        self._connection.execute("VACUUM")
