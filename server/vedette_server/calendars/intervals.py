"""Open time: how much of it lies between two instants, and when a given amount of it will have passed.

A calendar is a sorted list of open intervals in UTC, so daylight saving, lunch breaks, holidays and shifts
over midnight are all gone by the time anything here runs: `compile.py` has turned them into instants.
`elapsed` and `due_at` are inverses of each other, exact to the microsecond.

Nothing here knows local time, reads a clock or does I/O.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class CalendarExhausted(Exception):
    """The calendar does not reach far enough (or was compiled too late) to answer; load a newer version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarVersion:
    """One calendar as compiled once: immutable, named by its content, pinned by the cases that count in it.

    Invariants: `starts` and `ends` are equally long; each interval is `[start, end)` with start < end; they
    are sorted, disjoint and not adjacent (an end is less than the next start); all lie within `covers_from`
    and `covers_to`. With `always` both are empty: open at every instant, and `covers_*` bound nothing.
    """

    #: Theater and name, such as "emea/business".
    id: str
    #: Hash of everything else here, 16 hexadecimal digits: equal versions are equal calendars.
    version: str
    #: What people call it, such as "Business hours".
    title: str
    #: Open at every instant (24x7).
    always: bool
    #: Starts of the open intervals, microseconds since 1970 UTC.
    starts: tuple[int, ...]
    #: Ends of the open intervals, exclusive, microseconds since 1970 UTC.
    ends: tuple[int, ...]
    #: First instant that the intervals speak for (aware UTC).
    covers_from: datetime
    #: End of the span that the intervals speak for, exclusive (aware UTC).
    covers_to: datetime


def elapsed(calendar: CalendarVersion, start: datetime, end: datetime) -> timedelta:
    """Return the open time in `[start, end)`; zero when `end` is not after `start`.

    Args:
        calendar: what counts as open.
        start: aware UTC; may lie in a closed interval.
        end: aware UTC.

    Raises:
        CalendarExhausted: `start` or `end` lies outside the span that the calendar covers.
    """
    if end <= start:
        return timedelta(0)
    if calendar.always:
        return end - start
    first, last = _covered(calendar, start), _covered(calendar, end)
    starts, ends = calendar.starts, calendar.ends
    # The intervals that touch (first, last): the outermost two may stick out and are clipped below.
    low, high = bisect_right(ends, first), bisect_left(starts, last)
    if low >= high:
        return timedelta(0)
    open_time = sum(ends[low:high]) - sum(starts[low:high])
    open_time -= max(0, first - starts[low]) + max(0, ends[high - 1] - last)
    return timedelta(microseconds=open_time)


def due_at(calendar: CalendarVersion, start: datetime, target: timedelta) -> datetime:
    """Return the first instant at which `target` of open time has passed since `start`.

    The inverse of `elapsed`: `elapsed(c, s, due_at(c, s, t)) == t` and `due_at(c, s, elapsed(c, s, e)) <= e`.
    A target that is used up exactly at closing is due at closing, not at the next opening.

    Args:
        calendar: what counts as open.
        start: aware UTC; may lie in a closed interval.
        target: open time, not negative; zero is due at `start`.

    Raises:
        CalendarExhausted: `start` lies outside the covered span, or too little open time is left in it.
        ValueError: `target` is negative.
    """
    if target < timedelta(0):
        raise ValueError(f"target must not be negative, got {target}")
    if calendar.always or not target:
        return start + target
    first, left = _covered(calendar, start), target // _MICROSECOND
    starts, ends = calendar.starts, calendar.ends
    for index in range(bisect_right(ends, first), len(ends)):
        opening = max(first, starts[index])
        if left <= ends[index] - opening:
            return _EPOCH + timedelta(microseconds=opening + left)
        left -= ends[index] - opening
    raise CalendarExhausted(
        f"calendar {calendar.id} has less than {target} of open time between {start:%Y-%m-%d %H:%M} UTC "
        f"and its end on {calendar.covers_to:%Y-%m-%d}; reload the policy to extend it"
    )


def is_open(calendar: CalendarVersion, at: datetime) -> bool:
    """Tell whether the calendar is open at `at`. Open at an opening, closed at a closing.

    Raises:
        CalendarExhausted: `at` lies outside the covered span.
    """
    if calendar.always:
        return True
    instant = _covered(calendar, at)
    index = bisect_right(calendar.starts, instant) - 1
    return index >= 0 and instant < calendar.ends[index]


def next_opening(calendar: CalendarVersion, at: datetime) -> datetime | None:
    """Return the first open instant that is not before `at`: `at` itself while open, None when there is none.

    Raises:
        CalendarExhausted: `at` lies outside the covered span.
    """
    if is_open(calendar, at):
        return at
    index = bisect_left(calendar.starts, _covered(calendar, at))
    if index == len(calendar.starts):
        return None
    return _EPOCH + timedelta(microseconds=calendar.starts[index])


def microseconds(at: datetime) -> int:
    """Return an aware instant as whole microseconds since 1970 UTC, without rounding."""
    return (at - _EPOCH) // _MICROSECOND


def _covered(calendar: CalendarVersion, at: datetime) -> int:
    """Return `at` in microseconds, if the calendar's intervals speak for it."""
    if not calendar.covers_from <= at <= calendar.covers_to:
        raise CalendarExhausted(
            f"calendar {calendar.id} covers {calendar.covers_from:%Y-%m-%d} to "
            f"{calendar.covers_to:%Y-%m-%d}, not {at:%Y-%m-%d %H:%M} UTC; reload the policy to extend it"
        )
    return microseconds(at)
