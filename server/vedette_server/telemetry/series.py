"""Series: what a measured value is called, its unit, and the labels that tell it from its siblings.

Nothing here does I/O.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

#: Names and values, sorted by name.
Labels = tuple[tuple[str, str], ...]


class SeriesKind(StrEnum):
    """Whether a value is a level or a running total."""

    GAUGE = "gauge"
    COUNTER = "counter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One series of one outbox, under the number that its batches use."""

    number: int
    name: str
    unit: str
    labels: Labels = ()
    kind: SeriesKind = SeriesKind.GAUGE


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesPage:
    """Descriptors that one outbox announced together for the first time."""

    agent: str
    outbox_id: str
    series: tuple[Series, ...]
    revision: int = 1


def label(labels: Labels, name: str) -> str:
    """Return the value of the label `name`, or "" when there is none."""
    for key, value in labels:
        if key == name:
            return value
    return ""
