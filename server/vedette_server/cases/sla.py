"""SLA clock: how long a case may wait for a human, and how long it has left.

A clock is data, never a running task: it keeps the open time already spent and the instant it was last
resumed, so it survives a restart and is tested without sleeping. While it runs it also keeps its due time,
which is worked out once at each change, so that looking at ten thousand clocks costs comparisons only.

"Less than 60 minutes" is strict: at the due instant the promise is broken. Therefore every transition first
asks whether the due time has passed, and a timer that fires late changes nothing: the breach is dated at the
due time, whatever noticed it.

A clock counts in one calendar version, pinned by id and content; each function checks that it was handed
that one. Nothing here does I/O or reads the wall clock. Callers pass `now` in.

    not_started --start--> running <--pause/resume--> paused
         |                    |                          |
         +------ cancel ------+--------------------------+---> cancelled
                              +-- stop --> met
                              +-- expire, or anything at or after the due time --> breached
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from vedette_server.calendars.intervals import CalendarVersion, due_at, elapsed
from vedette_server.contracts.priority import Priority


class ClockState(StrEnum):
    """Where a clock stands. Met, breached and cancelled are final."""

    NOT_STARTED = "not_started"
    RUNNING = "running"
    PAUSED = "paused"
    MET = "met"
    BREACHED = "breached"
    CANCELLED = "cancelled"


class Reason(StrEnum):
    """What a transition did; stable names that journal, API and tests share."""

    #: It counts from now on.
    STARTED = "started"
    #: The open time spent is kept; there is no due time until it is resumed.
    PAUSED = "paused"
    #: It goes on with the open time that was left.
    RESUMED = "resumed"
    #: A human answered within the target.
    MET = "met"
    #: The target was used up before a human answered.
    BREACHED = "breached"
    #: A human answered after the breach.
    ANSWERED_LATE = "answered_late"
    #: Nobody waits for an answer any more.
    CANCELLED = "cancelled"
    #: The new terms are due earlier and count from now on.
    TIGHTENED = "tightened"
    #: The terms that it already had are the stricter ones and go on.
    STRICTER_KEPT = "stricter_kept"
    #: It had not started, so it simply takes the new terms.
    TERMS_CHANGED = "terms_changed"
    #: Nothing to do in this state.
    UNCHANGED = "unchanged"


class WrongCalendar(ValueError):
    """A clock was handed a calendar other than the one it is pinned to: a mistake of the caller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlaClock:
    """Reaction time promised for one case.

    Invariants: `spent` never includes the current run; see `remaining`. `running_since` and `due_at` are set
    exactly while running. `stopped_at` is set exactly when a human has answered: always when met, perhaps
    when breached. `cancelled_at` is set exactly when cancelled. `priority`, `target` and the calendar belong
    together: they are the terms that count.
    """

    #: Open time allowed, exclusive. Always positive.
    target: timedelta
    #: Id of the calendar that it counts in, such as "emea/business".
    calendar_id: str
    #: Version of that calendar; editing a holiday moves no clock that has started.
    calendar_version: str
    #: Priority whose promise `target` is; not the case's own when an earlier, stricter promise goes on.
    priority: Priority
    state: ClockState = ClockState.NOT_STARTED
    #: Open time used by finished runs under the terms that count. Never negative.
    spent: timedelta = timedelta(0)
    #: Start of the current run (aware UTC), or None.
    running_since: datetime | None = None
    #: First start (aware UTC), or None before it.
    started_at: datetime | None = None
    #: When the target is used up (aware UTC), or None while not running.
    due_at: datetime | None = None
    #: When a human answered (aware UTC), or None.
    stopped_at: datetime | None = None
    #: The due time that passed unanswered (aware UTC), or None.
    breached_at: datetime | None = None
    #: When the promise fell away (aware UTC), or None.
    cancelled_at: datetime | None = None

    @property
    def is_final(self) -> bool:
        """Tell whether no transition can change the outcome any more."""
        return self.state in {ClockState.MET, ClockState.BREACHED, ClockState.CANCELLED}


