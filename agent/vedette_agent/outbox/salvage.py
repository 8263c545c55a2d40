"""Salvage: what can still be read of a damaged outbox file.

One idea: a table is read from its front until the damage, and from its end until the damage; what lies
between is counted as lost.

Nothing that was saved depends on the process living on. It is committed to a second file, the repaired one,
while the damaged one stays where it is; only then do the files change places (`put_in_place`). Whoever
finds a damaged file salvages it again, from the start. Whoever finds none, but a repaired one, was
interrupted between the two renames and ends them. The damaged files are kept under numbers, the last few of
them, for whoever wants to know.
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vedette_agent import platform
from vedette_agent.facts import FactKind, Series
from vedette_agent.outbox import tables
from vedette_agent.outbox.record import Record, intact

#: Damaged files that are kept.
_MAX_KEPT = 3
#: What SQLite adds to the name of a database for the files beside it.
_BESIDE = ("", "-wal", "-shm")


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


def begin_repair(path: Path) -> Path:
    """Return where the repaired outbox is to be written, cleared of an attempt that was cut off. Blocks."""
    repaired = _repaired(path)
    for suffix in _BESIDE:
        _beside(repaired, suffix).unlink(missing_ok=True)
    return repaired


def put_in_place(path: Path) -> Path:
    """Keep the damaged file under a number and let the repaired one, now whole, take its place. Blocks.

    The repaired file must be closed and have no log beside it.

    Returns:
        Where the damaged file is now.
    """
    platform.sync_folder(path.parent)  # what was saved must be there before what it was saved from goes
    aside = _set_aside(path)
    finish_repair(path)
    return aside


def finish_repair(path: Path) -> None:
    """Give the repaired file its place, if there is one and the damaged one went already. Blocks."""
    repaired = _repaired(path)
    if repaired.exists() and not path.exists():
        # A log left of the damaged file would be taken for one of the repaired.
        for suffix in _BESIDE[1:]:
            _beside(path, suffix).unlink(missing_ok=True)
        repaired.replace(path)
        platform.sync_folder(path.parent)


def _set_aside(path: Path) -> Path:
    kept = _kept(path)
    aside = path.with_name(f"{path.name}.damaged-{max(kept, default=0) + 1}")
    for number in sorted(kept)[: len(kept) + 1 - _MAX_KEPT]:
        for suffix in _BESIDE:
            _beside(kept[number], suffix).unlink(missing_ok=True)
    path.replace(aside)
    with suppress(FileNotFoundError):
        _beside(path, "-wal").replace(_beside(aside, "-wal"))
    return aside


def _kept(path: Path) -> dict[int, Path]:
    """Return the damaged files that are kept, by number."""
    name = re.compile(re.escape(path.name) + r"\.damaged-(\d+)")
    return {int(found[1]): one for one in path.parent.iterdir() if (found := name.fullmatch(one.name))}


def _repaired(path: Path) -> Path:
    return path.with_name(f"{path.name}.repaired")


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


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
