"""The reading side of a partition: what the API asks the store, while its one writer writes.

A few read-only connections of its own, none of which can write, checkpoint or hold the writer up. Every
call sees what was committed when it began. Lists come in pages, found by key.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, func, select, tuple_
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from vedette_server.access.token import Token
from vedette_server.alarms.alarm import Alarm
from vedette_server.cases.case import Case
from vedette_server.engine.changes import ENTITY_TYPES, BatchRow, Entity, EventRow, Kind
from vedette_server.fleet.agent import Agent, AgentLink
from vedette_server.store import tables
from vedette_server.store.errors import StoreError, translated
from vedette_server.store.journal import GENESIS, Entry
from vedette_server.store.pages import (
    AgentCursor,
    AgentFilter,
    AlarmCursor,
    AlarmFilter,
    CaseCursor,
    CaseFilter,
    EventCursor,
    LinkedAgent,
    Page,
    TokenCursor,
)
from vedette_server.store.rows import entry_of_row, event_of_row, link_of_row, stored_entity
from vedette_server.store.sqlite import DATABASE_FILE, reader_engine
from vedette_server.store.upgrade import check_current, revision
from vedette_server.telemetry.series import SeriesPage

#: Minutes of batches that one query reads: about a megabyte of one agent that reports every ten seconds.
MINUTES_PER_QUERY: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Where the partition stands: its last turn, and the newest entry of its journal with its hash."""

    turn: int
    sequence: int
    hash: bytes


