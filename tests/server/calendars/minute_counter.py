"""The slowest possible calendar: look at the wall clock each minute and ask whether support is open.

It shares no code with the compiler: it knows local time only by asking zoneinfo about one UTC minute at a
time, so daylight saving needs no rule here. What it counts, `calendars/` must work out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import holidays
import numpy as np

from vedette_server.calendars.compile import (
    CalendarDefinition,
    HalfDay,
    Hours,
    TheaterDefinition,
    compile_theater,
)

if TYPE_CHECKING:
    from vedette_server.calendars.intervals import CalendarVersion

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
CLOSED: tuple[Hours, ...] = ()


def shift(text: str) -> Hours:
    """Return `09:00-12:30` as hours; a closing that is not after the opening is on the next day."""
    opens, closes = (
        timedelta(hours=int(hour), minutes=int(minute))
        for hour, minute in (clock.split(":") for clock in text.split("-"))
    )
    return Hours(opens=opens, closes=closes if opens < closes else closes + DAY)


def shifts(text: str) -> tuple[Hours, ...]:
    """Return `09:00-12:30 13:00-18:00` as the shifts of one day."""
    return tuple(shift(part) for part in text.split())


def theater(
    zone: str,
    week: tuple[tuple[Hours, ...], ...],
    *,
    region: tuple[str, str | None] | None = None,
    closed_days: tuple[date, ...] = (),
    half_days: tuple[HalfDay, ...] = (),
    open_days: tuple[date, ...] = (),
) -> TheaterDefinition:
    """Return a theater with one calendar, `business`."""
    return TheaterDefinition(
        id="test",
        title="Test",
        zone=zone,
        country=region[0] if region else None,
        subdivision=region[1] if region else None,
        closed_days=closed_days,
        half_days=half_days,
        open_days=open_days,
        calendars=(CalendarDefinition(name="business", title="Business hours", week=week),),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MinuteCounter:
    """One compiled calendar beside the minutes, counted one by one, of the same definition."""

    calendar: CalendarVersion
    #: First minute that was looked at (UTC).
    start: datetime
    #: Open minutes before each minute since `start`.
    opened: np.ndarray[tuple[int], np.dtype[np.int64]]

    @property
    def minutes(self) -> int:
        """Number of minutes that were looked at."""
        return len(self.opened) - 1

    def at(self, minute: int) -> datetime:
        """Return the instant of a minute."""
        return self.start + minute * MINUTE

    def count(self, first: int, last: int) -> int:
        """Return the number of open minutes in [first, last)."""
        return int(self.opened[last] - self.opened[first])

    def due(self, first: int, target: int) -> int | None:
        """Return the first minute before which `target` minutes since `first` were open, or None."""
        minute = int(np.searchsorted(self.opened, self.opened[first] + target, side="left"))
        return minute if minute <= self.minutes else None


def count_minutes(definition: TheaterDefinition, start: datetime, days: int) -> MinuteCounter:
    """Look at each minute of some days and at what the compiler makes of the same theater."""
    zone = ZoneInfo(definition.zone)
    years = range(start.year - 1, start.year + 2)
    closed = set(definition.closed_days)
    if definition.country:
        closed |= set(holidays.country_holidays(definition.country, definition.subdivision, years))
    closed -= set(definition.open_days)
    half = {half_day.day: half_day.hours for half_day in definition.half_days}
    week = definition.calendars[0].week

    @cache
    def shifts_of(day: date) -> tuple[Hours, ...]:
        return CLOSED if day in closed else week[day.weekday()]

    def holds(day: date, since_midnight: timedelta) -> bool:
        kept = half.get(day, Hours(opens=timedelta(0), closes=2 * DAY))
        return kept.opens <= since_midnight < kept.closes and any(
            hours.opens <= since_midnight < hours.closes for hours in shifts_of(day)
        )

    def is_open(minute: int) -> bool:
        local = (start + minute * MINUTE).astimezone(zone)
        day, since_midnight = local.date(), timedelta(hours=local.hour, minutes=local.minute)
        return holds(day, since_midnight) or holds(day - DAY, since_midnight + DAY)

    looked = np.fromiter((is_open(minute) for minute in range(days * 1440)), dtype=np.int64)
    return MinuteCounter(
        calendar=compile_theater(definition, now=start)[0],
        start=start,
        opened=np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(looked))),
    )


def _utc(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)


_OFFICE = shifts("09:00-12:30 13:00-18:00")
_NIGHT = shifts("22:00-06:00")
_MON_FRI_OFFICE = (*(_OFFICE,) * 5, CLOSED, CLOSED)
_SUN_THU_OFFICE = (*(_OFFICE,) * 4, CLOSED, CLOSED, _OFFICE)
_NIGHTS = (_NIGHT,) * 7
_MIXED = (*(shifts("07:00-22:00"),) * 5, shifts("00:00-24:00"), shifts("00:00-03:00 20:00-02:00"))

#: Weeks, holidays and clock changes of all kinds: what, from when, how many days.
PLACES = (
    (
        theater(
            "Europe/Berlin",
            _MON_FRI_OFFICE,
            region=("DE", "BE"),
            closed_days=(date(2026, 12, 24),),
            half_days=(HalfDay(day=date(2026, 12, 31), hours=shift("00:00-13:00")),),
        ),
        (_utc(2026, 3, 20), _utc(2026, 12, 10)),
    ),
    (theater("Europe/Berlin", _NIGHTS, region=("DE", None)), (_utc(2026, 3, 15), _utc(2026, 10, 10))),
    (theater("America/New_York", _MIXED, region=("US", "NY")), (_utc(2026, 2, 25), _utc(2026, 10, 20))),
    (theater("Africa/Cairo", _NIGHTS), (_utc(2026, 4, 10), _utc(2026, 10, 15))),
    (theater("Africa/Cairo", _SUN_THU_OFFICE, region=("EG", None)), (_utc(2026, 4, 10),)),
    (theater("Asia/Beirut", _NIGHTS), (_utc(2026, 3, 15), _utc(2026, 10, 10))),
    (theater("America/Santiago", _MIXED, region=("CL", None)), (_utc(2026, 3, 25), _utc(2026, 8, 25))),
    (theater("Asia/Riyadh", _SUN_THU_OFFICE, region=("SA", None)), (_utc(2026, 3, 10),)),
    (theater("Australia/Lord_Howe", _MIXED), (_utc(2026, 3, 25), _utc(2026, 9, 25))),
    (theater("Asia/Kathmandu", _MIXED), (_utc(2026, 6, 1),)),
)


@cache
def counters() -> tuple[MinuteCounter, ...]:
    """Return a counter for 35 days of each place; some seconds of work, done once a process."""
    return tuple(
        count_minutes(definition, start, days=35) for definition, starts in PLACES for start in starts
    )
