"""Alarms through the API: raised by a real agent's facts, acknowledged by a person."""

from tests.server.api.callers import AgentDouble, Client, Running, now_us
from vedette.support.v1 import alarm_pb2, case_pb2, common_pb2, watch_pb2
from vedette.telemetry.v1 import telemetry_pb2

Alarm, Case = alarm_pb2.Alarm, case_pb2.Case


async def crash(agent: AgentDouble) -> None:
    await agent.event("component.exited", "voip-stack")


async def alarms(client: Client, **filters: object) -> list[str]:
    request = alarm_pb2.ListAlarmsRequest(**filters)  # type: ignore[arg-type]
    return [alarm.id for alarm in (await client.ask(client.alarms.ListAlarms, request)).alarms]


async def test_a_crash_is_an_alarm_with_a_case_and_both_are_watched(vedette: Running) -> None:
    ann = await vedette.person("ann")
    watcher = ann.watch(kinds=[watch_pb2.WatchRequest.KIND_ALARM, watch_pb2.WatchRequest.KIND_CASE])
    await watcher.frame()
    agent = await vedette.agent("acme/hq/n1")
    await crash(agent)
    raised = (await watcher.until("ALARM_RAISED")).alarm
    assert (raised.code, raised.priority, raised.condition) == (
        "voip_stack_crash",
        common_pb2.PRIORITY_P1,
        Alarm.CONDITION_ACTIVE,
    )
    assert (raised.customer, raised.installation, raised.node, raised.component) == (
        "acme",
        "hq",
        "n1",
        "voip-stack",
    )
    opened = (await watcher.until("CASE_OPENED")).case
    assert (opened.alarm_code, opened.alarm_active, list(opened.alarms)) == (
        "voip_stack_crash",
        True,
        [raised.id],
    )
    got = (await ann.ask(ann.alarms.GetAlarm, alarm_pb2.GetAlarmRequest(id=raised.id))).alarm
    assert (got.case_id, got.evidence.agent, got.occurrence_count) == (opened.id, "acme/hq/n1", 1)
    watcher.close()


async def test_acknowledging_the_alarm_answers_its_case(vedette: Running) -> None:
    ann = await vedette.person("ann")
    await crash(await vedette.agent("acme/hq/n1"))
    request = alarm_pb2.AcknowledgeAlarmRequest(id="A-1", request_id="r", note="looking")
    alarm = (await ann.ask(ann.alarms.AcknowledgeAlarm, request)).alarm
    assert (alarm.acknowledged, alarm.acknowledged_by) == (True, "ann")
    case = (await ann.ask(ann.cases.GetCase, case_pb2.GetCaseRequest(id=alarm.case_id))).case
    assert (case.state, case.owner) == (Case.STATE_ACKNOWLEDGED, "ann")
    assert case.response_clock.state == case_pb2.SlaClock.STATE_MET
    again = alarm_pb2.AcknowledgeAlarmRequest(id="A-1", request_id="r2")
    refusal = await ann.refusal(ann.alarms.AcknowledgeAlarm, again)
    assert refusal.reason == "ALARM_ALREADY_ACKNOWLEDGED"
    stale = alarm_pb2.AcknowledgeAlarmRequest(id="A-1", request_id="r3", etag="1")
    assert (await ann.refusal(ann.alarms.AcknowledgeAlarm, stale)).reason == "ALARM_ETAG_MISMATCH"


async def test_the_timeline_of_a_case_tells_of_its_alarms_too(vedette: Running) -> None:
    ann = await vedette.person("ann")
    await crash(await vedette.agent("acme/hq/n1"))
    timeline = await ann.ask(ann.cases.ListCaseTimeline, case_pb2.ListCaseTimelineRequest(id="C-1"))
    assert {entry.kind for entry in timeline.entries} == {"alarm", "case"}
    assert {entry.actor for entry in timeline.entries} == {"vedette"}


async def test_alarms_are_listed_newest_first_filtered_and_paged(vedette: Running) -> None:
    ann = await vedette.person("ann")
    await crash(await vedette.agent("acme/hq/n1"))
    await crash(await vedette.agent("acme/hq/n2"))
    assert await alarms(ann) == ["A-2", "A-1"]
    assert await alarms(ann, customer="basil") == []
    assert await alarms(ann, code="voip_stack_crash", case_id="C-2") == ["A-2"]
    first = await ann.ask(ann.alarms.ListAlarms, alarm_pb2.ListAlarmsRequest(page_size=1))
    request = alarm_pb2.ListAlarmsRequest(page_size=1, page_token=first.next_page_token)
    second = await ann.ask(ann.alarms.ListAlarms, request)
    assert [alarm.id for alarm in (*first.alarms, *second.alarms)] == ["A-2", "A-1"]
    assert second.next_page_token == ""


async def test_a_cleared_alarm_is_open_until_its_case_is_resolved_and_then_listed_only_when_asked_for(
    vedette: Running,
) -> None:
    ann = await vedette.person("ann")
    agent = await vedette.agent("acme/hq/n1")
    await agent.announce(
        telemetry_pb2.SeriesDescriptor(number=0, name="database.usage", unit="By"),
        telemetry_pb2.SeriesDescriptor(number=1, name="database.limit", unit="By"),
    )
    await agent.batch(now_us(), {0: 85.0, 1: 100.0})
    (raised,) = (await ann.ask(ann.alarms.ListAlarms, alarm_pb2.ListAlarmsRequest())).alarms
    assert (raised.code, raised.priority) == ("database_space", common_pb2.PRIORITY_P4)
    assert (raised.evidence.series, raised.evidence.limit_series) == ("database.usage", "database.limit")
    assert (raised.evidence.value, raised.evidence.threshold) == (0.85, 0.8)
    await ann.ask(ann.alarms.AcknowledgeAlarm, alarm_pb2.AcknowledgeAlarmRequest(id="A-1", request_id="r"))
    await agent.batch(now_us(), {0: 10.0, 1: 100.0})
    assert await alarms(ann) == ["A-1"]
    await ann.ask(ann.cases.ResolveCase, case_pb2.ResolveCaseRequest(id="C-1", request_id="r"))
    assert await alarms(ann) == []
    assert await alarms(ann, show_closed=True) == ["A-1"]


async def test_what_does_not_exist_is_not_found(vedette: Running) -> None:
    ann = await vedette.person("ann")
    for method, request in (
        (ann.alarms.GetAlarm, alarm_pb2.GetAlarmRequest(id="A-9")),
        (ann.alarms.AcknowledgeAlarm, alarm_pb2.AcknowledgeAlarmRequest(id="A-9", request_id="r")),
    ):
        refusal = await ann.refusal(method, request)
        assert (refusal.code, refusal.reason) == ("NOT_FOUND", "ALARM_NOT_FOUND")
