"""Wire: frames of the agent link to inputs of the engine, and the engine's words back to frames.

The only module of the intake that knows protobuf. It checks the shape of a frame: columns of equal length,
texts within their limits. A fact whose shape is wrong becomes an `InvalidFact`, which is skipped with a gap;
any other frame whose shape is wrong ends the stream. What a frame *means* is decided by the engine.
"""

from __future__ import annotations

import zlib
from datetime import datetime, timedelta

import numpy as np
from google.protobuf.timestamp_pb2 import Timestamp

from vedette.agent.v1 import agent_pb2 as pb
from vedette.telemetry.v1 import telemetry_pb2 as telemetry
from vedette.timestamps import from_timestamp, to_duration, to_timestamp
from vedette_server.engine.inputs import (
    AnyStored,
    BatchReceived,
    EventFact,
    EventsReceived,
    FactsChanged,
    GapReported,
    GoodbyeReceived,
    HeartbeatReceived,
    InvalidFact,
    SeriesAnnounced,
    StreamOpened,
)
from vedette_server.fleet.agent import StopReason
from vedette_server.fleet.session import Rejection, Welcome
from vedette_server.telemetry.series import Labels, Series, SeriesKind

#: Largest frame, bytes.
FRAME_LIMIT = 1024 * 1024
#: Most series of one batch, and most events of one fact.
BATCH_LIMIT = 65_536
EVENTS_LIMIT = 256
#: Most descriptors of one frame.
DESCRIPTORS_LIMIT = 1000
ID_LIMIT = 64
NAME_LIMIT = 128
UNIT_LIMIT = 32
VALUE_LIMIT = 256
MESSAGE_LIMIT = 2048
LABELS_LIMIT = 16
#: Facts that may be sent and not yet acknowledged.
IN_FLIGHT_LIMIT = 256
SERIES_LIMIT = 10_000
#: No agent that counts honestly comes near these: a fact each microsecond for nine years, and a gap of a
#: million million facts. They keep every sum of them within what a database can hold.
SEQ_LIMIT = 2**48
GAP_LIMIT = 10**12

_STOP = {
    pb.STOP_REASON_REQUESTED: StopReason.REQUESTED,
    pb.STOP_REASON_UPGRADE: StopReason.UPGRADE,
    pb.STOP_REASON_SHUTDOWN: StopReason.SHUTDOWN,
    pb.STOP_REASON_CRASHED: StopReason.CRASHED,
}
_HA = {pb.HA_ROLE_ACTIVE: "active", pb.HA_ROLE_STANDBY: "standby"}


class InvalidFrame(ValueError):
    """A frame other than a fact has the wrong shape; the message says what is wrong."""


def parse(raw: bytes) -> pb.ConnectRequest:
    """Return the frame in some bytes.

    Raises:
        InvalidFrame: they are no frame.
    """
    try:
        return pb.ConnectRequest.FromString(raw)
    except Exception as error:  # the decoder raises DecodeError, and ValueError for text that is not UTF-8
        raise InvalidFrame(f"{len(raw)} bytes are no frame of this protocol") from error


def batch(request: pb.ConnectRequest, raw: bytes, stream: int, agent: str) -> BatchReceived | InvalidFact:
    """Return the samples of a batch frame, in columns that share the frame's memory."""
    message = request.batch
    count, rest = divmod(len(message.series_numbers), 4)
    if rest or len(message.values) != 8 * count or not 0 < count <= BATCH_LIMIT:
        text = f"{len(message.series_numbers)} bytes of series numbers with {len(message.values)} of values"
        return InvalidFact(
            stream=stream,
            agent=agent,
            seq=message.seq,
            fact_hash=zlib.crc32(raw),
            reason="columns_mismatch",
            text=text,
        )
    return BatchReceived(
        stream=stream,
        agent=agent,
        seq=message.seq,
        fact_hash=zlib.crc32(raw),
        observed_us=message.observe_time_us,
        numbers=np.frombuffer(message.series_numbers, dtype="<u4"),
        values=np.frombuffer(message.values, dtype="<f8"),
        raw=raw,
    )


