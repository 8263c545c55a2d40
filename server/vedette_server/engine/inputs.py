"""Inputs: everything that can change the world, as plain values.

A frame from an agent, a command from a person, deadlines that came due, a policy that was loaded, the start
of the server itself: each is one value of this module, applied in order by `engine/decide.py` and stored with
its turn, so that replay sees what the turn saw.

A batch is the one input that is not stored as such: its columns are arrays for the hot path, and the frame's
bytes are kept in a table of their own. `BatchRef` takes its place among the stored inputs.

Nothing here does I/O or reads the wall clock.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from vedette_server.access.token import Role
from vedette_server.alarms.alarm import Alarm
from vedette_server.cases.case import Case
from vedette_server.contracts.policy import Policy
from vedette_server.contracts.priority import Priority
from vedette_server.detect.catalog import Catalog
from vedette_server.fleet.agent import StopReason
from vedette_server.telemetry.series import Labels, Series

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Input(msgspec.Struct, frozen=True, kw_only=True, tag=True, array_like=True):
    """Base of all inputs: immutable, and small when encoded."""


# --- from the server itself
# ------------------------------------------------------------------------------------


class ServerStarted(Input, frozen=True, kw_only=True):
    """The server started: the world was loaded from the store, and every agent gets its grace."""

    engine: str
    heartbeat: timedelta
    overdue_after: timedelta
    lost_after: timedelta


class PolicyLoaded(Input, frozen=True, kw_only=True):
    """Customers, contracts and calendars as they are from now on."""

    policy: Policy


class CatalogLoaded(Input, frozen=True, kw_only=True):
    """Rules as they are from now on."""

    catalog: Catalog


class ClockStepped(Input, frozen=True, kw_only=True):
    """The wall clock was moved, and the new time was adopted."""

    #: How far it was moved, positive when it went forward.
    step: timedelta


class Recalled(Input, frozen=True, kw_only=True):
    """A case or alarm that is over was read from the store, because the next command is about it."""

    case: Case | None = None
    alarm: Alarm | None = None


class LoopStalled(Input, frozen=True, kw_only=True):
    """The server itself stood still: its silence is not that of the agents, and each gets its grace anew."""

    #: For how long.
    span: timedelta


class DeadlinesDue(Input, frozen=True, kw_only=True):
    """Time has come for deadlines of the world; at most `limit` of them are served by this input."""

    limit: int
    #: Agents that have sent something that waits to be decided: they are not silent.
    heard: tuple[str, ...] = ()


# --- from agents
# ---------------------------------------------------------------------------------------------------


class StreamOpened(Input, frozen=True, kw_only=True):
    """An agent said hello on a new stream. Its identity is the credential's, never the message's."""

    stream: int
    agent: str
    #: Id of the token that the stream was opened with.
    token: str
    claimed_agent: str
    boot_id: str
    start_id: str
    outbox_id: str
    next_seq: int
    oldest_seq: int
    #: Highest seq that the agent was ever told is durable.
    acked_seq: int
    previous_stop: StopReason
    agent_version: str
    protocol_version: int
    product_version: str
    #: The agent's clock when it said hello.
    agent_time: datetime
    ha_role: str
    host_name: str
    platform: str
    previous_link_error: str


class StreamClosed(Input, frozen=True, kw_only=True):
    """A stream ended, for the reason in words."""

    stream: int
    agent: str
    cause: str


class SeriesAnnounced(Input, frozen=True, kw_only=True):
    """A stream announced series."""

    stream: int
    agent: str
    series: tuple[Series, ...]


class EventFact(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """One event of an `EventsReceived`; `time_us` is the agent's clock, microseconds since the Unix epoch."""

    time_us: int
    code: str
    severity: int
    component: str
    message: str
    attributes: Labels


class EventsReceived(Input, frozen=True, kw_only=True):
    """A fact that carries events."""

    stream: int
    agent: str
    seq: int
    fact_hash: int
    events: tuple[EventFact, ...]


class GapReported(Input, frozen=True, kw_only=True):
    """A fact that says that facts are missing."""

    stream: int
    agent: str
    seq: int
    fact_hash: int
    reason: str
    first_seq: int
    last_seq: int
    count: int


