"""Documents: resources as JSON values, the stable form that scripts read.

Names are snake_case, times RFC 3339 in UTC, spans seconds as numbers in a name that ends with `_seconds`,
labels an object. A name once published stays; new ones may come. Texts are as they arrived: JSON escapes
what a terminal would obey.
"""

from datetime import datetime, timedelta

from vedette_console.model.format import rfc3339
from vedette_console.model.resources import (
    Agent,
    Alarm,
    Case,
    Change,
    Evidence,
    Installation,
    SeriesData,
    SeriesInfo,
    SlaClock,
    TimelineEntry,
)

#: What JSON can hold.
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
#: Whatever has a document.
Documented = Case | Alarm | Agent | Installation | SeriesInfo | SeriesData | TimelineEntry | Change


def document(resource: Documented) -> dict[str, Json]:
    """Return a resource as a JSON object."""
    match resource:
        case Case():
            return _case(resource)
        case Alarm():
            return _alarm(resource)
        case Agent():
            return _agent(resource)
        case Installation():
            return _installation(resource)
        case SeriesInfo():
            return _series_info(resource)
        case SeriesData():
            return {**_series_info(resource.info), "points": _points(resource)}
        case TimelineEntry():
            return _timeline_entry(resource)
        case Change():
            return _change(resource)


def _case(case: Case) -> dict[str, Json]:
    return {
        "id": case.id,
        "title": case.title,
        "customer": case.customer,
        "customer_name": case.customer_name,
        "installation": case.installation,
        "node": case.node,
        "priority": case.priority.name,
        "state": case.state.value,
        "owner": case.owner,
        "response_clock": None if case.response_clock is None else _clock(case.response_clock),
        "alarms": list(case.alarms),
        "alarm_code": case.alarm_code,
        "alarm_active": case.alarm_active,
        "occurrence_count": case.occurrence_count,
        "reopen_count": case.reopen_count,
        "reasons": list(case.reasons),
        "plan": case.plan,
        "description": case.description,
        "create_time": _time(case.create_time),
        "update_time": _time(case.update_time),
        "acknowledge_time": _time(case.acknowledge_time),
        "resolve_time": _time(case.resolve_time),
        "resolution": case.resolution,
        "etag": case.etag,
    }


def _clock(clock: SlaClock) -> dict[str, Json]:
    return {
        "state": clock.state.value,
        "target_seconds": _seconds(clock.target),
        "calendar": clock.calendar,
        "calendar_version": clock.calendar_version,
        "start_time": _time(clock.start_time),
        "due_time": _time(clock.due_time),
        "stop_time": _time(clock.stop_time),
        "spent_seconds": _seconds(clock.spent),
        "remaining_seconds": _seconds(clock.remaining),
        "open": clock.open,
        "next_open_time": _time(clock.next_open_time),
    }


def _alarm(alarm: Alarm) -> dict[str, Json]:
    return {
        "id": alarm.id,
        "key": alarm.key,
        "code": alarm.code,
        "alarm_class": alarm.alarm_class,
        "title": alarm.title,
        "priority": alarm.priority.name,
        "condition": alarm.condition.value,
        "acknowledged": alarm.acknowledged,
        "acknowledged_by": alarm.acknowledged_by,
        "customer": alarm.customer,
        "installation": alarm.installation,
        "node": alarm.node,
        "component": alarm.component,
        "labels": dict(alarm.labels),
        "case_id": alarm.case_id,
        "reasons": list(alarm.reasons),
        "occurrence_count": alarm.occurrence_count,
        "raise_time": _time(alarm.raise_time),
        "clear_time": _time(alarm.clear_time),
        "clear_cause": alarm.clear_cause,
        "close_time": _time(alarm.close_time),
        "evidence": None if alarm.evidence is None else _evidence(alarm.evidence),
        "etag": alarm.etag,
    }


def _evidence(evidence: Evidence) -> dict[str, Json]:
    return {
        "agent": evidence.agent,
        "series": evidence.series,
        "limit_series": evidence.limit_series,
        "labels": dict(evidence.labels),
        "value": evidence.value,
        "threshold": evidence.threshold,
        "text": evidence.text,
        "observe_time": _time(evidence.observe_time),
    }


def _agent(agent: Agent) -> dict[str, Json]:
    return {
        "id": agent.id,
        "customer": agent.customer,
        "installation": agent.installation,
        "node": agent.node,
        "state": agent.state.value,
        "last_seen_time": _time(agent.last_seen_time),
        "state_time": _time(agent.state_time),
        "agent_version": agent.agent_version,
        "product_version": agent.product_version,
        "host_name": agent.host_name,
        "platform": agent.platform,
        "clock_skew_seconds": _seconds(agent.clock_skew),
        "watermark": agent.watermark,
        "series_count": agent.series_count,
        "missing_fact_count": agent.missing_fact_count,
        "expected_back_time": _time(agent.expected_back_time),
        "disconnect_cause": agent.disconnect_cause,
        "connect_count": agent.connect_count,
    }


def _installation(installation: Installation) -> dict[str, Json]:
    return {
        "customer": installation.customer,
        "customer_name": installation.customer_name,
        "id": installation.id,
        "name": installation.name,
        "plan": installation.plan,
        "entitled": installation.entitled,
        "reasons": list(installation.reasons),
        "agents": list(installation.agents),
        "open_case_count": installation.open_case_count,
    }


def _series_info(info: SeriesInfo) -> dict[str, Json]:
    return {"name": info.name, "unit": info.unit, "labels": dict(info.labels)}


def _points(data: SeriesData) -> list[Json]:
    return [
        {
            "time": _time(point.time),
            "value": point.value,
            "minimum": point.minimum,
            "maximum": point.maximum,
        }
        for point in data.points
    ]


def _timeline_entry(entry: TimelineEntry) -> dict[str, Json]:
    return {
        "sequence": entry.sequence,
        "time": _time(entry.time),
        "kind": entry.kind,
        "id": entry.id,
        "reason": entry.reason,
        "actor": entry.actor,
        "text": entry.text,
    }


def _change(change: Change) -> dict[str, Json]:
    kind: str | None = None
    resource: Json = None
    match change.resource:
        case Case():
            kind, resource = "case", _case(change.resource)
        case Alarm():
            kind, resource = "alarm", _alarm(change.resource)
        case Agent():
            kind, resource = "agent", _agent(change.resource)
    return {
        "sequence": change.sequence,
        "time": _time(change.time),
        "reason": change.reason,
        "actor": change.actor,
        "text": change.text,
        "kind": kind,
        "resource": resource,
    }


def _time(at: datetime | None) -> str | None:
    return None if at is None else rfc3339(at)


def _seconds(span: timedelta) -> float:
    return span.total_seconds()
