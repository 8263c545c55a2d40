"""Alarm: the durable condition on one alarm key, after ISA-18.2.

Two independent facts make its state: whether the condition holds (active or cleared) and whether a human has
acknowledged it. An alarm is *open* for as long as its condition holds, and after that until its case is done;
one without a case is over when it clears. There is at most one open alarm per key, so a condition that comes
back finds the alarm it left, with who acknowledged it and a count.

Nothing here does I/O or reads the wall clock. Transitions are in `alarms/lifecycle.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vedette_server.contracts.priority import Priority
from vedette_server.telemetry.series import Labels


class Condition(StrEnum):
    """Whether the condition behind an alarm holds."""

    ACTIVE = "active"
    CLEARED = "cleared"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What decided: a value against a threshold, an event, or silence."""

    #: Agent whose facts decided.
    agent: str
    #: In words, complete without the fields below.
    text: str
    #: When it was observed, in event time (aware UTC).
    observed_at: datetime
    #: Series that was judged; empty when an event or silence decided.
    series: str = ""
    #: Series of the limit it was judged against; empty when there is none.
    limit_series: str = ""
    #: Labels of these series.
    labels: Labels = ()
    #: Value and threshold in the unit of the rule; a ratio for used/limit.
    value: float = 0.0
    threshold: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One condition on one key.

    Invariants: `cleared_at` is set exactly while the condition is cleared; `closed_at` only on an alarm that
    is cleared; `occurrences` is at least 1.
    """

    id: str
    #: Rule code, scope and labels; see `alarms/key.py`.
    key: str
    code: str
    alarm_class: str
    title: str
    priority: Priority
    condition: Condition
    customer: str
    installation: str
    node: str
    component: str
    labels: Labels
    evidence: Evidence
    #: When the condition began this time, in event time.
    raised_at: datetime
    occurrences: int = 1
    #: Who acknowledged it, and when; empty while nobody has.
    acknowledged_by: str = ""
    acknowledged_at: datetime | None = None
    #: When the condition last went away, in event time.
    cleared_at: datetime | None = None
    clear_cause: str = ""
    #: When it was over for good, in server time.
    closed_at: datetime | None = None
    #: Case that works on it; empty when it has none.
    case_id: str = ""
    #: Whether proactive support is owed, and why or why not.
    entitled: bool
    reasons: tuple[str, ...] = ()
    #: Version of this alarm; its etag.
    revision: int = 1

    @property
    def active(self) -> bool:
        """Return whether the condition holds."""
        return self.condition is Condition.ACTIVE

    @property
    def acknowledged(self) -> bool:
        """Return whether a human has acknowledged it."""
        return self.acknowledged_at is not None

    @property
    def open(self) -> bool:
        """Return whether the alarm is not over yet."""
        return self.closed_at is None