def new_clock(*, priority: Priority, target: timedelta, calendar: CalendarVersion) -> SlaClock:
    """Return a clock with these terms that has not started.

    Raises:
        ValueError: `target` is not positive.
    """
    _check_target(target)
    return SlaClock(
        target=target, calendar_id=calendar.id, calendar_version=calendar.version, priority=priority
    )


def start(clock: SlaClock, *, calendar: CalendarVersion, now: datetime) -> tuple[SlaClock, Reason]:
    """Start counting at `now`. `CalendarExhausted` if the calendar has too little open time left."""
    _check_calendar(clock, calendar)
    if clock.state is not ClockState.NOT_STARTED:
        return clock, Reason.UNCHANGED
    return replace(_run(clock, calendar, now), started_at=now), Reason.STARTED


def pause(clock: SlaClock, *, calendar: CalendarVersion, now: datetime) -> tuple[SlaClock, Reason]:
    """Stop counting, for example while waiting on the customer. Outside open hours this spends nothing."""
    _check_calendar(clock, calendar)
    if _is_overdue(clock, now):
        return expire(clock, now=now)
    if clock.state is not ClockState.RUNNING:
        return clock, Reason.UNCHANGED
    spent = spent_at(clock, calendar=calendar, now=now)
    return _rest(clock, ClockState.PAUSED, spent), Reason.PAUSED


def resume(clock: SlaClock, *, calendar: CalendarVersion, now: datetime) -> tuple[SlaClock, Reason]:
    """Count again, with the open time that was left. `CalendarExhausted` as for `start`."""
    _check_calendar(clock, calendar)
    if clock.state is not ClockState.PAUSED:
        return clock, Reason.UNCHANGED
    return _run(clock, calendar, now), Reason.RESUMED


def stop(clock: SlaClock, *, calendar: CalendarVersion, now: datetime) -> tuple[SlaClock, Reason]:
    """Record that a human answered at `now`: met if less than the target has passed, else a late answer.

    Only a human act may call this; a condition that clears by itself cancels or leaves the clock alone.
    """
    _check_calendar(clock, calendar)
    if _is_overdue(clock, now):
        clock, _reason = expire(clock, now=now)
    match clock.state:
        case ClockState.RUNNING | ClockState.PAUSED:
            spent = spent_at(clock, calendar=calendar, now=now)
            return replace(_rest(clock, ClockState.MET, spent), stopped_at=now), Reason.MET
        case ClockState.NOT_STARTED:
            return replace(clock, state=ClockState.MET, stopped_at=now), Reason.MET
        case ClockState.BREACHED if clock.stopped_at is None:
            return replace(clock, stopped_at=now), Reason.ANSWERED_LATE
        case _:
            return clock, Reason.UNCHANGED


def expire(clock: SlaClock, *, now: datetime) -> tuple[SlaClock, Reason]:
    """Mark a running clock as breached if its due time has come; early or repeated calls change nothing."""
    if not _is_overdue(clock, now):
        return clock, Reason.UNCHANGED
    breached = _rest(clock, ClockState.BREACHED, clock.target)
    return replace(breached, breached_at=clock.due_at), Reason.BREACHED


def cancel(clock: SlaClock, *, calendar: CalendarVersion, now: datetime) -> tuple[SlaClock, Reason]:
    """End the clock without an answer, as when a P4 cleared by itself. Too late is still a breach."""
    _check_calendar(clock, calendar)
    if _is_overdue(clock, now):
        return expire(clock, now=now)
    if clock.is_final:
        return clock, Reason.UNCHANGED
    spent = spent_at(clock, calendar=calendar, now=now)
    return replace(_rest(clock, ClockState.CANCELLED, spent), cancelled_at=now), Reason.CANCELLED


