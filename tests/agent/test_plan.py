"""Which collector is due when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette_agent.plan import Plan, due, next_due_us, run

SECOND = 1_000_000
PLAN = Plan(intervals_us={"fast": SECOND, "slow": 10 * SECOND})


@pytest.mark.parametrize(
    ("now_us", "expected"),
    [
        (1005 * SECOND, ()),
        (1005 * SECOND + 999_999, ()),
        (1006 * SECOND, ("fast",)),
        (1009 * SECOND + 999_999, ("fast",)),
        (1010 * SECOND, ("fast", "slow")),
    ],
)
def test_a_collector_is_due_when_a_slot_began_that_it_has_not_run_in(
    now_us: int, expected: tuple[str, ...]
) -> None:
    ran = run(PLAN, ("fast", "slow"), 1005 * SECOND)
    assert due(ran, now_us) == expected


def test_everything_is_due_at_the_start() -> None:
    assert due(PLAN, 3) == ("fast", "slow")
    assert next_due_us(PLAN, 3) == 3


def test_after_a_suspended_hour_each_is_due_once() -> None:
    ran = run(PLAN, ("fast", "slow"), 1005 * SECOND)
    later = 1005 * SECOND + 3600 * SECOND
    assert due(ran, later) == ("fast", "slow")
    assert due(run(ran, ("fast", "slow"), later), later + 1) == ()


def test_an_empty_plan_has_no_next_instant() -> None:
    assert next_due_us(Plan(intervals_us={}), 5) is None


@given(
    intervals=st.lists(st.integers(100_000, 3_600_000_000), min_size=1, max_size=5),
    start=st.integers(0, 10**13),
    ticks=st.lists(st.integers(0, 5_000_000), max_size=30),
)
def test_no_collector_runs_twice_in_a_slot_or_drifts(
    intervals: list[int], start: int, ticks: list[int]
) -> None:
    plan = Plan(intervals_us={str(index): interval for index, interval in enumerate(intervals)})
    now = start
    slots: dict[str, list[int]] = {name: [] for name in plan.intervals_us}
    for late in ticks:
        following = next_due_us(plan, now)
        assert following is not None
        assert following >= now
        now = following + late
        names = due(plan, now)
        assert names
        for name in names:
            slots[name].append(now // plan.intervals_us[name])
        plan = run(plan, names, now)
    for served in slots.values():
        assert len(set(served)) == len(served)
        assert served == sorted(served)
