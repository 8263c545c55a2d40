"""What a response clock shows at one instant: time spent, time left, and whether time counts now.

A clock is data that stands still between transitions (see `cases/sla.py`); here it is read, with the
calendar it is pinned to. A breached clock goes on to show by how much open time the answer is late, until a
human answers.

Nothing here does I/O or reads the wall clock. Callers pass `now` in.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from vedette_server.calendars.intervals import CalendarVersion, elapsed, is_open, next_opening
from vedette_server.cases.sla import ClockState, SlaClock, spent_at


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockFace:
    """What a clock shows."""

    clock: SlaClock
    #: Open time spent; more than the target once breached.
    spent: timedelta
    #: Open time left; negative once breached.
    remaining: timedelta
    #: Whether the calendar is open.
    open: bool
    #: When it opens next; None while it is open, and when the calendar does not reach that far.
    next_open_at: datetime | None


def read_clock(clock: SlaClock, *, calendar: CalendarVersion | None, now: datetime) -> ClockFace:
    """Return what `clock` shows at `now`.

    Args:
        clock: in any state.
        calendar: the one it is pinned to; None when it is not kept any more, then time stands still.
        now: aware UTC. Beyond what the calendar covers, time stands still too.
    """
    if calendar is None:
        return ClockFace(
            clock=clock,
            spent=clock.spent,
            remaining=clock.target - clock.spent,
            open=False,
            next_open_at=None,
        )
    at = _within(calendar, now)
    spent = _spent(clock, calendar, at)
    open_now = at == now and is_open(calendar, at)
    return ClockFace(
        clock=clock,
        spent=spent,
        remaining=clock.target - spent,
        open=open_now,
        next_open_at=None if open_now or at != now else next_opening(calendar, at),
    )


def _spent(clock: SlaClock, calendar: CalendarVersion, at: datetime) -> timedelta:
    if clock.state is ClockState.BREACHED and clock.breached_at is not None:
        end = _within(calendar, clock.stopped_at or at)
        return clock.target + elapsed(calendar, clock.breached_at, end)
    return spent_at(clock, calendar=calendar, now=at)


def _within(calendar: CalendarVersion, at: datetime) -> datetime:
    """Return the instant nearest to `at` that the calendar speaks for."""
    if calendar.always:
        return at
    return min(max(at, calendar.covers_from), calendar.covers_to)
