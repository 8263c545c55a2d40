"""Frames and facts to and from protobuf."""

from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.support.facts import events
from vedette import timestamps
from vedette.agent.v1 import agent_pb2
from vedette.telemetry.v1 import telemetry_pb2
from vedette_agent.facts import Event, EventBatch, Gap, GapReason, SeriesKind, Severity, counter, gauge
from vedette_agent.link import frames, wire
from vedette_agent.outbox.batch import columns

NOW_US = 1_700_000_000_123_456


def parsed(payload: bytes) -> agent_pb2.ConnectRequest:
    return agent_pb2.ConnectRequest.FromString(payload)


def test_hello_says_everything() -> None:
    payload = wire.encode(
        frames.Hello(
            boot_id="boot",
            start_id="start",
            outbox_id="outbox",
            next_seq=7,
            oldest_seq=3,
            previous_stop=frames.StopReason.CRASHED,
            agent_version="0.1.0",
            product_version="2020.Winter.1",
            agent_time_us=NOW_US,
            ha_role="standby",
            claimed_agent="a/b/c",
            host_name="host",
            platform="Linux",
            previous_link_error="SILENCE",
            wanted_heartbeat_interval=2.5,
        )
    )
    hello = parsed(payload).hello
    assert hello.protocol_version == 1
    assert (hello.next_seq, hello.oldest_seq) == (7, 3)
    assert hello.previous_stop == agent_pb2.STOP_REASON_CRASHED
    assert hello.ha_role == agent_pb2.HA_ROLE_STANDBY
    assert timestamps.to_micros(timestamps.from_timestamp(hello.agent_time)) == NOW_US
    assert timestamps.from_duration(hello.wanted_heartbeat_interval) == timedelta(seconds=2.5)


def test_series_heartbeat_goodbye_and_result() -> None:
    series = wire.encode(
        frames.SeriesFrame(descriptors=((0, gauge("a", "1")), (5, counter("b", "By", device="sda"))))
    )
    first, second = parsed(series).series.descriptors
    assert (first.number, first.name, first.kind) == (0, "a", telemetry_pb2.SeriesDescriptor.KIND_GAUGE)
    assert (second.number, second.labels[0].name, second.labels[0].value) == (5, "device", "sda")
    assert second.kind == int(SeriesKind.COUNTER)
    beat = frames.Heartbeat(agent_time_us=NOW_US, outbox_fact_count=2, outbox_size_bytes=3)
    assert parsed(wire.encode(beat)).heartbeat.outbox_fact_count == 2
    goodbye = parsed(wire.encode(frames.Goodbye(reason=frames.StopReason.REQUESTED))).goodbye
    assert goodbye.reason == agent_pb2.STOP_REASON_REQUESTED
    result = parsed(wire.encode(frames.Result(command_id="c", error="no"))).result
    assert (result.command_id, result.last, result.error) == ("c", True, "no")


def test_events_are_cut_to_what_the_protocol_allows() -> None:
    event = Event(
        time_us=NOW_US,
        code="c",
        severity=Severity.CRITICAL,
        component="x" * 300,
        message="ü" * 2000,
        attributes=tuple((f"a{index:02}", "v" * 300) for index in range(20)),
    )
    (sent,) = parsed(wire.events_frame(4, EventBatch(events=(event,)))).events.events
    assert len(sent.message.encode()) <= 2048
    assert len(sent.component) == 256
    assert len(sent.attributes) == 16
    assert len(sent.attributes[0].value) == 256
    assert sent.severity == telemetry_pb2.SEVERITY_CRITICAL


def test_text_that_no_encoding_takes_does_not_stop_an_event() -> None:
    event = Event(time_us=1, code="c", severity=Severity.INFO, message="broken \udcff name")
    assert (
        parsed(wire.events_frame(1, EventBatch(events=(event,)))).events.events[0].message == "broken ? name"
    )


