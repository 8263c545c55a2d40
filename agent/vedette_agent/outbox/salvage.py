"""Salvage: what can still be read of a damaged outbox file.

One idea: a table is read from its front until the damage, and from its end until the damage; what lies
between is counted as lost. The damaged file is kept beside the new one, for whoever wants to know.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vedette_agent.facts import FactKind, Series
from vedette_agent.outbox import tables
from vedette_agent.outbox.record import Record, intact


@dataclass(slots=True, kw_only=True)
class Salvaged:
    """What was read."""

    outbox_id: str = ""
    #: In the order of their numbers; without a hole, or empty.
    series: list[Series] = field(default_factory=list)
    #: Whole facts in their order.
    records: list[Record] = field(default_factory=list)
    memory: dict[str, bytes] = field(default_factory=dict)
    #: Facts known to be lost; 0 when that is not known.
    lost_count: int = 0


def salvage(path: Path) -> Salvaged:
    """Read what can be read of the outbox at `path`. Blocks."""
    saved = Salvaged()
    with suppress(sqlite3.Error), closing(sqlite3.connect(path)) as database:
        next_seq = acked_seq = 0
        for row in _readable(database, "SELECT outbox_id, next_seq, acked_seq FROM outbox"):
            saved.outbox_id, next_seq, acked_seq = row
        saved.memory = dict(_readable(database, "SELECT name, value FROM memory"))
        saved.series = _dictionary(database)
        kinds = {FactKind.EVENTS, FactKind.GAP} | ({FactKind.BATCH} if saved.series else set())
        found = {
            record.seq: record
            for order in ("ASC", "DESC")
            for row in _readable(
                database,
                f"SELECT {tables.RECORD_COLUMNS} FROM record ORDER BY seq {order}",  # noqa: S608 - constants
            )
            if (record := intact(row)) is not None and record.kind in kinds and record.seq > acked_seq
        }
        saved.records = [found[seq] for seq in sorted(found)]
        saved.lost_count = max(0, next_seq - 1 - acked_seq - len(saved.records))
    return saved


def set_aside(path: Path) -> Path:
    """Move a damaged file out of the way, over an earlier one, and return where it is now. Blocks."""
    aside = path.with_name(f"{path.name}.damaged")
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    path.replace(aside)
    return aside


def _dictionary(database: sqlite3.Connection) -> list[Series]:
    """Return all series, or none: a dictionary with a hole would give values other names."""
    query = "SELECT number, name, unit, labels, kind FROM series ORDER BY number"
    series: list[Series] = []
    with suppress(sqlite3.Error, ValueError):
        for number, *row in database.execute(query):
            if number != len(series):
                return []
            series.append(tables.series_of((row[0], row[1], row[2], row[3])))
        return series
    return []


def _readable(database: sqlite3.Connection, query: str) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a query up to the first that cannot be read."""
    with suppress(sqlite3.Error):
        yield from database.execute(query)
