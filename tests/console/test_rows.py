"""Rows, briefs and documents: complete, aligned, and harmless whatever an agent wrote."""

import json
import unicodedata
from collections.abc import Iterable
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.style import Style

from tests.console.fake import (
    NOW,
    ZONE,
    agent_of,
    alarm_of,
    case_of,
    database_evidence,
    measured,
    night,
    story,
)
from tests.console.test_safe import HOSTILE
from vedette_console.model import brief, rows
from vedette_console.model.cell import Cell
from vedette_console.model.columns import GAP, Column, fit
from vedette_console.model.document import document
from vedette_console.model.resources import Change, Installation
from vedette_console.model.safe import safe
from vedette_console.widgets.paint import segment


def texts(cells: Iterable[Cell]) -> list[str]:
    return [cell.text for cell in cells]


def test_a_queue_row_says_everything_in_words() -> None:
    case = case_of(7, occurrence_count=3, reopen_count=1)
    assert texts(rows.queue_row(case, NOW, ZONE).cells) == [
        "▲ P1",
        "45m 00s",
        "45m 00s",
        "C-7",
        "Acme Bank",
        "acme",
        "VoIP stack crashed (again)",
        "\N{MULTIPLICATION SIGN}3",
        "▲ active",
        "▲",
        "NEW",
        "NEW",
        "-",
        "-",
        "15m",
    ]


def test_every_row_is_aligned_with_its_columns() -> None:
    some = night()
    for case in some.cases:
        assert len(rows.queue_row(case, NOW, ZONE).cells) == len(rows.QUEUE_COLUMNS)
    for alarm in some.alarms:
        assert len(rows.alarm_row(alarm, NOW).cells) == len(rows.ALARM_COLUMNS)
    for agent in some.agents:
        assert len(rows.agent_row(agent, NOW).cells) == len(rows.FLEET_COLUMNS)
    for data in measured():
        assert len(rows.series_row(data).cells) == len(rows.SERIES_COLUMNS)


def test_a_cleared_alarm_and_a_taken_case_look_different_without_color() -> None:
    before, cleared = case_of(1), case_of(1, alarm_active=False)
    assert texts(rows.queue_row(before, NOW, ZONE).cells) != texts(rows.queue_row(cleared, NOW, ZONE).cells)
    assert rows.alarm_condition_cell(alarm_of(1)).text == "▲ active, unacked"
    assert rows.alarm_condition_cell(alarm_of(1, acknowledged=True)).text == "▲ active, acked"


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("acme/hq/node-1", 14, "acme/hq/node-1"),
        ("acme/hq/node-1", 13, "…me/hq/node-1"),
        ("acme/hq/node-1", 7, "…node-1"),
        ("acme/hq/node-1", 1, "…"),
        ("北京/節点-1", 6, "…点-1 "),
        ("x", 3, "x  "),
    ],
)
def test_of_an_id_that_is_too_long_the_end_stays(text: str, width: int, shown: str) -> None:
    assert segment(Cell(text=safe(text)), width, Style(), right=False, keep_end=True).text == shown


def test_a_title_does_not_repeat_the_customer_that_has_a_column() -> None:
    case = case_of(1, title="acme/hq/node-1 stopped reaching us")
    alarm = alarm_of(1, title="acme/hq/node-1 stopped reaching us")
    assert "hq/node-1 stopped reaching us" in texts(rows.queue_row(case, NOW, ZONE).cells)
    assert "hq/node-1 stopped reaching us" in texts(rows.alarm_row(alarm, NOW).cells)


def test_columns_hide_on_narrow_screens_and_the_flexible_one_takes_the_rest() -> None:
    columns = (
        Column(title="a", width=4),
        Column(title="b", width=5, flex=True),
        Column(title="c", width=9, from_width=100),
        Column(title="d", width=3, below_width=100),
    )
    assert [(p.title, p.width) for p in fit(columns, 99)] == [("a", 4), ("b", 88), ("d", 3)]
    assert [(p.title, p.width) for p in fit(columns, 100)] == [("a", 4), ("b", 83), ("c", 9)]
    assert [(p.title, p.width) for p in fit(columns, 10)] == [("a", 4), ("b", 5), ("d", 3)]


