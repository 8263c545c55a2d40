"""The ratio rule: both sides of every edge, and that a band never hides what judging would have found."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette_server.alarms.key import alarm_key
from vedette_server.contracts.priority import Priority
from vedette_server.detect.board import Board
from vedette_server.detect.catalog import Catalog, LabelMatch, Level, RatioRule
from vedette_server.detect.evaluate import NO_BAND, Verdict, band, judge, level_of, matches
from vedette_server.detect.rule_state import Phase, RuleState
from vedette_server.telemetry.series import Series

START = datetime(2026, 3, 3, 9, 0, tzinfo=UTC)
RULE = RatioRule(
    code="database_space",
    alarm_class="disk saturation",
    title="",
    usage="used",
    limit="limit",
    levels=(Level(at=0.8, priority=Priority.P4), Level(at=0.9, priority=Priority.P3)),
    clear_below=0.75,
    raise_after=timedelta(seconds=60),
    clear_after=timedelta(seconds=30),
)
BLANK = RuleState(key="k", code="database_space", agent="a", phase=Phase.PENDING, level_since=(None, None))

#: (second, used of 100, verdict)
STORIES = {
    "59 s stays pending, 60 s raises": [
        (0, 80, Verdict.MOVED),
        (59, 80, Verdict.UNCHANGED),
        (60, 80, Verdict.RAISED),
    ],
    "a dip ends pending": [(0, 80, Verdict.MOVED), (30, 79.9, Verdict.MOVED), (60, 80, Verdict.MOVED)],
    "the second level has a clock of its own": [
        (0, 80, Verdict.MOVED),
        (30, 90, Verdict.MOVED),
        (60, 90, Verdict.RAISED),
        (89, 90, Verdict.UNCHANGED),
        (90, 90, Verdict.WORSENED),
    ],
    "29 s below stays active, 30 s clears": [
        (0, 95, Verdict.MOVED),
        (60, 95, Verdict.RAISED),
        (70, 74.9, Verdict.MOVED),
        (99, 74.9, Verdict.UNCHANGED),
        (100, 74.9, Verdict.CLEARED),
    ],
    "75 is not below 75, and ends clearing": [
        (0, 95, Verdict.MOVED),
        (60, 95, Verdict.RAISED),
        (70, 70, Verdict.MOVED),
        (80, 75, Verdict.MOVED),
        (100, 70, Verdict.MOVED),
        (129, 70, Verdict.UNCHANGED),
        (130, 70, Verdict.CLEARED),
    ],
    "a level never falls while active": [
        (0, 95, Verdict.MOVED),
        (60, 95, Verdict.RAISED),
        (70, 82, Verdict.UNCHANGED),
        (80, 95, Verdict.UNCHANGED),
    ],
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES.keys())
def test_a_condition_begins_worsens_and_ends_only_after_it_held(
    story: list[tuple[int, float, Verdict]],
) -> None:
    state = None
    for second, used, expected in story:
        state, verdict = judge(RULE, state, BLANK, used, 100.0, START + timedelta(seconds=second))
        assert (second, verdict) == (second, expected)


@pytest.mark.parametrize(
    ("strict", "used", "limit", "level"),
    [
        (False, 79.999, 100, 0),
        (False, 80, 100, 1),
        (False, 90, 100, 2),
        (True, 80, 100, 0),
        (True, 80.001, 100, 1),
        (False, 0, 0, 0),
        (False, 1, 0, 2),
        (False, 1, -5, 2),
        (False, 0, -5, 0),
    ],
)
def test_levels_are_reached_at_their_threshold_or_above_it_when_strict(
    strict: bool, used: float, limit: float, level: int
) -> None:
    assert level_of(replace(RULE, strict=strict), used, limit) == level


@pytest.mark.parametrize(
    ("strict", "used", "verdict"),
    [
        (False, 75.0, Verdict.UNCHANGED),
        (False, 74.9, Verdict.CLEARED),
        (True, 75.1, Verdict.UNCHANGED),
        (True, 75.0, Verdict.CLEARED),
    ],
)
def test_a_condition_ends_below_its_end_or_at_it_when_strict(
    strict: bool, used: float, verdict: Verdict
) -> None:
    rule = replace(RULE, strict=strict, raise_after=timedelta(0), clear_after=timedelta(0))
    state, raised = judge(rule, None, BLANK, 95, 100, START)
    assert raised is Verdict.RAISED
    assert judge(rule, state, BLANK, used, 100, START + timedelta(seconds=1))[1] is verdict


@pytest.mark.parametrize(
    ("match", "found"),
    [
        (LabelMatch(name="resource", values=("channel",)), True),
        (LabelMatch(name="resource", values=("seat",)), False),
        (LabelMatch(name="resource", values=("channel",), negated=True), False),
        (LabelMatch(name="missing", values=("",)), True),
        (LabelMatch(name="missing", values=("x",), negated=True), True),
    ],
)
def test_a_label_that_is_not_there_is_empty(match: LabelMatch, found: bool) -> None:
    assert matches((match,), (("resource", "channel"),)) is found


values = st.sampled_from([0.0, 10.0, 74.9, 75.0, 79.9, 80.0, 85.0, 89.9, 90.0, 95.0, 100.0, 120.0])
limits = st.sampled_from([0.0, 100.0, 110.0, 50.0])
steps = st.lists(st.tuples(st.integers(1, 40), values, st.none() | limits, st.booleans()), max_size=40)


@given(steps, st.booleans(), st.sampled_from([0, 60]), st.sampled_from([0, 30]))
def test_the_band_path_finds_what_judging_every_sample_finds_also_across_reloads(
    story: list[tuple[int, float, float | None, bool]], strict: bool, hold: int, clear: int
) -> None:
    rule = replace(
        RULE, strict=strict, raise_after=timedelta(seconds=hold), clear_after=timedelta(seconds=clear)
    )
    catalog = Catalog(version="1", ratios=(rule,))
    key = alarm_key(rule.code, "a", ())
    blank = replace(BLANK, key=key)
    plain: RuleState | None = None
    states: dict[str, RuleState] = {}
    board = _board(catalog, states)
    limit = 100.0
    second = 0
    for wait, used, new_limit, reload in story:
        second += wait
        limit = limit if new_limit is None else new_limit
        if reload:
            board = _board(catalog, states)
        plain, expected = judge(rule, plain, blank, used, limit, START + timedelta(seconds=second))
        verdict = _banded(board, rule, states, blank, used, limit, START + timedelta(seconds=second))
        assert verdict == expected
        assert states.get(key) == plain


def _board(catalog: Catalog, states: dict[str, RuleState]) -> Board:
    board = Board("a")
    pair = (Series(number=0, name="used", unit="By"), Series(number=1, name="limit", unit="By"))
    board.announce(pair, catalog, states)
    return board


def _banded(
    board: Board,
    rule: RatioRule,
    states: dict[str, RuleState],
    blank: RuleState,
    used: float,
    limit: float,
    at: datetime,
) -> Verdict:
    """Judge only what left its band, as the engine does; return what came of it."""
    numbers = np.array([0, 1], dtype=np.uint32)
    if not board.crossers(numbers, np.array([used, limit])):
        return Verdict.UNCHANGED
    (pair,) = board.pairs
    pair.limit = limit
    after, verdict = judge(rule, states.get(pair.key), blank, used, limit, at)
    if after is None:
        states.pop(pair.key, None)
    else:
        states[pair.key] = after
    board.settle(0, states)
    board.settle(1, states)
    return verdict


def test_a_running_duration_leaves_no_band() -> None:
    assert band(RULE, replace(BLANK, level_since=(START, None)), 100.0) == NO_BAND


def test_a_number_that_was_never_announced_is_not_known_also_in_a_hole() -> None:
    board = Board("a")
    board.announce((Series(number=2, name="x", unit="1"),), Catalog(version="1"), {})
    assert [board.knows(np.array([n], dtype=np.uint32)) for n in range(4)] == [False, False, True, False]
