"""Reading: a used/limit pair of values in words, in the unit of its series.

Nothing here does I/O.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Steps of the binary prefixes.
_STEP = 1024.0
_PREFIXES = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
#: Greatest ratio that is told, and least: of numbers without sense the quotient may be beyond all numbers.
RATIO_LIMIT = 1e9
#: The UCUM unit of bytes.
BYTES = "By"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was used of what there was."""

    used: float
    limit: float
    #: UCUM unit of both.
    unit: str = ""

    @property
    def ratio(self) -> float:
        """Return used/limit, always finite; 0 where there is no limit to divide by."""
        ratio = self.used / self.limit if self.limit > 0 else 0.0
        return max(-RATIO_LIMIT, min(ratio, RATIO_LIMIT))

    @property
    def percent(self) -> str:
        """Return used/limit; a limit of 0 or less is exceeded by anything."""
        return f"{self.ratio:.0%}" if self.limit > 0 else "more than 100%"

    @property
    def used_text(self) -> str:
        """Return what was used, for people."""
        return _amount(self.used, self.unit)

    @property
    def limit_text(self) -> str:
        """Return what there was, for people."""
        return _amount(self.limit, self.unit)

    @property
    def text(self) -> str:
        """Return both: "6.8 MiB of 8.0 MiB used (85%)"."""
        return f"{self.used_text} of {self.limit_text} used ({self.percent})"


def _amount(value: float, unit: str) -> str:
    if unit != BYTES:
        return f"{value:,.0f}"
    for prefix in _PREFIXES:
        if abs(value) < _STEP or prefix == _PREFIXES[-1]:
            return f"{value:.0f} {prefix}" if prefix == "B" else f"{value:.1f} {prefix}"
        value /= _STEP
    raise AssertionError("the last prefix takes whatever is left")