def other(request: pb.ConnectRequest, raw: bytes, stream: int, agent: str) -> AnyStored:
    """Return the input in a frame that is neither hello nor batch.

    Raises:
        InvalidFrame: the frame has the wrong shape, or has no place on this stream.
    """
    match request.WhichOneof("frame"):
        case "heartbeat":
            return HeartbeatReceived(stream=stream, agent=agent)
        case "events":
            return _events(request.events, raw, stream, agent)
        case "series":
            return _series(request.series, stream, agent)
        case "gap":
            return _gap(request.gap, raw, stream, agent)
        case "goodbye":
            return _goodbye(request.goodbye, stream, agent)
        case "facts":
            return _facts(request.facts, stream, agent)
        case "hello":
            raise InvalidFrame("a second hello on one stream")
        case _:
            # Frames that this server did not ask for, and those of a newer protocol, are a sign of life.
            return HeartbeatReceived(stream=stream, agent=agent)


def hello(request: pb.ConnectRequest, stream: int, agent: str, token: str, now: datetime) -> StreamOpened:
    """Return the hello in the first frame of a stream.

    Raises:
        InvalidFrame: the frame is no hello, or an id in it is missing or too long.
    """
    if request.WhichOneof("frame") != "hello":
        raise InvalidFrame(f"the first frame must be hello, got {request.WhichOneof('frame')}")
    message = request.hello
    for name in ("boot_id", "start_id", "outbox_id"):
        value = getattr(message, name)
        if not 1 <= len(value.encode()) <= ID_LIMIT:
            raise InvalidFrame(f"hello.{name} must be 1 to {ID_LIMIT} bytes, got {len(value.encode())}")
    for name in ("next_seq", "oldest_seq", "acked_seq"):
        value = getattr(message, name)
        if value >= SEQ_LIMIT:
            raise InvalidFrame(f"hello.{name} must be less than {SEQ_LIMIT}, got {value}")
    return StreamOpened(
        stream=stream,
        agent=agent,
        token=token,
        claimed_agent=message.claimed_agent[:VALUE_LIMIT],
        boot_id=message.boot_id,
        start_id=message.start_id,
        outbox_id=message.outbox_id,
        next_seq=message.next_seq,
        oldest_seq=message.oldest_seq,
        acked_seq=message.acked_seq,
        previous_stop=_STOP.get(message.previous_stop, StopReason.UNKNOWN),
        agent_version=message.agent_version[:ID_LIMIT],
        protocol_version=message.protocol_version,
        product_version=message.product_version[:ID_LIMIT],
        agent_time=_time("hello.agent_time", message.agent_time) if message.HasField("agent_time") else now,
        ha_role=_HA.get(message.ha_role, ""),
        host_name=message.host_name[:VALUE_LIMIT],
        platform=message.platform[:VALUE_LIMIT],
        previous_link_error=message.previous_link_error[:VALUE_LIMIT],
    )


def _time(name: str, stamp: Timestamp) -> datetime:
    try:
        return from_timestamp(stamp)
    except OverflowError as error:
        raise InvalidFrame(f"{name} must lie in the years 1 to 9999, got {stamp.seconds} s") from error


def _events(message: telemetry.EventBatch, raw: bytes, stream: int, agent: str) -> AnyStored:
    if not 0 < len(message.events) <= EVENTS_LIMIT:
        text = f"{len(message.events)} events in one fact, 1 to {EVENTS_LIMIT} are allowed"
        return InvalidFact(
            stream=stream,
            agent=agent,
            seq=message.seq,
            fact_hash=zlib.crc32(raw),
            reason="invalid_events",
            text=text,
        )
    for event in message.events:
        if not 1 <= len(event.code.encode()) <= ID_LIMIT:
            text = f"event code of {len(event.code.encode())} bytes, 1 to {ID_LIMIT} are allowed"
            return InvalidFact(
                stream=stream,
                agent=agent,
                seq=message.seq,
                fact_hash=zlib.crc32(raw),
                reason="invalid_events",
                text=text,
            )
    return EventsReceived(
        stream=stream,
        agent=agent,
        seq=message.seq,
        fact_hash=zlib.crc32(raw),
        events=tuple(
            EventFact(
                time_us=event.time_us,
                code=event.code,
                severity=int(event.severity),
                component=event.component[:ID_LIMIT],
                message=event.message[:MESSAGE_LIMIT],
                attributes=_labels(event.attributes),
            )
            for event in message.events
        ),
    )


def _labels(labels: object) -> Labels:
    pairs = [(one.name[:ID_LIMIT], one.value[:VALUE_LIMIT]) for one in labels]  # type: ignore[attr-defined]
    return tuple(sorted(pairs[:LABELS_LIMIT]))


