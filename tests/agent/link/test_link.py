"""The link against a real gRPC server."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

import grpc
import pytest

from tests.agent.support.facts import Ledger, batch, events
from tests.agent.support.server import AgentServer, Answer, reject, serving
from tests.agent.support.waiting import until
from vedette import timestamps
from vedette.agent.v1 import agent_pb2
from vedette.telemetry.v1 import telemetry_pb2
from vedette_agent.clock import SystemClock
from vedette_agent.errors import RefusedForGood
from vedette_agent.link.frames import StopReason
from vedette_agent.link.link import Link, LinkState, Node
from vedette_agent.outbox.outbox import Outbox
from vedette_agent.settings.model import LinkSettings

NODE = Node(boot_id="boot-1", start_id="start-1", agent_version="0.1.0", product_version="2020.Winter.1")


def millis(count: int) -> timedelta:
    return timedelta(milliseconds=count)


@pytest.fixture
async def outbox(tmp_path: Path) -> AsyncIterator[Outbox]:
    ledger = Ledger()
    opened = await Outbox.open(tmp_path / "outbox.db", observer=ledger)
    try:
        yield opened
    finally:
        await opened.close()


def make_link(outbox: Outbox, address: str, folder: Path, clock: SystemClock | None = None) -> Link:
    token = folder / "token"
    token.write_text("secret-token\n")
    settings = LinkSettings(
        server=address,
        token_file=token,
        reconnect_initial=millis(20),
        reconnect_max=millis(100),
        welcome_timeout=millis(800),
    )
    return Link(outbox, settings, NODE, clock=clock or SystemClock(), draw=lambda: 0.5)


@asynccontextmanager
async def running(link: Link) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(link.run())
    try:
        yield task
    finally:
        link.stop()
        with suppress(RefusedForGood):
            async with asyncio.timeout(5):
                await task


@pytest.fixture
async def server() -> AsyncIterator[AgentServer]:
    async with serving() as one:
        yield one


def newest(server: AgentServer) -> str:
    return server.streams[-1].hello.outbox_id


async def test_facts_arrive_once_in_order_with_their_series_and_the_token(
    outbox: Outbox, server: AgentServer, tmp_path: Path
) -> None:
    await outbox.append([batch(1), events("a")])
    link = make_link(outbox, server.address, tmp_path)
    async with running(link):
        await server.until(lambda: len(server.facts) == 2)
        await outbox.append([batch(3)])
        await server.until(lambda: len(server.facts) == 3)
        stream = server.streams[0]
        assert stream.metadata["authorization"] == "Bearer secret-token"
        assert stream.seqs == [1, 2, 3]
        assert stream.announced == [0, 1, 2]
        assert (stream.hello.boot_id, stream.hello.start_id) == ("boot-1", "start-1")
        assert (stream.hello.next_seq, stream.hello.oldest_seq) == (3, 1)
        await until(lambda: outbox.fact_count == 0)
        status = link.status
        assert (status.state, status.agent) == (LinkState.CONNECTED, "customer/installation/node")
        assert status.last_ack_age is not None
        assert status.clock_skew_us is not None
        assert abs(status.clock_skew_us) < 1_000_000


async def test_a_stop_flushes_and_says_goodbye(outbox: Outbox, server: AgentServer, tmp_path: Path) -> None:
    link = make_link(outbox, server.address, tmp_path)
    async with running(link) as task:
        await server.until(lambda: len(server.streams) == 1)
        await outbox.append([events("last")])
        link.stop(StopReason.UPGRADE)
        await asyncio.wait_for(task, 5)
    (stream,) = server.streams
    assert stream.goodbye is not None
    assert stream.goodbye.reason == agent_pb2.STOP_REASON_UPGRADE
    assert link.status.state is LinkState.STOPPED


async def test_it_resumes_after_the_watermark_on_a_new_stream(
    outbox: Outbox, server: AgentServer, tmp_path: Path
) -> None:
    async with running(make_link(outbox, server.address, tmp_path)):
        await outbox.append([batch(1), batch(2)])
        await server.until(lambda: len(server.facts) == 2)
        await server.cut()
        await outbox.append([batch(3)])
        await server.until(lambda: len(server.facts) == 3)
    assert [stream.seqs for stream in server.streams] == [[1, 2], [3]]
    assert server.streams[1].hello.previous_link_error == "UNAVAILABLE: cut"
    assert server.streams[1].announced == [0, 1, 2]


async def test_unacknowledged_facts_are_sent_again(
    outbox: Outbox, server: AgentServer, tmp_path: Path
) -> None:
    server.behaviour.acks = False
    async with running(make_link(outbox, server.address, tmp_path)):
        await outbox.append([batch(1), batch(2)])
        await server.until(lambda: bool(server.streams) and server.streams[0].seqs == [1, 2])
        server.behaviour.acks = True
        await server.cut()
        await server.until(lambda: len(server.facts) == 2)
    assert server.streams[1].seqs == [1, 2]


async def test_it_comes_back_when_the_server_does(outbox: Outbox, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    link = make_link(outbox, f"127.0.0.1:{port}", tmp_path)
    await outbox.append([batch(1)])
    async with running(link):
        async with serving(port=port) as first:
            await first.until(lambda: len(first.facts) == 1)
        await outbox.append([batch(2)])
        async with serving(port=port, keep=first) as second:
            await second.until(lambda: len(second.facts) == 2)
    assert link.status.connect_count == 2


async def test_a_silent_server_is_left_within_two_heartbeats(
    outbox: Outbox, server: AgentServer, tmp_path: Path
) -> None:
    server.behaviour.heartbeat = 0.2
    server.behaviour.talks = False
    clock = SystemClock()
    async with running(make_link(outbox, server.address, tmp_path)):
        await server.until(lambda: len(server.streams) == 1)
        started = clock.monotonic()
        await server.until(lambda: len(server.streams) == 2)
        assert 0.3 < clock.monotonic() - started < 1.5
    assert server.streams[1].hello.previous_link_error == "nothing from the server for 0.4 s"


async def test_a_server_that_does_not_answer_hello_is_left(
    outbox: Outbox, server: AgentServer, tmp_path: Path
) -> None:
    server.behaviour.greet = lambda _hello: None
    async with running(make_link(outbox, server.address, tmp_path)):
        await server.until(lambda: len(server.streams) == 1)
        server.behaviour.greet = None
        await server.until(lambda: len(server.streams) == 2)
    assert server.streams[1].hello.previous_link_error == "no answer to hello within 0.8 s"


@asynccontextmanager
async def mute() -> AsyncIterator[str]:
    """Listen like something that takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"127.0.0.1:{listener.getsockname()[1]}"


