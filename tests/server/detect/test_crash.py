"""The crash rule: an exit is a crash unless its stop was announced, whatever else was going on."""

from datetime import UTC, datetime, timedelta

import pytest

from vedette_server.contracts.priority import Priority
from vedette_server.detect.catalog import CrashRule
from vedette_server.detect.crash import EXITED, STARTED, STOP_PLANNED, judge_component, judge_held, watches
from vedette_server.detect.evaluate import Verdict
from vedette_server.detect.rule_state import Phase, RuleState

START = datetime(2026, 3, 3, 9, 0, tzinfo=UTC)
RULE = CrashRule(
    code="application_crash",
    alarm_class="service degradation",
    title="",
    priority=Priority.P1,
    except_components=("voip-stack",),
    licensed_only=True,
    planned_window=timedelta(minutes=2),
    clear_after=timedelta(seconds=10),
)
BLANK = RuleState(key="k", code="application_crash", agent="a", component="ivr", phase=Phase.PENDING)
#: The time that a clearing must hold has passed.
HELD = "held"

#: (second, event or HELD, verdict, phase after it)
STORIES = {
    "an exit is a crash, and a start begins the clearing": [
        (0, EXITED, Verdict.RAISED, Phase.ACTIVE),
        (5, STARTED, Verdict.MOVED, Phase.CLEARING),
        (15, HELD, Verdict.CLEARED, None),
    ],
    "an exit while clearing is the same condition once more": [
        (0, EXITED, Verdict.RAISED, Phase.ACTIVE),
        (5, STARTED, Verdict.MOVED, Phase.CLEARING),
        (6, EXITED, Verdict.RAISED, Phase.ACTIVE),
        (16, HELD, Verdict.UNCHANGED, Phase.ACTIVE),
    ],
    "an exit 120 s after its announcement is no crash": [
        (0, STOP_PLANNED, Verdict.MOVED, Phase.PLANNED),
        (120, EXITED, Verdict.UNCHANGED, Phase.PLANNED),
        (300, STARTED, Verdict.MOVED, None),
    ],
    "an exit 121 s after its announcement is one": [
        (0, STOP_PLANNED, Verdict.MOVED, Phase.PLANNED),
        (121, EXITED, Verdict.RAISED, Phase.ACTIVE),
    ],
    "a second announcement counts from itself": [
        (0, STOP_PLANNED, Verdict.MOVED, Phase.PLANNED),
        (100, STOP_PLANNED, Verdict.MOVED, Phase.PLANNED),
        (220, EXITED, Verdict.UNCHANGED, Phase.PLANNED),
    ],
    "an announcement ends with the start that follows": [
        (0, STOP_PLANNED, Verdict.MOVED, Phase.PLANNED),
        (1, EXITED, Verdict.UNCHANGED, Phase.PLANNED),
        (2, STARTED, Verdict.MOVED, None),
        (3, EXITED, Verdict.RAISED, Phase.ACTIVE),
    ],
    "a stop announced while a crash is clearing is no crash, and the clearing goes on": [
        (0, EXITED, Verdict.RAISED, Phase.ACTIVE),
        (5, STARTED, Verdict.MOVED, Phase.CLEARING),
        (8, STOP_PLANNED, Verdict.MOVED, Phase.CLEARING),
        (9, EXITED, Verdict.UNCHANGED, Phase.CLEARING),
        (12, STARTED, Verdict.MOVED, Phase.CLEARING),
        (13, EXITED, Verdict.RAISED, Phase.ACTIVE),
    ],
    "an announcement outlives the clearing that it came in": [
        (0, EXITED, Verdict.RAISED, Phase.ACTIVE),
        (5, STARTED, Verdict.MOVED, Phase.CLEARING),
        (8, STOP_PLANNED, Verdict.MOVED, Phase.CLEARING),
        (15, HELD, Verdict.CLEARED, Phase.PLANNED),
        (16, EXITED, Verdict.UNCHANGED, Phase.PLANNED),
        (17, STARTED, Verdict.MOVED, None),
    ],
    "a start of what never exited means nothing": [(0, STARTED, Verdict.UNCHANGED, None)],
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES.keys())
def test_a_component_that_exits_and_starts(story: list[tuple[int, str, Verdict, Phase | None]]) -> None:
    state: RuleState | None = None
    for second, event, verdict, phase in story:
        if event == HELD:
            state, told = judge_held(state)
        else:
            state, told = judge_component(RULE, state, BLANK, event, START + timedelta(seconds=second))
        assert (second, told, state.phase if state else None) == (second, verdict, phase)


def test_what_is_left_of_a_cleared_crash_says_nothing_of_it() -> None:
    at = START + timedelta(seconds=8)
    clearing = RuleState(
        key="k",
        code="application_crash",
        agent="a",
        phase=Phase.CLEARING,
        level=1,
        level_since=(START,),
        clearing_since=START,
        planned_since=at,
        raises=3,
    )
    left = RuleState(key="k", code="application_crash", agent="a", phase=Phase.PLANNED, planned_since=at)
    assert judge_held(clearing) == (left, Verdict.CLEARED)


@pytest.mark.parametrize(
    ("component", "licensed", "watched"),
    [
        ("ivr", ("ivr",), True),
        ("ivr", (), False),
        ("voip-stack", ("voip-stack",), False),
        ("", ("",), False),
    ],
)
def test_a_rule_watches_licensed_components_but_those_it_excepts(
    component: str, licensed: tuple[str, ...], watched: bool
) -> None:
    assert watches(RULE, component, licensed) is watched
