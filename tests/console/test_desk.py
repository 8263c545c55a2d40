"""The desk and the link: what leaves, what counts, and when the screen says that it is not the truth."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.console.fake import NOW, agent_of, alarm_of, case_of, night
from vedette_console.model.desk import Counts, Desk
from vedette_console.model.link import Link, Phase, link_banner, link_cell
from vedette_console.model.resources import AgentState, CaseState, Change


def desk() -> Desk:
    some, made = night(), Desk()
    made.load(some.cases, some.alarms, some.agents)
    return made


def test_the_header_counts_what_needs_a_human() -> None:
    assert desk().counts(NOW) == Counts(open=6, new=4, at_risk=1, breached=1, connected=3, agents=6)


def test_time_alone_moves_a_case_from_at_risk_to_breached() -> None:
    counts = desk().counts(NOW + timedelta(minutes=12.1))
    assert (counts.at_risk, counts.breached) == (0, 2)


def test_a_closed_case_and_an_alarm_that_is_over_leave_the_desk() -> None:
    made = desk()
    made.put(case_of(21, state=CaseState.CLOSED))
    made.put(alarm_of(21, close_time=NOW))
    assert (made.cases.get("C-21"), made.alarms.get("A-21")) == (None, None)


def test_agents_listed_anew_are_fresh_but_a_change_that_came_meanwhile_is_fresher() -> None:
    made = Desk()
    made.load((), (), [agent_of("a/b/1", watermark=1), agent_of("a/b/2", watermark=1)])
    before = {agent.id: agent for agent in made.agents}
    made.put(agent_of("a/b/2", state=AgentState.LOST))
    made.put(agent_of("a/b/3"))
    made.renew_agents([agent_of("a/b/1", watermark=9), agent_of("a/b/2", watermark=9)], before=before)
    assert [(agent.id, agent.state) for agent in map(made.agents.at, range(3))] == [
        ("a/b/2", AgentState.LOST),
        ("a/b/1", AgentState.CONNECTED),
        ("a/b/3", AgentState.CONNECTED),
    ]
    assert made.agents.at(1).watermark == 9


def test_a_change_of_an_unknown_kind_changes_nothing() -> None:
    made = desk()
    before = made.revision
    made.apply(Change(sequence=1, time=NOW, reason="X", actor="", text="", resource=None))
    assert made.revision == before


def test_the_alarms_of_a_case_come_in_its_order() -> None:
    made = desk()
    case = replace(case_of(21), alarms=("A-22", "A-404", "A-21"))
    assert [alarm.id for alarm in made.alarms_of(case)] == ["A-22", "A-21"]


LIVE = Link(phase=Phase.LIVE, heard_at=NOW)


@pytest.mark.parametrize(
    ("link", "later", "cell", "banner"),
    [
        (Link(), 0, "◌ connecting", None),
        (LIVE, 3, "● live 3s", None),
        (LIVE, 20, "● live 20s", None),
        (LIVE, 21, "◌ silent 21s", "SILENT · this data is 21s old"),
        (replace(LIVE, offset=timedelta(seconds=4.9)), 0, "● live 0s", None),
        (replace(LIVE, offset=timedelta(seconds=-65)), 0, "● live 0s clock -1m 05s", None),
        (
            Link(
                phase=Phase.RECONNECTING,
                heard_at=NOW,
                retry_at=NOW + timedelta(seconds=64),
                problem="connection refused",
            ),
            60,
            "✗ reconnecting 1m",
            "DISCONNECTED · this data is 1m old · next try in 4s · connection refused",
        ),
        (
            Link(phase=Phase.RECONNECTING, retry_at=NOW, problem="connection refused"),
            1,
            "✗ reconnecting",
            "DISCONNECTED · no data yet · trying now · connection refused",
        ),
        (
            Link(phase=Phase.REFUSED, heard_at=NOW, problem="the server does not know this token"),
            5,
            "✗ refused",
            "REFUSED · this data is 5s old · the server does not know this token",
        ),
    ],
)
def test_the_link_says_whether_the_screen_is_true(
    link: Link, later: int, cell: str, banner: str | None
) -> None:
    now = NOW + timedelta(seconds=later)
    shown = link_banner(link, now)
    assert link_cell(link, now).text == cell
    assert (None if shown is None else shown.text) == banner
