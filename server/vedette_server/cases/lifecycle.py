"""Case life cycle: new, acknowledged, waiting, resolved, closed, and reopened as new with a count.

Each transition is total and pure and returns the case after it with a reason that log, API and tests share.
Clocks are moved by the caller through `cases/sla.py` and handed in; only human acts stop them.

Nothing here does I/O or reads the wall clock. Callers pass `now` in.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from vedette_server.cases.case import Case, CaseState
from vedette_server.cases.sla import SlaClock
from vedette_server.contracts.priority import Priority


class Reason(StrEnum):
    """What a transition did."""

    OPENED = "CASE_OPENED"
    ACKNOWLEDGED = "CASE_ACKNOWLEDGED"
    ASSIGNED = "CASE_ASSIGNED"
    COMMENTED = "CASE_COMMENTED"
    RESOLVED = "CASE_RESOLVED"
    SELF_RESOLVED = "CASE_RESOLVED_BY_ITSELF"
    CLOSED = "CASE_CLOSED"
    REOPENED = "CASE_REOPENED"
    ALARM_JOINED = "CASE_ALARM_JOINED"
    ALARM_CLEARED = "CASE_ALARM_CLEARED"
    PRIORITY_RAISED = "CASE_PRIORITY_RAISED"
    RESPONSE_BREACHED = "CASE_RESPONSE_BREACHED"
    UNCHANGED = "UNCHANGED"


def acknowledge(case: Case, *, by: str, clock: SlaClock | None, now: datetime) -> tuple[Case, Reason]:
    """Return a new case as taken by `by`, who owns it from now on unless it has an owner."""
    if case.state is not CaseState.NEW:
        return case, Reason.UNCHANGED
    after = replace(
        case,
        state=CaseState.ACKNOWLEDGED,
        owner=case.owner or by,
        clock=clock,
        acknowledged_at=now,
        acknowledged_by=by,
        updated_at=now,
    )
    return after, Reason.ACKNOWLEDGED


def assign(case: Case, *, owner: str, now: datetime) -> tuple[Case, Reason]:
    """Return an open case with another owner; "" for nobody.

    Being assigned is no answer: the clock goes on.
    """
    if not case.open or case.owner == owner:
        return case, Reason.UNCHANGED
    return replace(case, owner=owner, updated_at=now), Reason.ASSIGNED


def resolve(
    case: Case, *, resolution: str, clock: SlaClock | None, by_itself: bool, now: datetime
) -> tuple[Case, Reason]:
    """Return an open case as done, by a human or because its alarms cleared and stayed away."""
    if not case.open:
        return case, Reason.UNCHANGED
    after = replace(
        case, state=CaseState.RESOLVED, resolution=resolution, clock=clock, resolved_at=now, updated_at=now
    )
    return after, Reason.SELF_RESOLVED if by_itself else Reason.RESOLVED


def close(case: Case, *, now: datetime) -> tuple[Case, Reason]:
    """Return a resolved case as final."""
    if case.state is not CaseState.RESOLVED:
        return case, Reason.UNCHANGED
    return replace(case, state=CaseState.CLOSED, closed_at=now, updated_at=now), Reason.CLOSED


def reopen(case: Case, *, clock: SlaClock | None, now: datetime) -> tuple[Case, Reason]:
    """Return a resolved case as new, with one reopening more; nobody has answered for this one yet."""
    if case.state is not CaseState.RESOLVED:
        return case, Reason.UNCHANGED
    after = replace(
        case,
        state=CaseState.NEW,
        reopened=case.reopened + 1,
        clock=clock,
        acknowledged_at=None,
        acknowledged_by="",
        resolved_at=None,
        resolution="",
        updated_at=now,
    )
    return after, Reason.REOPENED


def join(case: Case, *, alarm: str, key: str, now: datetime) -> tuple[Case, Reason]:
    """Return a case with an alarm that is active: a new one of the same cause, or one that came back."""
    after = replace(
        case,
        alarms=case.alarms if alarm in case.alarms else (*case.alarms, alarm),
        active_alarms=case.active_alarms if alarm in case.active_alarms else (*case.active_alarms, alarm),
        alarm_keys=case.alarm_keys if key in case.alarm_keys else (*case.alarm_keys, key),
        occurrences=case.occurrences + 1,
        updated_at=now,
    )
    return after, Reason.ALARM_JOINED


def alarm_cleared(case: Case, *, alarm: str, clock: SlaClock | None, now: datetime) -> tuple[Case, Reason]:
    """Return a case of which one alarm cleared."""
    if alarm not in case.active_alarms:
        return case, Reason.UNCHANGED
    active = tuple(one for one in case.active_alarms if one != alarm)
    return replace(case, active_alarms=active, clock=clock, updated_at=now), Reason.ALARM_CLEARED


def raise_priority(
    case: Case, *, priority: Priority, clock: SlaClock | None, now: datetime
) -> tuple[Case, Reason]:
    """Return a case that became more urgent: an acknowledgement is void and it is new again."""
    if priority >= case.priority:
        return case, Reason.UNCHANGED
    state = CaseState.NEW if case.state is CaseState.ACKNOWLEDGED else case.state
    voided = state is not case.state
    after = replace(
        case,
        priority=priority,
        clock=clock,
        state=state,
        acknowledged_at=None if voided else case.acknowledged_at,
        acknowledged_by="" if voided else case.acknowledged_by,
        updated_at=now,
    )
    return after, Reason.PRIORITY_RAISED


def breach(case: Case, *, clock: SlaClock, now: datetime) -> tuple[Case, Reason]:
    """Return a case whose response time has passed unanswered."""
    return replace(case, clock=clock, updated_at=now), Reason.RESPONSE_BREACHED