def test_a_renumbered_fact_is_the_same_fact_under_another_seq() -> None:
    packed = columns([(gauge("a", "1"), 1.5)], {gauge("a", "1"): 3})
    assert wire.renumbered(wire.batch_frame(9, NOW_US, packed), 2) == wire.batch_frame(2, NOW_US, packed)
    assert wire.renumbered(wire.events_frame(9, events("x")), 2) == wire.events_frame(2, events("x"))
    gap = Gap(reason=GapReason.OUTBOX_OVERFLOW, first_seq=5, last_seq=6, fact_count=2)
    without = Gap(reason=GapReason.OUTBOX_OVERFLOW, fact_count=2)
    assert wire.renumbered(wire.gap_frame(9, gap), 2) == wire.gap_frame(2, without)
    with pytest.raises(ValueError, match="not a fact"):
        wire.renumbered(wire.encode(frames.Goodbye(reason=frames.StopReason.REQUESTED)), 2)


def test_answers_are_read() -> None:
    def read(**frame: object) -> frames.Incoming:
        return wire.decode(agent_pb2.ConnectResponse(**frame).SerializeToString())  # type: ignore[arg-type]

    second = timestamps.to_duration(timedelta(seconds=1))
    now = timestamps.to_timestamp(timestamps.from_micros(NOW_US))
    limits = agent_pb2.Limits(frame_size_bytes=1, in_flight_count=2, series_count=3)
    welcome = agent_pb2.Welcome(
        watermark=7, heartbeat_interval=second, server_time=now, limits=limits, agent="a/b/c"
    )
    assert read(welcome=welcome) == frames.Welcome(
        watermark=7,
        heartbeat_interval=1.0,
        server_time_us=NOW_US,
        frame_size_bytes=1,
        in_flight_count=2,
        series_count=3,
        agent="a/b/c",
    )
    assert read(ack=agent_pb2.Ack(watermark=8, server_time=now)) == frames.Ack(
        watermark=8, server_time_us=NOW_US
    )
    assert read(configure=agent_pb2.Configure()) == frames.Configure(heartbeat_interval=None)
    assert read(configure=agent_pb2.Configure(heartbeat_interval=second)) == frames.Configure(
        heartbeat_interval=1.0
    )
    assert read(throttle=agent_pb2.Throttle(retry_after=second)) == frames.Throttle(retry_after=1.0)
    hint = agent_pb2.Reconnect(after=second, jitter=second, endpoint="x:1")
    assert read(reconnect=hint) == frames.Reconnect(after=1.0, jitter=1.0, endpoint="x:1")
    assert read(command=agent_pb2.Command(command_id="c", name="n")) == frames.Command(
        command_id="c", name="n"
    )
    reject = agent_pb2.Reject(reason=agent_pb2.Reject.REASON_SILENT, message="m")
    assert read(reject=reject) == frames.Reject(reason=11, message="m", retry_after=None)
    reject.retry_after.CopyFrom(second)
    assert read(reject=reject) == frames.Reject(reason=11, message="m", retry_after=1.0)


def test_a_frame_or_a_reason_of_a_newer_server_is_survived() -> None:
    assert wire.decode(b"\xa2\x06\x03new") == frames.UnknownFrame()
    unknown_reason = agent_pb2.ConnectResponse(reject=agent_pb2.Reject(reason=99)).SerializeToString()  # type: ignore[arg-type]
    decoded = wire.decode(unknown_reason)
    assert isinstance(decoded, frames.Reject)
    assert decoded.reason == 99


@given(st.binary(max_size=60))
def test_any_bytes_are_a_frame_or_a_value_error(payload: bytes) -> None:
    with suppress(ValueError):
        wire.decode(payload)


def test_a_time_that_no_clock_shows_is_a_value_error() -> None:
    ack = agent_pb2.Ack(watermark=1)
    ack.server_time.seconds = 2**60
    with pytest.raises(ValueError, match="not a frame"):
        wire.decode(agent_pb2.ConnectResponse(ack=ack).SerializeToString())
