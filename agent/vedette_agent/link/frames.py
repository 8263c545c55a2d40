"""Frames of the agent link as plain values; `wire.py` turns them into protobuf and back.

Nothing here does I/O, reads the clock or knows the wire. Lengths of time are seconds, instants are
microseconds since the Unix epoch.
"""

from dataclasses import dataclass
from enum import IntEnum

from vedette_agent.facts import FactKind, Series

#: The protocol that this agent speaks.
PROTOCOL_VERSION = 1


class StopReason(IntEnum):
    """How an agent process ended; numbers as in the protocol."""

    UNKNOWN = 0
    REQUESTED = 1
    UPGRADE = 2
    SHUTDOWN = 3
    CRASHED = 4


class RejectReason(IntEnum):
    """Why the server ends a stream; numbers as in the protocol. Another number is a newer server's."""

    OUT_OF_ORDER = 1
    INVALID_FRAME = 2
    IDENTITY_MISMATCH = 3
    IDENTITY_CONFLICT = 4
    OUTBOX_CONFLICT = 5
    SUPERSEDED = 6
    TOO_MANY_SERIES = 7
    SERIES_CONFLICT = 8
    SEQ_SKIPPED = 9
    REVOKED = 10
    SILENT = 11


# --- from the agent -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """Which process on which machine this is, and from where it can resume."""

    boot_id: str
    start_id: str
    outbox_id: str
    next_seq: int
    oldest_seq: int
    previous_stop: StopReason
    agent_version: str
    product_version: str
    agent_time_us: int
    #: "", "active" or "standby".
    ha_role: str
    claimed_agent: str
    host_name: str
    platform: str
    previous_link_error: str
    wanted_heartbeat_interval: float
    #: Highest seq that the server ever said is durable; 0 when none.
    acked_seq: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesFrame:
    """Series announced with their numbers."""

    descriptors: tuple[tuple[int, Series], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FactFrame:
    """A fact as the outbox keeps it: the frame's own bytes, sent exactly as stored."""

    seq: int
    kind: FactKind
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """A sign of life and the state of the outbox."""

    agent_time_us: int
    outbox_fact_count: int
    outbox_size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Goodbye:
    """The agent leaves on purpose."""

    reason: StopReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Answer to a command that this agent does not allow."""

    command_id: str
    error: str


Outgoing = Hello | SeriesFrame | FactFrame | Heartbeat | Goodbye | Result


# --- from the server ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """The stream is open for data; a limit of 0 is none."""

    watermark: int
    heartbeat_interval: float
    server_time_us: int
    frame_size_bytes: int = 0
    in_flight_count: int = 0
    series_count: int = 0
    server_version: str = ""
    agent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """Every fact up to the watermark is durable at the server."""

    watermark: int
    server_time_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Configure:
    """Settings of a live stream change; None leaves one as it is."""

    heartbeat_interval: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """The server asks for something."""

    command_id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttle:
    """Hold metrics back for a while."""

    retry_after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconnect:
    """Close this stream and come back."""

    after: float
    jitter: float
    endpoint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """The server will not go on with this stream."""

    #: A `RejectReason`, or a number that only a newer server knows.
    reason: int
    message: str
    retry_after: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownFrame:
    """A frame that only a newer server sends; ignored."""


Incoming = Welcome | Ack | Configure | Command | Throttle | Reconnect | Reject | UnknownFrame
