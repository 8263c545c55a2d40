"""Stored: everything in a data folder that the check looks at, read once, through SQLite alone."""

from __future__ import annotations

import json
import sqlite3
import struct
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.ledger.ledger import batch_digest, events_digest, gap_digest
from vedette.agent.v1 import agent_pb2
from vedette_agent.facts import FactKind
from vedette_server.engine.changes import Kind
from vedette_server.store.journal import Entry
from vedette_server.store.rows import entry_of_row
from vedette_server.store.tables import STATE_TABLES

DATABASE_FILE = "vedette.db"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFact:
    """A fact as it is stored. A gap does not say which seq it had itself: that is 0."""

    agent: str
    outbox_id: str
    seq: int
    kind: FactKind
    digest: str
    #: Observe time in server time, microseconds since the Unix epoch; 0 for a gap.
    time_us: int = 0
    #: Code and component of each event.
    events: tuple[tuple[str, str], ...] = ()
    #: First two values of a batch.
    values: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredGap:
    """A recorded gap."""

    agent: str
    outbox_id: str
    reason: str
    first_seq: int
    last_seq: int
    count: int

    @property
    def digest(self) -> str:
        """Return what tells it from other gaps of the agent."""
        return gap_digest(self.reason, self.first_seq, self.last_seq, self.count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of a state table."""

    id: str
    sequence: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where the partition says that its journal ends."""

    sequence: int
    head_hash: bytes
    #: Wall time of the last turn, microseconds since the Unix epoch.
    wall_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A data folder."""

    #: What SQLite's own check found; ("ok",) for nothing.
    damage: tuple[str, ...]
    facts: tuple[StoredFact, ...]
    gaps: tuple[StoredGap, ...]
    #: Outbox and watermark by agent.
    links: Mapping[str, tuple[str, int]]
    #: Alarms and cases as their JSON says.
    alarms: tuple[Mapping[str, Any], ...]
    cases: tuple[Mapping[str, Any], ...]
    timers: tuple[Mapping[str, Any], ...]
    rule_states: tuple[Mapping[str, Any], ...]
    #: Key of each alarm that its row calls open.
    open_keys: tuple[str, ...]
    tables: Mapping[Kind, tuple[Row, ...]]
    journal: tuple[Entry, ...]
    position: Position


def read_stored(data_dir: Path) -> Stored:
    """Read the data folder of a server that does not run."""
    with closing(sqlite3.connect(f"file:{data_dir / DATABASE_FILE}?mode=ro", uri=True)) as database:
        database.row_factory = _named
        rows = {kind: tuple(_state(database, table.name)) for kind, table in STATE_TABLES.items()}
        (position,) = database.execute("SELECT * FROM partitions").fetchall()
        (last,) = database.execute("SELECT MAX(wall_us) AS wall_us FROM turns").fetchall()
        return Stored(
            damage=tuple(row.integrity_check for row in database.execute("PRAGMA integrity_check")),
            facts=(*_batches(database), *_events(database)),
            gaps=tuple(map(_gap, _entities(rows[Kind.GAP]))),
            links={
                row.agent: (row.outbox_id, row.watermark) for row in database.execute("SELECT * FROM links")
            },
            alarms=_entities(rows[Kind.ALARM]),
            cases=_entities(rows[Kind.CASE]),
            timers=_entities(rows[Kind.TIMER]),
            rule_states=_entities(rows[Kind.RULE_STATE]),
            open_keys=tuple(row.key for row in database.execute("SELECT key FROM alarms WHERE closed = 0")),
            tables=rows,
            journal=tuple(map(entry_of_row, database.execute("SELECT * FROM journal ORDER BY sequence"))),
            position=Position(sequence=position.sequence, head_hash=position.head_hash, wall_us=last.wall_us),
        )


def _named(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> SimpleNamespace:
    return SimpleNamespace(
        **{column[0]: value for column, value in zip(cursor.description, row, strict=True)}
    )


def _state(database: sqlite3.Connection, table: str) -> Iterator[Row]:
    for row in database.execute(f"SELECT id, sequence, data FROM {table} ORDER BY sequence"):  # noqa: S608
        yield Row(id=row.id, sequence=row.sequence, data=row.data)


def _entities(rows: tuple[Row, ...]) -> tuple[Mapping[str, Any], ...]:
    return tuple(json.loads(row.data) for row in rows)


def _gap(entity: Mapping[str, Any]) -> StoredGap:
    return StoredGap(**{name: entity[name] for name in StoredGap.__dataclass_fields__})


def _batches(database: sqlite3.Connection) -> Iterator[StoredFact]:
    for row in database.execute("SELECT * FROM batches ORDER BY id"):
        packed = agent_pb2.ConnectRequest.FromString(row.raw).batch.values
        yield StoredFact(
            agent=row.agent,
            outbox_id=row.outbox_id,
            seq=row.seq,
            kind=FactKind.BATCH,
            digest=batch_digest(row.raw),
            time_us=row.observed_us,
            values=struct.unpack("<2d", packed[:16]),
        )


def _events(database: sqlite3.Connection) -> Iterator[StoredFact]:
    rows = database.execute("SELECT * FROM events ORDER BY agent, outbox_id, seq, position")
    for (agent, outbox_id, seq), group in groupby(rows, lambda row: (row.agent, row.outbox_id, row.seq)):
        events = tuple(group)
        if [event.position for event in events] != list(range(len(events))):
            # An event is missing or too many: that is another fact than was produced.
            digest = f"positions {[event.position for event in events]}"
        else:
            digest = events_digest(
                (
                    event.code,
                    event.severity,
                    event.component,
                    event.message,
                    tuple((name, value) for name, value in json.loads(event.attributes)),
                )
                for event in events
            )
        yield StoredFact(
            agent=agent,
            outbox_id=outbox_id,
            seq=seq,
            kind=FactKind.EVENTS,
            digest=digest,
            time_us=events[0].time_us,
            events=tuple((event.code, event.component) for event in events),
        )
