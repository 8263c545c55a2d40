"""Loading: what the world is made of, read from the state tables.

Only what is open is read, never history, and each kind in the order in which it was last written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import ColumnElement, and_, select

from vedette_server.access.token import Token
from vedette_server.alarms.alarm import Alarm
from vedette_server.calendars.intervals import CalendarVersion
from vedette_server.cases.case import Case, CaseState
from vedette_server.contracts.policy import Policy
from vedette_server.detect.catalog import Catalog
from vedette_server.detect.rule_state import RuleState
from vedette_server.engine.changes import ENTITY_TYPES, Counter, Kind, Request, Timer
from vedette_server.engine.world import Loaded, calendar_id
from vedette_server.fleet.agent import Agent, AgentLink
from vedette_server.store import tables
from vedette_server.store.errors import StoreCorrupt
from vedette_server.store.rows import link_of_row, stored_entity
from vedette_server.telemetry.series import SeriesPage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from vedette_server.store.position import Position

E = TypeVar("E")

_KINDS: dict[type, Kind] = {type_: kind for kind, type_ in ENTITY_TYPES.items()}


async def load(connection: AsyncConnection, position: Position) -> Loaded:
    """Read the world of a partition.

    Raises:
        StoreCorrupt: an entity cannot be decoded, or is not what the journal says.
    """

    async def read(type_: type[E], *where: ColumnElement[bool]) -> list[E]:
        return await _read(connection, position.partition, type_, *where)

    cases = await read(Case, tables.cases.c.state != CaseState.CLOSED)
    policies = await read(Policy)
    catalogs = await read(Catalog)
    return Loaded(
        partition=position.partition,
        epoch=position.epoch,
        turn=position.turn,
        sequence=position.sequence,
        policy=policies[-1] if policies else None,
        catalog=catalogs[-1] if catalogs else None,
        calendars=await read(CalendarVersion, tables.calendars.c.id.in_(_calendars(cases, policies))),
        agents=await read(Agent),
        links=await _links(connection, position.partition),
        series=await read(SeriesPage, _is_current_outbox()),
        alarms=await read(Alarm, tables.alarms.c.closed == 0),
        cases=cases,
        rule_states=await read(RuleState),
        timers=await read(Timer),
        tokens=await read(Token),
        counters=await read(Counter),
        requests=await read(Request),
    )


def _calendars(cases: Sequence[Case], policies: Sequence[Policy]) -> list[str]:
    """Return the calendar versions that clocks of cases are pinned to, and those of the policy in force."""
    pinned = [
        f"{case.clock.calendar_id}@{case.clock.calendar_version}" for case in cases if case.clock is not None
    ]
    of_policy = [calendar_id(one) for policy in policies[-1:] for one in policy.calendars]
    return sorted({*pinned, *of_policy})


def _is_current_outbox() -> ColumnElement[bool]:
    """Select series pages of the outboxes that agents have now; a new outbox announces anew."""
    pages, links = tables.series_pages, tables.links
    return (
        select(links.c.agent)
        .where(
            links.c.partition == pages.c.partition,
            links.c.agent == pages.c.agent,
            links.c.outbox_id == pages.c.outbox_id,
        )
        .exists()
    )


async def _read(
    connection: AsyncConnection, partition: int, type_: type[E], *where: ColumnElement[bool]
) -> list[E]:
    kind = _KINDS[type_]
    table = tables.STATE_TABLES[kind]
    journal = tables.journal
    written_by = and_(journal.c.partition == table.c.partition, journal.c.sequence == table.c.sequence)
    statement = (
        select(table.c.id, table.c.data, (journal.c.after == table.c.data).label("sound"))
        .select_from(table.outerjoin(journal, written_by))
        .where(table.c.partition == partition, *where)
        .order_by(table.c.sequence)
    )
    found = []
    for row in await connection.execute(statement):
        # State and journal hold each image twice; a bit that fell over in one of them shows here.
        if not row.sound:
            raise StoreCorrupt(f"{kind} {row.id} is not what the journal says; restore a backup")
        found.append(stored_entity(type_, kind, row))
    return found


async def _links(connection: AsyncConnection, partition: int) -> list[AgentLink]:
    table = tables.links
    statement = select(table).where(table.c.partition == partition).order_by(table.c.agent)
    return [link_of_row(row) for row in await connection.execute(statement)]
