"""A server that goes, in order or without a word: what was acknowledged stays, and nothing is invented."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from tests.e2e.follower import Follower
from tests.e2e.node import frozen
from tests.e2e.stage import (
    AGENT,
    Stage,
    eventually,
    journal,
    reasons,
    stored_batches,
    stored_events,
)
from tests.support.programs import policy_text, until
from vedette.support.v1 import case_pb2, common_pb2, fleet_pb2
from vedette.timestamps import from_timestamp

P1 = common_pb2.PRIORITY_P1
NEIGHBOUR = "acme/hq/node-2"
#: Heartbeat of a server that is not calm, in seconds.
HEARTBEAT = 1.0
#: What a machine with more to do than it has cores may add to a time that is measured here, in seconds.
BUSY = 2.0


def impatient_policy(agents: Iterable[str], seconds: int) -> str:
    """Return the usual policy with a P1 target of a few seconds."""
    plans = f"plans: {{platinum: {{response: {{P1: {{target: {seconds}s, counts_in: coverage}}}}}}}}\n"
    return policy_text(agents) + plans


async def connected(changes: Follower, agent: str, times: int) -> None:
    await changes.until(
        lambda change: change.agent.id == agent and change.agent.connect_count >= times, f"{agent} connected"
    )


async def test_a_restart_in_order_raises_nothing_for_agents_that_come_back_and_does_for_those_that_died(
    stage: Stage,
) -> None:
    server = await stage.server(agents=[AGENT, NEIGHBOUR], lost_after="6s")
    ann = await stage.person(server, "ann")
    changes = await stage.follow(server, ann)
    node, neighbour = await stage.node(server), await stage.node(server, NEIGHBOUR)
    await connected(changes, AGENT, 1)
    await connected(changes, NEIGHBOUR, 1)
    await until(lambda: node.status().get("outbox", {}).get("watermark"), "the first facts")

    await server.stop()
    assert node.logged("link.ended")[0]["cause"] == "reconnect", "the agent was asked to come back"
    await neighbour.agent.kill()
    await server.start()
    await connected(changes, AGENT, 2)
    lost = await changes.alarm("cloud_connection_lost")
    assert lost.node == "node-2"
    produced = await node.produced()
    ann = stage.caller(server, ann.secret)

    async def delivered() -> bool:
        agent = (await ann.ask(ann.fleet.GetAgent, fleet_pb2.GetAgentRequest(id=AGENT))).agent
        return agent.watermark >= produced and agent.missing_fact_count == 0

    await eventually(delivered, f"all {produced} facts of the restart are stored")
    raised = [entry.after for entry in journal(server.data_dir, "alarm") if entry.after is not None]
    assert [alarm["node"] for alarm in raised] == ["node-2"]


async def test_what_was_acknowledged_survives_a_kill_and_is_not_taken_twice(stage: Stage) -> None:
    server = await stage.server(calm=True)
    ann = await stage.person(server, "ann")
    changes = await stage.follow(server, ann)
    agent = await stage.agent(server)
    await agent.tell(agent.batch([85.0, 100.0]), agent.events("component.exited", component="voip-stack"))
    opened = (await changes.reason("CASE_OPENED")).case
    comment = case_pb2.CommentCaseRequest(id=opened.id, request_id="r-1", text="told before the kill")
    await ann.ask(ann.cases.CommentCase, comment)

    # Sent and not acknowledged: whether it was taken is not known, so it is sent again.
    exited = agent.events("component.exited", component="voip-stack")
    await agent.send(exited)
    await server.kill()
    await server.start()
    again = stage.stranger(server, agent.secret, AGENT)
    again.seq = agent.seq
    welcome = await again.welcomed(start_id="start-1")
    assert agent.watermark <= welcome.watermark <= agent.seq
    await again.tell(exited)
    # And what was acknowledged before is acknowledged again, without an effect.
    repeated = again.batch([10.0, 100.0])
    await again.tell(repeated)
    await again.send(repeated)
    await again.tell(again.batch([10.0, 100.0]))

    assert stored_batches(server.data_dir) == [(AGENT, 1), (AGENT, 4), (AGENT, 5)]
    assert [code for _, code, _, _ in stored_events(server.data_dir)] == ["component.exited"] * 2
    ann = stage.caller(server, ann.secret)
    crash = await changes.until(
        lambda change: change.alarm.code == "voip_stack_crash" and change.alarm.occurrence_count == 2, "twice"
    )
    assert crash.alarm.id in {"A-1", "A-2"}
    timeline = await ann.ask(ann.cases.ListCaseTimeline, case_pb2.ListCaseTimelineRequest(id=opened.id))
    assert [entry.text for entry in timeline.entries if entry.reason == "CASE_COMMENTED"] == [
        "told before the kill"
    ]
    repeat = (await ann.ask(ann.cases.CommentCase, comment)).case
    assert repeat.id == opened.id
    assert reasons(server.data_dir, "case").count("CASE_COMMENTED") == 1
    assert reasons(server.data_dir, "case").count("CASE_OPENED") == 2


async def test_a_breach_that_came_due_while_the_server_was_down_fires_once_at_its_start(stage: Stage) -> None:
    server = await stage.server(policy=impatient_policy([AGENT], 4), calm=True)
    ann = await stage.person(server, "ann")
    changes = await stage.follow(server, ann)
    request = case_pb2.CreateCaseRequest(request_id="r-1", customer="acme", priority=P1, title="no dial tone")
    due = (await ann.ask(ann.cases.CreateCase, request)).case
    answered = (await ann.ask(ann.cases.CreateCase, _another(request, "r-2"))).case
    await ann.ask(
        ann.cases.AcknowledgeCase, case_pb2.AcknowledgeCaseRequest(id=answered.id, request_id="r-3")
    )

    await server.kill()
    wait = from_timestamp(due.response_clock.due_time) - datetime.now(UTC)
    assert wait > timedelta(0), "the server was down in time"
    await asyncio.sleep(wait.total_seconds())
    await server.start()
    ready_at = datetime.now(UTC)
    breach = await changes.reason("CASE_RESPONSE_BREACHED")
    assert breach.case.id == due.id
    assert breach.case.response_clock.state == case_pb2.SlaClock.STATE_BREACHED
    assert from_timestamp(breach.time) - ready_at <= timedelta(seconds=1)
    for _ in range(2):
        await server.kill()
        await server.start()
    ann = stage.caller(server, ann.secret)
    await ann.ask(ann.cases.CreateCase, _another(request, "r-4"))
    assert reasons(server.data_dir, "case").count("CASE_RESPONSE_BREACHED") == 1


def _another(request: case_pb2.CreateCaseRequest, request_id: str) -> case_pb2.CreateCaseRequest:
    other = case_pb2.CreateCaseRequest()
    other.CopyFrom(request)
    other.request_id = request_id
    return other


async def test_a_timer_survives_a_kill_and_fires_when_it_is_due(stage: Stage) -> None:
    server = await stage.server(policy=impatient_policy([AGENT], 8), calm=True)
    ann = await stage.person(server, "ann")
    changes = await stage.follow(server, ann)
    request = case_pb2.CreateCaseRequest(request_id="r-1", customer="acme", priority=P1, title="no dial tone")
    due = from_timestamp((await ann.ask(ann.cases.CreateCase, request)).case.response_clock.due_time)
    await server.kill()
    await server.start()
    assert datetime.now(UTC) < due, "the server was back in time"
    breach = await changes.reason("CASE_RESPONSE_BREACHED")
    late = from_timestamp(breach.time) - due
    assert timedelta(0) <= late <= timedelta(seconds=1)


async def test_a_frozen_server_is_noticed_by_its_agents_within_two_heartbeats_and_loses_nothing(
    stage: Stage,
) -> None:
    server = await stage.server(lost_after="30s")
    ann = await stage.person(server, "ann")
    changes = await stage.follow(server, ann)
    node = await stage.node(server)
    await connected(changes, AGENT, 1)
    await until(lambda: node.status().get("outbox", {}).get("watermark"), "the first facts")

    server.signal(signal.SIGSTOP)
    begun = time.monotonic()
    await until(lambda: frozen(server.pid), "the server is frozen")
    # Its kernel still takes bytes and answers for the connection: only the missing ack tells.
    await until(lambda: node.logged("link.ended"), "the agent notices")
    assert time.monotonic() - begun <= 2 * HEARTBEAT + BUSY
    assert node.logged("link.ended")[0]["cause"] == "silence"
    server.signal(signal.SIGCONT)
    await connected(changes, AGENT, 2)
    produced = await node.produced()

    async def delivered() -> bool:
        agent = (await ann.ask(ann.fleet.GetAgent, fleet_pb2.GetAgentRequest(id=AGENT))).agent
        return agent.watermark >= produced and agent.missing_fact_count == 0

    await eventually(delivered, f"all {produced} facts are stored")
    assert reasons(server.data_dir, "alarm") == []


async def test_a_frozen_watcher_is_let_go_within_two_heartbeats_of_pings(stage: Stage) -> None:
    server = await stage.server()
    watcher = await stage.command(server, "watch", "-o", "jsonl")

    async def watchers() -> float:
        return await stage.metric(server, "vedette_watch_subscribers")

    async def one() -> bool:
        return await watchers() == 1

    async def none() -> bool:
        return await watchers() == 0

    await eventually(one, "it watches")
    watcher.signal(signal.SIGSTOP)
    await until(lambda: frozen(watcher.pid), "it is frozen")
    # Left alone, gRPC notices after a minute: keepalive_timeout_ms does not bound a peer that hangs,
    # ping_timeout_ms does: one second to the next ping, one for its answer.
    await eventually(none, "the server lets it go", patience=2.0 + BUSY)
    watcher.signal(signal.SIGCONT)
    await eventually(one, "it watches again")
