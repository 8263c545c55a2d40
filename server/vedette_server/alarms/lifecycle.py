"""Alarm life cycle after ISA-18.2: raise, rise, clear, acknowledge, close.

Each transition is total and pure: it returns the alarm after it, and a reason that log, API and tests share.
An alarm that was acknowledged and comes back stays acknowledged while its case is worked on; a higher
priority voids the acknowledgement.

Nothing here does I/O or reads the wall clock. Callers pass `now` in.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from vedette_server.alarms.alarm import Alarm, Condition, Evidence
from vedette_server.contracts.priority import Priority


class Reason(StrEnum):
    """What a transition did."""

    RAISED = "ALARM_RAISED"
    RAISED_AGAIN = "ALARM_RAISED_AGAIN"
    PRIORITY_RAISED = "ALARM_PRIORITY_RAISED"
    CLEARED = "ALARM_CLEARED"
    ACKNOWLEDGED = "ALARM_ACKNOWLEDGED"
    CLOSED = "ALARM_CLOSED"
    UNCHANGED = "UNCHANGED"


def raise_again(
    alarm: Alarm, *, priority: Priority, evidence: Evidence, at: datetime
) -> tuple[Alarm, Reason]:
    """Return an open alarm whose condition came once more; its priority may only rise."""
    after = replace(
        alarm,
        condition=Condition.ACTIVE,
        occurrences=alarm.occurrences + 1,
        raised_at=alarm.raised_at if alarm.active else at,
        cleared_at=None,
        clear_cause="",
        evidence=evidence,
    )
    return _with_priority(after, priority), Reason.RAISED_AGAIN


def worsen(alarm: Alarm, *, priority: Priority, evidence: Evidence) -> tuple[Alarm, Reason]:
    """Return an active alarm that reached a higher level; the same alarm, never a second one."""
    if priority >= alarm.priority:
        return alarm, Reason.UNCHANGED
    return _with_priority(replace(alarm, evidence=evidence), priority), Reason.PRIORITY_RAISED


def clear(alarm: Alarm, *, at: datetime, cause: str, now: datetime) -> tuple[Alarm, Reason]:
    """Return an alarm whose condition went away. One without a case is over with that."""
    if not alarm.active:
        return alarm, Reason.UNCHANGED
    over = not alarm.case_id
    after = replace(
        alarm,
        condition=Condition.CLEARED,
        cleared_at=max(at, alarm.raised_at),
        clear_cause=cause,
        closed_at=now if over else None,
    )
    return after, Reason.CLEARED


def acknowledge(alarm: Alarm, *, by: str, now: datetime) -> tuple[Alarm, Reason]:
    """Return an alarm that a human has taken; a cleared one without a case is over with that."""
    if alarm.acknowledged or not alarm.open:
        return alarm, Reason.UNCHANGED
    closed_at = None if alarm.active or alarm.case_id else now
    return replace(alarm, acknowledged_by=by, acknowledged_at=now, closed_at=closed_at), Reason.ACKNOWLEDGED


def close(alarm: Alarm, *, now: datetime) -> tuple[Alarm, Reason]:
    """Return a cleared alarm whose case is done."""
    if alarm.active or not alarm.open:
        return alarm, Reason.UNCHANGED
    return replace(alarm, closed_at=now), Reason.CLOSED


def _with_priority(alarm: Alarm, priority: Priority) -> Alarm:
    """Raise the priority, which voids an acknowledgement; a lower one changes nothing."""
    if priority >= alarm.priority:
        return alarm
    return replace(alarm, priority=priority, acknowledged_by="", acknowledged_at=None)
