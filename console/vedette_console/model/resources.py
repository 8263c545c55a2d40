"""The support API's resources as the console knows them: plain values, no protobuf.

Texts are kept as they came (the JSON output must be faithful); they become `Safe` where they become rows.
Times are aware UTC. A value that a newer server sends and this console does not know is UNKNOWN, never an
error.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum


class Priority(IntEnum):
    """Priority after the contract; smaller is more urgent."""

    P1 = 1
    P2 = 2
    P3 = 3
    P4 = 4


class CaseState(StrEnum):
    """Where a case stands."""

    UNKNOWN = "unknown"
    NEW = "new"
    ACKNOWLEDGED = "acknowledged"
    WAITING = "waiting"
    RESOLVED = "resolved"
    CLOSED = "closed"


class ClockState(StrEnum):
    """Where a response clock stands."""

    UNKNOWN = "unknown"
    NOT_STARTED = "not_started"
    RUNNING = "running"
    PAUSED = "paused"
    MET = "met"
    BREACHED = "breached"
    CANCELLED = "cancelled"


class Condition(StrEnum):
    """Whether an alarm's condition holds."""

    UNKNOWN = "unknown"
    ACTIVE = "active"
    CLEARED = "cleared"


class AgentState(StrEnum):
    """Whether an agent reaches the server."""

    UNKNOWN = "unknown"
    NEVER_SEEN = "never_seen"
    CONNECTED = "connected"
    OVERDUE = "overdue"
    LOST = "lost"
    GOODBYE = "goodbye"
    QUARANTINED = "quarantined"


#: States of a case that somebody still has to work on.
OPEN_STATES = (CaseState.NEW, CaseState.ACKNOWLEDGED, CaseState.WAITING)

#: Labels of a series or an alarm, in the order in which the server gave them.
Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SlaClock:
    """The response time promised for a case, as the server saw it at `as_of`.

    `spent`, `remaining`, `open` and `next_open_time` hold at `as_of`; see `countdown.remaining_at`.
    """

    state: ClockState
    #: Open time allowed, exclusive.
    target: timedelta
    calendar: str
    calendar_version: str
    start_time: datetime | None
    #: When the target is used up; None while paused.
    due_time: datetime | None
    #: When a human answered or the promise fell away; None while it runs.
    stop_time: datetime | None
    #: Open time spent.
    spent: timedelta
    #: Open time left; negative once breached.
    remaining: timedelta
    #: Whether the calendar is open.
    open: bool
    #: When the calendar opens next; None while it is open.
    next_open_time: datetime | None
    #: Server time at which the fields above were true.
    as_of: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A work item."""

    id: str
    title: str
    customer: str
    customer_name: str
    installation: str
    node: str
    priority: Priority
    state: CaseState
    #: Empty when nobody works on it.
    owner: str
    #: None when the contract promises no response time.
    response_clock: SlaClock | None
    alarms: tuple[str, ...]
    #: Empty for a case created by hand.
    alarm_code: str
    alarm_active: bool
    occurrence_count: int
    reopen_count: int
    reasons: tuple[str, ...]
    plan: str
    description: str
    create_time: datetime
    update_time: datetime
    acknowledge_time: datetime | None
    resolve_time: datetime | None
    resolution: str
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One thing that happened to a case or one of its alarms."""

    sequence: int
    time: datetime
    #: "case" or "alarm".
    kind: str
    id: str
    reason: str
    actor: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What decided that an alarm be raised."""

    agent: str
    #: Empty when an event or silence decided.
    series: str
    #: Empty when there is no limit.
    limit_series: str
    labels: Labels
    value: float
    threshold: float
    text: str
    observe_time: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One condition on one alarm key."""

    id: str
    key: str
    code: str
    alarm_class: str
    title: str
    priority: Priority
    condition: Condition
    acknowledged: bool
    acknowledged_by: str
    customer: str
    installation: str
    node: str
    component: str
    labels: Labels
    case_id: str
    reasons: tuple[str, ...]
    occurrence_count: int
    raise_time: datetime | None
    clear_time: datetime | None
    clear_cause: str
    close_time: datetime | None
    evidence: Evidence | None
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """The watcher of one node."""

    #: "customer/installation/node".
    id: str
    customer: str
    installation: str
    node: str
    state: AgentState
    last_seen_time: datetime | None
    state_time: datetime | None
    agent_version: str
    product_version: str
    host_name: str
    platform: str
    #: Agent clock minus server clock.
    clock_skew: timedelta
    watermark: int
    series_count: int
    missing_fact_count: int
    expected_back_time: datetime | None
    disconnect_cause: str
    connect_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """The product at one customer."""

    customer: str
    customer_name: str
    id: str
    name: str
    plan: str
    entitled: bool
    reasons: tuple[str, ...]
    agents: tuple[str, ...]
    open_case_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesInfo:
    """What one series of an agent measures."""

    name: str
    unit: str
    labels: Labels


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One sample, or the summary of several."""

    time: datetime
    value: float
    minimum: float
    maximum: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesData:
    """The samples of one series, oldest first."""

    info: SeriesInfo
    points: tuple[Point, ...]


#: What a watch can tell about.
Resource = Case | Alarm | Agent


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One resource as it is after one change."""

    sequence: int
    time: datetime
    reason: str
    actor: str
    text: str
    #: None for a kind of resource that this console does not know.
    resource: Resource | None
