"""Wire: the API's messages to the console's own values. Protobuf stops here.

An enum value that this console does not know becomes UNKNOWN; an unset time becomes None. Nothing is made
safe here: texts stay as they came, so that the JSON output is faithful.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from vedette.support.v1 import alarm_pb2, case_pb2, common_pb2, fleet_pb2, watch_pb2
from vedette.telemetry.v1.telemetry_pb2 import Label
from vedette.timestamps import from_duration, from_timestamp
from vedette_console.client.support import Kind, WatchFrame
from vedette_console.model.resources import (
    Agent,
    AgentState,
    Alarm,
    Case,
    CaseState,
    Change,
    ClockState,
    Condition,
    Evidence,
    Installation,
    Labels,
    Point,
    Priority,
    Resource,
    SeriesData,
    SeriesInfo,
    SlaClock,
    TimelineEntry,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CASE_STATES = {
    CaseState.NEW: case_pb2.Case.STATE_NEW,
    CaseState.ACKNOWLEDGED: case_pb2.Case.STATE_ACKNOWLEDGED,
    CaseState.WAITING: case_pb2.Case.STATE_WAITING,
    CaseState.RESOLVED: case_pb2.Case.STATE_RESOLVED,
    CaseState.CLOSED: case_pb2.Case.STATE_CLOSED,
}
_CLOCK_STATES = {
    ClockState.NOT_STARTED: case_pb2.SlaClock.STATE_NOT_STARTED,
    ClockState.RUNNING: case_pb2.SlaClock.STATE_RUNNING,
    ClockState.PAUSED: case_pb2.SlaClock.STATE_PAUSED,
    ClockState.MET: case_pb2.SlaClock.STATE_MET,
    ClockState.BREACHED: case_pb2.SlaClock.STATE_BREACHED,
    ClockState.CANCELLED: case_pb2.SlaClock.STATE_CANCELLED,
}
_CONDITIONS = {
    Condition.ACTIVE: alarm_pb2.Alarm.CONDITION_ACTIVE,
    Condition.CLEARED: alarm_pb2.Alarm.CONDITION_CLEARED,
}
_AGENT_STATES = {
    AgentState.NEVER_SEEN: fleet_pb2.Agent.STATE_NEVER_SEEN,
    AgentState.CONNECTED: fleet_pb2.Agent.STATE_CONNECTED,
    AgentState.OVERDUE: fleet_pb2.Agent.STATE_OVERDUE,
    AgentState.LOST: fleet_pb2.Agent.STATE_LOST,
    AgentState.GOODBYE: fleet_pb2.Agent.STATE_GOODBYE,
    AgentState.QUARANTINED: fleet_pb2.Agent.STATE_QUARANTINED,
}
_PRIORITIES = {
    Priority.P1: common_pb2.PRIORITY_P1,
    Priority.P2: common_pb2.PRIORITY_P2,
    Priority.P3: common_pb2.PRIORITY_P3,
    Priority.P4: common_pb2.PRIORITY_P4,
}
_KINDS = {
    Kind.CASE: watch_pb2.WatchRequest.KIND_CASE,
    Kind.ALARM: watch_pb2.WatchRequest.KIND_ALARM,
    Kind.AGENT: watch_pb2.WatchRequest.KIND_AGENT,
}
_CASE_STATE_OF = {value: state for state, value in _CASE_STATES.items()}
_CLOCK_STATE_OF = {value: state for state, value in _CLOCK_STATES.items()}
_CONDITION_OF = {value: condition for condition, value in _CONDITIONS.items()}
_AGENT_STATE_OF = {value: state for state, value in _AGENT_STATES.items()}
_PRIORITY_OF = {value: priority for priority, value in _PRIORITIES.items()}


def case_states(states: Iterable[CaseState]) -> list[case_pb2.Case.State.ValueType]:
    """Return case states for a request."""
    return [_CASE_STATES[state] for state in states]


def agent_states(states: Iterable[AgentState]) -> list[fleet_pb2.Agent.State.ValueType]:
    """Return agent states for a request."""
    return [_AGENT_STATES[state] for state in states]


def kinds(wanted: Iterable[Kind]) -> list[watch_pb2.WatchRequest.Kind.ValueType]:
    """Return kinds of resources for a watch."""
    return [_KINDS[kind] for kind in wanted]


def priority_to_wire(priority: Priority) -> common_pb2.Priority.ValueType:
    """Return a priority for a request."""
    return _PRIORITIES[priority]


def labels_to_wire(labels: Labels) -> list[Label]:
    """Return labels for a request."""
    return [Label(name=name, value=value) for name, value in labels]


def case(message: case_pb2.Case, *, as_of: datetime) -> Case:
    """Return a case.

    Args:
        message: from the API.
        as_of: server time at which the answer was made, for its clock.
    """
    return Case(
        id=message.id,
        title=message.title,
        customer=message.customer,
        customer_name=message.customer_name,
        installation=message.installation,
        node=message.node,
        priority=_priority(message.priority),
        state=_CASE_STATE_OF.get(message.state, CaseState.UNKNOWN),
        owner=message.owner,
        response_clock=_clock(message.response_clock, as_of) if message.HasField("response_clock") else None,
        alarms=tuple(message.alarms),
        alarm_code=message.alarm_code,
        alarm_active=message.alarm_active,
        occurrence_count=message.occurrence_count,
        reopen_count=message.reopen_count,
        reasons=tuple(message.reasons),
        plan=message.plan,
        description=message.description,
        create_time=_time(message, "create_time") or _EPOCH,
        update_time=_time(message, "update_time") or _EPOCH,
        acknowledge_time=_time(message, "acknowledge_time"),
        resolve_time=_time(message, "resolve_time"),
        resolution=message.resolution,
        etag=message.etag,
    )


def alarm(message: alarm_pb2.Alarm) -> Alarm:
    """Return an alarm."""
    return Alarm(
        id=message.id,
        key=message.key,
        code=message.code,
        alarm_class=message.alarm_class,
        title=message.title,
        priority=_priority(message.priority),
        condition=_CONDITION_OF.get(message.condition, Condition.UNKNOWN),
        acknowledged=message.acknowledged,
        acknowledged_by=message.acknowledged_by,
        customer=message.customer,
        installation=message.installation,
        node=message.node,
        component=message.component,
        labels=_labels(message.labels),
        case_id=message.case_id,
        reasons=tuple(message.reasons),
        occurrence_count=message.occurrence_count,
        raise_time=_time(message, "raise_time"),
        clear_time=_time(message, "clear_time"),
        clear_cause=message.clear_cause,
        close_time=_time(message, "close_time"),
        evidence=_evidence(message.evidence) if message.HasField("evidence") else None,
        etag=message.etag,
    )


def agent(message: fleet_pb2.Agent) -> Agent:
    """Return an agent."""
    return Agent(
        id=message.id,
        customer=message.customer,
        installation=message.installation,
        node=message.node,
        state=_AGENT_STATE_OF.get(message.state, AgentState.UNKNOWN),
        last_seen_time=_time(message, "last_seen_time"),
        state_time=_time(message, "state_time"),
        agent_version=message.agent_version,
        product_version=message.product_version,
        host_name=message.host_name,
        platform=message.platform,
        clock_skew=from_duration(message.clock_skew),
        watermark=message.watermark,
        series_count=message.series_count,
        missing_fact_count=message.missing_fact_count,
        expected_back_time=_time(message, "expected_back_time"),
        disconnect_cause=message.disconnect_cause,
        connect_count=message.connect_count,
    )


def installation(message: fleet_pb2.Installation) -> Installation:
    """Return an installation."""
    return Installation(
        customer=message.customer,
        customer_name=message.customer_name,
        id=message.id,
        name=message.name,
        plan=message.plan,
        entitled=message.entitled,
        reasons=tuple(message.reasons),
        agents=tuple(message.agents),
        open_case_count=message.open_case_count,
    )


def timeline_entry(message: case_pb2.TimelineEntry) -> TimelineEntry:
    """Return one entry of a timeline."""
    return TimelineEntry(
        sequence=message.sequence,
        time=_time(message, "time") or _EPOCH,
        kind=message.kind,
        id=message.id,
        reason=message.reason,
        actor=message.actor,
        text=message.text,
    )


def series_info(message: fleet_pb2.SeriesInfo) -> SeriesInfo:
    """Return the description of a series."""
    return SeriesInfo(name=message.name, unit=message.unit, labels=_labels(message.labels))


def series_data(message: fleet_pb2.SeriesData) -> SeriesData:
    """Return the samples of a series."""
    return SeriesData(
        info=series_info(message.info),
        points=tuple(
            Point(
                time=from_timestamp(point.time),
                value=point.value,
                minimum=point.minimum,
                maximum=point.maximum,
            )
            for point in message.points
        ),
    )


def watch_frame(message: watch_pb2.WatchResponse, *, as_of: datetime) -> WatchFrame:
    """Return one frame of a watch; a kind of frame that this console does not know is a sign of life.

    Args:
        message: from the API.
        as_of: server time now, for the clock of a changed case.
    """
    match message.WhichOneof("frame"):
        case "change":
            change = _change(message.change, as_of)
            return WatchFrame(resume_token=message.resume_token, change=change)
        case "resync":
            return WatchFrame(resume_token=message.resume_token, resync=True)
        case _:
            server_time = _time(message.progress, "time")
            return WatchFrame(resume_token=message.resume_token, server_time=server_time)


def _change(message: watch_pb2.Change, as_of: datetime) -> Change:
    resource: Resource | None = None
    match message.WhichOneof("resource"):
        case "case":
            resource = case(message.case, as_of=as_of)
        case "alarm":
            resource = alarm(message.alarm)
        case "agent":
            resource = agent(message.agent)
        case _:
            pass
    return Change(
        sequence=message.sequence,
        time=_time(message, "time") or _EPOCH,
        reason=message.reason,
        actor=message.actor,
        text=message.text,
        resource=resource,
    )


def _clock(message: case_pb2.SlaClock, as_of: datetime) -> SlaClock:
    return SlaClock(
        state=_CLOCK_STATE_OF.get(message.state, ClockState.UNKNOWN),
        target=from_duration(message.target),
        calendar=message.calendar,
        calendar_version=message.calendar_version,
        start_time=_time(message, "start_time"),
        due_time=_time(message, "due_time"),
        stop_time=_time(message, "stop_time"),
        spent=from_duration(message.spent),
        remaining=from_duration(message.remaining),
        open=message.open,
        next_open_time=_time(message, "next_open_time"),
        as_of=as_of,
    )


def _evidence(message: alarm_pb2.Evidence) -> Evidence:
    return Evidence(
        agent=message.agent,
        series=message.series,
        limit_series=message.limit_series,
        labels=_labels(message.labels),
        value=message.value,
        threshold=message.threshold,
        text=message.text,
        observe_time=_time(message, "observe_time"),
    )


def _priority(value: common_pb2.Priority.ValueType) -> Priority:
    # A priority that a newer server invents below P4 must not hide a case.
    return _PRIORITY_OF.get(value, Priority.P4)


def _labels(labels: Sequence[Label]) -> Labels:
    return tuple((label.name, label.value) for label in labels)


def _time(message: Message, name: str) -> datetime | None:
    if not message.HasField(name):
        return None
    stamp: Timestamp = getattr(message, name)
    return from_timestamp(stamp)
