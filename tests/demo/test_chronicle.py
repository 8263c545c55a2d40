"""The chronicle misses nothing, over broken streams too, and tells each fact as one flat object."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import grpc.aio
import pytest

from demo.chronicle import Chronicle, Fact
from demo.waiting import Missing
from vedette.support.v1 import alarm_pb2, case_pb2, common_pb2, fleet_pb2, watch_pb2, watch_pb2_grpc
from vedette.timestamps import to_timestamp

AT = datetime(2026, 3, 2, 2, 10, tzinfo=UTC)
CREDENTIAL = (("authorization", "Bearer secret"),)


def agent_change(sequence: int) -> watch_pb2.Change:
    agent = fleet_pb2.Agent(id=f"a/b/n{sequence}", state=fleet_pb2.Agent.STATE_CONNECTED, watermark=7)
    return watch_pb2.Change(sequence=sequence, time=to_timestamp(AT), reason="AGENT_CONNECTED", agent=agent)


Context = grpc.aio.ServicerContext[watch_pb2.WatchRequest, watch_pb2.WatchResponse]


class Watch(watch_pb2_grpc.WatchServiceServicer):
    """Sends changes 1, 2 and 3, and breaks after each."""

    def __init__(self) -> None:
        self.tokens: list[bytes] = []

    async def Watch(
        self, request: watch_pb2.WatchRequest, context: Context
    ) -> AsyncIterator[watch_pb2.WatchResponse]:
        assert dict(context.invocation_metadata() or ())["authorization"] == "Bearer secret"
        self.tokens.append(request.resume_token)
        position = int(request.resume_token or b"0")
        yield watch_pb2.WatchResponse(resume_token=b"%d" % position, progress=watch_pb2.Progress())
        if position == 3:
            await asyncio.Event().wait()
        position += 1
        yield watch_pb2.WatchResponse(resume_token=b"%d" % position, change=agent_change(position))


@pytest.fixture
async def channel() -> AsyncIterator[grpc.aio.Channel]:
    server = grpc.aio.server()
    watch_pb2_grpc.add_WatchServiceServicer_to_server(Watch(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel
    await server.stop(None)


@pytest.fixture
async def chronicle(channel: grpc.aio.Channel, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Chronicle]:
    monkeypatch.setattr("demo.chronicle.RETRY_PAUSE", 0.01)
    told: list[Fact] = []
    chronicle = Chronicle(channel, CREDENTIAL, told.append)
    following = asyncio.create_task(chronicle.follow())
    yield chronicle
    assert told == chronicle.facts
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


def is_agent(sequence: int, fact: Fact) -> bool:
    return fact.agent is not None and fact.agent.id == f"a/b/n{sequence}"


async def test_every_change_is_told_once_over_streams_that_break(chronicle: Chronicle) -> None:
    await chronicle.expect("the last change", lambda fact: is_agent(3, fact), patience=10)
    assert [fact.change.sequence for fact in chronicle.facts] == [1, 2, 3]


async def test_a_fact_that_came_before_is_found_unless_only_later_ones_count(chronicle: Chronicle) -> None:
    await chronicle.expect("the last change", lambda fact: is_agent(3, fact), patience=10)
    fact = await chronicle.expect("the first change", lambda fact: is_agent(1, fact), patience=1)
    assert fact.reason == "AGENT_CONNECTED"
    with pytest.raises(Missing, match=r"the first change once more: not within 0.05 s"):
        await chronicle.expect(
            "the first change once more", lambda fact: is_agent(1, fact), patience=0.05, since=3
        )


def test_an_alarm_is_told_with_code_priority_and_case() -> None:
    alarm = alarm_pb2.Alarm(
        id="A-1",
        code="voip_stack_crash",
        priority=common_pb2.PRIORITY_P1,
        condition=alarm_pb2.Alarm.CONDITION_ACTIVE,
        customer="nordwind",
        installation="frontdesk",
        node="node-1",
        component="voip-stack",
        case_id="C-1",
    )
    change = watch_pb2.Change(
        time=to_timestamp(AT), reason="ALARM_RAISED", actor="vedette", text="raised", alarm=alarm
    )
    assert Fact(change=change).as_json() == {
        "time": "2026-03-02T02:10:00.000Z",
        "kind": "alarm",
        "alarm": "A-1",
        "code": "voip_stack_crash",
        "priority": "P1",
        "condition": "active",
        "acknowledged": False,
        "case": "C-1",
        "agent": "nordwind/frontdesk/node-1",
        "component": "voip-stack",
        "reason": "ALARM_RAISED",
        "actor": "vedette",
        "text": "raised",
    }


def test_a_case_is_told_with_when_it_is_due() -> None:
    case = case_pb2.Case(
        id="C-1",
        alarm_code="voip_stack_crash",
        priority=common_pb2.PRIORITY_P1,
        state=case_pb2.Case.STATE_NEW,
        customer="nordwind",
        alarms=["A-1"],
        response_clock=case_pb2.SlaClock(
            state=case_pb2.SlaClock.STATE_RUNNING, due_time=to_timestamp(AT + timedelta(hours=1))
        ),
    )
    change = watch_pb2.Change(time=to_timestamp(AT), reason="CASE_OPENED", actor="vedette", case=case)
    assert Fact(change=change).as_json() == {
        "time": "2026-03-02T02:10:00.000Z",
        "kind": "case",
        "case": "C-1",
        "code": "voip_stack_crash",
        "priority": "P1",
        "state": "new",
        "customer": "nordwind",
        "alarms": ["A-1"],
        "due_at": "2026-03-02T03:10:00.000Z",
        "clock": "running",
        "reason": "CASE_OPENED",
        "actor": "vedette",
    }
