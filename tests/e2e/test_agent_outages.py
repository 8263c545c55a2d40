"""An agent that falls silent, in every way in which one can: noticed in time, missed, back with its cause."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise

import pytest

from demo.relay import Relay
from tests.e2e.follower import CLEARED, Follower
from tests.e2e.node import Node, frozen
from tests.e2e.stage import AGENT, Stage, eventually, reasons
from tests.server.api.callers import Client
from tests.support.programs import Server, until
from vedette.support.v1 import alarm_pb2, common_pb2, fleet_pb2, watch_pb2
from vedette.telemetry.v1 import telemetry_pb2
from vedette.timestamps import from_timestamp, to_timestamp

#: Heartbeat of these servers, two of which make an agent overdue.
HEARTBEAT = timedelta(seconds=1)
#: What a machine with more to do than it has cores may add to a moment that is measured here.
BUSY = timedelta(seconds=1)
#: Silence that is an alarm here.
LOST = "3s"


class Outage:
    """One way for an agent to fall silent, and its end."""

    def __init__(self, node: Node, relay: Relay) -> None:
        self.node = node
        self.relay = relay

    async def begin(self, how: str) -> None:
        match how:
            case "killed":
                await self.node.agent.kill()
            case "frozen":
                self.node.agent.signal(signal.SIGSTOP)
                await until(lambda: frozen(self.node.agent.pid), "the agent is frozen")
            case "cut":
                self.relay.cut()

    async def end(self, how: str) -> None:
        match how:
            case "killed":
                await self.node.agent.start()
            case "frozen":
                self.node.agent.signal(signal.SIGCONT)
            case "cut":
                self.relay.mend()


@asynccontextmanager
async def behind_a_relay(stage: Stage, server: Server) -> AsyncIterator[Outage]:
    """Give a node whose way to the server can be cut."""
    async with Relay(int(server.target.rpartition(":")[2])) as relay:
        node = await stage.node(server, port=relay.port, start=False)
        await node.start_part("voip-stack")
        await node.agent.start()
        yield Outage(node, relay)
        await node.end()


@pytest.mark.parametrize(
    ("how", "cause"), [("killed", "agent crash"), ("frozen", "network"), ("cut", "network")]
)
async def test_a_silent_agent_is_overdue_then_lost_then_back_with_its_cause_and_nothing_is_lost(
    stage: Stage, how: str, cause: str
) -> None:
    server = await stage.server(lost_after=LOST)
    ann = await stage.person(server, "ann")
    changes = await stage.follow(server, ann)
    async with behind_a_relay(stage, server) as outage:
        await changes.reason("AGENT_CONNECTED")
        await until(lambda: outage.node.status().get("outbox", {}).get("watermark"), "the first facts")
        begun = datetime.now(UTC)
        await outage.begin(how)
        overdue = await changes.reason("AGENT_OVERDUE")
        assert overdue.agent.state == fleet_pb2.Agent.STATE_OVERDUE
        # From the last that was heard of it, by the server's own clock.
        silence = from_timestamp(overdue.time) - from_timestamp(overdue.agent.state_time)
        assert 2 * HEARTBEAT <= silence <= 2 * HEARTBEAT + BUSY
        alarm = await changes.alarm("cloud_connection_lost", priority=common_pb2.PRIORITY_P1)
        assert (await changes.reason("AGENT_LOST")).agent.state == fleet_pb2.Agent.STATE_LOST
        case = await changes.case_of(alarm)

        ended = datetime.now(UTC)
        await outage.end(how)
        back = await changes.alarm("cloud_connection_lost", condition=CLEARED)
        assert back.id == alarm.id
        assert back.clear_cause.startswith(f"{cause} ")
        assert back.clear_cause.endswith(", nothing lost")
        if how == "cut":
            await assert_no_hole(ann, begun, ended)
        await assert_all_delivered(ann, outage.node, changes)
    assert case.id == "C-1"
    assert reasons(server.data_dir, "alarm") == ["ALARM_RAISED", "ALARM_CLEARED"]


async def assert_no_hole(ann: Client, begun: datetime, ended: datetime) -> None:
    """Assert that what was measured while the way was cut arrives."""
    request = fleet_pb2.QuerySeriesRequest(
        agent=AGENT,
        name="component.process.count",
        labels=[telemetry_pb2.Label(name="component", value="voip-stack")],
        start_time=to_timestamp(begun),
        end_time=to_timestamp(ended),
        point_count=10_000,
    )
    seen: list[datetime] = []

    async def arrived() -> bool:
        answer = await ann.ask(ann.series.QuerySeries, request)
        seen[:] = [from_timestamp(point.time) for series in answer.series for point in series.points]
        return bool(seen) and ended - seen[-1] <= timedelta(seconds=2)

    await eventually(arrived, "what was measured meanwhile arrives")
    assert max(later - earlier for earlier, later in pairwise([begun, *seen])) <= timedelta(seconds=2)


async def assert_all_delivered(ann: Client, node: Node, changes: Follower) -> None:
    """Assert that all that an agent has measured by now is stored, and that none is missing once it left."""
    produced = await node.produced()

    async def agent() -> fleet_pb2.Agent:
        return (await ann.ask(ann.fleet.GetAgent, fleet_pb2.GetAgentRequest(id=AGENT))).agent

    async def delivered() -> bool:
        return (await agent()).watermark >= produced

    await eventually(delivered, f"all {produced} facts are stored")
    await node.agent.stop()
    gone = await changes.reason("AGENT_GOODBYE")
    assert gone.agent.disconnect_cause == "goodbye: requested"
    left = await agent()
    # What was measured in the very moment of the stop waits in the outbox for the next start.
    outbox = node.status()["outbox"]
    assert (left.watermark + outbox["fact_count"], left.missing_fact_count) == (outbox["next_seq"] - 1, 0)


async def test_an_agent_that_says_goodbye_is_not_missed(stage: Stage) -> None:
    server = await stage.server(lost_after="3s")
    ann = await stage.person(server, "ann")
    changes = await stage.follow(server, ann)
    node = await stage.node(server)
    other = await stage.node(server, "acme/hq/node-2")
    await changes.until(lambda change: change.agent.id == other.id, "the other agent")
    await changes.until(lambda change: change.reason == "AGENT_CONNECTED" and change.agent.id == AGENT, "it")
    await assert_all_delivered(ann, node, changes)
    # The other one dies at the same time and is missed, which shows that there was time enough.
    await other.agent.kill()
    await changes.alarm("cloud_connection_lost")
    listed = await ann.ask(ann.alarms.ListAlarms, alarm_pb2.ListAlarmsRequest(show_closed=True))
    assert [alarm.node for alarm in listed.alarms] == ["node-2"]


def lost(count: int, change: watch_pb2.Change) -> bool:
    alarm = change.alarm
    return alarm.code == "cloud_connection_lost" and alarm.occurrence_count == count


def back(count: int, change: watch_pb2.Change) -> bool:
    return change.reason == "ALARM_CLEARED" and lost(count, change)


async def test_a_flapping_link_is_one_alarm_with_a_count(stage: Stage) -> None:
    server = await stage.server(lost_after=LOST)
    ann = await stage.person(server, "ann")
    changes = await stage.follow(server, ann)
    async with behind_a_relay(stage, server) as outage:
        await changes.reason("AGENT_CONNECTED")
        for count in (1, 2):
            outage.relay.cut()
            await changes.until(partial(lost, count), f"lost {count} times")
            outage.relay.mend()
            await changes.until(partial(back, count), f"back {count} times")
    listed = await ann.ask(ann.alarms.ListAlarms, alarm_pb2.ListAlarmsRequest(show_closed=True))
    assert [(alarm.id, alarm.case_id, alarm.occurrence_count) for alarm in listed.alarms] == [
        ("A-1", "C-1", 2)
    ]


async def test_a_link_that_breaks_for_less_than_the_limit_raises_nothing(stage: Stage) -> None:
    server = await stage.server(lost_after="30s")
    ann = await stage.person(server, "ann")
    changes = await stage.follow(server, ann)
    async with behind_a_relay(stage, server) as outage:
        await changes.reason("AGENT_CONNECTED")
        outage.relay.cut()
        await changes.reason("AGENT_OVERDUE")
        outage.relay.mend()
        await changes.until(
            lambda change: change.reason == "AGENT_CONNECTED" and change.agent.connect_count == 2,
            "it is back",
        )
        await assert_all_delivered(ann, outage.node, changes)
    assert reasons(server.data_dir, "alarm", "case") == []


async def test_two_machines_with_one_credential_are_both_quarantined_until_a_new_one_is_made(
    stage: Stage,
) -> None:
    server = await stage.server(calm=True)
    ann = await stage.person(server, "ann")
    changes = await stage.follow(server, ann)
    original = await stage.agent(server)
    clone = stage.stranger(server, original.secret, "the clone")
    await clone.send(clone.hello(boot_id="boot-of-the-clone", start_id="start-of-the-clone"))
    assert await original.rejected() == "SUPERSEDED"
    back = stage.stranger(server, original.secret, "the original")
    await back.send(back.hello())
    assert await back.rejected() == "IDENTITY_CONFLICT"
    assert await clone.rejected() == "IDENTITY_CONFLICT"
    alarm = await changes.alarm("identity_conflict", priority=common_pb2.PRIORITY_P3)
    released = await stage.agent(server, outbox_id="an outbox of its own")
    await released.tell(released.batch())
    assert (await changes.alarm("identity_conflict", condition=CLEARED)).id == alarm.id
    again = stage.stranger(server, original.secret, "the clone")
    await again.send(again.hello())
    assert (await again.refusal()).code == "UNAUTHENTICATED"
