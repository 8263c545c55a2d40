"""What decide makes of facts, silence and commands: short stories on a manual clock."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.server.engine.conftest import CATALOG
from tests.support.stage import TUESDAY, Stage
from vedette_server.access.token import Role
from vedette_server.alarms.alarm import Condition
from vedette_server.cases.case import CaseState
from vedette_server.cases.sla import ClockState
from vedette_server.contracts.priority import Priority
from vedette_server.detect.catalog import LabelMatch
from vedette_server.engine.changes import Kind
from vedette_server.engine.inputs import (
    AcknowledgeAlarm,
    AcknowledgeCase,
    AssignCase,
    CatalogLoaded,
    ClockStepped,
    CloseCase,
    CommentCase,
    CreateCase,
    CreateToken,
    DeadlinesDue,
    FactsChanged,
    GoodbyeReceived,
    LoopStalled,
    ResolveCase,
    RevokeToken,
)
from vedette_server.engine.refusal import Refused
from vedette_server.fleet.agent import AgentState, StopReason
from vedette_server.fleet.session import Rejection, RejectReason, Welcome

NODE = "acme/hq/node-1"


def test_a_crash_of_the_voip_stack_opens_a_p1_case_due_in_an_hour_and_clears_when_it_runs_again(
    stage: Stage,
) -> None:
    agent = stage.connect(NODE)
    agent.event("component.exited", "voip-stack")
    case = stage.case("C-1")
    assert (case.priority, case.state, case.alarms) == (Priority.P1, CaseState.NEW, ("A-1",))
    assert case.clock is not None
    assert case.clock.due_at == datetime(2026, 3, 3, 10, 0, tzinfo=UTC)

    agent.event("component.started", "voip-stack")
    assert stage.alarm("A-1").condition is Condition.ACTIVE
    stage.advance(seconds=10)
    assert stage.alarm("A-1").condition is Condition.CLEARED
    case = stage.case("C-1")
    assert case.active_alarms == ()
    assert case.state is CaseState.NEW, "a P1 waits for a human"
    assert case.clock is not None
    assert case.clock.state is ClockState.RUNNING


def test_a_crash_loop_is_one_alarm_with_a_count(stage: Stage) -> None:
    agent = stage.connect(NODE)
    for _ in range(4):
        agent.event("component.exited", "voip-stack")
        stage.advance(seconds=2)
        agent.event("component.started", "voip-stack")
        stage.advance(seconds=3)
    assert stage.alarm("A-1").occurrences == 4
    assert (Kind.ALARM, "A-2") not in stage.images
    assert stage.case("C-1").occurrences == 4


def test_a_planned_stop_is_no_crash_but_an_exit_long_after_it_is(stage: Stage) -> None:
    agent = stage.connect(NODE)
    agent.event("component.stop_planned", "voip-stack")
    stage.advance(seconds=119)
    agent.event("component.exited", "voip-stack")
    assert not stage.world.alarms
    agent.event("component.started", "voip-stack")
    agent.event("component.stop_planned", "voip-stack")
    stage.advance(seconds=121)
    agent.event("component.exited", "voip-stack")
    assert stage.alarm("A-1").code == "voip_stack_crash"


def test_an_unlicensed_application_that_crashes_is_no_alarm(stage: Stage) -> None:
    agent = stage.connect(NODE)
    agent.event("component.exited", "call-recording")
    assert not stage.world.alarms
    agent.event("component.exited", "ivr")
    assert stage.alarm("A-1").code == "application_crash"
    assert stage.alarm("A-1").title == "ivr crashed"


def test_a_database_that_fills_is_one_alarm_whose_priority_rises(stage: Stage) -> None:
    agent = stage.connect(NODE)
    agent.database(79.9)
    assert not stage.world.alarms
    stage.advance(seconds=10)
    agent.database(80)
    assert stage.alarm("A-1").priority is Priority.P4
    # Eight business hours from 10:00:10: the seven of today, and one of tomorrow.
    due = datetime(2026, 3, 4, 8, 0, 10, tzinfo=UTC)
    assert stage.case("C-1").clock.due_at == due  # type: ignore[union-attr]
    stage.advance(seconds=10)
    agent.database(90)
    alarm, case = stage.alarm("A-1"), stage.case("C-1")
    assert (alarm.priority, alarm.title) == (Priority.P3, "Database main is 90% full")
    assert (case.priority, case.alarms) == (Priority.P3, ("A-1",))
    assert (Kind.ALARM, "A-2") not in stage.images
    stage.advance(seconds=10)
    agent.database(75)
    assert alarm.active
    stage.advance(seconds=10)
    agent.database(74.9)
    assert not stage.alarm("A-1").active


def test_a_p3_that_clears_by_itself_stops_its_clock_and_is_resolved_after_a_hold(stage: Stage) -> None:
    agent = stage.connect(NODE)
    agent.database(95)
    stage.advance(seconds=10)
    agent.database(10)
    assert stage.case("C-1").clock.state is ClockState.CANCELLED  # type: ignore[union-attr]
    stage.advance(minutes=14, seconds=59)
    assert stage.case("C-1").state is CaseState.NEW
    stage.advance(seconds=1)
    assert stage.case("C-1").state is CaseState.RESOLVED
    assert not stage.alarm("A-1").open
    agent.database(95)
    case = stage.case("C-1")
    assert (case.state, case.reopened) == (CaseState.NEW, 1), "the same peak comes back to the same case"
    assert case.clock.state is ClockState.RUNNING  # type: ignore[union-attr]
    assert case.alarms == ("A-1", "A-2")


def test_a_resolved_case_is_closed_after_three_days_and_then_a_relapse_is_a_new_case(stage: Stage) -> None:
    agent = stage.connect(NODE)
    agent.database(95)
    stage.ask(ResolveCase, id="C-1", etag="", resolution="added a disk")
    stage.advance(seconds=10)
    agent.database(10)
    stage.advance(days=3)
    assert stage.case("C-1").state is CaseState.CLOSED
    agent.database(95)
    assert stage.case("C-2").state is CaseState.NEW


def test_exhausted_channels_must_hold_for_twenty_seconds(stage: Stage) -> None:
    labels = (("component", "call-recording"), ("resource", "channel"))
    agent = stage.connect(NODE)

    def channels(used: float) -> None:
        agent.sample([("capacity.usage", labels, used), ("capacity.limit", labels, 30)])

    channels(30)
    stage.advance(seconds=19)
    channels(30)
    assert not stage.world.alarms
    stage.advance(seconds=1)
    channels(30)
    alarm = stage.alarm("A-1")
    assert (alarm.title, alarm.priority) == ("call-recording has no channel left", Priority.P3)
    assert alarm.raised_at == TUESDAY
    assert alarm.evidence.text == "30 of 30 used (100%), threshold 100%"


def test_silence_is_shown_after_two_heartbeats_and_an_alarm_after_the_limit(stage: Stage) -> None:
    agent = stage.connect(NODE)
    agent.fall_silent()
    stage.advance(seconds=20)
    assert stage.world.watchers[NODE].agent.state is AgentState.OVERDUE
    assert not stage.world.alarms
    stage.advance(seconds=100)
    assert stage.world.watchers[NODE].agent.state is AgentState.LOST
    alarm = stage.alarm("A-1")
    assert (alarm.code, alarm.raised_at) == ("cloud_connection_lost", TUESDAY)

    stage.advance(minutes=12)
    agent.hello()
    alarm = stage.alarm("A-1")
    assert alarm.condition is Condition.CLEARED
    assert alarm.clear_cause == "network 14 min, nothing lost"


def test_heartbeats_keep_an_agent_connected(stage: Stage) -> None:
    stage.connect(NODE)
    stage.advance(hours=1)
    assert stage.world.watchers[NODE].agent.state is AgentState.CONNECTED


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({}, "network"),
        ({"start_id": "start-2", "previous_stop": StopReason.CRASHED}, "agent crash"),
        ({"start_id": "start-2", "previous_stop": StopReason.UPGRADE}, "agent upgrade"),
        ({"start_id": "start-2", "previous_stop": StopReason.UNKNOWN}, "agent restart"),
        ({"boot_id": "boot-2", "start_id": "start-2"}, "reboot"),
    ],
)
def test_the_cause_of_an_outage_is_told_from_what_comes_back(
    stage: Stage, changes: dict[str, object], cause: str
) -> None:
    agent = stage.connect(NODE)
    agent.fall_silent()
    stage.advance(minutes=5)
    agent.hello(**changes)
    assert stage.alarm("A-1").clear_cause == f"{cause} 5 min, nothing lost"


def test_an_agent_that_left_is_missed_only_when_it_is_late(stage: Stage) -> None:
    agent = stage.connect(NODE)
    agent.fall_silent()
    back = stage.wall + timedelta(minutes=30)
    stage.apply(
        GoodbyeReceived(stream=agent.stream, agent=NODE, reason=StopReason.UPGRADE, expected_back=back)
    )
    stage.advance(minutes=31, seconds=59)
    assert not stage.world.alarms
    stage.advance(seconds=1)
    assert stage.alarm("A-1").code == "cloud_connection_lost"


def test_a_basic_contract_gets_an_alarm_with_reasons_and_no_case(stage: Stage) -> None:
    agent = stage.connect("basil/hq/node-1")
    agent.event("component.exited", "voip-stack")
    alarm = stage.alarm("A-1")
    assert (alarm.case_id, alarm.entitled) == ("", False)
    assert "plan basic does not include proactive support" in alarm.reasons
    assert not stage.world.cases


def test_acknowledging_a_case_in_time_meets_its_clock_and_takes_its_alarms(stage: Stage) -> None:
    agent = stage.connect(NODE)
    agent.event("component.exited", "voip-stack")
    stage.advance(minutes=59)
    stage.ask(AcknowledgeCase, id="C-1", etag="", note="looking")
    case = stage.case("C-1")
    assert (case.state, case.owner, case.acknowledged_by) == (CaseState.ACKNOWLEDGED, "lena", "lena")
    assert case.clock.state is ClockState.MET  # type: ignore[union-attr]
    assert stage.alarm("A-1").acknowledged_by == "lena"


def test_a_case_nobody_answers_is_breached_at_its_due_time_once(stage: Stage) -> None:
    agent = stage.connect(NODE)
    agent.event("component.exited", "voip-stack")
    stage.advance(minutes=59, seconds=59)
    assert stage.case("C-1").clock.state is ClockState.RUNNING  # type: ignore[union-attr]
    stage.advance(seconds=1)
    assert stage.case("C-1").clock.state is ClockState.BREACHED  # type: ignore[union-attr]
    reasons = [reason for _id, reason in stage.reasons(Kind.CASE)]
    assert reasons.count("CASE_RESPONSE_BREACHED") == 1
    stage.ask(AcknowledgeCase, id="C-1", etag="", note="")
    assert stage.case("C-1").clock.state is ClockState.BREACHED  # type: ignore[union-attr]


def test_acknowledging_an_alarm_answers_its_case(stage: Stage) -> None:
    agent = stage.connect(NODE)
    agent.event("component.exited", "voip-stack")
    stage.ask(AcknowledgeAlarm, id="A-1", etag="", note="")
    assert stage.case("C-1").state is CaseState.ACKNOWLEDGED
    assert stage.case("C-1").clock.state is ClockState.MET  # type: ignore[union-attr]


def test_a_higher_priority_voids_the_acknowledgement_but_does_not_re_arm_an_answered_clock(
    stage: Stage,
) -> None:
    agent = stage.connect(NODE)
    agent.database(85)
    stage.ask(AcknowledgeCase, id="C-1", etag="", note="")
    stage.advance(seconds=10)
    agent.database(95)
    assert not stage.alarm("A-1").acknowledged
    case = stage.case("C-1")
    assert (case.priority, case.state, case.owner) == (Priority.P3, CaseState.NEW, "lena")
    assert case.clock.state is ClockState.MET  # type: ignore[union-attr]


def test_a_repeated_request_gets_the_first_answer_and_changes_nothing(stage: Stage) -> None:
    agent = stage.connect(NODE)
    agent.event("component.exited", "voip-stack")
    first = stage.ask(AcknowledgeCase, request_id="x", id="C-1", etag="", note="")
    before = len(stage.changes)
    again = stage.ask(AcknowledgeCase, request_id="x", id="C-1", etag="", note="")
    assert (again.repeated, again.sequence, len(stage.changes)) == (True, first.sequence, before)


def test_of_two_who_saw_the_same_case_one_wins_and_the_other_is_told_the_new_state(stage: Stage) -> None:
    agent = stage.connect(NODE)
    agent.event("component.exited", "voip-stack")
    etag = str(stage.case("C-1").revision)
    stage.ask(AcknowledgeCase, by="lena", id="C-1", etag=etag, note="")
    with pytest.raises(Refused) as refused:
        stage.ask(AcknowledgeCase, by="omar", id="C-1", etag=etag, note="")
    assert refused.value.reason == "CASE_ETAG_MISMATCH"
    assert refused.value.metadata["owner"] == "lena"
    with pytest.raises(Refused) as refused:
        stage.ask(AcknowledgeCase, by="omar", id="C-1", etag="", note="")
    assert refused.value.reason == "CASE_ALREADY_ACKNOWLEDGED"


def test_a_case_by_hand_has_the_clock_of_the_plan_and_basic_has_none(stage: Stage) -> None:
    fields: dict[str, Any] = {"installation": "", "title": "no sound", "description": ""}
    stage.ask(CreateCase, customer="acme", priority=Priority.P2, **fields)
    assert stage.case("C-1").clock.due_at == datetime(2026, 3, 3, 11, 0, tzinfo=UTC)  # type: ignore[union-attr]
    stage.ask(CreateCase, customer="basil", priority=Priority.P1, **fields)
    assert stage.case("C-2").clock is None
    with pytest.raises(Refused) as refused:
        stage.ask(CreateCase, customer="nobody", priority=Priority.P1, **fields)
    assert refused.value.reason == "CUSTOMER_NOT_FOUND"


def test_a_case_goes_from_new_to_closed(stage: Stage) -> None:
    fields: dict[str, Any] = {
        "installation": "",
        "title": "no sound",
        "description": "",
        "priority": Priority.P2,
    }
    stage.ask(CreateCase, customer="acme", **fields)
    stage.ask(AssignCase, id="C-1", etag="", owner="omar")
    assert stage.case("C-1").clock.state is ClockState.RUNNING  # type: ignore[union-attr]
    stage.ask(CommentCase, id="C-1", etag="", text="called back")
    with pytest.raises(Refused) as refused:
        stage.ask(CloseCase, id="C-1", etag="")
    assert refused.value.reason == "CASE_NOT_RESOLVED"
    stage.ask(ResolveCase, id="C-1", etag="", resolution="reset the phone")
    assert stage.case("C-1").clock.state is ClockState.MET  # type: ignore[union-attr]
    stage.ask(CloseCase, id="C-1", etag="")
    assert stage.case("C-1").state is CaseState.CLOSED
    assert "C-1" not in stage.world.cases


def test_an_unknown_event_is_stored_and_raises_p4_until_an_hour_of_quiet(stage: Stage) -> None:
    agent = stage.connect(NODE)
    draft = agent.event("flux.capacitor_low")
    assert draft.events[0].code == "flux.capacitor_low"
    assert stage.alarm("A-1").title == "Unknown event flux.capacitor_low"
    stage.advance(minutes=59, seconds=59)
    assert stage.alarm("A-1").active
    stage.advance(seconds=1)
    assert not stage.alarm("A-1").active
    agent.event("product.info")
    assert (Kind.ALARM, "A-2") not in stage.images


def test_a_flood_of_unknown_codes_raises_eleven_alarms_at_most(stage: Stage) -> None:
    agent = stage.connect(NODE)
    for number in range(40):
        agent.event(f"unknown.{number}")
    assert len(stage.world.alarms) == 11


def test_two_machines_with_one_credential_are_both_quarantined(stage: Stage) -> None:
    agent = stage.connect(NODE)
    agent.hello(boot_id="boot-2", start_id="start-2")
    second = agent.stream
    said = agent.hello(boot_id="boot-1", start_id="start-1")
    assert isinstance(said[0], Rejection)
    assert said[0].reason is RejectReason.IDENTITY_CONFLICT
    last = [one for stream, one in stage.replies if stream == second][-1]
    assert isinstance(last, Rejection)
    assert last.reason is RejectReason.IDENTITY_CONFLICT
    assert stage.world.watchers[NODE].agent.state is AgentState.QUARANTINED
    assert stage.alarm("A-1").code == "identity_conflict"
    assert isinstance(agent.hello()[0], Rejection)

    person = stage.ask(CreateToken, role=Role.VIEWER, name=NODE, secret_hash="a person named like a node")
    stage.ask(CreateToken, role=Role.AGENT, name=NODE, secret_hash="another")
    assert not stage.alarm("A-1").active
    assert stage.world.tokens[person.id].revoked_at is None
    assert isinstance(agent.hello()[0], Welcome)


def test_clones_of_one_boot_are_noticed_and_a_fast_reboot_is_no_clone(stage: Stage) -> None:
    agent = stage.connect(NODE)
    assert isinstance(agent.hello(boot_id="boot-2", start_id="start-2")[0], Welcome)
    assert isinstance(agent.hello(boot_id="boot-3", start_id="start-3")[0], Welcome)
    assert isinstance(agent.hello(start_id="start-2")[0], Rejection)


def test_another_identity_than_the_credentials_is_rejected(stage: Stage) -> None:
    agent = stage.connect(NODE)
    said = agent.hello(claimed_agent="acme/hq/node-2")
    assert isinstance(said[0], Rejection)
    assert said[0].reason is RejectReason.IDENTITY_MISMATCH


def test_a_revoked_token_ends_the_stream_and_opens_no_other(stage: Stage) -> None:
    agent = stage.connect(NODE)
    stream = agent.stream
    token = next(iter(stage.world.tokens))
    stage.ask(RevokeToken, id=token)
    assert [one for one in stage.replies if one[0] == stream][-1][1].reason is RejectReason.REVOKED  # type: ignore[union-attr]


def test_a_restored_outbox_is_told_to_start_a_new_one(stage: Stage) -> None:
    agent = stage.connect(NODE)
    for _ in range(5):
        agent.event("product.info")
    agent.seq = 2
    said = agent.hello()
    assert isinstance(said[0], Rejection)
    assert said[0].reason is RejectReason.OUTBOX_CONFLICT
    agent.seq = 0
    assert agent.hello(outbox_id="outbox-2") == [Welcome(agent=NODE, watermark=0)]


def test_facts_the_outbox_no_longer_holds_are_a_gap(stage: Stage) -> None:
    agent = stage.connect(NODE)
    agent.event("product.info")
    agent.seq = 9
    assert agent.hello() == [Welcome(agent=NODE, watermark=9)]
    gap = stage.images[Kind.GAP, "G-1"]
    assert (gap.reason, gap.first_seq, gap.last_seq, gap.count) == ("server_restored", 2, 9, 8)  # type: ignore[attr-defined]
    assert stage.world.watchers[NODE].agent.missing_facts == 8


def test_facts_the_agent_dropped_itself_are_left_to_its_own_word(stage: Stage) -> None:
    agent = stage.connect(NODE)
    agent.event("product.info")
    agent.seq = 9
    assert agent.hello(acked_seq=1) == [Welcome(agent=NODE, watermark=9)]
    assert (Kind.GAP, "G-1") not in stage.images
    assert stage.world.watchers[NODE].agent.missing_facts == 0


def test_a_repeated_fact_has_no_effect_and_a_skipped_one_ends_the_stream(stage: Stage) -> None:
    agent = stage.connect(NODE)
    agent.event("component.exited", "voip-stack")
    agent.seq = 0
    agent.event("component.exited", "voip-stack")
    assert stage.alarm("A-1").occurrences == 1
    agent.seq = 5
    agent.event("component.exited", "voip-stack")
    assert stage.alarm("A-1").occurrences == 1
    assert stage.replies[-1][1].reason is RejectReason.SEQ_SKIPPED  # type: ignore[union-attr]


def test_a_crash_that_came_and_went_while_the_link_was_away_wakes_nobody(stage: Stage) -> None:
    agent = stage.connect(NODE)
    agent.event("component.exited", "voip-stack", ago=600)
    agent.event("component.started", "voip-stack", ago=590)
    stage.advance(minutes=1)
    assert not [one for one in stage.images if one[0] is Kind.ALARM and "crash" in str(stage.images[one])]


def test_a_crash_while_the_link_was_away_that_goes_on_is_raised(stage: Stage) -> None:
    agent = stage.connect(NODE)
    agent.event("component.exited", "voip-stack", ago=600)
    assert not stage.world.alarms
    stage.advance(seconds=10)
    assert stage.alarm("A-1").raised_at == TUESDAY - timedelta(minutes=10)


def test_late_samples_are_stored_and_judge_nothing(stage: Stage) -> None:
    agent = stage.connect(NODE)
    draft = agent.database(95, ago=31)
    assert len(draft.batches) == 1
    assert not stage.world.alarms
    agent.database(95)
    assert stage.alarm("A-1").active


@pytest.mark.parametrize(
    ("ago", "reason"), [(-61, "time_out_of_range"), (-59, None), (31 * 86400 + 1, "time_out_of_range")]
)
def test_a_time_far_off_is_a_gap(stage: Stage, ago: float, reason: str | None) -> None:
    agent = stage.connect(NODE)
    agent.database(50, ago=ago)
    gaps = [one.reason for key, one in stage.images.items() if key[0] is Kind.GAP]  # type: ignore[attr-defined]
    assert gaps == ([reason] if reason else [])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_value_that_is_no_number_is_a_gap_and_hurts_nothing_behind_it(stage: Stage, value: float) -> None:
    agent = stage.connect(NODE)
    agent.database(value)
    stage.advance(seconds=1)
    agent.database(95)
    assert stage.images[Kind.GAP, "G-1"].reason == "invalid_value"  # type: ignore[attr-defined]
    assert stage.alarm("A-1").active


def test_a_raised_limit_clears_at_once_even_alone(stage: Stage) -> None:
    agent = stage.connect(NODE)
    agent.database(95)
    stage.advance(seconds=10)
    agent.sample([("database.limit", (("database", "main"),), 200.0)])
    stage.advance(seconds=10)
    agent.sample([("database.usage", (("database", "main"),), 95.0)])
    assert not stage.alarm("A-1").active


def test_a_limit_of_zero_is_exceeded_by_any_use_and_by_nothing_else(stage: Stage) -> None:
    agent = stage.connect(NODE)
    agent.database(0, limit=0)
    assert not stage.world.alarms
    stage.advance(seconds=10)
    agent.database(1, limit=0)
    assert stage.alarm("A-1").title == "Database main is more than 100% full"
    stage.advance(seconds=10)
    agent.database(0, limit=0)
    assert not stage.alarm("A-1").active


def test_an_agent_that_left_and_came_back_early_is_missed_like_any_other(stage: Stage) -> None:
    agent = stage.connect(NODE)
    back = stage.wall + timedelta(hours=10)
    stage.apply(
        GoodbyeReceived(stream=agent.stream, agent=NODE, reason=StopReason.UPGRADE, expected_back=back)
    )
    agent.fall_silent()
    stage.advance(seconds=60)
    agent.hello(start_id="start-2")
    stage.advance(seconds=20)
    assert stage.world.watchers[NODE].agent.state is AgentState.OVERDUE
    agent.hello()
    stage.advance(seconds=20)
    assert stage.world.watchers[NODE].agent.state is AgentState.OVERDUE
    stage.advance(seconds=100)
    assert stage.world.watchers[NODE].agent.state is AgentState.LOST


def test_what_waits_to_be_decided_is_no_silence(stage: Stage) -> None:
    agent = stage.connect(NODE)
    agent.fall_silent()
    stage.mono += 1000
    stage.wall += timedelta(seconds=1000)
    stage.apply(DeadlinesDue(limit=500, heard=(NODE,)))
    assert stage.world.watchers[NODE].agent.state is AgentState.CONNECTED
    stage.mono += 1000
    stage.wall += timedelta(seconds=1000)
    stage.apply(LoopStalled(span=timedelta(seconds=1000)), DeadlinesDue(limit=500))
    assert stage.world.watchers[NODE].agent.state is AgentState.CONNECTED
    stage.advance(seconds=120)
    assert stage.world.watchers[NODE].agent.state is AgentState.LOST


@pytest.mark.parametrize("hours", [1, -1])
def test_a_server_clock_that_is_set_blinds_nobody_and_loses_nothing(stage: Stage, hours: int) -> None:
    agent = stage.connect(NODE)
    agent.database(10)
    step = timedelta(hours=hours)
    stage.wall += step
    stage.apply(ClockStepped(step=step))
    stage.advance(seconds=10)
    agent.database(95, ago=step.total_seconds())
    assert stage.alarm("A-1").active
    assert stage.world.watchers[NODE].agent.missing_facts == 0


def test_outboxes_that_alternate_lose_nothing_and_store_nothing_twice(stage: Stage) -> None:
    agent = stage.connect(NODE)
    for _ in range(5):
        agent.event("product.info")
    agent.hello(outbox_id="outbox-2", next_seq=1, oldest_seq=1, acked_seq=0)
    for name in ("next_seq", "oldest_seq", "acked_seq"):
        del agent.identity[name]
    assert agent.hello(outbox_id="outbox-1") == [Welcome(agent=NODE, watermark=5)]
    assert stage.world.watchers[NODE].agent.missing_facts == 0


def test_what_gets_worse_after_its_case_was_resolved_reopens_it(stage: Stage) -> None:
    agent = stage.connect(NODE)
    agent.database(85)
    stage.ask(ResolveCase, id="C-1", etag="", resolution="known")
    stage.advance(minutes=10)
    agent.database(95)
    case = stage.case("C-1")
    assert (case.state, case.priority, case.reopened) == (CaseState.NEW, Priority.P3, 1)


def test_a_resolved_case_still_hears_that_its_alarm_cleared(stage: Stage) -> None:
    agent = stage.connect(NODE)
    agent.database(95)
    stage.ask(ResolveCase, id="C-1", etag="", resolution="known")
    stage.advance(seconds=10)
    agent.database(10)
    assert stage.case("C-1").active_alarms == ()


def test_a_word_on_an_old_case_takes_no_condition_from_the_case_of_today(stage: Stage) -> None:
    agent = stage.connect(NODE)
    agent.database(95)
    stage.ask(ResolveCase, id="C-1", etag="", resolution="")
    stage.advance(seconds=10)
    agent.database(10)
    stage.advance(days=1, seconds=1)
    agent.database(95)
    stage.ask(CommentCase, id="C-1", etag="", text="post mortem")
    stage.ask(CloseCase, id="C-1", etag="")
    stage.advance(seconds=10)
    agent.database(10)
    stage.advance(seconds=10)
    agent.database(95)
    assert stage.case("C-2").occurrences == 2
    assert (Kind.CASE, "C-3") not in stage.images


def test_becoming_entitled_and_rising_opens_a_case(stage: Stage) -> None:
    agent = stage.connect(NODE, product_version="2019.Autumn.1")
    agent.database(85)
    assert stage.alarm("A-1").case_id == ""
    stage.apply(FactsChanged(stream=agent.stream, agent=NODE, product_version="2026.Winter.1", ha_role=None))
    stage.advance(seconds=10)
    agent.database(95)
    assert stage.alarm("A-1").case_id == "C-1"


def test_an_open_case_takes_its_alarm_back_though_nothing_new_is_owed(stage: Stage) -> None:
    agent = stage.connect(NODE)
    agent.database(85)
    stage.advance(seconds=10)
    agent.database(10)
    stage.apply(FactsChanged(stream=agent.stream, agent=NODE, product_version="2019.Autumn.1", ha_role=None))
    stage.advance(seconds=10)
    agent.database(85)
    stage.advance(minutes=16)
    assert stage.case("C-1").state is CaseState.NEW


def test_an_acknowledged_alarm_that_comes_back_is_the_same_alarm(stage: Stage) -> None:
    agent = stage.connect(NODE)
    agent.database(95)
    stage.ask(AcknowledgeCase, id="C-1", etag="", note="")
    stage.advance(seconds=10)
    agent.database(10)
    stage.advance(seconds=10)
    agent.database(95)
    alarm = stage.alarm("A-1")
    assert (alarm.active, alarm.acknowledged, alarm.occurrences) == (True, True, 2)


def test_a_rule_that_is_gone_or_no_longer_applies_clears_its_alarms(stage: Stage) -> None:
    agent = stage.connect(NODE)
    agent.database(95)
    agent.fall_silent()
    stage.advance(minutes=3)
    rule = replace(CATALOG.ratios[0], where=(LabelMatch(name="database", values=("main",), negated=True),))
    stage.apply(CatalogLoaded(catalog=replace(CATALOG, version="2", ratios=(rule,), connections=())))
    assert stage.alarm("A-1").clear_cause == "rule database_space no longer applies here"
    assert stage.alarm("A-2").clear_cause == "rule cloud_connection_lost was withdrawn"


def test_an_agent_whose_last_token_was_revoked_is_not_missed(stage: Stage) -> None:
    stage.connect(NODE)
    stage.ask(RevokeToken, id="T-1")
    stage.advance(minutes=5)
    assert not stage.world.alarms
    assert stage.world.watchers[NODE].agent.state is AgentState.GOODBYE


def test_a_crash_clears_only_while_somebody_sees_that_it_runs(stage: Stage) -> None:
    agent = stage.connect(NODE)
    agent.event("component.exited", "voip-stack")
    agent.event("component.started", "voip-stack")
    agent.close()
    agent.fall_silent()
    stage.advance(seconds=60)
    assert stage.alarm("A-1").active
    agent.hello()
    stage.advance(seconds=10)
    assert not stage.alarm("A-1").active


def test_an_exit_before_the_announced_stop_is_a_crash(stage: Stage) -> None:
    agent = stage.connect(NODE)
    agent.event("component.stop_planned", "voip-stack")
    agent.event("component.exited", "voip-stack", ago=5)
    assert stage.alarm("A-1").code == "voip_stack_crash"
