"""Board: the series of one agent against the ratio rules, with the band of each series.

The hot path of the server. A batch is compared with the bands in four numpy operations; only series that left
their band reach Python. Bands are a derived cache: `settle` works them out again from rule, state and limit
after anything that could change them, and dropping them all changes no result, only the time it takes.

numpy only compares and selects here. Nothing here does I/O or reads a clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan
from typing import TYPE_CHECKING

import numpy as np

from vedette_server.alarms.key import alarm_key
from vedette_server.detect.catalog import Catalog, RatioRule
from vedette_server.detect.evaluate import ALL_BAND, NO_BAND, band, matches
from vedette_server.detect.rule_state import RuleState
from vedette_server.telemetry.series import Labels, Series

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(slots=True, kw_only=True)
class Pair:
    """One rule on one used/limit pair of series."""

    rule: RatioRule
    key: str
    labels: Labels
    usage: int
    #: Number of the limit's series; -1 until it is announced.
    limit_number: int
    #: The limit as last seen; NaN until then.
    limit: float = nan


class Board:
    """Series, pairs and bands of one agent."""

    __slots__ = ("agent", "hi", "holes", "lo", "pairs", "pairs_of", "series")

    def __init__(self, agent: str) -> None:
        """Start with no series."""
        self.agent = agent
        #: Series by number; None where a number was not announced.
        self.series: list[Series | None] = []
        self.holes = 0
        self.lo: NDArray[np.float64] = np.empty(0)
        self.hi: NDArray[np.float64] = np.empty(0)
        self.pairs: list[Pair] = []
        #: Indexes into `pairs` by the number of either series.
        self.pairs_of: dict[int, list[int]] = {}

    def announce(self, series: tuple[Series, ...], catalog: Catalog, states: Mapping[str, RuleState]) -> None:
        """Add series that are new and pair them up."""
        for one in series:
            missing = one.number + 1 - len(self.series)
            if missing > 0:
                self.series.extend([None] * missing)
                self.holes += missing
            if self.series[one.number] is None:
                self.holes -= 1
            self.series[one.number] = one
        self.pair_up(catalog, states)

    def pair_up(self, catalog: Catalog, states: Mapping[str, RuleState]) -> None:
        """Work out pairs and bands anew, keeping the limits that were seen."""
        limits = {pair.key: pair.limit for pair in self.pairs}
        by_name: dict[tuple[str, Labels], int] = {
            (one.name, one.labels): one.number for one in self.series if one is not None
        }
        self.pairs = []
        self.pairs_of = {}
        for rule in catalog.ratios:
            for one in self.series:
                if one is None or one.name != rule.usage or not matches(rule.where, one.labels):
                    continue
                key = alarm_key(rule.code, self.agent, one.labels)
                pair = Pair(
                    rule=rule,
                    key=key,
                    labels=one.labels,
                    usage=one.number,
                    limit_number=by_name.get((rule.limit, one.labels), -1),
                    limit=limits.get(key, nan),
                )
                for number in (pair.usage, pair.limit_number):
                    self.pairs_of.setdefault(number, []).append(len(self.pairs))
                self.pairs.append(pair)
        self.lo = np.full(len(self.series), ALL_BAND[0])
        self.hi = np.full(len(self.series), ALL_BAND[1])
        for number in sorted(self.pairs_of):
            self.settle(number, states)

    def knows(self, numbers: NDArray[np.uint32]) -> bool:
        """Return whether every number was announced."""
        if not len(numbers):
            return True
        if int(numbers.max()) >= len(self.series):
            return False
        return not self.holes or all(self.series[number] is not None for number in numbers.tolist())

    def crossers(self, numbers: NDArray[np.uint32], values: NDArray[np.float64]) -> list[int]:
        """Return the positions of the values that left the band of their series."""
        left = (values < self.lo[numbers]) | (values > self.hi[numbers])
        return np.flatnonzero(left).tolist() if left.any() else []

    def settle(self, number: int, states: Mapping[str, RuleState]) -> None:
        """Work out the band of one series: where all bands of its pairs overlap."""
        if number < 0:
            return
        lo, hi = ALL_BAND
        for index in self.pairs_of.get(number, ()):
            pair = self.pairs[index]
            if number == pair.limit_number:
                # A limit is judged whenever it changes; NaN compares false, so until it is seen the band is
                # empty.
                one = NO_BAND if pair.limit != pair.limit else (pair.limit, pair.limit)
            else:
                one = band(pair.rule, states.get(pair.key), pair.limit)
            lo, hi = max(lo, one[0]), min(hi, one[1])
        self.lo[number] = lo
        self.hi[number] = hi
