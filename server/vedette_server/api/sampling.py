"""Sampling: from stored batches to the points of a plot.

One idea: an agent sends the same columns again and again, so where in a batch the wanted series stand is
worked out once for each different list of series numbers, and each batch then costs one selection. Where
there are more samples than points, the range is cut into equal shares, and the points of a share are its
last, least and greatest sample: a peak between two points is never lost.

Nothing here asks the store or knows the protocol.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from vedette_server.telemetry.series import Series


class Point(NamedTuple):
    """One sample, or the summary of a share of the range."""

    #: Observe time of the last sample, microseconds of server time since the Unix epoch.
    at_us: int
    last: float
    least: float
    greatest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Columns:
    """Where the wanted series stand in batches with one list of series numbers."""

    positions: NDArray[np.intp]
    #: The wanted series at each position.
    keys: tuple[int, ...]


class Samples:
    """Collects the samples of some series of one agent, batch by batch."""

    def __init__(self, wanted: Mapping[tuple[str, int], Series]) -> None:
        """Take the series by outbox and number; equal ones of different outboxes are one."""
        self._series = tuple(dict.fromkeys(_identity(series) for series in wanted.values()))
        index = {series: place for place, series in enumerate(self._series)}
        self._place = {key: index[_identity(series)] for key, series in wanted.items()}
        self._shown = {index[_identity(series)]: series for series in wanted.values()}
        self._columns: dict[tuple[str, bytes], _Columns] = {}
        self._times = [array("q") for _ in self._series]
        self._values = [array("d") for _ in self._series]
        #: Samples taken so far.
        self.count = 0

    def add(self, *, outbox_id: str, observed_us: int, numbers: bytes, values: bytes) -> None:
        """Take a batch: packed little-endian uint32 and float64, as they travel."""
        columns = self._columns.get((outbox_id, numbers))
        if columns is None:
            columns = self._find(outbox_id, numbers)
            self._columns[outbox_id, numbers] = columns
        if not columns.keys:
            return
        found = np.frombuffer(values, dtype="<f8")[columns.positions].tolist()
        self.count += len(found)
        for key, value in zip(columns.keys, found, strict=True):
            self._times[key].append(observed_us)
            self._values[key].append(value)

    def points(self, *, start_us: int, end_us: int, count: int) -> Iterator[tuple[Series, list[Point]]]:
        """Yield each series that has samples with at most `count` points, oldest first."""
        for key in range(len(self._series)):
            if self._times[key]:
                times = np.frombuffer(self._times[key], dtype=np.int64)
                values = np.frombuffer(self._values[key], dtype=np.float64)
                order = np.argsort(times, kind="stable")
                summary = summarise(
                    times[order], values[order], start_us=start_us, end_us=end_us, count=count
                )
                yield self._shown[key], summary

    @property
    def series_count(self) -> int:
        """Return how many different series have samples."""
        return sum(1 for times in self._times if times)

    def _find(self, outbox_id: str, numbers: bytes) -> _Columns:
        positions, keys = [], []
        for position, number in enumerate(np.frombuffer(numbers, dtype="<u4").tolist()):
            key = self._place.get((outbox_id, number))
            if key is not None:
                positions.append(position)
                keys.append(key)
        return _Columns(positions=np.array(positions, dtype=np.intp), keys=tuple(keys))


def summarise(
    times: NDArray[np.int64], values: NDArray[np.float64], *, start_us: int, end_us: int, count: int
) -> list[Point]:
    """Return samples as they are, or in at most `count` shares of the range when there are more.

    Args:
        times: ascending, all in `[start_us, end_us)`.
        values: as many.
        start_us: begin of the range.
        end_us: end of the range, exclusive.
        count: most points, positive.
    """
    if len(times) <= count:
        lasts = values.tolist()
        return [Point(*row) for row in zip(times.tolist(), lasts, lasts, lasts, strict=True)]
    shares = (times - start_us) * count // (end_us - start_us)
    firsts = np.flatnonzero(np.diff(shares, prepend=-1))
    lasts = np.append(firsts[1:], len(times)) - 1
    rows: Iterable[tuple[int, float, float, float]] = zip(
        times[lasts].tolist(),
        values[lasts].tolist(),
        np.minimum.reduceat(values, firsts).tolist(),
        np.maximum.reduceat(values, firsts).tolist(),
        strict=True,
    )
    return [Point(*row) for row in rows]


def _identity(series: Series) -> tuple[str, tuple[tuple[str, str], ...]]:
    return series.name, series.labels
