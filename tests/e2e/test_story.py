"""What happens to a product at night, and what comes of it: real processes, a real agent, a real server."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

from tests.e2e.follower import CLEARED
from tests.e2e.stage import AGENT, Stage, reasons, stored_events
from tests.support.programs import policy_text, until
from vedette.support.v1 import alarm_pb2, case_pb2, common_pb2
from vedette.timestamps import from_duration, from_timestamp
from vedette_server.catalog import loader

P1, P3, P4 = common_pb2.PRIORITY_P1, common_pb2.PRIORITY_P3, common_pb2.PRIORITY_P4
RUNNING, MET = case_pb2.SlaClock.STATE_RUNNING, case_pb2.SlaClock.STATE_MET


def quick_catalog(folder: Path) -> Path:
    """Return the shipped catalog with crashes that clear one second after the restart instead of ten."""
    shipped = Path(loader.__file__).with_name("catalog.yaml").read_text("utf-8")
    assert shipped.count("clear_after: 10s") == 2
    file = folder / "catalog.yaml"
    file.write_text(shipped.replace("clear_after: 10s", "clear_after: 1s"), "utf-8")
    return file


async def test_a_crash_becomes_a_p1_case_with_a_due_time_clears_and_is_answered_by_a_human(
    stage: Stage,
) -> None:
    server = await stage.server(catalog=quick_catalog(stage.folder))
    ann = await stage.person(server, "ann")
    changes = await stage.follow(server, ann)
    node = await stage.node(server, start=False)
    voip_stack = await node.start_part("voip-stack")
    await node.agent.start()
    await changes.reason("AGENT_CONNECTED")
    await until(lambda: node.status().get("outbox", {}).get("watermark"), "the first facts are stored")

    await voip_stack.kill()
    alarm = await changes.alarm("voip_stack_crash", priority=P1)
    assert (alarm.component, alarm.title, alarm.occurrence_count) == (
        "voip-stack",
        "The VoIP stack crashed",
        1,
    )
    assert f"pid {voip_stack.pid}" in alarm.evidence.text
    case = await changes.case_of(alarm)
    clock = case.response_clock
    assert (case.priority, clock.state, clock.calendar) == (P1, RUNNING, "emea/always")
    assert from_duration(clock.target) == timedelta(minutes=60)
    assert from_timestamp(clock.due_time) == from_timestamp(clock.start_time) + timedelta(minutes=60)

    await node.start_part("voip-stack")
    cleared = await changes.alarm("voip_stack_crash", condition=CLEARED)
    assert (cleared.id, cleared.clear_cause) == (alarm.id, "runs again")
    left = (await ann.ask(ann.cases.GetCase, case_pb2.GetCaseRequest(id=case.id))).case
    assert (left.state, left.alarm_active, left.response_clock.state) == (
        case_pb2.Case.STATE_NEW,
        False,
        RUNNING,
    )
    acknowledge = case_pb2.AcknowledgeCaseRequest(
        id=case.id, request_id="ack-1", note="looking for the cause"
    )
    taken = (await ann.ask(ann.cases.AcknowledgeCase, acknowledge)).case
    assert (taken.state, taken.owner, taken.response_clock.state) == (
        case_pb2.Case.STATE_ACKNOWLEDGED,
        "ann",
        MET,
    )


async def test_a_crash_loop_is_one_alarm_with_a_count_and_a_planned_stop_is_none(stage: Stage) -> None:
    server = await stage.server(catalog=quick_catalog(stage.folder))
    ann = await stage.person(server, "ann")
    changes = await stage.follow(server, ann)
    node = await stage.node(server, start=False)
    voip_stack = await node.start_part("voip-stack")
    await node.agent.start()
    await until(lambda: node.status().get("outbox", {}).get("watermark"), "the first facts are stored")

    node.say("component.stop_planned voip-stack upgrade tonight")
    await voip_stack.kill()
    await node.start_part("voip-stack")
    # The next exit is a crash: had the planned one been taken for one, the count would be two.
    await until(lambda: _codes(server.data_dir)[-2:] == ["component.exited", "component.started"], "seen")
    await voip_stack.kill()
    await node.start_part("voip-stack")
    once = await changes.alarm("voip_stack_crash")
    assert once.occurrence_count == 1
    assert _codes(server.data_dir)[:3] == [
        "component.stop_planned",
        "component.exited",
        "component.started",
    ]
    await voip_stack.kill()
    await node.start_part("voip-stack")
    twice = await changes.until(
        lambda change: change.alarm.code == "voip_stack_crash" and change.alarm.occurrence_count == 2,
        "a second crash",
    )
    assert twice.alarm.id == once.id
    await changes.alarm("voip_stack_crash", condition=CLEARED)
    listed = await ann.ask(ann.cases.ListCases, case_pb2.ListCasesRequest())
    assert [(case.id, list(case.alarms)) for case in listed.cases] == [("C-1", [once.id])]


async def test_a_crash_while_the_agent_was_down_is_found_and_one_without_a_licence_is_no_alarm(
    stage: Stage,
) -> None:
    server = await stage.server()
    ann = await stage.person(server, "ann")
    changes = await stage.follow(server, ann)
    node = await stage.node(server, start=False)
    voip_stack = await node.start_part("voip-stack")
    toolbox = await node.start_part("toolbox")
    await node.agent.start()
    await until(lambda: node.status().get("outbox", {}).get("watermark"), "the first facts are stored")

    await node.agent.kill()
    await toolbox.kill()
    await voip_stack.kill()
    await node.agent.start()
    await changes.alarm("voip_stack_crash")
    await until(lambda: _codes(server.data_dir).count("component.exited") == 2, "both exits are stored")
    listed = await ann.ask(ann.alarms.ListAlarms, alarm_pb2.ListAlarmsRequest(show_closed=True))
    assert [alarm.code for alarm in listed.alarms] == ["voip_stack_crash"]


async def test_a_database_that_fills_is_one_alarm_and_one_case_from_p4_to_p3(stage: Stage) -> None:
    server = await stage.server()
    ann = await stage.person(server, "ann")
    changes = await stage.follow(server, ann)
    node = await stage.node(server)
    await changes.reason("AGENT_CONNECTED")

    node.fill_database(0.85)
    alarm = await changes.alarm("database_space", priority=P4)
    assert [(label.name, label.value) for label in alarm.labels] == [("database", "recordings")]
    case = await changes.case_of(alarm, priority=P4)
    assert from_duration(case.response_clock.target) == timedelta(hours=8)
    node.fill_database(0.95)
    worse = await changes.alarm("database_space", priority=P3)
    raised = await changes.case_of(worse, priority=P3)
    assert (worse.id, raised.id, list(raised.alarms)) == (alarm.id, case.id, [alarm.id])
    assert from_duration(raised.response_clock.target) == timedelta(hours=4)
    assert from_timestamp(raised.response_clock.due_time) < from_timestamp(case.response_clock.due_time)
    node.fill_database(0.5)
    cleared = await changes.alarm("database_space", condition=CLEARED)
    assert cleared.id == alarm.id
    # Nobody had come, and the plan says that a P3 that went away by itself promises nothing any more.
    left = (await ann.ask(ann.cases.GetCase, case_pb2.GetCaseRequest(id=case.id))).case
    assert left.response_clock.state == case_pb2.SlaClock.STATE_CANCELLED
    assert reasons(server.data_dir, "alarm") == ["ALARM_RAISED", "ALARM_PRIORITY_RAISED", "ALARM_CLEARED"]


async def test_exhausted_channels_are_a_p3_until_one_is_free_again(stage: Stage) -> None:
    server = await stage.server()
    ann = await stage.person(server, "ann")
    changes = await stage.follow(server, ann)
    node = await stage.node(server, start=False)
    await node.measure_channels()
    await node.agent.start()
    await changes.reason("AGENT_CONNECTED")

    node.use_channels(8, of=8)
    alarm = await changes.alarm("channels_exhausted", priority=P3)
    assert alarm.title == "call-recording has no channel left (8 of 8)"
    assert alarm.evidence.value == 1.0
    await changes.case_of(alarm, priority=P3)
    # More channels clear it as well as fewer calls do.
    node.use_channels(8, of=16)
    cleared = await changes.alarm("channels_exhausted", condition=CLEARED)
    assert cleared.id == alarm.id
    node.use_channels(16, of=16)
    again = await changes.until(
        lambda change: change.alarm.code == "channels_exhausted" and change.alarm.occurrence_count == 2,
        "exhausted again",
    )
    assert (again.alarm.id, again.alarm.case_id) == (alarm.id, alarm.case_id)


async def test_a_customer_on_basic_has_the_alarm_with_the_reasons_and_no_case(stage: Stage) -> None:
    server = await stage.server(policy=policy_text([AGENT], plan="basic"))
    ann = await stage.person(server, "ann")
    changes = await stage.follow(server, ann)
    node = await stage.node(server)
    await changes.reason("AGENT_CONNECTED")
    await asyncio.to_thread(node.fill_database, 0.95)
    alarm = await changes.alarm("database_space", priority=P3)
    assert alarm.case_id == ""
    assert any("basic" in reason for reason in alarm.reasons), alarm.reasons
    assert (await ann.ask(ann.cases.ListCases, case_pb2.ListCasesRequest())).cases == []


def _codes(data_dir: Path) -> list[str]:
    return [code for _agent, code, _severity, _message in stored_events(data_dir)]
