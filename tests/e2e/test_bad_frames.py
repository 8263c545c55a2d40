"""What an agent must not send, sent to a real server: a recorded gap or a typed word, and no other is hurt.

In each test a neighbour of the same customer is on a stream of its own all the while.
"""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from tests.e2e.raw_agent import Frame, RawAgent, StreamEnded, now_us, series_frame
from tests.e2e.stage import AGENT, Stage, gaps, stored_batches, stored_events
from tests.support.programs import Server
from vedette.agent.v1 import agent_pb2
from vedette.support.v1 import alarm_pb2, common_pb2, fleet_pb2
from vedette.telemetry.v1 import telemetry_pb2

NEIGHBOUR = "acme/hq/node-2"
DAY_US = 24 * 3600 * 1_000_000
MAX_I64, MAX_U64 = 2**63 - 1, 2**64 - 1


@asynccontextmanager
async def beside_a_neighbour(stage: Stage) -> AsyncIterator[Server]:
    """Give a server with an agent that must notice nothing: its stream lives, and what it sends is stored."""
    server = await stage.server(agents=[AGENT, NEIGHBOUR], calm=True)
    neighbour = await stage.agent(server, NEIGHBOUR)
    await neighbour.tell(neighbour.batch())
    yield server
    await neighbour.tell(neighbour.batch(), neighbour.events("product.info"))
    stored = [seq for agent, seq in stored_batches(server.data_dir) if agent == NEIGHBOUR]
    assert stored == [1, 2]
    assert [gap for gap in gaps(server.data_dir) if gap[0] == NEIGHBOUR] == []


def with_columns(numbers: int, values: int) -> Callable[[RawAgent], Frame]:
    """Return a batch with columns of so many bytes."""

    def batch(agent: RawAgent) -> Frame:
        frame = agent.batch()
        frame.batch.series_numbers = b"\0" * numbers
        frame.batch.values = b"\0" * values
        return frame

    return batch


#: What is wrong with a fact, and the reason of the gap that it becomes.
BAD_FACTS: list[tuple[str, Callable[[RawAgent], Frame], str]] = [
    ("a value too few", with_columns(8, 8), "columns_mismatch"),
    ("a value too many", with_columns(8, 24), "columns_mismatch"),
    ("half a series number", with_columns(6, 8), "columns_mismatch"),
    ("half a value", with_columns(4, 4), "columns_mismatch"),
    ("no columns", with_columns(0, 0), "columns_mismatch"),
    ("an unknown series", lambda agent: agent.batch(numbers=[0, 2]), "unknown_series"),
    ("the greatest series number", lambda agent: agent.batch(numbers=[0, 2**32 - 1]), "unknown_series"),
    ("not a number", lambda agent: agent.batch([float("nan"), 100.0]), "invalid_value"),
    ("infinite", lambda agent: agent.batch([10.0, float("inf")]), "invalid_value"),
    ("less than everything", lambda agent: agent.batch([float("-inf"), 100.0]), "invalid_value"),
    ("tomorrow", lambda agent: agent.batch(time_us=now_us() + DAY_US), "time_out_of_range"),
    ("before the epoch", lambda agent: agent.batch(time_us=-DAY_US), "time_out_of_range"),
    ("40 days ago", lambda agent: agent.batch(time_us=now_us() - 40 * DAY_US), "time_out_of_range"),
    ("the end of time", lambda agent: agent.batch(time_us=MAX_I64), "time_out_of_range"),
    ("the beginning of time", lambda agent: agent.batch(time_us=-MAX_I64 - 1), "time_out_of_range"),
    ("an event at the end of time", lambda agent: agent.events("x.y", time_us=MAX_I64), "time_out_of_range"),
    ("an event of 1970", lambda agent: agent.events("x.y", time_us=1), "time_out_of_range"),
    ("no event", lambda agent: agent.events(), "invalid_events"),
    ("257 events", lambda agent: agent.events(*["product.info"] * 257), "invalid_events"),
    ("an event without a code", lambda agent: agent.events(""), "invalid_events"),
    ("an event with a long code", lambda agent: agent.events("x" * 65), "invalid_events"),
]


