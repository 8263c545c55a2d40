"""Rows: what a turn writes, as tuples in the order of the tables' columns, and what is read back from them.

An entity's truth is its JSON; the other columns of its row repeat what lists filter and sort by.

Nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from vedette_server.access.token import Token
from vedette_server.alarms.alarm import Alarm
from vedette_server.cases.case import Case
from vedette_server.cases.sla import ClockState
from vedette_server.detect.rule_state import RuleState
from vedette_server.engine.changes import Entity, EventRow, Gap, Kind, Timer, TurnRecord, Versions
from vedette_server.fleet.agent import Agent, AgentLink
from vedette_server.store.codec import Undecodable, decode
from vedette_server.store.errors import StoreCorrupt
from vedette_server.store.journal import Entry
from vedette_server.store.tables import MINUTE_US, NEVER_US, alarms
from vedette_server.telemetry.series import Labels, SeriesPage

#: What a column holds.
Value = int | float | str | bytes | None
Row = tuple[Value, ...]
E = TypeVar("E")

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
#: Place of `closed` in a row of an alarm.
_CLOSED: Final = list(alarms.columns.keys()).index("closed")


def to_us(at: datetime) -> int:
    """Return an aware instant as microseconds since the Unix epoch, exactly."""
    return (at - _EPOCH) // _MICROSECOND


def from_us(value: int) -> datetime:
    """Return microseconds since the Unix epoch as an aware UTC datetime, exactly."""
    return _EPOCH + timedelta(microseconds=value)


def state_row(partition: int, id_: str, sequence: int, entity: Entity, data: bytes) -> Row:
    """Return the row of an entity in its state table; `data` is its canonical JSON."""
    revision = getattr(entity, "revision", 1)
    return (partition, id_, revision, sequence, *indexed(entity), data)


def indexed(entity: Entity) -> Row:
    """Return the values of the columns that only this kind's table has."""
    match entity:
        case Agent():
            return entity.customer, entity.installation, entity.state
        case Alarm():
            return _alarm(entity)
        case Case():
            return _case(entity)
        case Gap() | RuleState():
            return (entity.agent,)
        case SeriesPage():
            return entity.agent, entity.outbox_id, len(entity.series)
        case Timer():
            return (to_us(entity.due),)
        case Token():
            return (entity.secret_hash,)
        case _:
            return ()


def _alarm(alarm: Alarm) -> Row:
    closed = int(not alarm.open)
    return alarm.key, alarm.code, alarm.customer, alarm.case_id, closed, to_us(alarm.raised_at)


def _case(case: Case) -> Row:
    return (
        case.customer,
        case.installation,
        case.state,
        case.owner,
        int(case.priority),
        response_due_us(case),
        to_us(case.created_at),
    )


def response_due_us(case: Case) -> int:
    """Return when a human has to answer: when a running clock is due, or the due time that passed."""
    clock = case.clock
    if clock is None or not case.open:
        return NEVER_US
    if clock.due_at is not None:
        return to_us(clock.due_at)
    if clock.state is ClockState.BREACHED and clock.stopped_at is None and clock.breached_at is not None:
        return to_us(clock.breached_at)
    return NEVER_US


class StateRows(NamedTuple):
    """What a turn does to the state tables: rows to put and keys to drop, by kind."""

    puts: dict[Kind, list[Row]]
    drops: dict[Kind, list[Row]]


def state_rows(record: TurnRecord, entries: Sequence[Entry]) -> StateRows:
    """Return the last image of each entity that the turn changed; `entries` are those of its changes."""
    last = {
        (change.kind, change.id): (change, entry)
        for change, entry in zip(record.changes, entries, strict=True)
    }
    rows = StateRows({}, {})
    for change, entry in last.values():
        if change.after is None or entry.after is None:
            rows.drops.setdefault(change.kind, []).append((record.partition, change.id))
        else:
            row = state_row(record.partition, change.id, change.sequence, change.after, entry.after)
            rows.puts.setdefault(change.kind, []).append(row)
    if len(rows.puts.get(Kind.ALARM, ())) > 1:
        # Closed ones first, so that the successor of one that was closed in the same turn finds its key free.
        rows.puts[Kind.ALARM].sort(key=lambda row: row[_CLOSED] == 0)
    return rows


