"""Wire: resources of the domain as messages of the protocol.

Each function takes what it shows and returns the message; nothing here asks the store or decides. What the
domain leaves empty (None, "") stays unset on the wire.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from google.protobuf.timestamp_pb2 import Timestamp

from vedette.support.v1 import admin_pb2, alarm_pb2, case_pb2, common_pb2, fleet_pb2
from vedette.telemetry.v1 import telemetry_pb2
from vedette.timestamps import from_micros, to_duration, to_timestamp
from vedette_server.access.token import Role
from vedette_server.alarms.alarm import Alarm, Condition, Evidence
from vedette_server.cases.case import Case, CaseState
from vedette_server.fleet.agent import Agent, AgentLink, AgentState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from vedette_server.access.token import Token
    from vedette_server.api.sla_clock import ClockFace
    from vedette_server.contracts.customer import Installation
    from vedette_server.contracts.entitlement import Entitlement
    from vedette_server.telemetry.series import Labels, Series

CASE_STATES: Final = {
    case_pb2.Case.STATE_NEW: CaseState.NEW,
    case_pb2.Case.STATE_ACKNOWLEDGED: CaseState.ACKNOWLEDGED,
    case_pb2.Case.STATE_WAITING: CaseState.WAITING,
    case_pb2.Case.STATE_RESOLVED: CaseState.RESOLVED,
    case_pb2.Case.STATE_CLOSED: CaseState.CLOSED,
}
AGENT_STATES: Final = {
    fleet_pb2.Agent.STATE_NEVER_SEEN: AgentState.NEVER_SEEN,
    fleet_pb2.Agent.STATE_CONNECTED: AgentState.CONNECTED,
    fleet_pb2.Agent.STATE_OVERDUE: AgentState.OVERDUE,
    fleet_pb2.Agent.STATE_LOST: AgentState.LOST,
    fleet_pb2.Agent.STATE_GOODBYE: AgentState.GOODBYE,
    fleet_pb2.Agent.STATE_QUARANTINED: AgentState.QUARANTINED,
}
ROLES: Final = {
    admin_pb2.ROLE_AGENT: Role.AGENT,
    admin_pb2.ROLE_VIEWER: Role.VIEWER,
    admin_pb2.ROLE_RESPONDER: Role.RESPONDER,
    admin_pb2.ROLE_ADMIN: Role.ADMIN,
}
_UINT32_MAX: Final = 2**32 - 1
_UINT64_MAX: Final = 2**64 - 1
_CONDITIONS: Final = {
    Condition.ACTIVE: alarm_pb2.Alarm.CONDITION_ACTIVE,
    Condition.CLEARED: alarm_pb2.Alarm.CONDITION_CLEARED,
}
_CASE_STATES_OUT: Final = {state: number for number, state in CASE_STATES.items()}
_AGENT_STATES_OUT: Final = {state: number for number, state in AGENT_STATES.items()}
_ROLES_OUT: Final = {role: number for number, role in ROLES.items()}


def etag(revision: int) -> str:
    """Return the etag of a resource's revision."""
    return str(revision)


def uint32(value: int) -> int:
    """Return the number nearest to `value` that a uint32 holds.

    A number that one agent drives up must not make an answer fail that everyone asks for.
    """
    return min(max(value, 0), _UINT32_MAX)


def uint64(value: int) -> int:
    """Return the number nearest to `value` that a uint64 holds; see `uint32`."""
    return min(max(value, 0), _UINT64_MAX)


def role_number(role: Role) -> admin_pb2.Role.ValueType:
    """Return a role on the wire."""
    return _ROLES_OUT[role]


def case(case: Case, *, customer_name: str, clock: ClockFace | None) -> case_pb2.Case:
    """Return a case. `clock` is what its response clock shows, None when it has none."""
    message = case_pb2.Case(
        id=case.id,
        title=case.title,
        customer=case.customer,
        customer_name=customer_name,
        installation=case.installation,
        node=case.node,
        priority=_priority(case.priority),
        state=_CASE_STATES_OUT[case.state],
        owner=case.owner,
        alarms=case.alarms,
        alarm_code=case.alarm_code,
        alarm_active=bool(case.active_alarms),
        occurrence_count=uint32(case.occurrences),
        reopen_count=uint32(case.reopened),
        reasons=case.reasons,
        plan=case.plan,
        description=case.description,
        create_time=to_timestamp(case.created_at),
        update_time=to_timestamp(case.updated_at),
        acknowledge_time=_time(case.acknowledged_at),
        resolve_time=_time(case.resolved_at),
        resolution=case.resolution,
        etag=etag(case.revision),
    )
    if clock is not None:
        message.response_clock.CopyFrom(sla_clock(clock))
    return message


