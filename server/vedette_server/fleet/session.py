"""Session: what a hello and a fact's seq mean, given what is known of the agent.

The rules, in one place: one stream per agent, the newest wins; a stream of another machine while the first
one is alive is a conflict of identity, and both are quarantined; an outbox never goes back in time; facts
come in the order of their seq, without holes.

Nothing here does I/O or reads the wall clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from vedette_server.fleet.agent import Agent, AgentState, StopReason


class RejectReason(StrEnum):
    """Why the server will not go on with a stream; names are those of the wire."""

    OUT_OF_ORDER = "OUT_OF_ORDER"
    INVALID_FRAME = "INVALID_FRAME"
    IDENTITY_MISMATCH = "IDENTITY_MISMATCH"
    IDENTITY_CONFLICT = "IDENTITY_CONFLICT"
    OUTBOX_CONFLICT = "OUTBOX_CONFLICT"
    SUPERSEDED = "SUPERSEDED"
    TOO_MANY_SERIES = "TOO_MANY_SERIES"
    SERIES_CONFLICT = "SERIES_CONFLICT"
    SEQ_SKIPPED = "SEQ_SKIPPED"
    REVOKED = "REVOKED"
    SILENT = "SILENT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """The last word on a stream."""

    reason: RejectReason
    #: For people, with the offending value.
    message: str
    #: Least time before another attempt; None where an attempt needs a change first.
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """The first word on a stream: resume after this seq."""

    agent: str
    watermark: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of an agent's link when it says hello."""

    agent: Agent
    #: Start id of the process before the present one; empty when there was none.
    former_start: str
    #: Watermark of the outbox that the hello names; 0 when that outbox is new.
    watermark: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """What a hello says that matters for taking it."""

    claimed_agent: str
    start_id: str
    outbox_id: str
    next_seq: int
    oldest_seq: int


def judge_hello(known: Known, hello: Greeting) -> Rejection | None:
    """Return why a hello is not taken; None when it is."""
    agent = known.agent
    if hello.claimed_agent not in ("", agent.id):
        message = f'hello claims to be "{hello.claimed_agent}", the credential is that of {agent.id}'
        return Rejection(reason=RejectReason.IDENTITY_MISMATCH, message=message)
    came_back = hello.start_id == known.former_start and hello.start_id != agent.start_id
    if agent.state is AgentState.QUARANTINED or came_back:
        message = f"two processes use the credential of {agent.id}; make a new token for one of them"
        return Rejection(
            reason=RejectReason.IDENTITY_CONFLICT, message=message, retry_after=timedelta(seconds=60)
        )
    if not 1 <= hello.oldest_seq <= hello.next_seq:
        message = f"oldest_seq must be from 1 to next_seq, got {hello.oldest_seq} with {hello.next_seq}"
        return Rejection(reason=RejectReason.INVALID_FRAME, message=message)
    if hello.next_seq <= known.watermark:
        message = f"outbox {hello.outbox_id} is at seq {hello.next_seq}, but {known.watermark} is stored here"
        return Rejection(reason=RejectReason.OUTBOX_CONFLICT, message=f"{message}; start a new outbox")
    return None


class SeqVerdict(StrEnum):
    """What to do with a fact."""

    TAKE = "take"
    #: Already stored: acknowledge again.
    REPEAT = "repeat"
    #: The same seq with other content.
    CONFLICT = "conflict"
    SKIPPED = "skipped"


def judge_seq(watermark: int, fact_hash_there: int, seq: int, fact_hash: int) -> SeqVerdict:
    """Return what a fact with this seq is, given the watermark and the hash of the fact at it."""
    if seq == watermark + 1:
        return SeqVerdict.TAKE
    if seq > watermark:
        return SeqVerdict.SKIPPED
    if seq == watermark and fact_hash_there not in (0, fact_hash):
        return SeqVerdict.CONFLICT
    return SeqVerdict.REPEAT


def return_cause(known: Agent, boot_id: str, start_id: str, previous_stop: StopReason) -> str:
    """Return in a word or two why the link was away, from what came back."""
    if known.boot_id != boot_id:
        return "reboot"
    if known.start_id == start_id:
        return "network"
    match previous_stop:
        case StopReason.CRASHED:
            return "agent crash"
        case StopReason.UPGRADE:
            return "agent upgrade"
        case _:
            return "agent restart"


def span_text(span: timedelta) -> str:
    """Return a span for people, in its two largest units: "14 min", "2 h 05 min", "8 s"."""
    seconds = max(0, int(span.total_seconds()))
    if span < timedelta(minutes=1):
        return f"{seconds} s"
    minutes = seconds // 60
    if span < timedelta(hours=1):
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if span < timedelta(days=2):
        return f"{hours} h {minutes:02d} min"
    return f"{hours // 24} d {hours % 24} h"
