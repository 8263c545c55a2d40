"""From opening hours to UTC: clock changes, nights, days off, and when a version changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from tests.server.calendars.minute_counter import CLOSED, shift, shifts, theater
from vedette_server.calendars.compile import (
    CalendarDefinition,
    HalfDay,
    TheaterDefinition,
    UnknownRegion,
    compile_theater,
    is_zone,
    public_holidays,
    start_of_day,
)
from vedette_server.calendars.intervals import CalendarVersion, elapsed, is_open

NOW = datetime(2026, 5, 5, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MON_FRI = (*(shifts("09:00-12:30 13:00-18:00"),) * 5, CLOSED, CLOSED)
EVERY_NIGHT = (shifts("22:00-06:00"),) * 7


def compiled(definition: TheaterDefinition) -> CalendarVersion:
    return compile_theater(definition, now=NOW)[0]


def spans(calendar: CalendarVersion, start: str, end: str) -> list[str]:
    """Return the open intervals that begin in [start, end) as `06 09:00-12:30` in UTC."""
    first, last = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (start, end))
    shown = []
    for opens, closes in zip(calendar.starts, calendar.ends, strict=True):
        one, other = (datetime.fromtimestamp(us / 1_000_000, UTC) for us in (opens, closes))
        if first <= one < last:
            shown.append(f"{one:%d %H:%M}-{other:%H:%M}")
    return shown


def test_hours_are_local_and_follow_the_clocks() -> None:
    calendar = compiled(theater("Europe/Berlin", MON_FRI))
    assert spans(calendar, "2026-03-27", "2026-03-31") == [
        "27 08:00-11:30",  # winter time
        "27 12:00-17:00",
        "30 07:00-10:30",  # summer time
        "30 11:00-16:00",
    ]


@pytest.mark.parametrize(
    ("zone", "hours", "day", "expected"),
    [
        # A gap has no length; what lies on both sides of it is adjacent.
        ("Europe/Berlin", "01:00-04:00", "2026-03-29", ["29 00:00-02:00"]),
        ("Europe/Berlin", "02:00-03:00", "2026-03-29", []),
        ("Europe/Berlin", "02:30-04:00", "2026-03-29", ["29 01:00-02:00"]),
        # A local time is open each time it occurs.
        ("Europe/Berlin", "02:30-03:30", "2026-10-25", ["25 00:30-01:00", "25 01:30-02:30"]),
        ("Europe/Berlin", "02:00-03:00", "2026-10-25", ["25 00:00-02:00"]),
        ("Europe/Berlin", "01:00-02:30", "2026-10-25", ["24 23:00-00:30", "25 01:00-01:30"]),
        ("America/New_York", "01:30-02:30", "2026-11-01", ["01 05:30-06:00", "01 06:30-07:30"]),
        # Half an hour only.
        ("Australia/Lord_Howe", "01:00-03:00", "2026-10-04", ["03 14:30-16:00"]),
        ("Australia/Lord_Howe", "01:30-02:00", "2026-04-05", ["04 14:30-15:30"]),
        # Clocks that change at midnight: 00:00 becomes 01:00, or 24:00 becomes 23:00.
        ("Africa/Cairo", "00:00-02:00", "2026-04-24", ["23 22:00-23:00"]),
        ("Africa/Cairo", "23:00-24:00", "2026-10-29", ["29 20:00-22:00"]),
        ("Asia/Beirut", "00:00-02:00", "2026-03-29", ["28 22:00-23:00"]),
        ("Asia/Beirut", "23:30-24:00", "2026-10-24", ["24 20:30-21:00", "24 21:30-22:00"]),
        ("America/Santiago", "00:30-02:00", "2026-09-06", ["06 04:00-05:00"]),
        ("America/Santiago", "23:00-24:00", "2026-04-04", ["05 02:00-04:00"]),
        # No change at all, and an odd offset.
        ("Asia/Riyadh", "09:00-17:00", "2026-03-29", ["29 06:00-14:00"]),
        ("Asia/Kathmandu", "09:00-17:00", "2026-03-29", ["29 03:15-11:15"]),
    ],
)
def test_a_local_time_is_open_each_time_it_occurs_and_a_gap_has_no_length(
    zone: str, hours: str, day: str, expected: list[str]
) -> None:
    weekday = date.fromisoformat(day).weekday()
    week = tuple(shifts(hours) if index == weekday else CLOSED for index in range(7))
    around = datetime.fromisoformat(day)
    calendar = compiled(theater(zone, week))
    day_before, day_after = around - timedelta(days=1), around + timedelta(days=2)
    assert spans(calendar, day_before.isoformat(), day_after.isoformat()) == expected


def test_a_night_shift_lasts_seven_eight_or_nine_hours() -> None:
    calendar = compiled(theater("Europe/Berlin", EVERY_NIGHT))

    def night(day: str) -> timedelta:
        noon = datetime.fromisoformat(day + " 12:00").replace(tzinfo=UTC)
        return elapsed(calendar, noon, noon + timedelta(days=1))

    assert night("2026-03-27") == 8 * HOUR
    assert night("2026-03-28") == 7 * HOUR
    assert night("2026-10-24") == 9 * HOUR


def test_a_shift_belongs_to_the_day_on_which_it_begins() -> None:
    calendar = compiled(theater("UTC", EVERY_NIGHT, closed_days=(date(2026, 5, 13),)))
    assert spans(calendar, "2026-05-12", "2026-05-15") == ["12 22:00-06:00", "14 22:00-06:00"]


def test_a_half_day_keeps_only_its_hours() -> None:
    half = HalfDay(day=date(2026, 5, 13), hours=shift("00:00-13:30"))
    calendar = compiled(theater("UTC", MON_FRI, half_days=(half,)))
    assert spans(calendar, "2026-05-13", "2026-05-14") == ["13 09:00-12:30", "13 13:00-13:30"]


def test_a_half_day_that_meets_no_shift_is_a_day_off() -> None:
    half = HalfDay(day=date(2026, 5, 13), hours=shift("06:00-09:00"))
    calendar = compiled(theater("UTC", MON_FRI, half_days=(half,)))
    assert spans(calendar, "2026-05-13", "2026-05-14") == []


def test_public_holidays_company_days_and_days_worked_anyway() -> None:
    calendar = compiled(
        theater(
            "Europe/Berlin",
            MON_FRI,
            region=("DE", "BE"),
            closed_days=(date(2026, 5, 15),),
            open_days=(date(2026, 5, 25),),
        )
    )
    noon = {day: is_open(calendar, datetime(2026, 5, day, 8, tzinfo=UTC)) for day in (13, 14, 15, 18, 25)}
    assert noon == {13: True, 14: False, 15: False, 18: True, 25: True}  # 14: Ascension, 25: Whit Monday


def test_a_calendar_may_stay_open_on_days_off() -> None:
    definition = theater("UTC", MON_FRI, closed_days=(date(2026, 5, 13),))
    stays = replace(definition.calendars[0], ignores_holidays=True)
    calendar = compiled(replace(definition, calendars=(stays,)))
    assert is_open(calendar, datetime(2026, 5, 13, 10, tzinfo=UTC))


def test_a_week_may_begin_on_sunday() -> None:
    sun_thu = (*(shifts("08:00-17:00"),) * 4, CLOSED, CLOSED, shifts("08:00-17:00"))
    calendar = compiled(theater("Asia/Riyadh", sun_thu, region=("SA", None)))
    assert spans(calendar, "2026-05-07", "2026-05-11") == ["07 05:00-14:00", "10 05:00-14:00"]


def test_whole_days_in_a_row_are_one_interval() -> None:
    calendar = compiled(theater("Europe/Berlin", (shifts("00:00-24:00"),) * 7))
    assert len(calendar.starts) == 1
    assert calendar.covers_from == datetime(2024, 12, 31, 23, tzinfo=UTC)
    assert calendar.covers_to == datetime(2028, 12, 31, 23, tzinfo=UTC)
    assert elapsed(calendar, calendar.covers_from, calendar.covers_to) == (
        calendar.covers_to - calendar.covers_from
    )


def test_the_night_before_the_first_year_reaches_into_it() -> None:
    calendar = compiled(theater("UTC", EVERY_NIGHT))
    assert is_open(calendar, datetime(2025, 1, 1, 5, 59, tzinfo=UTC))
    assert not is_open(calendar, datetime(2025, 1, 1, 6, tzinfo=UTC))


def test_24x7_is_not_made_of_intervals() -> None:
    always = CalendarDefinition(name="always", title="24x7", always=True)
    calendar = compiled(replace(theater("Europe/Berlin", MON_FRI), calendars=(always,)))
    assert (calendar.id, calendar.always, calendar.starts, calendar.ends) == ("test/always", True, (), ())


def test_intervals_are_sorted_disjoint_and_not_adjacent() -> None:
    calendar = compiled(theater("America/New_York", EVERY_NIGHT, region=("US", None)))
    assert all(start < end for start, end in zip(calendar.starts, calendar.ends, strict=True))
    assert all(end < start for end, start in zip(calendar.ends, calendar.starts[1:], strict=False))


def test_a_version_lasts_until_new_year_or_an_edit_that_moves_an_interval() -> None:
    definition = theater("Europe/Berlin", MON_FRI, region=("DE", "BE"))

    def version(edited: TheaterDefinition = definition, *, now: datetime = NOW) -> str:
        return compile_theater(edited, now=now)[0].version

    first = version()
    assert len(first) == 16
    assert version(now=NOW + timedelta(days=1)) == first
    assert version(now=datetime(2026, 12, 31, 22, 59, tzinfo=UTC)) == first
    assert version(now=datetime(2026, 12, 31, 23, 0, tzinfo=UTC)) != first  # New Year in Berlin
    assert version(replace(definition, closed_days=(date(2026, 5, 15),))) != first
    assert version(replace(definition, closed_days=(date(2026, 5, 16),))) == first  # a Saturday
    assert version(replace(definition, title="Renamed theater")) == first


def test_24x7_has_the_same_version_every_year() -> None:
    always = CalendarDefinition(name="always", title="24x7", always=True)
    definition = replace(theater("Europe/Berlin", MON_FRI), calendars=(always,))
    later = NOW.replace(year=2031)
    assert compile_theater(definition, now=NOW) == compile_theater(definition, now=later)


def test_an_unknown_region_is_refused() -> None:
    with pytest.raises(UnknownRegion, match="XX"):
        public_holidays("XX", None, [2026])
    with pytest.raises(UnknownRegion, match="ZZ"):
        public_holidays("DE", "ZZ", [2026])


@pytest.mark.parametrize(
    ("name", "known"),
    [("Europe/Berlin", True), ("UTC", True), ("Europe/Berln", False), ("Europe", False), ("../x", False)],
)
def test_only_names_of_zones_are_zones(name: str, known: bool) -> None:
    assert is_zone(name) is known


@pytest.mark.parametrize(
    ("zone", "day", "instant"),
    [
        ("Europe/Berlin", date(2026, 7, 1), "2026-06-30T22:00:00+00:00"),
        ("Asia/Riyadh", date(2026, 7, 1), "2026-06-30T21:00:00+00:00"),
        ("Africa/Cairo", date(2026, 4, 24), "2026-04-23T22:00:00+00:00"),  # there is no 00:00 that day
        ("Asia/Beirut", date(2026, 10, 25), "2026-10-24T22:00:00+00:00"),  # 24:00 was 23:00 again
    ],
)
def test_a_day_starts_at_its_first_instant(zone: str, day: date, instant: str) -> None:
    assert start_of_day(day, zone) == datetime.fromisoformat(instant)