async def test_a_connection_that_does_not_come_to_be_is_given_up(outbox: Outbox, tmp_path: Path) -> None:
    async with mute() as address:
        link = make_link(outbox, address, tmp_path)
        async with running(link):
            await until(lambda: link.status.last_error == "no connection within 0.8 s")


async def test_a_stop_does_not_wait_for_a_connection(outbox: Outbox, tmp_path: Path) -> None:
    clock = SystemClock()
    async with mute() as address:
        link = make_link(outbox, address, tmp_path)
        async with running(link) as task:
            await until(lambda: link.status.state is LinkState.CONNECTING)
            started = clock.monotonic()
            link.stop()
            await asyncio.wait_for(task, 5)
            assert clock.monotonic() - started < 0.5


async def test_heartbeats_are_sent_only_when_nothing_else_is(
    outbox: Outbox, server: AgentServer, tmp_path: Path
) -> None:
    server.behaviour.heartbeat = 0.2
    async with running(make_link(outbox, server.address, tmp_path)):
        await server.until(lambda: bool(server.streams) and server.streams[0].heartbeats >= 3)
        before = server.streams[0].heartbeats
        for moment in range(10):
            await outbox.append([batch(moment + 1)])
            await asyncio.sleep(0.05)
        assert server.streams[0].heartbeats <= before + 1


async def test_a_heartbeat_overtakes_a_backlog(outbox: Outbox, server: AgentServer, tmp_path: Path) -> None:
    server.behaviour.heartbeat = 0.2
    server.behaviour.acks = False
    server.behaviour.in_flight = 4
    await outbox.append([batch(moment + 1) for moment in range(50)])
    async with running(make_link(outbox, server.address, tmp_path)):
        await server.until(lambda: bool(server.streams) and server.streams[0].heartbeats >= 2)
        assert server.streams[0].seqs == [1, 2, 3, 4]


