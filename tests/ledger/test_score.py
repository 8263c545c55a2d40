"""The score: repeatable, and its effects counted by hand."""

import pytest

from tests.ledger.score import EXITED, RUN, STARTED, STOP_PLANNED, Effect, Score, effects
from vedette_agent.facts import Batch, EventBatch, Gap

NOW = 1_772_528_400_000_000


def test_a_step_is_the_same_whenever_it_is_played() -> None:
    score = Score(seed=1, number=4)
    assert score.facts(17, NOW) == Score(seed=1, number=4).facts(17, NOW)
    assert score.facts(17, NOW) != score.facts(18, NOW)


def test_agents_have_different_customers_and_one_in_ten_a_small_outbox() -> None:
    scores = [Score(seed=1, number=number) for number in range(20)]
    assert scores[7].agent == "customer-2/site-7/node-1"
    assert [score.number for score in scores if score.squeezed] == [9, 19]


def test_a_minute_of_a_score_has_facts_of_every_kind_and_effects_of_every_kind() -> None:
    score = Score(seed=1, number=0)
    facts = [fact for step in range(240) for fact in score.facts(step, NOW)]
    assert {type(fact) for fact in facts} == {Batch, EventBatch, Gap}
    events = [event for fact in facts if isinstance(fact, EventBatch) for event in fact.events]
    assert {event.code for event in events} == {EXITED, STARTED, STOP_PLANNED}
    shares = [fact.samples[0][1] / fact.samples[1][1] for fact in facts if isinstance(fact, Batch)]
    assert len(shares) == 240
    assert effects([(event.code, event.component) for event in events], shares).keys() == {
        ("voip_stack_crash", "voip-stack"),
        ("application_crash", "ivr"),
        ("application_crash", "web-server"),
        ("database_space", ""),
    }


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], {}),
        ([(EXITED, "ivr")], {("application_crash", "ivr"): Effect(occurrences=1, priority=1)}),
        (
            [(EXITED, "voip-stack"), (STARTED, "voip-stack"), (EXITED, "voip-stack")],
            {("voip_stack_crash", "voip-stack"): Effect(occurrences=2, priority=1)},
        ),
        ([(STOP_PLANNED, "ivr"), (EXITED, "ivr"), (STARTED, "ivr")], {}),
        (
            [(STOP_PLANNED, "ivr"), (EXITED, "ivr"), (STARTED, "ivr"), (EXITED, "ivr")],
            {("application_crash", "ivr"): Effect(occurrences=1, priority=1)},
        ),
        (
            [(STOP_PLANNED, "ivr"), (EXITED, "web-server")],
            {("application_crash", "web-server"): Effect(occurrences=1, priority=1)},
        ),
    ],
)
def test_an_exit_counts_unless_its_stop_was_announced(
    events: list[tuple[str, str]], expected: dict[tuple[str, str], Effect]
) -> None:
    assert effects(events, []) == expected


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ([0.5, 0.79], None),
        ([0.5, 0.80], Effect(occurrences=1, priority=4)),
        ([0.85, 0.76, 0.85], Effect(occurrences=1, priority=4)),
        ([0.85, 0.74, 0.85], Effect(occurrences=2, priority=4)),
        ([0.85, 0.90, 0.50, 0.85], Effect(occurrences=2, priority=3)),
        ([0.50] * RUN + [0.85] * RUN + [0.95] * RUN, Effect(occurrences=1, priority=3)),
    ],
)
def test_a_database_that_fills_counts_each_rise(shares: list[float], expected: Effect | None) -> None:
    assert effects([], shares).get(("database_space", "")) == expected