def _series(message: pb.Series, stream: int, agent: str) -> SeriesAnnounced:
    if len(message.descriptors) > DESCRIPTORS_LIMIT:
        raise InvalidFrame(f"{len(message.descriptors)} series in one frame, at most {DESCRIPTORS_LIMIT}")
    for one in message.descriptors:
        if not 1 <= len(one.name.encode()) <= NAME_LIMIT or len(one.unit.encode()) > UNIT_LIMIT:
            raise InvalidFrame(
                f"series {one.number}: name must be 1 to {NAME_LIMIT} bytes, unit {UNIT_LIMIT}"
            )
        if len(one.labels) > LABELS_LIMIT:
            raise InvalidFrame(f"series {one.number}: {len(one.labels)} labels, at most {LABELS_LIMIT}")
    return SeriesAnnounced(
        stream=stream,
        agent=agent,
        series=tuple(
            Series(
                number=one.number,
                name=one.name,
                unit=one.unit,
                labels=_labels(one.labels),
                kind=(
                    SeriesKind.COUNTER
                    if one.kind == telemetry.SeriesDescriptor.KIND_COUNTER
                    else SeriesKind.GAUGE
                ),
            )
            for one in message.descriptors
        ),
    )


def _gap(message: telemetry.Gap, raw: bytes, stream: int, agent: str) -> GapReported:
    known = telemetry.Gap.Reason.keys()
    reason = next(
        (name for name in known if telemetry.Gap.Reason.Value(name) == message.reason), "REASON_UNKNOWN"
    )
    return GapReported(
        stream=stream,
        agent=agent,
        seq=message.seq,
        fact_hash=zlib.crc32(raw),
        reason=reason.removeprefix("REASON_").lower(),
        first_seq=message.first_seq,
        last_seq=message.last_seq,
        count=min(message.fact_count, GAP_LIMIT),
    )


def _goodbye(message: pb.Goodbye, stream: int, agent: str) -> GoodbyeReceived:
    stamp = message.expected_back_time
    back = _time("goodbye.expected_back_time", stamp) if message.HasField("expected_back_time") else None
    return GoodbyeReceived(
        stream=stream,
        agent=agent,
        reason=_STOP.get(message.reason, StopReason.UNKNOWN),
        expected_back=back,
    )


def _facts(message: pb.Facts, stream: int, agent: str) -> FactsChanged:
    return FactsChanged(
        stream=stream,
        agent=agent,
        product_version=message.product_version[:ID_LIMIT] if message.HasField("product_version") else None,
        ha_role=_HA.get(message.ha_role, "") if message.HasField("ha_role") else None,
    )


def welcome_frame(
    welcome: Welcome, server_time: datetime, heartbeat: timedelta, version: str
) -> pb.ConnectResponse:
    """Return the frame that opens a stream for data."""
    return pb.ConnectResponse(
        welcome=pb.Welcome(
            watermark=welcome.watermark,
            heartbeat_interval=to_duration(heartbeat),
            server_time=to_timestamp(server_time),
            limits=pb.Limits(
                frame_size_bytes=FRAME_LIMIT, in_flight_count=IN_FLIGHT_LIMIT, series_count=SERIES_LIMIT
            ),
            server_version=version,
            agent=welcome.agent,
        )
    )


def ack_frame(watermark: int, server_time: datetime) -> pb.ConnectResponse:
    """Return the frame that says what is durable."""
    return pb.ConnectResponse(ack=pb.Ack(watermark=watermark, server_time=to_timestamp(server_time)))


def reject_frame(rejection: Rejection) -> pb.ConnectResponse:
    """Return the frame that ends a stream."""
    reject = pb.Reject(reason=pb.Reject.Reason.Value(f"REASON_{rejection.reason}"), message=rejection.message)
    if rejection.retry_after is not None:
        reject.retry_after.CopyFrom(to_duration(rejection.retry_after))
    return pb.ConnectResponse(reject=reject)


def reconnect_frame(after: timedelta, jitter: timedelta) -> pb.ConnectResponse:
    """Return the frame that asks an agent to come back on a new stream."""
    return pb.ConnectResponse(reconnect=pb.Reconnect(after=to_duration(after), jitter=to_duration(jitter)))