async def test_a_bad_fact_becomes_a_gap_with_its_reason_and_the_stream_lives(stage: Stage) -> None:
    async with beside_a_neighbour(stage) as server:
        agent = await stage.agent(server)
        expected = []
        for what, make, reason in BAD_FACTS:
            await agent.tell(make(agent))
            expected.append((AGENT, reason, agent.seq, agent.seq))
            # What comes behind it on the same stream is taken.
            await agent.tell(agent.batch())
            assert gaps(server.data_dir) == expected, what
        good = [seq for name, seq in stored_batches(server.data_dir) if name == AGENT]
        assert good == list(range(2, 2 * len(BAD_FACTS) + 1, 2))
        ann = await stage.person(server, "ann")
        seen = (await ann.ask(ann.fleet.GetAgent, fleet_pb2.GetAgentRequest(id=AGENT))).agent
        assert (seen.watermark, seen.missing_fact_count) == (agent.seq, len(BAD_FACTS))
        alarms = await ann.ask(ann.alarms.ListAlarms, alarm_pb2.ListAlarmsRequest(show_closed=True))
        assert list(alarms.alarms) == []


async def test_an_unknown_event_code_is_stored_and_reported_and_hostile_text_stays_text(stage: Stage) -> None:
    async with beside_a_neighbour(stage) as server:
        agent = await stage.agent(server)
        hostile = "\x1b]0;owned\x07\u202e'; DROP TABLE events; --\x00{component}%s"
        event = telemetry_pb2.Event(
            time_us=now_us(),
            code="flux.capacitor",
            severity=77,  # type: ignore[arg-type]
            component="voip-stack",
            message=hostile,
        )
        frame = agent.events()
        frame.events.events.append(event)
        await agent.tell(frame)
        assert stored_events(server.data_dir) == [(AGENT, "flux.capacitor", 77, hostile)]
        ann = await stage.person(server, "ann")
        alarms = await ann.ask(ann.alarms.ListAlarms, alarm_pb2.ListAlarmsRequest())
        assert [(alarm.code, alarm.priority, alarm.title) for alarm in alarms.alarms] == [
            ("unclassified_event", common_pb2.PRIORITY_P4, "Unknown event flux.capacitor")
        ]


def garbage(_agent: RawAgent) -> list[Frame]:
    return [b"\xff\xfe this is no frame"]


def bad_utf8(agent: RawAgent) -> list[Frame]:
    frame = agent.events("product.info", message="XXXX").SerializeToString()
    return [frame.replace(b"XXXX", b"\xff\xfe\xff\xfe")]


def second_hello(agent: RawAgent) -> list[Frame]:
    return [agent.hello()]


def skipped_seq(agent: RawAgent) -> list[Frame]:
    agent.seq += 5
    return [agent.batch()]


def seq_zero_of_other_content(agent: RawAgent) -> list[Frame]:
    first, other = agent.batch([10.0, 100.0]), agent.batch([20.0, 100.0])
    other.batch.seq = first.batch.seq
    return [first, other]


def other_series_of_one_number(_agent: RawAgent) -> list[Frame]:
    return [series_frame(0, "database.limit")]


def series_over_the_limit(_agent: RawAgent) -> list[Frame]:
    return [series_frame(10_000, "one.too.many")]


def series_without_a_name(_agent: RawAgent) -> list[Frame]:
    return [series_frame(2, "")]


def series_with_too_many_labels(_agent: RawAgent) -> list[Frame]:
    labels = [telemetry_pb2.Label(name=f"l{number}", value="x") for number in range(16)]
    return [series_frame(2, "a.b", labels=labels)]


BAD_FRAMES = [
    (garbage, "INVALID_FRAME"),
    (bad_utf8, "INVALID_FRAME"),
    (second_hello, "INVALID_FRAME"),
    (series_without_a_name, "INVALID_FRAME"),
    (series_with_too_many_labels, "INVALID_FRAME"),
    (skipped_seq, "SEQ_SKIPPED"),
    (seq_zero_of_other_content, "OUTBOX_CONFLICT"),
    (other_series_of_one_number, "SERIES_CONFLICT"),
    (series_over_the_limit, "TOO_MANY_SERIES"),
]


