"""What a response clock shows, on a calendar that is open 09:00-17:00 UTC on three days."""

from datetime import UTC, datetime, timedelta

import pytest

from vedette_server.api.sla_clock import ClockFace, read_clock
from vedette_server.calendars.intervals import CalendarVersion, microseconds
from vedette_server.cases import sla
from vedette_server.cases.sla import SlaClock
from vedette_server.contracts.priority import Priority


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


CALENDAR = CalendarVersion(
    id="emea/business",
    version="0123456789abcdef",
    title="Business hours",
    always=False,
    starts=tuple(microseconds(at(day, 9)) for day in (2, 3, 4)),
    ends=tuple(microseconds(at(day, 17)) for day in (2, 3, 4)),
    covers_from=at(1, 0),
    covers_to=at(6, 0),
)
HOUR = timedelta(hours=1)


def running() -> SlaClock:
    """Return a clock of 2 hours that started on day 2 at 16:00, so it is due on day 3 at 10:00."""
    clock = sla.new_clock(priority=Priority.P2, target=2 * HOUR, calendar=CALENDAR)
    return sla.start(clock, calendar=CALENDAR, now=at(2, 16))[0]


def breached() -> SlaClock:
    return sla.expire(running(), now=at(3, 10))[0]


def face(clock: SlaClock, now: datetime) -> ClockFace:
    return read_clock(clock, calendar=CALENDAR, now=now)


def shown(clock: SlaClock, now: datetime) -> tuple[timedelta, timedelta, bool, datetime | None]:
    seen = face(clock, now)
    return seen.spent, seen.remaining, seen.open, seen.next_open_at


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (at(2, 16, 15), (HOUR / 4, HOUR * 7 / 4, True, None)),
        (at(2, 17), (HOUR, HOUR, False, at(3, 9))),
        (at(3, 3), (HOUR, HOUR, False, at(3, 9))),
        (at(3, 9, 30), (HOUR * 3 / 2, HOUR / 2, True, None)),
        (at(3, 10), (2 * HOUR, timedelta(0), True, None)),
    ],
)
def test_a_running_clock_counts_open_time_only(
    now: datetime, expected: tuple[timedelta, timedelta, bool, datetime | None]
) -> None:
    assert shown(running(), now) == expected


def test_a_breached_clock_shows_by_how_much_open_time_it_is_late() -> None:
    assert shown(breached(), at(3, 16)) == (8 * HOUR, -6 * HOUR, True, None)
    assert shown(breached(), at(4, 10)) == (10 * HOUR, -8 * HOUR, True, None)


def test_a_late_answer_stops_what_a_breached_clock_shows() -> None:
    answered, _reason = sla.stop(breached(), calendar=CALENDAR, now=at(3, 12))
    assert shown(answered, at(4, 16))[:2] == (4 * HOUR, -2 * HOUR)


def test_a_clock_that_was_met_stands_still() -> None:
    met, _reason = sla.stop(running(), calendar=CALENDAR, now=at(2, 16, 30))
    assert shown(met, at(4, 10))[:2] == (HOUR / 2, HOUR * 3 / 2)


def test_beyond_what_the_calendar_covers_time_stands_still() -> None:
    assert shown(breached(), at(20, 12)) == (17 * HOUR, -15 * HOUR, False, None)
    assert shown(running(), datetime(2025, 1, 1, tzinfo=UTC))[:2] == (timedelta(0), 2 * HOUR)


def test_without_its_calendar_a_clock_shows_what_it_had_spent() -> None:
    seen = read_clock(running(), calendar=None, now=at(3, 9))
    assert (seen.spent, seen.remaining, seen.open, seen.next_open_at) == (timedelta(0), 2 * HOUR, False, None)
