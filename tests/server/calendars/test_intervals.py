"""Open time on compiled intervals: both sides of every edge, and the laws that hold for any calendar."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import accumulate

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.server.calendars.minute_counter import MINUTE, counters
from vedette_server.calendars.intervals import (
    CalendarExhausted,
    CalendarVersion,
    due_at,
    elapsed,
    is_open,
    microseconds,
    next_opening,
)

CASES = 20_000
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
TICK = timedelta(microseconds=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def calendar(*spans: tuple[str, str], always: bool = False) -> CalendarVersion:
    return CalendarVersion(
        id="test/business",
        version="0" * 16,
        title="Test",
        always=always,
        starts=tuple(microseconds(at(start)) for start, _end in spans),
        ends=tuple(microseconds(at(end)) for _start, end in spans),
        covers_from=at("2026-01-01"),
        covers_to=at("2027-01-01"),
    )


#: A Monday with a lunch break and a Wednesday; Tuesday is a holiday.
WEEK = calendar(
    ("2026-05-04 09:00", "2026-05-04 12:00"),
    ("2026-05-04 13:00", "2026-05-04 18:00"),
    ("2026-05-06 09:00", "2026-05-06 18:00"),
)
ALWAYS = calendar(always=True)


@pytest.mark.parametrize(
    ("start", "end", "open_time"),
    [
        ("2026-05-04 09:00", "2026-05-04 10:00", HOUR),
        ("2026-05-04 08:00", "2026-05-04 09:00", timedelta(0)),
        ("2026-05-04 08:00", "2026-05-04 09:00:01", SECOND),
        ("2026-05-04 11:00", "2026-05-04 14:00", 2 * HOUR),
        ("2026-05-04 12:00", "2026-05-04 13:00", timedelta(0)),
        ("2026-05-04 12:30", "2026-05-04 12:45", timedelta(0)),
        ("2026-05-04 11:59:59", "2026-05-04 13:00:01", 2 * SECOND),
        ("2026-05-04 17:59:59", "2026-05-06 09:00", SECOND),
        ("2026-05-04 17:59:59", "2026-05-06 09:00:01", 2 * SECOND),
        ("2026-05-04 18:00", "2026-05-06 09:00", timedelta(0)),
        ("2026-05-01 00:00", "2026-06-01 00:00", 17 * HOUR),
        ("2026-05-04 10:00", "2026-05-04 10:00", timedelta(0)),
        ("2026-05-04 11:00", "2026-05-04 10:00", timedelta(0)),
    ],
)
def test_elapsed_counts_open_time_only(start: str, end: str, open_time: timedelta) -> None:
    assert elapsed(WEEK, at(start), at(end)) == open_time


@pytest.mark.parametrize(
    ("start", "target", "due"),
    [
        ("2026-05-04 09:00", HOUR, "2026-05-04 10:00"),
        ("2026-05-04 07:00", HOUR, "2026-05-04 10:00"),
        ("2026-05-04 11:00", HOUR, "2026-05-04 12:00"),  # used up at closing: due at closing
        ("2026-05-04 11:00", HOUR + TICK, "2026-05-04 13:00:00.000001"),
        ("2026-05-04 12:30", HOUR, "2026-05-04 14:00"),
        ("2026-05-04 17:59:59", SECOND, "2026-05-04 18:00"),
        ("2026-05-04 17:59:59", 2 * SECOND, "2026-05-06 09:00:01"),  # over a holiday
        ("2026-05-04 18:00", 4 * HOUR, "2026-05-06 13:00"),
        ("2026-05-04 09:00", 17 * HOUR, "2026-05-06 18:00"),  # the very last open instant
        ("2026-05-04 12:30", timedelta(0), "2026-05-04 12:30"),
    ],
)
def test_a_target_is_due_at_the_first_instant_at_which_it_is_used_up(
    start: str, target: timedelta, due: str
) -> None:
    assert due_at(WEEK, at(start), target) == at(due)


@pytest.mark.parametrize(
    ("instant", "open_", "opening"),
    [
        ("2026-05-04 08:59:59", False, "2026-05-04 09:00"),
        ("2026-05-04 09:00", True, "2026-05-04 09:00"),
        ("2026-05-04 11:59:59", True, "2026-05-04 11:59:59"),
        ("2026-05-04 12:00", False, "2026-05-04 13:00"),
        ("2026-05-04 18:00", False, "2026-05-06 09:00"),
        ("2026-05-06 18:00", False, None),
    ],
)
def test_it_is_open_at_the_opening_and_closed_at_the_closing(
    instant: str, open_: bool, opening: str | None
) -> None:
    assert is_open(WEEK, at(instant)) is open_
    assert next_opening(WEEK, at(instant)) == (at(opening) if opening else None)


def test_24x7_has_no_closing_and_no_end() -> None:
    assert elapsed(ALWAYS, at("2026-05-04"), at("2026-05-05")) == timedelta(days=1)
    assert due_at(ALWAYS, at("2026-05-04 23:59:30"), 60 * SECOND) == at("2026-05-05 00:00:30")
    assert is_open(ALWAYS, at("2026-05-04 23:59:59"))
    assert next_opening(ALWAYS, at("2026-05-04 23:59:59")) == at("2026-05-04 23:59:59")
    assert due_at(ALWAYS, at("2031-01-01"), HOUR) == at("2031-01-01 01:00")


def test_a_calendar_refuses_to_guess_outside_what_it_covers() -> None:
    with pytest.raises(CalendarExhausted, match="covers 2026-01-01 to 2027-01-01, not 2025-12-31 23:59"):
        elapsed(WEEK, at("2025-12-31 23:59"), at("2026-05-04"))
    with pytest.raises(CalendarExhausted, match="not 2027-01-01 00:01"):
        elapsed(WEEK, at("2026-05-04"), at("2027-01-01 00:01"))
    with pytest.raises(CalendarExhausted, match=r"less than 17:00:00\.000001 of open time"):
        due_at(WEEK, at("2026-05-04"), 17 * HOUR + TICK)
    with pytest.raises(CalendarExhausted):
        next_opening(WEEK, at("2027-01-02"))


def test_a_negative_target_is_refused() -> None:
    with pytest.raises(ValueError, match="target must not be negative"):
        due_at(WEEK, at("2026-05-04"), -SECOND)


#: Any calendar of 2026: closed and open stretches in turn, down to a microsecond.
ANY_CALENDAR = st.lists(
    st.integers(min_value=1, max_value=3 * 10**11), min_size=2, max_size=40, unique=False
).map(lambda lengths: _alternating(lengths[: len(lengths) // 2 * 2]))


def _alternating(lengths: list[int]) -> CalendarVersion:
    edges = list(accumulate(lengths, initial=microseconds(at("2026-01-01"))))[1:]
    return CalendarVersion(
        id="test/any",
        version="1" * 16,
        title="Any",
        always=False,
        starts=tuple(edges[0::2]),
        ends=tuple(edges[1::2]),
        covers_from=at("2026-01-01"),
        covers_to=at("2027-01-01"),
    )


#: Instants around those stretches, and amounts of open time.
ANY_INSTANT = st.integers(min_value=0, max_value=12 * 10**12).map(
    lambda us: at("2026-01-01") + timedelta(microseconds=us)
)
ANY_TARGET = st.integers(min_value=1, max_value=10**12).map(lambda us: timedelta(microseconds=us))


def _total(calendar: CalendarVersion, start: datetime) -> timedelta:
    return elapsed(calendar, start, calendar.covers_to)


@given(ANY_CALENDAR, ANY_INSTANT, ANY_TARGET)
def test_due_is_the_first_instant_at_which_the_target_has_elapsed(
    calendar: CalendarVersion, start: datetime, target: timedelta
) -> None:
    assume(target <= _total(calendar, start))
    due = due_at(calendar, start, target)
    assert elapsed(calendar, start, due) == target
    assert elapsed(calendar, start, due - TICK) < target


@given(ANY_CALENDAR, ANY_INSTANT, ANY_INSTANT)
def test_what_has_elapsed_was_due_by_then(calendar: CalendarVersion, start: datetime, end: datetime) -> None:
    assume(start <= end)
    assert due_at(calendar, start, elapsed(calendar, start, end)) <= end


@given(ANY_CALENDAR, ANY_INSTANT, ANY_INSTANT, ANY_INSTANT)
def test_elapsed_adds_up_over_adjacent_spans(
    calendar: CalendarVersion, one: datetime, two: datetime, three: datetime
) -> None:
    first, second, third = sorted((one, two, three))
    assert elapsed(calendar, first, third) == elapsed(calendar, first, second) + elapsed(
        calendar, second, third
    )


@given(ANY_CALENDAR, ANY_INSTANT)
def test_the_next_opening_ends_a_closed_stretch(calendar: CalendarVersion, start: datetime) -> None:
    opening = next_opening(calendar, start)
    if opening is None:
        assert _total(calendar, start) == timedelta(0)
    else:
        assert is_open(calendar, opening)
        assert elapsed(calendar, start, opening) == timedelta(0)


def test_twenty_thousand_random_cases_agree_with_counting_minutes() -> None:
    seed = 20200401
    print(f"seed {seed}")
    chance = random.Random(seed)
    beyond = 0
    for _case in range(CASES):
        counter = chance.choice(counters())
        first, last = sorted(chance.sample(range(counter.minutes), 2))
        target = chance.choice((60, 120, 240, 480, chance.randint(1, 3000)))
        context = (counter.calendar.id, counter.at(first), counter.at(last), target)
        open_time = elapsed(counter.calendar, counter.at(first), counter.at(last))
        assert open_time == counter.count(first, last) * MINUTE, context
        due = counter.due(first, target)
        if due is None:
            beyond += 1
        else:
            assert due_at(counter.calendar, counter.at(first), target * MINUTE) == counter.at(due), context
    assert beyond < CASES // 4
