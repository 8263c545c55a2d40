"""Changes: everything a turn may do to the world, as data.

A `Change` is one entity as it is after the change (or its removal), with the reason, who did it, and the
words for the timeline. The store writes the same list twice: as rows of the tables, which are the state, and
as entries of the journal, which is the record.

Nothing here does I/O or reads the wall clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from vedette_server.access.token import Token
from vedette_server.alarms.alarm import Alarm
from vedette_server.calendars.intervals import CalendarVersion
from vedette_server.cases.case import Case
from vedette_server.contracts.policy import Policy
from vedette_server.detect.catalog import Catalog
from vedette_server.detect.rule_state import RuleState
from vedette_server.fleet.agent import Agent
from vedette_server.telemetry.series import SeriesPage


class Kind(StrEnum):
    """Kind of an entity; the first part of its identity in tables and journal."""

    AGENT = "agent"
    ALARM = "alarm"
    CALENDAR = "calendar"
    CASE = "case"
    CATALOG = "catalog"
    COUNTER = "counter"
    GAP = "gap"
    POLICY = "policy"
    REQUEST = "request"
    RULE_STATE = "rule_state"
    SERIES = "series"
    TIMER = "timer"
    TOKEN = "token"  # noqa: S105 -- the name of a kind, not a secret


class TimerKind(StrEnum):
    """What a timer is for."""

    #: The target of a case's response clock is used up.
    RESPONSE_DUE = "response_due"
    #: A case whose alarms cleared by themselves may be resolved.
    SELF_RESOLVE = "self_resolve"
    #: A resolved case is closed for good.
    CLOSE = "close"
    #: A detection that waits for quiet may clear.
    RULE_CLEAR = "rule_clear"
    #: A detection on late facts may raise.
    RULE_RAISE = "rule_raise"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """A deadline as a row; its id is kind and subject, so that arming again replaces it."""

    kind: TimerKind
    #: Case id or alarm key.
    subject: str
    #: When it comes due, by the server's wall clock.
    due: datetime
    #: Whether the span until then is counted by the monotonic clock (silence, holds) or by the wall
    #: (contracts).
    steady: bool = False
    revision: int = 1

    @property
    def id(self) -> str:
        """Return the identity of the timer."""
        return f"{self.kind}|{self.subject}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Facts known to be missing, with the reason."""

    id: str
    agent: str
    outbox_id: str
    reason: str
    first_seq: int
    last_seq: int
    count: int
    recorded_at: datetime
    text: str = ""
    revision: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A mutation that was answered: a repeat with the same id gets the same answer."""

    #: Principal and request id.
    id: str
    at: datetime
    #: The entity that was the answer, and the journal position of its image then.
    kind: Kind
    subject: str
    sequence: int
    revision: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """Last number given out in one namespace: alarms "A", cases "C", tokens "T", gaps "G"."""

    id: str
    value: int
    revision: int = 1


Entity = (
    Agent
    | Alarm
    | CalendarVersion
    | Case
    | Catalog
    | Counter
    | Gap
    | Policy
    | Request
    | RuleState
    | SeriesPage
    | Timer
    | Token
)

#: The type behind each kind, for the codec.
ENTITY_TYPES: dict[Kind, type[Entity]] = {
    Kind.AGENT: Agent,
    Kind.ALARM: Alarm,
    Kind.CALENDAR: CalendarVersion,
    Kind.CASE: Case,
    Kind.CATALOG: Catalog,
    Kind.COUNTER: Counter,
    Kind.GAP: Gap,
    Kind.POLICY: Policy,
    Kind.REQUEST: Request,
    Kind.RULE_STATE: RuleState,
    Kind.SERIES: SeriesPage,
    Kind.TIMER: Timer,
    Kind.TOKEN: Token,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One entity after one change; `after` is None when it is gone.

    `sequence` is its position in the journal of the partition, assigned in the turn, without holes.
    """

    sequence: int
    kind: Kind
    id: str
    after: Entity | None
    #: UPPER_SNAKE code, e.g. "ALARM_RAISED".
    reason: str
    #: Who did it: the name of a token, or "vedette".
    actor: str
    #: The same for people.
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """What decided: stored with every journal entry."""

    engine: str
    catalog: str = ""
    policy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRow:
    """One batch as it came, kept for history and replay."""

    agent: str
    outbox_id: str
    seq: int
    #: Observe time in server time, microseconds since the Unix epoch.
    observed_us: int
    #: The frame's bytes, unchanged.
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """One event as it came, kept for history."""

    agent: str
    outbox_id: str
    seq: int
    #: Position within its fact.
    position: int
    #: Event time in server time, microseconds since the Unix epoch.
    time_us: int
    code: str
    severity: int
    component: str
    message: str
    attributes: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True, kw_only=True)
class TurnRecord:
    """All that one turn hands to the store, to be written in one transaction.

    `batches` lists the batches that were taken, in order: together with `inputs`, in which a reference stands
    for each, they are what replay reads.
    """

    partition: int
    epoch: int
    turn: int
    #: Server wall clock, aware UTC, and the monotonic clock in seconds.
    wall: datetime
    mono: float
    versions: Versions
    #: Encoded inputs without batch payloads.
    inputs: bytes = b""
    changes: list[Change] = field(default_factory=list)
    batches: list[BatchRow] = field(default_factory=list)
    events: list[EventRow] = field(default_factory=list)
    #: Rows of AgentLink as (agent, outbox_id, watermark, fact_hash, last_seen_us).
    links: list[tuple[str, str, int, int, int]] = field(default_factory=list)
