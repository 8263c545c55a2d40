"""The plan of kills: repeatable, and with every kind of death in it."""

from collections import Counter

import pytest

from tests.ledger.plan import REACH_EVERY, AgentDeath, Death, Life, Moment, birth, lives


def test_the_same_seed_gives_the_same_plan() -> None:
    assert lives(7, kills=50, agents=20) == lives(7, kills=50, agents=20)
    assert lives(7, kills=50, agents=20) != lives(8, kills=50, agents=20)
    assert birth(7) == birth(7)


@pytest.mark.parametrize("seed", range(5))
def test_a_short_run_has_deaths_of_every_kind(seed: int) -> None:
    assert Counter(life.death for life in lives(seed, kills=20, agents=20)) == {
        Death.REACHED_BY_ALL: 5,
        Death.STARTING: 2,
        Death.RUNNING: 4,
        Death.BEFORE_COMMIT: 4,
        Death.AFTER_COMMIT_BEFORE_ACK: 5,
    }


def test_agents_are_reached_often_enough_that_no_fact_gets_old() -> None:
    plan = lives(3, kills=40, agents=20)
    assert all(life.death is Death.REACHED_BY_ALL for life in plan[::REACH_EVERY])


def test_agents_die_at_random_and_at_both_moments() -> None:
    victims = [victim for life in lives(3, kills=40, agents=20) for victim in life.agents]
    assert {victim.then[0] if victim.then else None for victim in victims} == {None, *Moment}


def test_only_an_agent_that_is_to_die_again_is_told_so() -> None:
    assert AgentDeath(agent=1, after=0.5, then=(Moment.APPENDED, 3)).doom == "appended@3"
    assert AgentDeath(agent=1, after=0.5).doom == ""


def test_only_failpoints_are_told_to_the_server() -> None:
    assert Life(death=Death.BEFORE_COMMIT, turn=17).failpoints == "before_commit=kill@17"
    assert Life(death=Death.RUNNING, after=0.5).failpoints == ""