def turn_row(record: TurnRecord) -> Row:
    """Return the row of the turn itself."""
    versions = record.versions
    return (
        record.partition,
        record.turn,
        record.epoch,
        to_us(record.wall),
        record.mono,
        versions.engine,
        versions.catalog,
        versions.policy,
        record.inputs,
    )


def batch_rows(record: TurnRecord) -> list[Row]:
    """Return the rows of the turn's batches."""
    partition, turn = record.partition, record.turn
    return [
        (
            partition,
            turn,
            one.agent,
            one.outbox_id,
            one.seq,
            one.observed_us,
            one.observed_us // MINUTE_US,
            one.raw,
        )
        for one in record.batches
    ]


def event_rows(record: TurnRecord) -> list[Row]:
    """Return the rows of the turn's events."""
    return [
        (
            record.partition,
            one.agent,
            one.outbox_id,
            one.seq,
            one.position,
            one.time_us,
            one.code,
            one.severity,
            one.component,
            one.message,
            msgspec.json.encode(one.attributes),
        )
        for one in record.events
    ]


def entry_row(entry: Entry) -> Row:
    """Return the row of a journal entry."""
    versions = entry.versions
    return (
        entry.partition,
        entry.sequence,
        entry.turn,
        entry.time_us,
        entry.kind,
        entry.id,
        entry.op,
        entry.reason,
        entry.actor,
        entry.text,
        versions.engine,
        versions.catalog,
        versions.policy,
        entry.after,
        entry.prev_hash,
        entry.hash,
    )


def entry_of_row(row: Any) -> Entry:  # noqa: ANN401 -- a row of `journal`
    """Return the journal entry that a row holds."""
    return Entry(
        partition=row.partition,
        sequence=row.sequence,
        turn=row.turn,
        time_us=row.time_us,
        kind=Kind(row.kind),
        id=row.id,
        reason=row.reason,
        actor=row.actor,
        text=row.text,
        versions=Versions(engine=row.engine, catalog=row.catalog, policy=row.policy),
        after=row.after,
        prev_hash=row.prev_hash,
        hash=row.hash,
    )


def link_of_row(row: Any) -> AgentLink:  # noqa: ANN401 -- a row of `links`, or one that holds its columns
    """Return the link that a row holds."""
    return AgentLink(
        agent=row.agent,
        outbox_id=row.outbox_id,
        watermark=row.watermark,
        fact_hash=row.fact_hash,
        last_seen=from_us(row.last_seen_us),
    )


def event_of_row(row: Any) -> EventRow:  # noqa: ANN401 -- a row of `events`
    """Return the event that a row holds."""
    return EventRow(
        agent=row.agent,
        outbox_id=row.outbox_id,
        seq=row.seq,
        position=row.position,
        time_us=row.time_us,
        code=row.code,
        severity=row.severity,
        component=row.component,
        message=row.message,
        attributes=msgspec.json.decode(row.attributes, type=Labels),
    )


def stored_entity(type_: type[E], kind: Kind, row: Any) -> E:  # noqa: ANN401 -- a row with id and data
    """Return the entity in a row of the state table of `kind`, whose type is `type_`.

    Raises:
        StoreCorrupt: it is none.
    """
    try:
        entity = decode(kind, row.data)
    except Undecodable as error:
        raise StoreCorrupt(f"{kind} {row.id}: {error}; restore a backup") from error
    if not isinstance(entity, type_):
        raise TypeError(f"{kind} {row.id} is a {type(entity).__name__}, asked for a {type_.__name__}")
    return entity
