"""The SLA clock: one table of transitions, both sides of every edge, and brute force."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.server.calendars.minute_counter import CLOSED, MINUTE, MinuteCounter, counters, shifts, theater
from vedette_server.calendars.compile import CalendarDefinition, compile_theater
from vedette_server.calendars.intervals import CalendarVersion
from vedette_server.cases import sla
from vedette_server.cases.sla import ClockState, Reason, SlaClock, WrongCalendar
from vedette_server.contracts.priority import Priority

CASES = 20_000
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
ZERO = timedelta(0)
P1, P2, P3, P4 = Priority


def at(text: str) -> datetime:
    """Return an instant in the week of Monday, 4 May 2026: `mon 09:00` or `tue 10:00:01`, UTC."""
    day, clock = text.split()
    number = 4 + ("mon", "tue", "wed", "thu", "fri", "sat", "sun").index(day)
    return datetime.fromisoformat(f"2026-05-{number:02} {clock}").replace(tzinfo=UTC)


def _compile() -> tuple[CalendarVersion, ...]:
    office = shifts("09:00-12:00 13:00-18:00")
    definition = theater("UTC", (*(office,) * 5, CLOSED, CLOSED), closed_days=(date(2026, 5, 6),))
    calendars = (
        CalendarDefinition(name="always", title="24x7", always=True),
        *definition.calendars,
        CalendarDefinition(name="extended", title="Extended", week=(shifts("07:00-22:00"),) * 7),
    )
    return compile_theater(replace(definition, calendars=calendars), now=at("mon 00:00"))


#: Business: Mon-Fri 09-12 and 13-18, closed on Wednesday. Extended: 07-22 every day but Wednesday.
ALWAYS, BUSINESS, EXTENDED = _compile()


def running(since: str, target: timedelta = 2 * HOUR, calendar: CalendarVersion = BUSINESS) -> SlaClock:
    clock = sla.new_clock(priority=P2, target=target, calendar=calendar)
    clock, reason = sla.start(clock, calendar=calendar, now=at(since))
    assert reason is Reason.STARTED
    return clock


def paused(since: str, until: str) -> SlaClock:
    clock, reason = sla.pause(running(since), calendar=BUSINESS, now=at(until))
    assert reason is Reason.PAUSED
    return clock


def test_a_new_clock_promises_nothing_yet() -> None:
    clock = sla.new_clock(priority=P2, target=2 * HOUR, calendar=BUSINESS)
    assert clock.state is ClockState.NOT_STARTED
    assert (clock.due_at, clock.started_at, clock.running_since) == (None, None, None)
    assert (clock.calendar_id, clock.calendar_version) == (BUSINESS.id, BUSINESS.version)
    assert sla.remaining(clock, calendar=BUSINESS, now=at("mon 10:00")) == 2 * HOUR


def test_a_target_must_be_positive() -> None:
    with pytest.raises(ValueError, match="target must be positive"):
        sla.new_clock(priority=P2, target=ZERO, calendar=BUSINESS)


@pytest.mark.parametrize(
    ("started", "due"),
    [
        ("mon 09:00", "mon 11:00"),
        ("mon 10:00", "mon 12:00"),  # used up at closing: due at closing, not at 13:00
        ("mon 11:00", "mon 14:00"),  # over lunch
        ("mon 17:59:59", "tue 10:59:59"),
        ("tue 17:59:59", "thu 10:59:59"),  # over a closed day
        ("tue 18:00", "thu 11:00"),
        ("tue 16:00", "tue 18:00"),
    ],
)
def test_a_clock_is_due_when_its_open_time_is_used_up(started: str, due: str) -> None:
    assert running(started).due_at == at(due)


@pytest.mark.parametrize(
    ("answered", "state", "reason"),
    [
        ("mon 10:59:59", ClockState.MET, Reason.MET),
        ("mon 11:00:00", ClockState.BREACHED, Reason.ANSWERED_LATE),  # "<" is strict
        ("mon 11:00:01", ClockState.BREACHED, Reason.ANSWERED_LATE),
    ],
)
def test_an_answer_meets_the_promise_only_before_the_due_time(
    answered: str, state: ClockState, reason: Reason
) -> None:
    clock, why = sla.stop(running("mon 09:00"), calendar=BUSINESS, now=at(answered))
    assert (clock.state, why, clock.stopped_at) == (state, reason, at(answered))
    assert (clock.running_since, clock.due_at) == (None, None)


def test_an_answer_in_the_closed_hours_after_the_target_was_used_up_at_closing_is_a_breach() -> None:
    clock, reason = sla.stop(running("mon 16:00"), calendar=BUSINESS, now=at("mon 18:00:01"))
    assert (clock.state, reason, clock.breached_at) == (
        ClockState.BREACHED,
        Reason.ANSWERED_LATE,
        at("mon 18:00"),
    )


def test_an_answer_in_closed_hours_before_the_target_is_used_up_meets_it() -> None:
    clock, reason = sla.stop(running("mon 16:01"), calendar=BUSINESS, now=at("tue 03:00"))
    assert (clock.state, reason, clock.spent) == (ClockState.MET, Reason.MET, 119 * MINUTE)


def test_a_breach_is_dated_at_the_due_time_however_late_the_timer_fires() -> None:
    clock, reason = sla.expire(running("mon 09:00"), now=at("tue 15:00"))
    assert (clock.state, reason) == (ClockState.BREACHED, Reason.BREACHED)
    assert (clock.breached_at, clock.spent, clock.stopped_at) == (at("mon 11:00"), 2 * HOUR, None)


def test_a_breached_clock_still_records_the_first_human_answer() -> None:
    clock, _reason = sla.expire(running("mon 09:00"), now=at("mon 11:00"))
    clock, reason = sla.stop(clock, calendar=BUSINESS, now=at("mon 11:30"))
    assert (reason, clock.state, clock.stopped_at) == (
        Reason.ANSWERED_LATE,
        ClockState.BREACHED,
        at("mon 11:30"),
    )
    again, reason = sla.stop(clock, calendar=BUSINESS, now=at("mon 12:00"))
    assert (again, reason) == (clock, Reason.UNCHANGED)


@pytest.mark.parametrize(
    ("now", "reason"), [("mon 10:59:59", Reason.UNCHANGED), ("mon 11:00", Reason.BREACHED)]
)
def test_a_timer_that_fires_early_changes_nothing(now: str, reason: Reason) -> None:
    assert sla.expire(running("mon 09:00"), now=at(now))[1] is reason


def test_a_pause_stops_the_due_time_and_a_resume_restores_what_was_left() -> None:
    clock = paused("mon 09:00", "mon 09:30")
    assert (clock.state, clock.spent, clock.due_at) == (ClockState.PAUSED, 30 * MINUTE, None)
    assert sla.remaining(clock, calendar=BUSINESS, now=at("fri 17:00")) == 90 * MINUTE
    clock, reason = sla.resume(clock, calendar=BUSINESS, now=at("mon 17:00"))
    assert (reason, clock.due_at, clock.started_at) == (Reason.RESUMED, at("tue 09:30"), at("mon 09:00"))


def test_pausing_outside_open_hours_spends_nothing() -> None:
    clock, _reason = sla.pause(running("mon 17:00"), calendar=BUSINESS, now=at("mon 19:00"))
    assert clock.spent == HOUR
    clock, _reason = sla.resume(clock, calendar=BUSINESS, now=at("tue 05:00"))
    assert clock.due_at == at("tue 10:00")


def test_an_answer_while_paused_meets_the_promise() -> None:
    clock, reason = sla.stop(paused("mon 09:00", "mon 09:30"), calendar=BUSINESS, now=at("fri 09:00"))
    assert (clock.state, reason, clock.spent) == (ClockState.MET, Reason.MET, 30 * MINUTE)


@pytest.mark.parametrize("transition", [sla.pause, sla.cancel])
def test_whatever_comes_at_or_after_the_due_time_finds_a_breach(transition: object) -> None:
    assert callable(transition)
    clock, reason = transition(running("mon 09:00"), calendar=BUSINESS, now=at("mon 11:00"))
    assert (clock.state, reason, clock.breached_at) == (
        ClockState.BREACHED,
        Reason.BREACHED,
        at("mon 11:00"),
    )


def test_a_cancelled_clock_ends_without_an_answer() -> None:
    clock, reason = sla.cancel(running("mon 09:00"), calendar=BUSINESS, now=at("mon 10:00"))
    assert (clock.state, reason, clock.spent, clock.stopped_at) == (
        ClockState.CANCELLED,
        Reason.CANCELLED,
        HOUR,
        None,
    )


def test_an_answer_before_the_clock_started_meets_it() -> None:
    clock = sla.new_clock(priority=P2, target=HOUR, calendar=BUSINESS)
    clock, reason = sla.stop(clock, calendar=BUSINESS, now=at("mon 09:00"))
    assert (clock.state, reason, clock.started_at) == (ClockState.MET, Reason.MET, None)


def clocks() -> dict[str, SlaClock]:
    """Return one clock in each state, all before their due time at mon 10:00."""
    run = running("mon 09:00")
    now = at("mon 09:30")
    return {
        "not_started": sla.new_clock(priority=P2, target=2 * HOUR, calendar=BUSINESS),
        "running": run,
        "paused": sla.pause(run, calendar=BUSINESS, now=now)[0],
        "met": sla.stop(run, calendar=BUSINESS, now=now)[0],
        "breached": sla.expire(running("mon 09:00", target=MINUTE), now=now)[0],
        "cancelled": sla.cancel(run, calendar=BUSINESS, now=now)[0],
    }


#: state -> what start, pause, resume, stop, expire, cancel, raise and lower do at mon 10:00.
TABLE = {
    "not_started": "started unchanged unchanged met unchanged cancelled terms_changed terms_changed",
    "running": "unchanged paused unchanged met unchanged cancelled tightened stricter_kept",
    "paused": "unchanged unchanged resumed met unchanged cancelled tightened stricter_kept",
    "met": "unchanged " * 8,
    "breached": "unchanged unchanged unchanged answered_late unchanged unchanged unchanged unchanged",
    "cancelled": "unchanged " * 8,
}


@pytest.mark.parametrize("state", TABLE)
def test_every_transition_from_every_state(state: str) -> None:
    clock, now = clocks()[state], at("mon 10:00")
    assert clock.state == state
    urgent = {"priority": P1, "target": MINUTE, "new_calendar": ALWAYS}
    outcomes = [
        sla.start(clock, calendar=BUSINESS, now=now),
        sla.pause(clock, calendar=BUSINESS, now=now),
        sla.resume(clock, calendar=BUSINESS, now=now),
        sla.stop(clock, calendar=BUSINESS, now=now),
        sla.expire(clock, now=now),
        sla.cancel(clock, calendar=BUSINESS, now=now),
        sla.raise_priority(clock, calendar=BUSINESS, now=now, **urgent),  # type: ignore[arg-type]
        sla.lower_priority(clock, calendar=BUSINESS, now=now, **urgent),  # type: ignore[arg-type]
    ]
    assert [reason.value for _clock, reason in outcomes] == TABLE[state].split()
    for changed, reason in outcomes:
        assert (changed == clock) is (reason in {Reason.UNCHANGED, Reason.STRICTER_KEPT})


def raised(clock: SlaClock, target: timedelta, calendar: CalendarVersion, now: str) -> SlaClock:
    return sla.raise_priority(
        clock, calendar=BUSINESS, priority=P1, target=target, new_calendar=calendar, now=at(now)
    )[0]


def test_a_higher_priority_is_due_at_the_new_time_counted_from_the_change() -> None:
    clock = raised(running("mon 17:00", target=8 * HOUR), HOUR, ALWAYS, "mon 20:00")
    assert (clock.due_at, clock.priority, clock.calendar_id) == (at("mon 21:00"), P1, ALWAYS.id)
    assert (clock.spent, clock.running_since, clock.started_at) == (
        ZERO,
        at("mon 20:00"),
        at("mon 17:00"),
    )


def test_a_higher_priority_never_moves_the_due_time_back() -> None:
    before = running("mon 09:00")  # due at 11:00
    clock = raised(before, HOUR, ALWAYS, "mon 10:30")  # would be due at 11:30
    assert clock == before
    assert clock.priority is P2


def test_a_higher_priority_with_the_same_due_time_keeps_the_clock() -> None:
    before = running("mon 09:00")
    assert raised(before, HOUR, ALWAYS, "mon 10:00") == before


def test_a_better_plan_in_the_middle_of_a_case_is_never_due_in_the_past() -> None:
    # Eleven hours old, and the new promise is one hour around the clock.
    clock = raised(running("mon 09:00", target=24 * HOUR), HOUR, ALWAYS, "mon 20:00")
    assert clock.due_at == at("mon 21:00")


def test_a_higher_priority_after_the_due_time_finds_the_breach() -> None:
    clock = raised(running("mon 09:00"), HOUR, ALWAYS, "mon 11:00")
    assert (clock.state, clock.breached_at) == (ClockState.BREACHED, at("mon 11:00"))


def test_a_paused_clock_takes_the_terms_that_would_be_due_first_and_stays_paused() -> None:
    clock = raised(paused("mon 09:00", "mon 09:30"), HOUR, EXTENDED, "mon 20:00")
    assert (clock.state, clock.target, clock.spent, clock.due_at) == (ClockState.PAUSED, HOUR, ZERO, None)
    clock, _reason = sla.resume(clock, calendar=EXTENDED, now=at("mon 21:30"))
    assert clock.due_at == at("tue 07:30")


def test_a_lower_priority_keeps_the_stricter_promise() -> None:
    clock, reason = sla.lower_priority(
        running("mon 09:00"),
        calendar=BUSINESS,
        priority=P4,
        target=8 * HOUR,
        new_calendar=BUSINESS,
        now=at("mon 10:00"),
    )
    assert (clock, reason) == (running("mon 09:00"), Reason.STRICTER_KEPT)


def test_a_clock_refuses_any_calendar_but_the_one_it_is_pinned_to() -> None:
    edited = replace(BUSINESS, version="f" * 16)
    with pytest.raises(WrongCalendar, match=f"version {BUSINESS.version}, got test/business version f{{16}}"):
        sla.stop(running("mon 09:00"), calendar=edited, now=at("mon 10:00"))


def test_a_clock_that_steps_back_spends_nothing_less_than_nothing() -> None:
    clock = running("mon 09:30")
    assert sla.spent_at(clock, calendar=BUSINESS, now=at("mon 09:00")) == ZERO


@given(
    st.lists(
        st.tuples(st.sampled_from(["pause", "resume", "stop", "cancel", "expire"]), st.integers(0, 900))
    ),
    st.integers(1, 480),
)
def test_whatever_happens_the_invariants_hold(steps: list[tuple[str, int]], target: int) -> None:
    clock, now = running("mon 08:00", target=target * MINUTE), at("mon 08:00")
    for step, minutes in steps:
        now += minutes * MINUTE
        before = clock
        if step == "expire":
            clock, _reason = sla.expire(clock, now=now)
        else:
            clock, _reason = getattr(sla, step)(clock, calendar=BUSINESS, now=now)
        assert (clock.running_since is not None) is (clock.state is ClockState.RUNNING)
        assert (clock.due_at is not None) is (clock.state is ClockState.RUNNING)
        assert ZERO <= before.spent <= clock.spent <= clock.target
        assert clock.spent < clock.target or clock.state is ClockState.BREACHED
        assert ZERO <= sla.remaining(clock, calendar=BUSINESS, now=now) <= clock.target
        if before.is_final:
            assert clock.state is before.state


def _brute_force(
    counter: MinuteCounter, edges: list[int], target: int, answer: int
) -> tuple[ClockState, int, datetime | None]:
    """Count: state, open minutes spent and breach, for a clock that runs and pauses in turn at `edges`."""
    spent = 0
    spans = zip(edges, [*edges[1:], answer], strict=True)
    for number, (first, last) in enumerate(spans):
        if number % 2:  # paused
            continue
        if spent + counter.count(first, last) >= target:
            breach = counter.due(first, target - spent)
            assert breach is not None
            return ClockState.BREACHED, target, counter.at(breach)
        spent += counter.count(first, last)
    return ClockState.MET, spent, None


def test_twenty_thousand_random_lives_agree_with_counting_minutes() -> None:
    seed = 20200402
    print(f"seed {seed}")
    chance = random.Random(seed)
    outcomes = dict.fromkeys(ClockState, 0)
    while sum(outcomes.values()) < CASES:
        counter = chance.choice(counters())
        calendar = counter.calendar
        target = chance.choice((60, 120, 240, 480, chance.randint(1, 480)))
        start = chance.randrange(counter.minutes // 2)
        times = sorted(chance.sample(range(start, start + 3 * 1440), chance.randint(1, 5)))
        edges, answer = [start, *times[:-1]], times[-1]
        clock = sla.new_clock(priority=P3, target=target * MINUTE, calendar=calendar)
        clock, _reason = sla.start(clock, calendar=calendar, now=counter.at(start))
        for number, edge in enumerate(edges[1:]):
            act = sla.resume if number % 2 else sla.pause
            clock, _reason = act(clock, calendar=calendar, now=counter.at(edge))
        clock, _reason = sla.stop(clock, calendar=calendar, now=counter.at(answer))
        state, spent, breach = _brute_force(counter, edges, target, answer)
        context = (calendar.id, counter.at(start), target, edges, answer)
        assert (clock.state, clock.spent, clock.breached_at) == (state, spent * MINUTE, breach), context
        outcomes[state] += 1
    assert min(outcomes[ClockState.MET], outcomes[ClockState.BREACHED]) > CASES // 10
