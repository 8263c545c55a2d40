"""Figures: measured values with their spread, each beside its limit or rival, and how they are shown.

One idea: a figure without something from the same run to hold it against says little about the program and
much about the machine. So what is judged is a ratio, and what is kept is every value that went into it.

Nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median


class Verdict(StrEnum):
    """What a figure is against its target."""

    PASS = "PASS"  # noqa: S105 -- the opposite of a miss
    MISS = "MISS"
    #: There is no target; the figure is for information.
    NONE = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Values of repetitions. Never empty."""

    values: tuple[float, ...]

    @property
    def low(self) -> float:
        """Return the smallest."""
        return min(self.values)

    @property
    def middle(self) -> float:
        """Return the median."""
        return median(self.values)

    @property
    def high(self) -> float:
        """Return the largest."""
        return max(self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What the median must reach."""

    bound: float
    #: Whether the median must be at least the bound, rather than at most.
    at_least: bool

    def judge(self, value: float) -> Verdict:
        """Return what `value` is against the bound; the bound itself passes."""
        reached = value >= self.bound if self.at_least else value <= self.bound
        return Verdict.PASS if reached else Verdict.MISS


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the table."""

    name: str
    unit: str
    spread: Spread
    #: How many single measurements each repetition holds; 1 where it is one span of time.
    per_repetition: int = 1
    target: Target | None = None
    #: What it is held against, in words.
    beside: str = ""

    @property
    def verdict(self) -> Verdict:
        """Return what the median is against the target."""
        return self.target.judge(self.spread.middle) if self.target else Verdict.NONE


def figure(
    name: str,
    values: Sequence[float],
    unit: str,
    *,
    per_repetition: int = 1,
    target: Target | None = None,
    beside: str = "",
) -> Figure:
    """Return a figure of some repetitions."""
    return Figure(
        name=name,
        unit=unit,
        spread=Spread(values=tuple(values)),
        per_repetition=per_repetition,
        target=target,
        beside=beside,
    )


def ratios(values: Sequence[float], rivals: Sequence[float]) -> list[float]:
    """Return each value over the rival that was measured beside it."""
    return [value / rival for value, rival in zip(values, rivals, strict=True)]


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` (0 to 1) of all values do not exceed, by nearest rank."""
    ordered = sorted(values)
    # In thousandths, exactly: 0.07 * 100 is more than 7 in binary.
    rank = -(-len(ordered) * round(1000 * share) // 1000)
    return ordered[max(rank, 1) - 1]


def as_json(one: Figure) -> dict[str, object]:
    """Return a figure as it is written to the file."""
    target = one.target
    return {
        "name": one.name,
        "unit": one.unit,
        "repetitions": len(one.spread.values),
        "per_repetition": one.per_repetition,
        "min": one.spread.low,
        "median": one.spread.middle,
        "max": one.spread.high,
        "values": list(one.spread.values),
        "beside": one.beside,
        "target": None if target is None else {"bound": target.bound, "at_least": target.at_least},
        "verdict": str(one.verdict),
    }


_TITLES = ("figure", "n", "min", "median", "max", "unit", "target", "", "beside")
#: Columns of numbers.
_RIGHT = (1, 2, 3, 4, 6)


def table(figures: Sequence[Figure]) -> str:
    """Return the figures for people, one a line."""
    rows: list[tuple[str, ...]] = [_TITLES]
    rows += [_row(one) for one in figures]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(_aligned(row, widths)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def _aligned(row: tuple[str, ...], widths: list[int]) -> list[str]:
    return [
        cell.rjust(width) if column in _RIGHT else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]


def _row(one: Figure) -> tuple[str, ...]:
    spread, repetitions = one.spread, len(one.spread.values)
    count = f"{repetitions}" if one.per_repetition == 1 else f"{repetitions}x{one.per_repetition}"
    target = (
        "" if one.target is None else f"{'>=' if one.target.at_least else '<='} {_short(one.target.bound)}"
    )
    numbers = (_short(spread.low), _short(spread.middle), _short(spread.high))
    return (one.name, count, *numbers, one.unit, target, str(one.verdict), one.beside)


def _short(value: float) -> str:
    """Return three digits that matter."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
