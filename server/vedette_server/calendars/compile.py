"""From opening hours as people write them to intervals in UTC.

The one rule about clocks that change: *a local time is open each time it occurs; a gap has no length*. It
is carried out literally. A zone is cut into stretches of constant UTC offset, and each local span is mapped
through every stretch it meets, so an hour that occurs twice is open twice and one that is skipped is not
open at all. No local time is ever guessed by a `fold`.

A shift belongs to the day on which it begins. A closed day removes the shifts that begin on it; one that
began the evening before runs to its end. A half day keeps the part of its shifts that lies in its hours.

A version covers whole calendar years, from the one before `now` to the second after it, and is named by the
hash of what came out. So nothing changes from one day to the next, an edit that moves no interval makes no
new version, a new time-zone database does exactly when it matters, and each New Year makes one.

This is the only module that asks `zoneinfo` and `holidays`; it does no other I/O and reads no clock.
"""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, available_timezones

import holidays
import msgspec

from vedette_server.calendars.intervals import CalendarVersion, microseconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: Whole years compiled before and after the year of `now`.
YEARS_BACK: Final = 1
YEARS_AHEAD: Final = 2
#: What a 24x7 calendar says it covers; it never expires.
ALWAYS_FROM: Final = datetime(1970, 1, 1, tzinfo=UTC)
ALWAYS_TO: Final = datetime(9999, 1, 1, tzinfo=UTC)
#: Zones keep an offset for days at least; looking this often finds every change.
_OFFSET_STEP: Final = timedelta(hours=6)
_DAY: Final = timedelta(days=1)
_MICROSECOND: Final = timedelta(microseconds=1)
_LOCAL_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 -- local wall time, on purpose without a zone

#: Microseconds since 1970, UTC or local as the name says: [start, end).
Span = tuple[int, int]


class UnknownRegion(ValueError):
    """The `holidays` library has no such country or subdivision; list its days in the policy instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """One shift of one day, in local wall time.

    Invariant: 0 <= opens < 24 h, opens < closes <= opens + 24 h; over midnight `closes` exceeds 24 h.
    """

    #: Since local midnight.
    opens: timedelta
    #: Since the same local midnight, exclusive.
    closes: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfDay:
    """A day on which only part of the usual hours is worked."""

    day: date
    #: What is kept: the usual shifts are cut down to these hours.
    hours: Hours


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarDefinition:
    """One calendar of a theater as it stands in policy."""

    #: Unique in the theater, such as "business".
    name: str
    title: str
    #: Open at every instant; `week` is empty.
    always: bool = False
    #: Shifts of each day, Monday first, seven entries.
    week: tuple[tuple[Hours, ...], ...] = ()
    #: The weekly hours also hold on holidays, closed days and half days.
    ignores_holidays: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TheaterDefinition:
    """A theater's zone, days off and calendars as they stand in policy."""

    #: Slug, such as "emea".
    id: str
    title: str
    #: IANA time zone.
    zone: str
    #: Public holidays to observe: ISO 3166 country, such as "DE"; None when all are listed by hand.
    country: str | None = None
    #: Part of the country as `holidays` names it, such as "BE" for Berlin.
    subdivision: str | None = None
    #: Company days and holidays that the library does not know.
    closed_days: tuple[date, ...] = ()
    half_days: tuple[HalfDay, ...] = ()
    #: Days that are worked although the library calls them holidays.
    open_days: tuple[date, ...] = ()
    calendars: tuple[CalendarDefinition, ...] = ()


def compile_theater(theater: TheaterDefinition, *, now: datetime) -> tuple[CalendarVersion, ...]:
    """Compile every calendar of a theater for the years around `now` (aware UTC), sorted by id.

    Raises:
        UnknownRegion: the holidays of the theater's country or subdivision are not known.
        zoneinfo.ZoneInfoNotFoundError: there is no such time zone.
    """
    zone = ZoneInfo(theater.zone)
    year = now.astimezone(zone).year
    years = range(year - YEARS_BACK, year + YEARS_AHEAD + 1)
    days_off = (
        public_holidays(theater.country, theater.subdivision, years) if theater.country else frozenset()
    )
    closed = (days_off | set(theater.closed_days)) - set(theater.open_days)
    covers = (
        start_of_day(date(years[0], 1, 1), theater.zone),
        start_of_day(date(years[-1] + 1, 1, 1), theater.zone),
    )
    stretches = list(_constant_offsets(zone, covers[0] - 2 * _DAY, covers[1] + 2 * _DAY))
    half = {half_day.day: half_day.hours for half_day in theater.half_days}

    def compile_one(definition: CalendarDefinition) -> CalendarVersion:
        if definition.always:
            return _version(theater.id, definition, [], (ALWAYS_FROM, ALWAYS_TO))
        plain = definition.ignores_holidays
        spans = _local_spans(definition.week, years, frozenset() if plain else closed, {} if plain else half)
        bounds = (microseconds(covers[0]), microseconds(covers[1]))
        return _version(theater.id, definition, _merge(_clip(_to_utc(spans, stretches), bounds)), covers)

    return tuple(sorted(map(compile_one, theater.calendars), key=lambda calendar: calendar.id))


