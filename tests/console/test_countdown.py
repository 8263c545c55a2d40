"""Countdowns: business time, both sides of at-risk and of breach, and never a lie between two snapshots."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.console.fake import NOW, ZONE, clock_of
from vedette_console.model.countdown import Urgency, countdown, is_ticking, remaining_at, urgency_at
from vedette_console.model.resources import ClockState, SlaClock

MONDAY_OPENING = NOW + timedelta(hours=5)


@pytest.mark.parametrize(
    ("clock", "later", "text", "short", "urgency"),
    [
        (clock_of(minutes_left=45), 0, "45m 00s", "45m 00s", Urgency.FINE),
        (clock_of(minutes_left=45), 29 * 60 + 59, "15m 01s", "15m 01s", Urgency.FINE),
        (clock_of(minutes_left=45), 30 * 60, "! 15m 00s", "! 15m 00s", Urgency.AT_RISK),
        (clock_of(minutes_left=45), 45 * 60 - 1, "! 1s", "! 1s", Urgency.AT_RISK),
        (clock_of(minutes_left=45), 45 * 60, "-0s BREACHED", "-0s BREACHED", Urgency.BREACHED),
        (clock_of(minutes_left=45), 48 * 60 + 10, "-3m 10s BREACHED", "-3m 10s BREACHED", Urgency.BREACHED),
    ],
)
def test_a_clock_that_always_counts_runs_down_to_its_breach(
    clock: SlaClock, later: int, text: str, short: str, urgency: Urgency
) -> None:
    shown = countdown(clock, NOW + timedelta(seconds=later), ZONE)
    assert (shown.text, shown.short, shown.urgency) == (text, short, urgency)


def test_a_closed_calendar_shows_the_due_time_and_stands_still() -> None:
    due = MONDAY_OPENING + timedelta(minutes=200)
    clock = clock_of(minutes_left=200, target=240, opens=MONDAY_OPENING, due=due)
    assert countdown(clock, NOW, ZONE).text == "closed, due 11:20"
    assert remaining_at(clock, NOW + timedelta(hours=4)) == timedelta(minutes=200)


def test_it_counts_on_from_the_opening() -> None:
    due = MONDAY_OPENING + timedelta(minutes=200)
    clock = clock_of(minutes_left=200, target=240, opens=MONDAY_OPENING, due=due)
    at = MONDAY_OPENING + timedelta(minutes=10)
    assert remaining_at(clock, at) == timedelta(minutes=190)
    assert countdown(clock, at, ZONE).text == "3h 10m"


def test_an_answer_that_took_long_to_arrive_does_not_shift_the_countdown() -> None:
    late = replace(clock_of(minutes_left=45), as_of=NOW + timedelta(seconds=9))
    assert remaining_at(late, NOW + timedelta(minutes=1)) == timedelta(minutes=44)


def test_open_time_that_spans_a_closing_is_shown_with_the_due_time() -> None:
    clock = replace(clock_of(minutes_left=80, target=240), due_time=NOW + timedelta(hours=15))
    shown = countdown(clock, NOW, ZONE)
    assert (shown.text, shown.short) == ("1h 20m, due 18:00", "due 18:00")


def test_a_closing_that_the_snapshot_does_not_know_never_reads_as_a_breach() -> None:
    clock = replace(clock_of(minutes_left=80, target=240), due_time=NOW + timedelta(hours=15))
    at = NOW + timedelta(hours=3)
    assert remaining_at(clock, at) > timedelta(0)
    assert urgency_at(clock, at) is not Urgency.BREACHED


@pytest.mark.parametrize(
    ("state", "minutes_left", "text"),
    [
        (ClockState.MET, 48, "met, 12m 00s used"),
        (ClockState.BREACHED, -5, "late by 5m 00s"),
        (ClockState.CANCELLED, 20, "cancelled"),
        (ClockState.UNKNOWN, 20, "unknown"),
    ],
)
def test_a_stopped_clock_says_how_it_went(state: ClockState, minutes_left: float, text: str) -> None:
    clock = clock_of(minutes_left=minutes_left, state=state, stopped=NOW)
    shown = countdown(clock, NOW + timedelta(hours=9), ZONE)
    assert (shown.text, shown.urgency) == (text, Urgency.NONE)


def test_a_case_taken_before_opening_has_used_no_time_rather_than_taken_none() -> None:
    shown = countdown(clock_of(minutes_left=60, state=ClockState.MET, stopped=NOW), NOW, ZONE)
    assert (shown.text, shown.short) == ("met, 0s used", "met, 0s")


def test_a_paused_clock_keeps_what_is_left() -> None:
    clock = clock_of(minutes_left=30, state=ClockState.PAUSED)
    assert countdown(clock, NOW + timedelta(hours=1), ZONE).text == "paused, 30m 00s"


def test_no_clock_asks_for_nothing() -> None:
    shown = countdown(None, NOW, ZONE)
    assert (shown.text, shown.short, shown.urgency) == ("no response time", "no clock", Urgency.NONE)


def test_a_breach_ticks_until_a_human_answers() -> None:
    assert is_ticking(clock_of(minutes_left=-3, state=ClockState.BREACHED))
    assert not is_ticking(clock_of(minutes_left=-3, state=ClockState.BREACHED, stopped=NOW))


@given(st.integers(1, 10_000), st.integers(0, 20_000))
def test_before_the_due_time_something_is_left_and_after_it_nothing(left: int, later: int) -> None:
    clock = clock_of(minutes_left=left / 60, target=20_000)
    assert (remaining_at(clock, NOW + timedelta(seconds=later)) > timedelta(0)) == (later < left)
