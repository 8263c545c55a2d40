"""Facts: what an agent knows and reports, as plain values.

A fact is a batch of samples of one instant, some events, or a gap (a known absence of facts). It gets its
place in the order of facts, its seq, only when the outbox takes it in.

Nothing here does I/O, reads the clock or knows the wire.
"""

from dataclasses import dataclass
from enum import IntEnum

#: Names and values that qualify a series or an event, sorted by name.
Labels = tuple[tuple[str, str], ...]


class SeriesKind(IntEnum):
    """Whether a value is a level or a running total; numbers as in the protocol."""

    GAUGE = 1
    COUNTER = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One thing that is measured again and again; equal values are the same series."""

    #: After OpenTelemetry semantic conventions, e.g. "system.memory.usage"; 1-128 bytes.
    name: str
    #: UCUM unit, e.g. "By", "1", "s", "{channel}".
    unit: str
    labels: Labels = ()
    kind: SeriesKind = SeriesKind.GAUGE


#: One measured value of one series.
Sample = tuple[Series, float]


def labels_of(**labels: str) -> Labels:
    """Return labels in their canonical order."""
    return tuple(sorted(labels.items()))


def gauge(name: str, unit: str, **labels: str) -> Series:
    """Return the series of a level: bytes used, a ratio, a count of processes."""
    return Series(name=name, unit=unit, labels=labels_of(**labels))


def counter(name: str, unit: str, **labels: str) -> Series:
    """Return the series of a total that only grows until its source restarts."""
    return Series(name=name, unit=unit, labels=labels_of(**labels), kind=SeriesKind.COUNTER)


class Severity(IntEnum):
    """How bad an event is; numbers as in the protocol."""

    INFO = 1
    WARNING = 2
    ERROR = 3
    CRITICAL = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A coded thing that happened on the node."""

    #: Microseconds since the Unix epoch by this machine's clock.
    time_us: int
    #: Stable code, e.g. "component.exited"; 1-64 bytes.
    code: str
    severity: Severity
    #: Component of the product it concerns; empty for the whole node.
    component: str = ""
    #: Text for people, at most 2048 bytes.
    message: str = ""
    attributes: Labels = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Samples of one instant; no series twice."""

    #: Microseconds since the Unix epoch by this machine's clock.
    observe_time_us: int
    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventBatch:
    """Events in the order in which they happened; at least one."""

    events: tuple[Event, ...]


class GapReason(IntEnum):
    """Why facts are missing; numbers as in the protocol."""

    OUTBOX_OVERFLOW = 1
    OUTBOX_CORRUPT = 2
    DISK_FULL = 3
    COLLECTOR_TIMEOUT = 4
    INVALID_VALUE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Facts that are known to be missing; itself a fact.

    Invariant: `first_seq` and `last_seq` are both 0 (the lost facts never had a seq) or 0 < first <= last.
    """

    reason: GapReason
    first_seq: int = 0
    last_seq: int = 0
    #: How many facts are missing; at least 1.
    fact_count: int = 1
    #: Observe times of the oldest and newest missing fact, microseconds since the Unix epoch; 0 when unknown.
    oldest_time_us: int = 0
    newest_time_us: int = 0


#: Whatever the outbox takes in.
Fact = Batch | EventBatch | Gap


class FactKind(IntEnum):
    """What a stored fact is, without decoding it."""

    BATCH = 1
    EVENTS = 2
    GAP = 3


def kind_of(fact: Fact) -> FactKind:
    """Return what `fact` is."""
    match fact:
        case Batch():
            return FactKind.BATCH
        case EventBatch():
            return FactKind.EVENTS
        case Gap():
            return FactKind.GAP


def time_of(fact: Fact) -> int:
    """Return when `fact` was observed, microseconds since the Unix epoch; 0 when that is not known."""
    match fact:
        case Batch():
            return fact.observe_time_us
        case EventBatch():
            return fact.events[0].time_us
        case Gap():
            return fact.oldest_time_us