@given(st.integers(80, 250))
def test_the_queue_fills_the_width_exactly(total: int) -> None:
    placed = fit(rows.QUEUE_COLUMNS, total)
    assert sum(p.width + GAP for p in placed) + GAP == total


@given(HOSTILE, HOSTILE)
def test_no_row_and_no_brief_lets_a_control_character_through(first: str, second: str) -> None:
    evidence = replace(database_evidence(), text=first, series=second, labels=((first, second),))
    case = case_of(
        1,
        title=first,
        customer=second,
        customer_name=first,
        owner=second,
        reasons=(first,),
        node=second,
        description=first,
        plan=second,
    )
    alarm = alarm_of(
        1,
        title=first,
        component=second,
        clear_cause=first,
        evidence=evidence,
        clear_time=NOW,
        acknowledged_by=second,
        reasons=(first,),
    )
    agent = agent_of("a/b/c", host_name=first, product_version=second, disconnect_cause=first)
    entries = tuple(replace(entry, actor=first, text=second) for entry in story("C-1"))
    lines = [
        rows.queue_row(case, NOW, ZONE).cells,
        rows.alarm_row(alarm, NOW).cells,
        rows.agent_row(agent, NOW).cells,
        brief.case_headline(case),
        *brief.case_brief(case, NOW, ZONE),
        *brief.case_promise(case, NOW, ZONE),
        *brief.alarm_brief(alarm, NOW, ZONE),
        *brief.agent_brief(agent, NOW, ZONE),
        *brief.timeline_lines(entries, NOW, ZONE),
    ]
    for line in lines:
        for cell in line:
            assert cell.text == safe(cell.text)
            assert not any(unicodedata.category(character) == "Cc" for character in cell.text)


def test_a_case_tells_what_was_promised_and_why() -> None:
    case = night().cases[1]
    told = [
        "".join(texts(line))
        for line in (*brief.case_brief(case, NOW, ZONE), *brief.case_promise(case, NOW, ZONE))
    ]
    assert told == [
        "customer   Acme Bank  hq / node-1",
        "state      NEW  nobody owns it",
        "promise    ! 12m 06s left, due 03:12:06",
        "since      02:12:00  (48m)",
        "alarm      ▲ still active",
        "target     < 60 min in emea/always from 02:12:06",
        "plan       platinum",
        "because    plan platinum allows proactive support",
        "           contract K-1001 runs until 2026-12-31",
        "           product 2021.Summer.2 is at least 2020.Winter.1",
    ]


def test_documents_name_every_field_of_their_resource() -> None:
    for resource in (case_of(1), alarm_of(1), agent_of("a/b/c"), story("C-1")[0]):
        names = {name.removesuffix("_seconds") for name in document(resource)}
        assert names == {field.name for field in fields(resource)}


def test_documents_hold_utc_times_and_seconds() -> None:
    found = json.loads(json.dumps(document(case_of(7))))
    assert found["create_time"] == "2026-03-02T01:45:00Z"
    assert found["response_clock"]["target_seconds"] == 3600.0
    assert found["response_clock"]["remaining_seconds"] == 2700.0
    assert found["acknowledge_time"] is None
    assert found["priority"] == "P1"


def test_a_change_names_its_kind() -> None:
    change = Change(
        sequence=4, time=NOW, reason="ALARM_RAISED", actor="vedette", text="", resource=alarm_of(1)
    )
    found = document(change)
    assert (found["kind"], found["sequence"]) == ("alarm", 4)
    assert document(replace(change, resource=None))["kind"] is None


def test_an_installation_has_a_document_too() -> None:
    found = Installation(
        customer="a",
        customer_name="A",
        id="b",
        name="B",
        plan="gold",
        entitled=True,
        reasons=("r",),
        agents=("a/b/c",),
        open_case_count=2,
    )
    assert document(found)["agents"] == ["a/b/c"]
    assert "".join(texts(brief.installation_brief(found)[3])) == "entitled   yes"
