"""Statements of the hot path: SQL text compiled once from the tables, handed to the driver as it is.

SQLAlchemy costs about a millisecond a turn and doubles the cost of a row when it executes; here it only
writes the text. Parameters are positional, in the order of the table's columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

from sqlalchemy import Delete, Insert, Table, Update, bindparam, delete, insert, update
from sqlalchemy.dialects import sqlite

from vedette_server.engine.changes import Kind
from vedette_server.store import tables

_DIALECT: Final = sqlite.dialect()


@dataclass(frozen=True, slots=True, kw_only=True)
class Statements:
    """Every statement that a commit may execute."""

    #: By kind: (partition, id, revision, sequence, … , data), replacing an older row.
    put: dict[Kind, str]
    #: By kind: (partition, id).
    drop: dict[Kind, str]
    put_link: str
    add_batch: str
    add_event: str
    add_turn: str
    add_entry: str
    #: (turn, sequence, head hash, partition, epoch, turn): moves the position if the epoch owns the partition
    #: and the turn is new; the number of rows tells.
    advance: str


@cache
def statements() -> Statements:
    """Return the statements for SQLite."""
    return Statements(
        put={kind: _upsert(table) for kind, table in tables.STATE_TABLES.items()},
        drop={kind: _delete(table) for kind, table in tables.STATE_TABLES.items()},
        put_link=_upsert(tables.links),
        add_batch=_insert(tables.batches, skip="id"),
        add_event=_insert(tables.events),
        add_turn=_insert(tables.turns),
        add_entry=_insert(tables.journal),
        advance=_advance(),
    )


def _insert(table: Table, *, skip: str = "") -> str:
    names = [column.name for column in table.columns if column.name != skip]
    return _text(insert(table).values({name: bindparam(name) for name in names}), names)


def _upsert(table: Table) -> str:
    statement = sqlite.insert(table)
    key = [column.name for column in table.primary_key]
    names = [column.name for column in table.columns]
    changed = {name: statement.excluded[name] for name in names if name not in key}
    return _text(statement.on_conflict_do_update(index_elements=key, set_=changed), names)


def _delete(table: Table) -> str:
    statement = delete(table).where(
        table.c.partition == bindparam("partition"), table.c.id == bindparam("id")
    )
    return _text(statement, ["partition", "id"])


def _advance() -> str:
    table = tables.partitions
    statement = (
        update(table)
        .values(turn=bindparam("to_turn"), sequence=bindparam("to_sequence"), head_hash=bindparam("to_hash"))
        .where(
            table.c.partition == bindparam("of_partition"),
            table.c.epoch == bindparam("of_epoch"),
            table.c.turn < bindparam("before_turn"),
        )
    )
    return _text(statement, ["to_turn", "to_sequence", "to_hash", "of_partition", "of_epoch", "before_turn"])


def _text(statement: Insert | Update | Delete, order: list[str]) -> str:
    """Compile; the driver's positions must be the order that the rows are made in."""
    compiled = statement.compile(dialect=_DIALECT)
    if compiled.positiontup != order:
        raise AssertionError(f"parameters compile to {compiled.positiontup}, rows are {order}: {compiled}")
    return str(compiled)
