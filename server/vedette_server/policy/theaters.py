"""Read theaters: their zone, days off and opening hours.

Reading only; `calendars/compile.py` turns what is read here into intervals.
"""

from __future__ import annotations

import re
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from vedette_server.calendars.compile import (
    CalendarDefinition,
    HalfDay,
    Hours,
    TheaterDefinition,
    is_zone,
    regions,
    zone_names,
)
from vedette_server.contracts.plan import ALWAYS
from vedette_server.policy.shapes import COUNTRY, read_hours
from vedette_server.yamlfile import SLUG, did_you_mean

if TYPE_CHECKING:
    from vedette_server.yamlfile import Mapping, Value

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAYS: Final = re.compile(rf"({'|'.join(WEEKDAYS)})(?:-({'|'.join(WEEKDAYS)}))?")
_TWENTY_FOUR_SEVEN: Final = CalendarDefinition(name=ALWAYS, title="24x7", always=True)


def read_theaters(tree: Mapping) -> dict[str, TheaterDefinition]:
    """Return the definition of each theater, by id; each gets the calendar "always" besides its own."""
    theaters = (_read_theater(key.text(shape=SLUG), value.mapping()) for key, value in tree.entries())
    return {theater.id: theater for theater in theaters}


def _read_theater(id_: str, theater: Mapping) -> TheaterDefinition:
    country, subdivision = _read_region(theater.mapping("holidays", default=None))
    half_days = theater.mapping("half_days", default=None)
    calendars = theater.mapping("calendars").entries()
    definition = TheaterDefinition(
        id=id_,
        title=theater.text("title"),
        zone=_read_zone(theater),
        country=country,
        subdivision=subdivision,
        closed_days=theater.days("closed_days", default=()),
        open_days=theater.days("open_days", default=()),
        half_days=tuple(_read_half_day(*entry) for entry in (half_days.entries() if half_days else ())),
        calendars=(*(_read_calendar(*entry) for entry in calendars), _TWENTY_FOUR_SEVEN),
    )
    _check_days_off(theater, definition)
    theater.reject_unknown()
    return definition


def _read_zone(theater: Mapping) -> str:
    zone = theater.text("zone")
    if zone and not is_zone(zone):
        theater.problem("zone", "must be an IANA time zone", hint=did_you_mean(zone, zone_names()))
    return zone


def _read_region(region: Mapping | None) -> tuple[str | None, str | None]:
    """Read whose public holidays are observed: country and subdivision."""
    if region is None:
        return None, None
    country = region.text("country", shape=COUNTRY)
    subdivision = region.text("subdivision", default=None)
    region.reject_unknown()
    known = regions()
    if country not in known:
        region.problem(
            "country",
            "must be a country whose holidays are known; list other holidays under closed_days",
            hint=did_you_mean(country, known),
        )
    elif subdivision is not None and subdivision not in known[country]:
        some = ", ".join(known[country]) or "none"
        region.problem("subdivision", f"must be a subdivision of {country} ({some})")
    return country, subdivision


def _read_half_day(key: Value, value: Value) -> HalfDay:
    hours = read_hours(value)
    if hours.closes > timedelta(hours=24):
        value.problem("a half day must not run over midnight")
    return HalfDay(day=key.day(), hours=hours)


def _check_days_off(theater: Mapping, definition: TheaterDefinition) -> None:
    """Note days that are given two meanings."""
    closed = set(definition.closed_days)
    for day in sorted(closed & set(definition.open_days)):
        theater.problem("open_days", f"{day} is among closed_days too")
    for half_day in definition.half_days:
        if half_day.day in closed:
            theater.problem("half_days", f"{half_day.day} is among closed_days too")


def _read_calendar(key: Value, value: Value) -> CalendarDefinition:
    name = key.text(shape=SLUG)
    calendar = value.mapping()
    if name == ALWAYS:
        key.note("is built in: every theater has the calendar always, open at every instant")
    week = calendar.mapping("week")
    definition = CalendarDefinition(
        name=name,
        title=calendar.text("title"),
        week=_read_week(week),
        ignores_holidays=calendar.boolean("ignores_holidays", default=False),
    )
    if not any(definition.week):
        calendar.problem("week", "must have at least one hour")
    calendar.reject_unknown()
    return definition


def _read_week(week: Mapping) -> tuple[tuple[Hours, ...], ...]:
    """Read shifts by weekday or span of weekdays (`mon`, `mon-fri`, `sun-thu`); days not named are closed."""
    given: dict[int, Value] = {}
    shifts: list[tuple[Hours, ...]] = [()] * 7
    for key, value in week.entries():
        hours = _read_shifts(value)
        for day in _read_weekdays(key):
            if day in given:
                key.note(f"{WEEKDAYS[day]} is given twice, first on line {given[day].line}")
            given[day] = key
            shifts[day] = hours
    return tuple(shifts)


def _read_weekdays(key: Value) -> tuple[int, ...]:
    """Return the weekdays that a key such as `sun-thu` names, Monday being 0."""
    match = _DAYS.fullmatch(key.text())
    if match is None:
        key.note("must be a weekday or a span of weekdays such as mon, mon-fri or sun-thu")
        return ()
    first = WEEKDAYS.index(match[1])
    last = WEEKDAYS.index(match[2] or match[1])
    return tuple((first + offset) % 7 for offset in range((last - first) % 7 + 1))


def _read_shifts(value: Value) -> tuple[Hours, ...]:
    """Read the shifts of one day; they must not overlap."""
    shifts = sorted(((read_hours(item), item) for item in value.values()), key=lambda pair: pair[0].opens)
    for (one, _item), (next_, item) in pairwise(shifts):
        if next_.opens < one.closes:
            item.problem("overlaps another shift of the same day")
    return tuple(hours for hours, _item in shifts)