async def test_a_bad_frame_ends_its_stream_with_a_typed_word_and_the_agent_may_come_back(
    stage: Stage,
) -> None:
    async with beside_a_neighbour(stage) as server:
        secret = await server.agent_token(AGENT)
        for number, (make, reason) in enumerate(BAD_FRAMES):
            agent = stage.stranger(server, secret, str(number))
            await agent.welcomed()
            await agent.tell(agent.batch())
            await agent.send(*make(agent))
            assert await agent.rejected() == reason, make.__name__
            again = stage.stranger(server, secret, f"{number} again")
            await again.welcomed()
            await again.tell(again.batch())


def no_hello(agent: RawAgent) -> Frame:
    return agent.batch()


def empty_frame(_agent: RawAgent) -> Frame:
    return b""


def without_boot_id(agent: RawAgent) -> Frame:
    frame = agent.hello()
    frame.hello.boot_id = ""
    return frame


def with_a_long_outbox_id(agent: RawAgent) -> Frame:
    return agent.hello(outbox_id="x" * 65)


def oldest_after_next(agent: RawAgent) -> Frame:
    return agent.hello(next_seq=5, oldest_seq=6)


def seq_zero(agent: RawAgent) -> Frame:
    frame = agent.hello()
    frame.hello.next_seq = frame.hello.oldest_seq = 0
    return frame


def seq_beyond_what_is_kept(agent: RawAgent) -> Frame:
    return agent.hello(next_seq=MAX_U64, oldest_seq=MAX_U64)


def clock_beyond_all_calendars(agent: RawAgent) -> Frame:
    frame = agent.hello()
    frame.hello.agent_time.seconds = 2**62
    return frame


def clock_before_all_calendars(agent: RawAgent) -> Frame:
    frame = agent.hello()
    frame.hello.agent_time.seconds = -(2**62)
    return frame


def somebody_else(agent: RawAgent) -> Frame:
    return agent.hello(claimed_agent=NEIGHBOUR)


BAD_HELLOS = [
    (no_hello, "INVALID_FRAME"),
    (empty_frame, "INVALID_FRAME"),
    (without_boot_id, "INVALID_FRAME"),
    (with_a_long_outbox_id, "INVALID_FRAME"),
    (oldest_after_next, "INVALID_FRAME"),
    (seq_zero, "INVALID_FRAME"),
    (seq_beyond_what_is_kept, "INVALID_FRAME"),
    (clock_beyond_all_calendars, "INVALID_FRAME"),
    (clock_before_all_calendars, "INVALID_FRAME"),
    (somebody_else, "IDENTITY_MISMATCH"),
]


async def test_a_bad_hello_is_rejected_with_a_typed_word(stage: Stage) -> None:
    async with beside_a_neighbour(stage) as server:
        secret = await server.agent_token(AGENT)
        for number, (make, reason) in enumerate(BAD_HELLOS):
            agent = stage.stranger(server, secret, str(number))
            await agent.send(make(agent))
            assert await agent.rejected() == reason, make.__name__
        good = stage.stranger(server, secret, "the good one")
        assert (await good.welcomed(claimed_agent=AGENT)).agent == AGENT
        await good.tell(good.batch())


async def test_a_message_over_the_limit_is_refused_and_one_at_the_limit_is_taken(stage: Stage) -> None:
    async with beside_a_neighbour(stage) as server:
        agent = await stage.agent(server)
        frame = agent.batch()
        frame.batch.series_numbers = struct.pack("<I", 0) * 65_536
        frame.batch.values = struct.pack("<d", 1.0) * 65_536
        assert 750_000 < frame.ByteSize() < 1_048_576
        await agent.tell(frame)
        assert stored_batches(server.data_dir)[-1] == (AGENT, 1)
        large = agent.batch()
        large.batch.values = b"\0" * 1_048_576
        await agent.send(large)
        ended = await agent.refusal()
        assert ended.code == "RESOURCE_EXHAUSTED"
        again = stage.stranger(server, agent.secret, AGENT)
        again.seq = 1
        await again.welcomed(start_id="start-1")
        await again.tell(again.batch())