class InvalidFact(Input, frozen=True, kw_only=True):
    """A fact that cannot be taken; it is skipped with a gap so that it blocks nothing behind it."""

    stream: int
    agent: str
    seq: int
    fact_hash: int
    reason: str
    text: str


class HeartbeatReceived(Input, frozen=True, kw_only=True):
    """A sign of life."""

    stream: int
    agent: str


class GoodbyeReceived(Input, frozen=True, kw_only=True):
    """An agent leaves on purpose."""

    stream: int
    agent: str
    reason: StopReason
    expected_back: datetime | None


class FactsChanged(Input, frozen=True, kw_only=True):
    """What changed about a node since hello; None leaves a value as it is."""

    stream: int
    agent: str
    product_version: str | None
    ha_role: str | None


class BatchRef(Input, frozen=True, kw_only=True):
    """Stands for a batch among the stored inputs; its frame is in the batch table if it was taken."""

    stream: int
    agent: str
    seq: int
    fact_hash: int
    #: Whether the turn took it. One that was not (a repeat, a skipped seq, a stale stream) left no samples.
    taken: bool


class BatchReceived:
    """A fact that carries samples, in columns. The one input on the hot path."""

    __slots__ = ("agent", "fact_hash", "numbers", "observed_us", "raw", "seq", "stream", "values")

    def __init__(
        self,
        *,
        stream: int,
        agent: str,
        seq: int,
        fact_hash: int,
        observed_us: int,
        numbers: NDArray[np.uint32],
        values: NDArray[np.float64],
        raw: bytes,
    ) -> None:
        """Take columns of equal length; `observed_us` is by the agent's clock, since the Unix epoch."""
        self.stream = stream
        self.agent = agent
        self.seq = seq
        self.fact_hash = fact_hash
        self.observed_us = observed_us
        self.numbers = numbers
        self.values = values
        self.raw = raw


# --- commands
# ------------------------------------------------------------------------------------------------------


class Command(Input, frozen=True, kw_only=True):
    """Base of all commands: who asks, and the id that makes a repeat harmless."""

    by: str
    request_id: str


class CreateCase(Command, frozen=True, kw_only=True):
    """Open a case by hand."""

    customer: str
    installation: str
    priority: Priority
    title: str
    description: str


class AcknowledgeCase(Command, frozen=True, kw_only=True):
    """Take a case."""

    id: str
    etag: str
    note: str


class AssignCase(Command, frozen=True, kw_only=True):
    """Give a case an owner, or none."""

    id: str
    etag: str
    owner: str


class CommentCase(Command, frozen=True, kw_only=True):
    """Add a comment."""

    id: str
    etag: str
    text: str


class ResolveCase(Command, frozen=True, kw_only=True):
    """Say that the work is done."""

    id: str
    etag: str
    resolution: str


class CloseCase(Command, frozen=True, kw_only=True):
    """Close a resolved case for good."""

    id: str
    etag: str


class AcknowledgeAlarm(Command, frozen=True, kw_only=True):
    """Acknowledge an alarm."""

    id: str
    etag: str
    note: str


class CreateToken(Command, frozen=True, kw_only=True):
    """Enter the hash of a new credential; for an agent, enrol its node."""

    role: Role
    #: Name of the person or integration; the agent id for an agent.
    name: str
    secret_hash: str


class RevokeToken(Command, frozen=True, kw_only=True):
    """Make a credential worthless."""

    id: str


AnyCommand = (
    CreateCase
    | AcknowledgeCase
    | AssignCase
    | CommentCase
    | ResolveCase
    | CloseCase
    | AcknowledgeAlarm
    | CreateToken
    | RevokeToken
)
AnyStored = (
    ServerStarted
    | PolicyLoaded
    | CatalogLoaded
    | ClockStepped
    | LoopStalled
    | Recalled
    | DeadlinesDue
    | StreamOpened
    | StreamClosed
    | SeriesAnnounced
    | EventsReceived
    | GapReported
    | InvalidFact
    | HeartbeatReceived
    | GoodbyeReceived
    | FactsChanged
    | BatchRef
    | AnyCommand
)
AnyInput = AnyStored | BatchReceived