async def test_a_throttle_holds_metrics_back_until_it_ends(
    outbox: Outbox, server: AgentServer, tmp_path: Path
) -> None:
    clock = SystemClock()
    async with running(make_link(outbox, server.address, tmp_path)):
        await outbox.append([batch(1)])
        await server.until(lambda: len(server.facts) == 1)
        throttle = agent_pb2.Throttle(retry_after=timestamps.to_duration(millis(600)))
        await server.send(Answer(throttle=throttle))
        started = clock.monotonic()
        # Something of our own comes back only after the throttle was read.
        await server.send(Answer(command=agent_pb2.Command(command_id="c", name="nothing")))
        await server.until(lambda: any(one.HasField("result") for one in server.streams[0].frames))
        await outbox.append([batch(2)])
        await outbox.append([events("urgent")])
        await server.until(lambda: len(server.facts) == 3)
        assert clock.monotonic() - started < 0.5
        await outbox.append([batch(4)])
        await server.until(lambda: len(server.facts) == 4)
        assert clock.monotonic() - started > 0.55


async def test_reconnect_is_followed_without_losing_anything(
    outbox: Outbox, server: AgentServer, tmp_path: Path
) -> None:
    async with running(make_link(outbox, server.address, tmp_path)):
        await outbox.append([batch(1)])
        await server.until(lambda: len(server.facts) == 1)
        await server.send(Answer(reconnect=agent_pb2.Reconnect()))
        await server.until(lambda: len(server.streams) == 2)
        await outbox.append([batch(2)])
        await server.until(lambda: len(server.facts) == 2)


async def test_an_endpoint_that_would_leave_this_machine_unencrypted_is_not_followed(
    outbox: Outbox, server: AgentServer, tmp_path: Path
) -> None:
    async with running(make_link(outbox, server.address, tmp_path)):
        await server.until(lambda: server.welcomed == 1)
        await server.send(Answer(reconnect=agent_pb2.Reconnect(endpoint="evil.example:7443")))
        await server.until(lambda: len(server.streams) == 2)
    assert "refusing to send the token" in server.streams[1].hello.previous_link_error


async def test_an_outbox_conflict_makes_a_new_outbox_id_and_loses_nothing(
    outbox: Outbox, server: AgentServer, tmp_path: Path
) -> None:
    await outbox.append([batch(1), events("x"), batch(3)])
    refused = outbox.outbox_id

    def greet(hello: agent_pb2.Hello) -> Answer:
        if hello.outbox_id == refused:
            return reject(agent_pb2.Reject.REASON_OUTBOX_CONFLICT)
        return server.welcome(hello)

    server.behaviour.greet = greet
    async with running(make_link(outbox, server.address, tmp_path)):
        await server.until(lambda: len(server.facts) == 3)
        assert newest(server) == outbox.outbox_id != refused
        times = [frame.batch.observe_time_us for frame in server.taken(newest(server))]
        assert times == [1, 0, 3]


async def test_an_outbox_older_than_the_servers_watermark_renews_itself(
    outbox: Outbox, server: AgentServer, tmp_path: Path
) -> None:
    await outbox.append([batch(1)])
    before = outbox.outbox_id
    server.watermarks[before] = 9
    async with running(make_link(outbox, server.address, tmp_path)):
        await server.until(lambda: len(server.facts) == 1)
    assert newest(server) != before


@pytest.mark.parametrize(
    "reason",
    [agent_pb2.Reject.REASON_SUPERSEDED, agent_pb2.Reject.REASON_IDENTITY_CONFLICT],
)
async def test_other_rejects_are_said_and_tried_again_slowly(
    outbox: Outbox,
    server: AgentServer,
    tmp_path: Path,
    reason: agent_pb2.Reject.Reason.ValueType,
    caplog: pytest.LogCaptureFixture,
) -> None:
    server.behaviour.greet = lambda _hello: reject(reason)
    link = make_link(outbox, server.address, tmp_path)
    with caplog.at_level(logging.ERROR, logger="vedette_agent"):
        async with running(link):
            await server.until(lambda: len(server.streams) == 1)
            server.behaviour.greet = None
            await server.until(lambda: len(server.streams) == 2)
    assert link.status.last_error.startswith("the server refused: ")
    assert "link.ended" in caplog.text


async def test_a_revoked_credential_ends_the_agent(
    outbox: Outbox, server: AgentServer, tmp_path: Path
) -> None:
    server.behaviour.greet = lambda _hello: reject(agent_pb2.Reject.REASON_REVOKED)
    link = make_link(outbox, server.address, tmp_path)
    with pytest.raises(RefusedForGood, match="REVOKED"):
        async with asyncio.timeout(5):
            await link.run()


