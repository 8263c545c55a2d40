"""Batch columns: from samples to the two byte columns that travel, and which samples may travel at all.

One idea: a sample that the server would refuse is refused here, where the reason is known, because an
invalid fact costs a recorded gap and a whole batch. Series are numbers on the wire; who numbers them is the
outbox.

Nothing here does I/O or reads the clock.
"""

import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from vedette_agent.facts import Labels, Sample, Series

#: Samples of one batch, so that a frame stays small enough (24 KiB) never to hold a heartbeat up for long.
MAX_SAMPLES = 2000
_MAX_NAME_BYTES = 128
_MAX_UNIT_BYTES = 32
_MAX_LABELS = 16
_MAX_LABEL_NAME_CHARS = 63
_MAX_LABEL_BYTES = 256
_LABEL_NAME_CHARS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """What of some samples may be sent."""

    samples: tuple[Sample, ...]
    #: Samples left out: not finite, a series that the protocol does not allow, or a series given twice.
    refused_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """A batch as it travels; both columns have one entry a sample."""

    #: Packed little-endian uint32.
    series_numbers: bytes
    #: Packed little-endian IEEE 754 binary64.
    values: bytes


def admit(samples: Iterable[Sample]) -> Admitted:
    """Return the samples that may be sent, in their order; the first of a series wins."""
    kept: dict[Series, float] = {}
    refused = 0
    for series, value in samples:
        if series not in kept and math.isfinite(value) and is_valid(series):
            kept[series] = value
        else:
            refused += 1
    return Admitted(samples=tuple(kept.items()), refused_count=refused)


def is_valid(series: Series) -> bool:
    """Say whether the protocol has room for a series as it is."""
    return (
        0 < len(series.name.encode()) <= _MAX_NAME_BYTES
        and len(series.unit.encode()) <= _MAX_UNIT_BYTES
        and len(series.labels) <= _MAX_LABELS
        and _are_valid(series.labels)
    )


def _are_valid(labels: Labels) -> bool:
    return all(
        0 < len(name) <= _MAX_LABEL_NAME_CHARS
        and "a" <= name[0] <= "z"
        and _LABEL_NAME_CHARS.issuperset(name)
        and len(value.encode("utf-8", "replace")) <= _MAX_LABEL_BYTES
        for name, value in labels
    )


def columns(samples: Sequence[Sample], numbers: Mapping[Series, int]) -> Columns:
    """Return the columns of samples whose series are all numbered.

    Raises:
        KeyError: a series has no number.
        struct.error: a number is negative or over 32 bits.
    """
    return Columns(
        series_numbers=struct.pack(f"<{len(samples)}I", *(numbers[series] for series, _ in samples)),
        values=struct.pack(f"<{len(samples)}d", *(value for _, value in samples)),
    )


def decoded(packed: Columns) -> tuple[tuple[int, float], ...]:
    """Return series number and value of each sample; the inverse of `columns`."""
    count = len(packed.values) // 8
    return tuple(
        zip(
            struct.unpack(f"<{count}I", packed.series_numbers),
            struct.unpack(f"<{count}d", packed.values),
            strict=True,
        )
    )


def split(samples: tuple[Sample, ...], most: int = MAX_SAMPLES) -> tuple[tuple[Sample, ...], ...]:
    """Return samples in pieces of at most `most`, in their order."""
    return tuple(samples[start : start + most] for start in range(0, len(samples), most))