def public_holidays(country: str, subdivision: str | None, years: Iterable[int]) -> frozenset[date]:
    """Return the public holidays of a region in these years, the days on which they are observed included.

    Raises:
        UnknownRegion: the library does not know the country or the subdivision.
    """
    try:
        return frozenset(holidays.country_holidays(country, subdiv=subdivision, years=years))
    except NotImplementedError as error:
        raise UnknownRegion(str(error)) from error


def is_zone(name: str) -> bool:
    """Tell whether there is an IANA time zone of this name."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, not a relative path, a directory such as "Europe"
        return False
    return True


def zone_names() -> frozenset[str]:
    """Return the names of all time zones; slow (it walks the database), for suggestions in messages."""
    return frozenset(available_timezones())


def regions() -> dict[str, tuple[str, ...]]:
    """Return the countries whose holidays are known, each with its subdivisions."""
    known = holidays.list_supported_countries(include_aliases=True)
    return {country: tuple(subdivisions) for country, subdivisions in known.items()}


def start_of_day(day: date, zone: str) -> datetime:
    """Return the first instant of a local date, in UTC; where midnight is skipped, the end of the gap.

    Args:
        day: local date.
        zone: IANA name.
    """
    # fold=0 reads a midnight in a gap by the offset before it, which is the instant of the change itself.
    return datetime.combine(day, time(0), tzinfo=ZoneInfo(zone)).astimezone(UTC)


def _local_spans(
    week: tuple[tuple[Hours, ...], ...],
    years: range,
    closed: frozenset[date] | set[date],
    half_days: dict[date, Hours],
) -> Iterator[Span]:
    """Yield the shifts of each day as local time, from the eve of the first year, whose night may run on."""
    day = date(years[0], 1, 1) - _DAY
    while day.year <= years[-1]:
        if day not in closed:
            midnight = (datetime.combine(day, time(0)) - _LOCAL_EPOCH) // _MICROSECOND
            for hours in week[day.weekday()]:
                kept = _cut(hours, half_days[day]) if day in half_days else hours
                if kept is not None:
                    yield midnight + kept.opens // _MICROSECOND, midnight + kept.closes // _MICROSECOND
        day += _DAY


def _cut(hours: Hours, kept: Hours) -> Hours | None:
    """Return the part of a shift that lies within a half day's hours, or None."""
    opens, closes = max(hours.opens, kept.opens), min(hours.closes, kept.closes)
    return Hours(opens=opens, closes=closes) if opens < closes else None


def _constant_offsets(zone: tzinfo, start: datetime, end: datetime) -> Iterator[tuple[Span, int]]:
    """Yield the stretches of constant UTC offset between two instants: UTC span and offset, microseconds."""

    def offset_at(instant: int) -> timedelta | None:
        utc = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=instant)
        return utc.astimezone(zone).utcoffset()

    step = _OFFSET_STEP // _MICROSECOND
    since, last = microseconds(start), microseconds(end)
    offset = offset_at(since)
    for low, high in itertools.pairwise([*range(since, last, step), last]):
        if offset_at(high) == offset:
            continue
        before, after = low, high  # the change lies in (before, after]
        while after - before > 1:
            middle = (before + after) // 2
            before, after = (middle, after) if offset_at(middle) == offset else (before, middle)
        yield (since, after), (offset or timedelta(0)) // _MICROSECOND
        since, offset = after, offset_at(high)
    yield (since, last), (offset or timedelta(0)) // _MICROSECOND


def _to_utc(local: Iterable[Span], stretches: list[tuple[Span, int]]) -> Iterator[Span]:
    """Map local spans through each stretch of constant offset: every occurrence of a local time is open."""
    for opens, closes in local:
        for bounds, offset in stretches:
            yield from _clip([(opens - offset, closes - offset)], bounds)


def _clip(spans: Iterable[Span], bounds: Span) -> Iterator[Span]:
    """Yield the parts of the spans within bounds."""
    for start, end in spans:
        clipped = max(start, bounds[0]), min(end, bounds[1])
        if clipped[0] < clipped[1]:
            yield clipped


def _merge(spans: Iterable[Span]) -> list[Span]:
    """Return the spans sorted, with those that overlap or touch made one."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], end)
        else:
            merged.append((start, end))
    return merged


def _version(
    theater: str, definition: CalendarDefinition, spans: list[Span], covers: tuple[datetime, datetime]
) -> CalendarVersion:
    """Return the compiled calendar, named by the hash of all that it says."""
    calendar_id = f"{theater}/{definition.name}"
    content = [calendar_id, definition.title, definition.always, spans, covers]
    digest = hashlib.sha256(msgspec.json.encode(content)).hexdigest()
    return CalendarVersion(
        id=calendar_id,
        version=digest[:16],
        title=definition.title,
        always=definition.always,
        starts=tuple(start for start, _end in spans),
        ends=tuple(end for _start, end in spans),
        covers_from=covers[0],
        covers_to=covers[1],
    )
