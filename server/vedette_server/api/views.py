"""Views: resources as the API shows them, with what an entity alone does not say.

A case is shown with its customer's name and the time on its response clock, an agent with what changes at
every frame. Messages themselves are made in `wire.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vedette_server.api import wire
from vedette_server.api.sla_clock import read_clock

if TYPE_CHECKING:
    from datetime import datetime

    from vedette.support.v1 import alarm_pb2, case_pb2, fleet_pb2
    from vedette_server.alarms.alarm import Alarm
    from vedette_server.api.census import Census
    from vedette_server.api.reference import Reference
    from vedette_server.cases.case import Case
    from vedette_server.clock import Clock
    from vedette_server.fleet.agent import Agent, AgentLink
    from vedette_server.store.reader import Reader


class Views:
    """Shows entities as of now."""

    def __init__(self, *, reader: Reader, reference: Reference, census: Census, clock: Clock) -> None:
        """Take where the rest of what is shown comes from."""
        self._reader = reader
        self._reference = reference
        self._census = census
        self._clock = clock

    def now(self) -> datetime:
        """Return the server's wall time."""
        return self._clock.read().wall

    async def case(self, case: Case) -> case_pb2.Case:
        """Return a case."""
        face = None
        if case.clock is not None:
            calendar = await self._reference.calendar(case.clock.calendar_id, case.clock.calendar_version)
            face = read_clock(case.clock, calendar=calendar, now=self.now())
        return wire.case(case, customer_name=self._reference.customer_name(case.customer), clock=face)

    def alarm(self, alarm: Alarm) -> alarm_pb2.Alarm:
        """Return an alarm."""
        return wire.alarm(alarm)

    async def agent(self, agent: Agent) -> fleet_pb2.Agent:
        """Return an agent, with its link as of now."""
        link = await self._reader.link_of(agent)
        return self.linked_agent(agent, link)

    def linked_agent(self, agent: Agent, link: AgentLink | None) -> fleet_pb2.Agent:
        """Return an agent whose link was read with it."""
        return wire.agent(agent, link, series_count=self._census.series_of(agent))