class Reader:
    """Read-only access to one partition."""

    def __init__(self, engine: AsyncEngine, *, partition: int, store_id: str) -> None:
        """Take what `open` opened."""
        self._engine = engine
        self._partition = partition
        #: Made with the store; tells its resume tokens from those of any other.
        self.store_id: Final = store_id

    @classmethod
    async def open(cls, folder: Path, partition: int = 0) -> Reader:
        """Open the database of a data folder for reading; a server may be writing to it.

        Raises:
            SchemaTooNew: a newer version wrote it.
            SchemaTooOld: it needs `db upgrade`, or there is none.
            StoreCorrupt: it is no database of Vedette.
        """
        path = folder / DATABASE_FILE
        if not path.exists():
            check_current("", folder)
        engine = reader_engine(path)
        try:
            async with engine.connect() as connection:
                check_current(await revision(connection), folder)
                info = tables.store_info
                statement = select(info.c.value).where(info.c.name == tables.STORE_ID)
                store_id = (await connection.execute(statement)).scalar_one()
        except DBAPIError as error:
            await engine.dispose()
            raise translated(error, str(path)) from error
        except StoreError:
            await engine.dispose()
            raise
        return cls(engine, partition=partition, store_id=store_id)

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()

    # --- single entities -----------------------------------------------------------------------------------

    async def get(self, kind: Kind, id_: str) -> Entity | None:
        """Return an entity as it is now, or None."""
        table = tables.STATE_TABLES[kind]
        statement = self._of(table, select(table.c.id, table.c.data)).where(table.c.id == id_)
        rows = await self._rows(statement)
        return stored_entity(ENTITY_TYPES[kind], kind, rows[0]) if rows else None

    async def token_by_hash(self, secret_hash: str) -> Token | None:
        """Return the token of a secret, revoked or not, or None."""
        table = tables.tokens
        statement = self._of(table, select(table.c.id, table.c.data))
        rows = await self._rows(statement.where(table.c.secret_hash == secret_hash))
        return stored_entity(Token, Kind.TOKEN, rows[0]) if rows else None

    async def link_of(self, agent: Agent) -> AgentLink | None:
        """Return what changes with every frame of an agent; None before its first hello."""
        return (await self._links_of([agent])).get((agent.id, agent.outbox_id))

    async def _links_of(self, agents: Sequence[Agent]) -> dict[tuple[str, str], AgentLink]:
        """Return the links of agents, those of former outboxes too, by agent and outbox."""
        table = tables.links
        ids = [agent.id for agent in agents]
        rows = await self._rows(self._of(table, select(table)).where(table.c.agent.in_(ids)))
        return {(row.agent, row.outbox_id): link_of_row(row) for row in rows}

    # --- lists ---------------------------------------------------------------------------------------------

    async def list_cases(
        self, wanted: CaseFilter, *, after: CaseCursor | None = None, limit: int
    ) -> Page[Case, CaseCursor]:
        """Return cases, soonest due first (breached and unanswered before all), then by priority and age."""
        table = tables.cases
        key = (table.c.due_us, table.c.priority, table.c.created_us, table.c.id)
        statement = (
            self._of(table, select(*key, table.c.data))
            .where(
                table.c.state.in_(wanted.states), *_equal(table, wanted, "customer", "installation", "owner")
            )
            .order_by(*key)
        )
        rows = await self._rows(_page(statement, tuple_(*key) > after if after else None, limit))
        cases = [stored_entity(Case, Kind.CASE, row) for row in rows]
        return _cut(
            cases, [CaseCursor(row.due_us, row.priority, row.created_us, row.id) for row in rows], limit
        )

    async def list_alarms(
        self, wanted: AlarmFilter, *, after: AlarmCursor | None = None, limit: int
    ) -> Page[Alarm, AlarmCursor]:
        """Return alarms, newest first."""
        table = tables.alarms
        key = (table.c.raised_us, table.c.id)
        statement = (
            self._of(table, select(*key, table.c.data))
            .where(*_equal(table, wanted, "customer", "code", "case_id"))
            .order_by(*(column.desc() for column in key))
        )
        if not wanted.show_closed:
            statement = statement.where(table.c.closed == 0)
        rows = await self._rows(_page(statement, tuple_(*key) < after if after else None, limit))
        alarms = [stored_entity(Alarm, Kind.ALARM, row) for row in rows]
        return _cut(alarms, [AlarmCursor(row.raised_us, row.id) for row in rows], limit)

    async def list_agents(
        self, wanted: AgentFilter, *, after: AgentCursor | None = None, limit: int
    ) -> Page[LinkedAgent, AgentCursor]:
        """Return agents by id, each with its link."""
        table = tables.agents
        statement = (
            self._of(table, select(table.c.id, table.c.data))
            .where(*_equal(table, wanted, "customer", "installation"))
            .order_by(table.c.id)
        )
        if wanted.states:
            statement = statement.where(table.c.state.in_(wanted.states))
        rows = await self._rows(_page(statement, table.c.id > after.id if after else None, limit))
        agents = [stored_entity(Agent, Kind.AGENT, row) for row in rows]
        links = await self._links_of(agents)
        linked = [LinkedAgent(agent=one, link=links.get((one.id, one.outbox_id))) for one in agents]
        return _cut(linked, [AgentCursor(row.id) for row in rows], limit)

    async def list_tokens(self, *, after: TokenCursor | None = None, limit: int) -> Page[Token, TokenCursor]:
        """Return tokens, revoked ones too, oldest first."""
        table = tables.tokens
        key = (func.length(table.c.id), table.c.id)
        statement = self._of(table, select(table.c.id, table.c.data)).order_by(*key)
        rows = await self._rows(_page(statement, tuple_(*key) > after if after else None, limit))
        tokens = [stored_entity(Token, Kind.TOKEN, row) for row in rows]
        return _cut(tokens, [TokenCursor(len(row.id), row.id) for row in rows], limit)

    # --- facts ---------------------------------------------------------------------------------------------

    async def series_of(self, agent: str) -> tuple[SeriesPage, ...]:
        """Return all series that an agent has announced, of this outbox and those before, oldest first."""
        table = tables.series_pages
        statement = self._of(table, select(table.c.id, table.c.data)).where(table.c.agent == agent)
        rows = await self._rows(statement.order_by(table.c.sequence))
        return tuple(stored_entity(SeriesPage, Kind.SERIES, row) for row in rows)

    async def count_series(self, agent: str, outbox_id: str) -> int:
        """Return how many series an agent has announced for an outbox."""
        table = tables.series_pages
        statement = self._of(table, select(func.coalesce(func.sum(table.c.series_count), 0)))
        rows = await self._rows(statement.where(table.c.agent == agent, table.c.outbox_id == outbox_id))
        return int(rows[0][0])

    async def batches(self, agent: str, start_us: int, end_us: int) -> AsyncIterator[BatchRow]:
        """Yield the batches of an agent observed in `[start_us, end_us)`, in the order of observation.

        They are read an hour at a time, so neither memory nor the writer feels a long range.
        """
        table = tables.batches
        bounds = self._of(table, select(func.min(table.c.minute), func.max(table.c.minute)))
        bound = (await self._rows(bounds))[0]
        oldest, newest = bound[0], bound[1]
        if oldest is None:
            return
        first = max(start_us // tables.MINUTE_US, oldest)
        last = min((end_us - 1) // tables.MINUTE_US, newest)
        for minute in range(first, last + 1, MINUTES_PER_QUERY):
            minutes = range(minute, min(minute + MINUTES_PER_QUERY, last + 1))
            statement = (
                self._of(table, select(table))
                .where(
                    # Each minute by name: the index leads from (minute, agent) to the rows.
                    table.c.minute.in_(minutes),
                    table.c.agent == agent,
                    table.c.observed_us >= start_us,
                    table.c.observed_us < end_us,
                )
                .order_by(table.c.observed_us, table.c.id)
            )
            for row in await self._rows(statement):
                yield BatchRow(
                    agent=row.agent,
                    outbox_id=row.outbox_id,
                    seq=row.seq,
                    observed_us=row.observed_us,
                    raw=row.raw,
                )

    async def events(
        self, agent: str, start_us: int, end_us: int, *, after: EventCursor | None = None, limit: int
    ) -> Page[EventRow, EventCursor]:
        """Return the events of an agent that happened in `[start_us, end_us)`, oldest first."""
        table = tables.events
        key = (table.c.time_us, table.c.outbox_id, table.c.seq, table.c.position)
        statement = (
            self._of(table, select(table))
            .where(table.c.agent == agent, table.c.time_us >= start_us, table.c.time_us < end_us)
            .order_by(*key)
        )
        rows = await self._rows(_page(statement, tuple_(*key) > after if after else None, limit))
        cursors = [EventCursor(row.time_us, row.outbox_id, row.seq, row.position) for row in rows]
        return _cut([event_of_row(row) for row in rows], cursors, limit)

    # --- the journal ---------------------------------------------------------------------------------------

    async def head(self) -> Head:
        """Return where the partition stands."""
        table = tables.partitions
        rows = await self._rows(self._of(table, select(table)))
        if not rows:
            return Head(turn=0, sequence=0, hash=GENESIS)
        return Head(turn=rows[0].turn, sequence=rows[0].sequence, hash=rows[0].head_hash)

    async def oldest_sequence(self) -> int:
        """Return the position of the oldest entry that is kept; the next one's while there is none."""
        table = tables.journal
        oldest = (await self._rows(self._of(table, select(func.min(table.c.sequence)))))[0][0]
        return 1 if oldest is None else int(oldest)

    async def journal(self, after: int = 0, *, limit: int) -> list[Entry]:
        """Return the entries behind a position, in order."""
        table = tables.journal
        statement = self._of(table, select(table)).where(table.c.sequence > after)
        rows = await self._rows(statement.order_by(table.c.sequence).limit(limit))
        return [entry_of_row(row) for row in rows]

    async def journal_of(self, kind: Kind, ids: Sequence[str], *, after: int = 0, limit: int) -> list[Entry]:
        """Return the entries about some entities of one kind behind a position, in order."""
        if not ids:
            return []
        table = tables.journal
        statement = self._of(table, select(table)).where(
            table.c.kind == kind, table.c.id.in_(ids), table.c.sequence > after
        )
        rows = await self._rows(statement.order_by(table.c.sequence).limit(limit))
        return [entry_of_row(row) for row in rows]

    async def image_at(self, sequence: int) -> Entity | None:
        """Return the entity that the entry at a position left behind, or None."""
        table = tables.journal
        rows = await self._rows(self._of(table, select(table)).where(table.c.sequence == sequence))
        return entry_of_row(rows[0]).image() if rows else None

    # --- how rows are read ---------------------------------------------------------------------------------

    def _of(self, table: Any, statement: Select[Any]) -> Select[Any]:  # noqa: ANN401 -- any of the tables
        """Restrict a statement to this partition."""
        return statement.where(table.c.partition == self._partition)

    async def _rows(self, statement: Select[Any]) -> Sequence[Any]:
        """Return all rows of a bounded statement."""
        try:
            async with self._engine.connect() as connection:
                rows: Sequence[Any] = (await connection.execute(statement)).all()
                return rows
        except DBAPIError as error:
            raise translated(error, "reading") from error


def _page(statement: Select[Any], behind: ColumnElement[bool] | None, limit: int) -> Select[Any]:
    """Cut a page out of a list, with one row more than fits: it tells whether there is a next page."""
    if behind is not None:
        statement = statement.where(behind)
    return statement.limit(limit + 1)


def _cut(items: Sequence[Any], cursors: Sequence[Any], limit: int) -> Page[Any, Any]:
    """Return the page, and the key of its last row if rows follow."""
    more = len(items) > limit
    return Page(items=tuple(items[:limit]), next=cursors[limit - 1] if more else None)


def _equal(table: Any, wanted: object, *names: str) -> Iterable[ColumnElement[bool]]:  # noqa: ANN401 -- any table
    """Yield a condition for each field of a filter that is set."""
    for name in names:
        value = getattr(wanted, name)
        if value:
            yield table.c[name] == value
