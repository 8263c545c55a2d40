"""Wire: frames and facts to and from protobuf. Nothing else of the agent knows protobuf.

Facts are encoded once, when the outbox takes them in, and travel as the bytes that were stored: what the
server hashes is what is on disk.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError

from vedette import timestamps
from vedette.agent.v1 import agent_pb2
from vedette.telemetry.v1 import telemetry_pb2
from vedette_agent.facts import EventBatch, Gap, GapReason, Labels, Series
from vedette_agent.link import frames
from vedette_agent.outbox.batch import Columns, decoded
from vedette_agent.text import clipped

#: Full name of the one method that an agent calls.
CONNECT_METHOD = "/vedette.agent.v1.AgentService/Connect"

_MAX_MESSAGE_BYTES = 2048
_MAX_LABEL_BYTES = 256
_MAX_ATTRIBUTES = 16
_HA_ROLES = {
    "": agent_pb2.HA_ROLE_UNSPECIFIED,
    "active": agent_pb2.HA_ROLE_ACTIVE,
    "standby": agent_pb2.HA_ROLE_STANDBY,
}


# --- facts --------------------------------------------------------------------------------------------------


def batch_frame(seq: int, observe_time_us: int, columns: Columns) -> bytes:
    """Return the frame of a batch."""
    batch = telemetry_pb2.Batch(
        seq=seq,
        observe_time_us=observe_time_us,
        series_numbers=columns.series_numbers,
        values=columns.values,
    )
    return agent_pb2.ConnectRequest(batch=batch).SerializeToString(deterministic=True)


def events_frame(seq: int, fact: EventBatch) -> bytes:
    """Return the frame of events; what is too long for the protocol is cut."""
    events = [
        telemetry_pb2.Event(
            time_us=event.time_us,
            code=event.code,
            severity=telemetry_pb2.Severity.ValueType(event.severity),
            component=clipped(event.component, _MAX_LABEL_BYTES),
            message=clipped(event.message, _MAX_MESSAGE_BYTES),
            attributes=_labels(event.attributes[:_MAX_ATTRIBUTES]),
        )
        for event in fact.events
    ]
    frame = agent_pb2.ConnectRequest(events=telemetry_pb2.EventBatch(seq=seq, events=events))
    return frame.SerializeToString(deterministic=True)


def gap_frame(seq: int, fact: Gap) -> bytes:
    """Return the frame of a gap."""
    gap = telemetry_pb2.Gap(
        seq=seq,
        reason=telemetry_pb2.Gap.Reason.ValueType(fact.reason),
        first_seq=fact.first_seq,
        last_seq=fact.last_seq,
        fact_count=fact.fact_count,
        oldest_time_us=fact.oldest_time_us,
        newest_time_us=fact.newest_time_us,
    )
    return agent_pb2.ConnectRequest(gap=gap).SerializeToString(deterministic=True)


def gap_of(payload: bytes) -> Gap | None:
    """Return the gap that a stored fact is; None when it is none, or cannot be read."""
    try:
        frame = _request(payload)
        reason = GapReason(frame.gap.reason)
    except ValueError:
        return None
    gap = frame.gap
    return Gap(
        reason=reason,
        first_seq=gap.first_seq,
        last_seq=gap.last_seq,
        fact_count=gap.fact_count,
        oldest_time_us=gap.oldest_time_us,
        newest_time_us=gap.newest_time_us,
    )


def renumbered(payload: bytes, seq: int) -> bytes:
    """Return a stored fact under another seq, for another outbox id.

    A gap forgets which seqs it speaks of: they belong to the outbox id that ends.

    Raises:
        ValueError: the bytes are no fact.
    """
    frame = _request(payload)
    match frame.WhichOneof("frame"):
        case "batch":
            frame.batch.seq = seq
        case "events":
            frame.events.seq = seq
        case "gap":
            frame.gap.seq = seq
            frame.gap.first_seq = frame.gap.last_seq = 0
        case other:
            raise ValueError(f"not a fact: {other}")
    return frame.SerializeToString(deterministic=True)


def _labels(labels: Labels) -> list[telemetry_pb2.Label]:
    return [telemetry_pb2.Label(name=name, value=clipped(value, _MAX_LABEL_BYTES)) for name, value in labels]


# --- frames that leave --------------------------------------------------------------------------------------


def encode(frame: frames.Outgoing) -> bytes:
    """Return a frame as it travels."""
    if isinstance(frame, frames.FactFrame):
        return frame.payload
    return _encoded(frame).SerializeToString(deterministic=True)


def _encoded(
    frame: frames.Hello | frames.SeriesFrame | frames.Heartbeat | frames.Goodbye | frames.Result,
) -> agent_pb2.ConnectRequest:
    match frame:
        case frames.Hello():
            return agent_pb2.ConnectRequest(hello=_hello(frame))
        case frames.SeriesFrame(descriptors=descriptors):
            series = agent_pb2.Series(descriptors=_descriptors(descriptors))
            return agent_pb2.ConnectRequest(series=series)
        case frames.Heartbeat():
            heartbeat = agent_pb2.Heartbeat(
                agent_time=timestamps.to_timestamp(timestamps.from_micros(frame.agent_time_us)),
                outbox_fact_count=frame.outbox_fact_count,
                outbox_size_bytes=frame.outbox_size_bytes,
            )
            return agent_pb2.ConnectRequest(heartbeat=heartbeat)
        case frames.Goodbye(reason=reason):
            goodbye = agent_pb2.Goodbye(reason=agent_pb2.StopReason.ValueType(reason))
            return agent_pb2.ConnectRequest(goodbye=goodbye)
        case frames.Result(command_id=command_id, error=error):
            result = agent_pb2.Result(command_id=command_id, last=True, error=error)
            return agent_pb2.ConnectRequest(result=result)


def _hello(hello: frames.Hello) -> agent_pb2.Hello:
    return agent_pb2.Hello(
        boot_id=hello.boot_id,
        start_id=hello.start_id,
        outbox_id=hello.outbox_id,
        next_seq=hello.next_seq,
        oldest_seq=hello.oldest_seq,
        acked_seq=hello.acked_seq,
        previous_stop=agent_pb2.StopReason.ValueType(hello.previous_stop),
        agent_version=hello.agent_version,
        protocol_version=frames.PROTOCOL_VERSION,
        product_version=hello.product_version,
        agent_time=timestamps.to_timestamp(timestamps.from_micros(hello.agent_time_us)),
        ha_role=_HA_ROLES[hello.ha_role],
        claimed_agent=hello.claimed_agent,
        host_name=clipped(hello.host_name, _MAX_LABEL_BYTES),
        platform=clipped(hello.platform, _MAX_LABEL_BYTES),
        previous_link_error=clipped(hello.previous_link_error, _MAX_LABEL_BYTES),
        wanted_heartbeat_interval=timestamps.to_duration(timedelta(seconds=hello.wanted_heartbeat_interval)),
    )


def _descriptors(descriptors: Iterable[tuple[int, Series]]) -> list[telemetry_pb2.SeriesDescriptor]:
    return [
        telemetry_pb2.SeriesDescriptor(
            number=number,
            name=series.name,
            unit=series.unit,
            labels=_labels(series.labels),
            kind=telemetry_pb2.SeriesDescriptor.Kind.ValueType(series.kind),
        )
        for number, series in descriptors
    ]


# --- frames that arrive -------------------------------------------------------------------------------------


def decode(payload: bytes) -> frames.Incoming:
    """Return a frame from the server.

    Raises:
        ValueError: the bytes are no frame.
    """
    try:
        return _answer(agent_pb2.ConnectResponse.FromString(payload))
    except (DecodeError, OverflowError) as error:  # a time beyond year 9999 overflows
        raise ValueError(f"not a frame: {error}") from error


def _answer(frame: agent_pb2.ConnectResponse) -> frames.Incoming:
    match frame.WhichOneof("frame"):
        case "welcome":
            return _welcome(frame.welcome)
        case "ack":
            server_time = timestamps.from_timestamp(frame.ack.server_time)
            return frames.Ack(watermark=frame.ack.watermark, server_time_us=timestamps.to_micros(server_time))
        case "reject":
            return _reject(frame.reject)
        case _:
            return _request_of_server(frame)


def _request_of_server(frame: agent_pb2.ConnectResponse) -> frames.Incoming:
    match frame.WhichOneof("frame"):
        case "configure":
            given = frame.configure.HasField("heartbeat_interval")
            interval = _seconds(frame.configure.heartbeat_interval) if given else None
            return frames.Configure(heartbeat_interval=interval)
        case "command":
            return frames.Command(command_id=frame.command.command_id, name=frame.command.name)
        case "throttle":
            return frames.Throttle(retry_after=_seconds(frame.throttle.retry_after))
        case "reconnect":
            return frames.Reconnect(
                after=_seconds(frame.reconnect.after),
                jitter=_seconds(frame.reconnect.jitter),
                endpoint=frame.reconnect.endpoint,
            )
        case _:
            return frames.UnknownFrame()


def _welcome(welcome: agent_pb2.Welcome) -> frames.Welcome:
    return frames.Welcome(
        watermark=welcome.watermark,
        heartbeat_interval=_seconds(welcome.heartbeat_interval),
        server_time_us=timestamps.to_micros(timestamps.from_timestamp(welcome.server_time)),
        frame_size_bytes=welcome.limits.frame_size_bytes,
        in_flight_count=welcome.limits.in_flight_count,
        series_count=welcome.limits.series_count,
        server_version=welcome.server_version,
        agent=welcome.agent,
    )


def _reject(reject: agent_pb2.Reject) -> frames.Reject:
    retry_after = _seconds(reject.retry_after) if reject.HasField("retry_after") else None
    return frames.Reject(reason=reject.reason, message=reject.message, retry_after=retry_after)


def _seconds(duration: Any) -> float:  # noqa: ANN401 - protobuf's Duration, which only this module may name
    return float(timestamps.from_duration(duration).total_seconds())


# --- for people ---------------------------------------------------------------------------------------------


def described(payload: bytes, names: dict[int, Series]) -> dict[str, Any]:
    """Return what a frame that would leave says, with the columns of a batch written out.

    Args:
        names: series by number, as announced.
    """
    frame = _request(payload)
    description: dict[str, Any] = MessageToDict(
        frame, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    if frame.WhichOneof("frame") == "batch":
        packed = Columns(series_numbers=frame.batch.series_numbers, values=frame.batch.values)
        description["batch"] = {
            "seq": frame.batch.seq,
            "observe_time_us": frame.batch.observe_time_us,
            "samples": [
                {"series_number": number, "name": names[number].name, "value": value}
                for number, value in decoded(packed)
            ],
        }
    return description


def _request(payload: bytes) -> agent_pb2.ConnectRequest:
    try:
        return agent_pb2.ConnectRequest.FromString(payload)
    except DecodeError as error:
        raise ValueError(f"not a frame: {error}") from error