async def test_an_agent_newer_than_the_server_is_served(stage: Stage) -> None:
    async with beside_a_neighbour(stage) as server:
        agent = await stage.agent(
            server,
            protocol_version=99,
            agent_version="99.1.0",
            capabilities=["telepathy"],
            previous_stop=77,
            ha_role=77,
        )
        # Field 15 of a frame, of length 5, and field 200 behind what is known of a batch.
        await agent.send(b"\x7a\x05hello", b"\xc2\x0c\x05hello")
        await agent.tell(agent.batch().SerializeToString())
        extended = agent.events("product.info", severity=9)
        await agent.tell(extended.SerializeToString() + b"\xc2\x0c\x05hello")
        await agent.tell(agent.gap(reason=99, fact_count=3))
        await agent.send(agent_pb2.ConnectRequest(maintenance=agent_pb2.Maintenance(reason="not built yet")))
        await agent.send(agent_pb2.ConnectRequest(renew=agent_pb2.Renew(certificate_request=b"x")))
        await agent.send(agent_pb2.ConnectRequest(result=agent_pb2.Result(command_id="none", last=True)))
        await agent.tell(agent.batch())
        assert stored_events(server.data_dir) == [(AGENT, "product.info", 9, "")]
        assert gaps(server.data_dir) == [(AGENT, "unknown", 0, 0)]


async def test_numbers_as_large_as_the_protocol_allows_break_nothing(stage: Stage) -> None:
    async with beside_a_neighbour(stage) as server:
        agent = await stage.agent(server)
        for _ in range(3):
            await agent.tell(agent.gap(reason=1, first_seq=MAX_U64, last_seq=MAX_U64, fact_count=MAX_U64))
            await agent.tell(agent.gap(reason=1, first_seq=9, last_seq=3, fact_count=1))
        await agent.tell(
            agent.batch([1.7e308, 1e-308]), agent.batch([-1.7e308, 5e-324]), agent.batch([0.0, 0.0])
        )
        goodbye = agent_pb2.Goodbye(reason=77)  # type: ignore[arg-type]
        goodbye.expected_back_time.seconds = 2**62
        await agent.send(agent_pb2.ConnectRequest(goodbye=goodbye))
        assert await agent.rejected() == "INVALID_FRAME"
        ann = await stage.person(server, "ann")
        seen = (await ann.ask(ann.fleet.GetAgent, fleet_pb2.GetAgentRequest(id=AGENT))).agent
        assert seen.watermark == agent.seq
        alarms = await ann.ask(ann.alarms.ListAlarms, alarm_pb2.ListAlarmsRequest(show_closed=True))
        assert [alarm.code for alarm in alarms.alarms] == ["database_space"]


async def test_facts_of_an_agent_whose_clock_is_off_are_judged_in_their_order(stage: Stage) -> None:
    async with beside_a_neighbour(stage) as server:
        # Its hello took long, or its clock is slow: what it measures now seems to lie ahead.
        hour_us = 3600 * 1_000_000
        agent = stage.stranger(server, await server.agent_token(AGENT), AGENT)
        frame = agent.hello()
        frame.hello.agent_time.FromMicroseconds(now_us() - hour_us)
        await agent.send(frame)
        assert (await agent.frame()).WhichOneof("frame") == "welcome"
        await agent.send(series_frame(0, "database.usage"), series_frame(1, "database.limit"))
        ahead = now_us() - hour_us + 5_000_000
        await agent.tell(
            agent.batch([10.0, 100.0], time_us=ahead), agent.batch([95.0, 100.0], time_us=ahead + 1)
        )
        ann = await stage.person(server, "ann")
        alarms = await ann.ask(ann.alarms.ListAlarms, alarm_pb2.ListAlarmsRequest())
        assert [alarm.code for alarm in alarms.alarms] == ["database_space"]
        skew = (await ann.ask(ann.fleet.GetAgent, fleet_pb2.GetAgentRequest(id=AGENT))).agent.clock_skew
        assert -3610 <= skew.seconds <= -3599


async def test_credentials_of_the_wrong_kind_open_no_stream(stage: Stage) -> None:
    async with beside_a_neighbour(stage) as server:
        for secret, code, reason in (
            ("", "UNAUTHENTICATED", "no credential"),
            ("vdt_" + "x" * 43, "UNAUTHENTICATED", "not known"),
            ("x" * 5000, "UNAUTHENTICATED", "not known"),
            (
                await server.api_token("ann", "admin"),
                "PERMISSION_DENIED",
                "an agent needs a token of its own",
            ),
        ):
            agent = stage.stranger(server, secret)
            # The server may refuse the call before it has read a frame.
            with suppress(StreamEnded):
                await agent.send(agent.hello())
            ended = await agent.refusal()
            assert ended.code == code
            assert reason in ended.details
