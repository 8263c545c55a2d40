"""Reference data: the policy, the catalog's version and the calendars, as committed, at hand for the API.

One idea: they change rarely and are needed for nearly every answer, so they are read once and then followed
through the commits. A calendar version never changes, so one that was read is good for ever.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from vedette_server.calendars.intervals import CalendarVersion
from vedette_server.contracts.policy import Policy
from vedette_server.detect.catalog import Catalog
from vedette_server.engine.changes import Kind

if TYPE_CHECKING:
    from vedette_server.engine.changes import TurnRecord
    from vedette_server.engine.world import World
    from vedette_server.store.reader import Reader

#: Calendars kept at hand; one that is asked for less often is read again. Each has some thousand intervals.
MAX_CALENDARS: Final = 256


class Reference:
    """The policy in force and what else every answer needs."""

    def __init__(self, world: World, *, reader: Reader) -> None:
        """Start with a world that has just been loaded."""
        self._reader = reader
        self.policy: Policy = world.policy
        self.catalog_version = world.catalog.version
        self._calendars: OrderedDict[str, CalendarVersion] = OrderedDict()
        self._changed = asyncio.Event()

    def committed(self, record: TurnRecord) -> None:
        """Follow the changes of a committed turn."""
        for change in record.changes:
            match change.after:
                case Policy():
                    self.policy = change.after
                case Catalog():
                    self.catalog_version = change.after.version
                case CalendarVersion():
                    self._keep(change.id, change.after)
                case _:
                    continue
            self._changed.set()

    async def until_in_force(self, *, policy: str, catalog: str) -> None:
        """Return once these versions are the ones in force."""
        while (self.policy.version, self.catalog_version) != (policy, catalog):
            self._changed.clear()
            await self._changed.wait()

    async def calendar(self, id_: str, version: str) -> CalendarVersion | None:
        """Return one version of a calendar, or None when it was never loaded."""
        entity_id = f"{id_}@{version}"
        found = self._calendars.get(entity_id)
        if found is None:
            entity = await self._reader.get(Kind.CALENDAR, entity_id)
            if not isinstance(entity, CalendarVersion):
                return None
            found = entity
        self._keep(entity_id, found)
        return found

    def customer_name(self, id_: str) -> str:
        """Return the name of a customer for people; empty when the policy does not know it any more."""
        customer = self.policy.customer(id_)
        return customer.name if customer else ""

    def _keep(self, id_: str, calendar: CalendarVersion) -> None:
        self._calendars[id_] = calendar
        self._calendars.move_to_end(id_)
        while len(self._calendars) > MAX_CALENDARS:
            self._calendars.popitem(last=False)