def sla_clock(face: ClockFace) -> case_pb2.SlaClock:
    """Return what a response clock shows."""
    clock = face.clock
    return case_pb2.SlaClock(
        state=case_pb2.SlaClock.State.Value(f"STATE_{clock.state.name}"),
        target=to_duration(clock.target),
        calendar=clock.calendar_id,
        calendar_version=clock.calendar_version,
        start_time=_time(clock.started_at),
        due_time=_time(clock.due_at or clock.breached_at),
        stop_time=_time(clock.stopped_at or clock.cancelled_at),
        spent=to_duration(face.spent),
        remaining=to_duration(face.remaining),
        open=face.open,
        next_open_time=_time(face.next_open_at),
    )


def alarm(alarm: Alarm) -> alarm_pb2.Alarm:
    """Return an alarm."""
    return alarm_pb2.Alarm(
        id=alarm.id,
        key=alarm.key,
        code=alarm.code,
        alarm_class=alarm.alarm_class,
        title=alarm.title,
        priority=_priority(alarm.priority),
        condition=_CONDITIONS[alarm.condition],
        acknowledged=alarm.acknowledged,
        acknowledged_by=alarm.acknowledged_by,
        customer=alarm.customer,
        installation=alarm.installation,
        node=alarm.node,
        component=alarm.component,
        labels=_labels(alarm.labels),
        case_id=alarm.case_id,
        reasons=alarm.reasons,
        occurrence_count=uint32(alarm.occurrences),
        raise_time=to_timestamp(alarm.raised_at),
        clear_time=_time(alarm.cleared_at),
        clear_cause=alarm.clear_cause,
        close_time=_time(alarm.closed_at),
        evidence=_evidence(alarm.evidence),
        etag=etag(alarm.revision),
    )


def agent(agent: Agent, link: AgentLink | None, *, series_count: int) -> fleet_pb2.Agent:
    """Return an agent with what changes at every frame; `link` is None before its first one."""
    return fleet_pb2.Agent(
        id=agent.id,
        customer=agent.customer,
        installation=agent.installation,
        node=agent.node,
        state=_AGENT_STATES_OUT[agent.state],
        last_seen_time=_time(link.last_seen if link else None),
        state_time=to_timestamp(agent.state_since),
        agent_version=agent.agent_version,
        product_version=agent.product_version,
        host_name=agent.host_name,
        platform=agent.platform,
        # The domain keeps what is added to the agent's times; the wire says how far its clock is ahead.
        clock_skew=to_duration(timedelta(microseconds=-agent.clock_offset_us)),
        watermark=uint64(link.watermark) if link else 0,
        series_count=uint32(series_count),
        missing_fact_count=uint64(agent.missing_facts),
        expected_back_time=_time(agent.expected_back),
        disconnect_cause=agent.disconnect_cause,
        connect_count=uint64(agent.connect_count),
    )


def installation(
    installation: Installation,
    *,
    customer_name: str,
    entitlement: Entitlement,
    agents: Iterable[str],
    open_cases: int,
) -> fleet_pb2.Installation:
    """Return an installation with what is owed to it."""
    return fleet_pb2.Installation(
        customer=installation.customer,
        customer_name=customer_name,
        id=installation.id,
        name=installation.name,
        plan=entitlement.plan or "",
        entitled=entitlement.entitled,
        reasons=[reason.text for reason in entitlement.reasons],
        agents=agents,
        open_case_count=uint32(open_cases),
    )


def token(token: Token) -> admin_pb2.Token:
    """Return a token, without anything of its secret."""
    return admin_pb2.Token(
        id=token.id,
        role=_ROLES_OUT[token.role],
        name=token.name,
        create_time=to_timestamp(token.created_at),
        revoke_time=_time(token.revoked_at),
    )


def series_info(series: Series) -> fleet_pb2.SeriesInfo:
    """Return the description of a series."""
    return fleet_pb2.SeriesInfo(name=series.name, unit=series.unit, labels=_labels(series.labels))


def series_data(series: Series, points: Sequence[tuple[int, float, float, float]]) -> fleet_pb2.SeriesData:
    """Return samples of a series: (microseconds of server time, last, least, greatest) each."""
    return fleet_pb2.SeriesData(
        info=series_info(series),
        points=[
            fleet_pb2.Point(time=to_timestamp(from_micros(at)), value=last, minimum=least, maximum=greatest)
            for at, last, least, greatest in points
        ],
    )


def _evidence(evidence: Evidence) -> alarm_pb2.Evidence:
    return alarm_pb2.Evidence(
        agent=evidence.agent,
        series=evidence.series,
        limit_series=evidence.limit_series,
        labels=_labels(evidence.labels),
        value=evidence.value,
        threshold=evidence.threshold,
        text=evidence.text,
        observe_time=to_timestamp(evidence.observed_at),
    )


def _labels(labels: Labels) -> list[telemetry_pb2.Label]:
    return [telemetry_pb2.Label(name=name, value=value) for name, value in labels]


def _priority(priority: int) -> common_pb2.Priority.ValueType:
    """Return the priority on the wire, whose numbers are ours."""
    return common_pb2.Priority.ValueType(priority)


def _time(at: datetime | None) -> Timestamp | None:
    return None if at is None else to_timestamp(at)
