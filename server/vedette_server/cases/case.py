"""Case: the work item of the support team, with its owner and its response clock.

A case holds one or more alarms, or none when a person opened it for what a customer reported. Its priority
only ever rises by alarms. Its clock is data (see `cases/sla.py`) and only a human act stops it.

Nothing here does I/O or reads the wall clock. Transitions are in `cases/lifecycle.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vedette_server.cases.sla import SlaClock
from vedette_server.contracts.priority import Priority


class CaseState(StrEnum):
    """Where a case stands."""

    NEW = "new"
    ACKNOWLEDGED = "acknowledged"
    WAITING = "waiting"
    RESOLVED = "resolved"
    CLOSED = "closed"


#: States in which there is still work to do.
OPEN_STATES = (CaseState.NEW, CaseState.ACKNOWLEDGED, CaseState.WAITING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One work item.

    Invariants: an `acknowledged_at` has an `acknowledged_by`; `resolved_at` is set exactly in resolved and
    closed; a case without a `clock` is one to which the contract promises no response time.
    """

    id: str
    title: str
    customer: str
    #: Empty when the case concerns no single installation or node.
    installation: str
    node: str
    priority: Priority
    state: CaseState = CaseState.NEW
    owner: str = ""
    clock: SlaClock | None
    #: Alarm ids, oldest first; those of them whose condition holds.
    alarms: tuple[str, ...] = ()
    active_alarms: tuple[str, ...] = ()
    #: Alarm keys this case has worked on: a condition that comes back finds its case by them.
    alarm_keys: tuple[str, ...] = ()
    #: Rule code of the first alarm; empty when a person opened the case.
    alarm_code: str = ""
    occurrences: int = 0
    reopened: int = 0
    #: Plan and its version when the case was opened; empty when no contract was in force.
    plan: str = ""
    plan_version: str = ""
    reasons: tuple[str, ...] = ()
    description: str = ""
    created_at: datetime
    created_by: str
    updated_at: datetime
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    resolved_at: datetime | None = None
    resolution: str = ""
    closed_at: datetime | None = None
    #: Version of this case; its etag.
    revision: int = 1

    @property
    def open(self) -> bool:
        """Return whether there is still work to do."""
        return self.state in OPEN_STATES