@pytest.mark.parametrize(
    ("status", "details", "final"),
    [
        (grpc.StatusCode.UNAUTHENTICATED, "no such token", False),
        (grpc.StatusCode.PERMISSION_DENIED, "a proxy says no", False),
        (grpc.StatusCode.PERMISSION_DENIED, "TOKEN_NOT_AGENT", True),
    ],
)
async def test_an_unknown_token_is_tried_slowly_and_a_wrong_one_not_at_all(
    outbox: Outbox, server: AgentServer, tmp_path: Path, status: grpc.StatusCode, details: str, final: bool
) -> None:
    server.behaviour.abort = (status, details)
    link = make_link(outbox, server.address, tmp_path)
    task = asyncio.create_task(link.run())
    try:
        await until(lambda: details in link.status.last_error)
        if final:
            with pytest.raises(RefusedForGood):
                await task
        else:
            server.behaviour.abort = None
            await server.until(lambda: len(server.streams) == 1)
    finally:
        link.stop()
        with suppress(RefusedForGood):
            await task


async def test_a_fact_larger_than_the_server_takes_becomes_a_gap(
    outbox: Outbox, server: AgentServer, tmp_path: Path
) -> None:
    server.behaviour.frame_size = 200
    await outbox.append([batch(1), batch(2, series=100), batch(3)])
    async with running(make_link(outbox, server.address, tmp_path)):
        await server.until(lambda: len(server.facts) == 3)
        kinds = [frame.WhichOneof("frame") for frame in server.taken(newest(server))]
        assert kinds == ["batch", "gap", "batch"]
        gap = server.taken(newest(server))[1].gap
        assert gap.reason == telemetry_pb2.Gap.REASON_INVALID_VALUE


class SteppingClock(SystemClock):
    """A real clock whose wall time can be set."""

    step_us = 0

    def now_us(self) -> int:
        return super().now_us() + self.step_us


async def test_a_clock_that_was_set_says_hello_again(
    outbox: Outbox, server: AgentServer, tmp_path: Path
) -> None:
    clock = SteppingClock()
    async with running(make_link(outbox, server.address, tmp_path, clock)):
        await server.until(lambda: len(server.streams) == 1)
        clock.step_us = 3_600_000_000
        await server.until(lambda: len(server.streams) == 2)
        first, second = (timestamps.from_timestamp(one.hello.agent_time) for one in server.streams)
        assert second - first > timedelta(minutes=59)


class RunningAwayClock(SystemClock):
    """Wall and monotonic time go on alike, so this machine alone cannot know that they ran ahead."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def now_us(self) -> int:
        return super().now_us() + round(self.ahead * 1e6)

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


async def test_a_clock_that_ran_away_from_the_servers_says_hello_again(
    outbox: Outbox, server: AgentServer, tmp_path: Path
) -> None:
    server.behaviour.heartbeat = 3600.0  # each ack then answers a fact, and a minute passes unnoticed
    clock = RunningAwayClock()
    link = make_link(outbox, server.address, tmp_path, clock)
    async with running(link):
        for minute in range(4):
            clock.ahead = 61.0 * minute
            for _ in range(6):
                await outbox.append([events("tick")])
                sent = outbox.next_seq - 1
                await until(lambda sent=sent: outbox.acked_seq == sent)  # type: ignore[misc]
        await server.until(lambda: len(server.streams) == 2)
    said = server.streams[1].hello
    assert said.previous_link_error.startswith("this machine's clock drifted by +")
    assert (
        timestamps.to_micros(timestamps.from_timestamp(said.agent_time))
        > SystemClock().now_us() + 100_000_000
    )


async def test_many_links_live_in_one_process(server: AgentServer, tmp_path: Path) -> None:
    outboxes = []
    tasks = []
    links = []
    for number in range(10):
        folder = tmp_path / str(number)
        folder.mkdir()
        outbox = await Outbox.open(folder / "outbox.db")
        outboxes.append(outbox)
        links.append(make_link(outbox, server.address, folder))
        tasks.append(asyncio.create_task(links[-1].run()))
        await outbox.append([batch(1), events("x")])
    await server.until(lambda: len(server.facts) == 20)
    for link in links:
        link.stop()
    await asyncio.wait_for(asyncio.gather(*tasks), 5)
    for outbox in outboxes:
        await outbox.close()
    assert len({stream.hello.outbox_id for stream in server.streams}) == 10