def raise_priority(
    clock: SlaClock,
    *,
    calendar: CalendarVersion,
    priority: Priority,
    target: timedelta,
    new_calendar: CalendarVersion,
    now: datetime,
) -> tuple[SlaClock, Reason]:
    """Give the clock the terms of a more urgent priority, or of a better plan in the middle of a case.

    It becomes due at the earlier of its old due time and the new one counted from `now`, so the new one never
    lies in the past. A paused clock stays paused and takes whichever terms would be due first if it were
    resumed now. A clock that has ended keeps its outcome: re-arming asks for a clock of its own.

    Args:
        clock: in any state.
        calendar: the one the clock is pinned to.
        priority: whose promise `target` is.
        target: open time allowed under the new terms, exclusive, positive.
        new_calendar: what the new target counts in; may be the same.
        now: aware UTC.

    Raises:
        CalendarExhausted: `new_calendar` has too little open time left.
        ValueError: `target` is not positive.
    """
    _check_calendar(clock, calendar)
    if _is_overdue(clock, now):
        return expire(clock, now=now)
    if clock.is_final:
        return clock, Reason.UNCHANGED
    fresh = new_clock(priority=priority, target=target, calendar=new_calendar)
    if clock.state is ClockState.NOT_STARTED:
        return fresh, Reason.TERMS_CHANGED
    old_due = clock.due_at or due_at(calendar, now, clock.target - clock.spent)
    tightened = replace(_run(fresh, new_calendar, now), started_at=clock.started_at)
    if tightened.due_at is None or tightened.due_at >= old_due:
        return clock, Reason.STRICTER_KEPT
    if clock.state is ClockState.PAUSED:
        tightened = _rest(tightened, ClockState.PAUSED, timedelta(0))
    return tightened, Reason.TIGHTENED


def lower_priority(
    clock: SlaClock,
    *,
    calendar: CalendarVersion,
    priority: Priority,
    target: timedelta,
    new_calendar: CalendarVersion,
    now: datetime,
) -> tuple[SlaClock, Reason]:
    """Keep the stricter promise when a case becomes less urgent; only a clock not yet started takes the new.

    Takes and raises what `raise_priority` does.
    """
    _check_calendar(clock, calendar)
    if _is_overdue(clock, now):
        return expire(clock, now=now)
    if clock.is_final:
        return clock, Reason.UNCHANGED
    if clock.state is ClockState.NOT_STARTED:
        fresh = new_clock(priority=priority, target=target, calendar=new_calendar)
        return fresh, Reason.TERMS_CHANGED
    return clock, Reason.STRICTER_KEPT


def spent_at(clock: SlaClock, *, calendar: CalendarVersion, now: datetime) -> timedelta:
    """Return the open time used by `now` under the terms that count; never more than the target.

    Raises:
        CalendarExhausted: the clock is running and the calendar does not cover `now`.
    """
    _check_calendar(clock, calendar)
    if clock.running_since is None:
        return clock.spent
    if _is_overdue(clock, now):
        return clock.target
    return clock.spent + elapsed(calendar, clock.running_since, now)


def remaining(clock: SlaClock, *, calendar: CalendarVersion, now: datetime) -> timedelta:
    """Return the open time left at `now`; zero once the target is used up, and for a breached clock."""
    return clock.target - spent_at(clock, calendar=calendar, now=now)


def _run(clock: SlaClock, calendar: CalendarVersion, now: datetime) -> SlaClock:
    """Return the clock running from `now`, with its due time."""
    due = due_at(calendar, now, clock.target - clock.spent)
    return replace(clock, state=ClockState.RUNNING, running_since=now, due_at=due)


def _rest(clock: SlaClock, state: ClockState, spent: timedelta) -> SlaClock:
    """Return the clock in a state in which it does not run."""
    return replace(clock, state=state, spent=spent, running_since=None, due_at=None)


def _is_overdue(clock: SlaClock, now: datetime) -> bool:
    return clock.due_at is not None and now >= clock.due_at


def _check_calendar(clock: SlaClock, calendar: CalendarVersion) -> None:
    if (calendar.id, calendar.version) != (clock.calendar_id, clock.calendar_version):
        raise WrongCalendar(
            f"clock is pinned to calendar {clock.calendar_id} version {clock.calendar_version}, "
            f"got {calendar.id} version {calendar.version}"
        )


def _check_target(target: timedelta) -> None:
    if target <= timedelta(0):
        raise ValueError(f"target must be positive, got {target}")
