"""FleetService: installations as the policy names them, with what is owed to each, and their agents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vedette.support.v1 import fleet_pb2
from vedette_server.api import fields, wire
from vedette_server.api.census import Place
from vedette_server.api.errors import not_found
from vedette_server.api.pages import cursor_of, page_token
from vedette_server.contracts.entitlement import entitlement
from vedette_server.engine.changes import Kind
from vedette_server.fleet.agent import Agent, AgentState
from vedette_server.store.pages import AgentCursor, AgentFilter

if TYPE_CHECKING:
    from vedette_server.api.auth import Caller
    from vedette_server.api.census import Census
    from vedette_server.api.reference import Reference
    from vedette_server.api.views import Views
    from vedette_server.contracts.customer import Installation
    from vedette_server.store.reader import Reader


class FleetService:
    """The methods of `vedette.support.v1.FleetService`."""

    def __init__(self, *, reader: Reader, reference: Reference, census: Census, views: Views) -> None:
        """Take what to read, and how to show it."""
        self._reader = reader
        self._reference = reference
        self._census = census
        self._views = views

    async def ListInstallations(
        self, request: fleet_pb2.ListInstallationsRequest, caller: Caller
    ) -> fleet_pb2.ListInstallationsResponse:
        """Return the installations of the policy, by customer and id."""
        customer = fields.optional_slug("customer", request.customer)
        policy = self._reference.policy
        listed = policy.installations_of(customer) if customer else policy.installations
        after = cursor_of(request, Place)
        if after is not None:
            listed = tuple(one for one in listed if (one.customer, one.id) > after)
        page = listed[: fields.page_size(request.page_size)]
        more = len(page) < len(listed)
        return fleet_pb2.ListInstallationsResponse(
            installations=[self._show(one) for one in page],
            next_page_token=page_token(request, Place(page[-1].customer, page[-1].id) if more else None),
        )

    async def GetInstallation(
        self, request: fleet_pb2.GetInstallationRequest, caller: Caller
    ) -> fleet_pb2.GetInstallationResponse:
        """Return one installation."""
        found = self._reference.policy.installation(request.customer, request.id)
        if found is None:
            raise not_found("installation", f"{request.customer}/{request.id}")
        return fleet_pb2.GetInstallationResponse(installation=self._show(found))

    async def ListAgents(
        self, request: fleet_pb2.ListAgentsRequest, caller: Caller
    ) -> fleet_pb2.ListAgentsResponse:
        """Return agents, by id."""
        page = await self._reader.list_agents(
            AgentFilter(
                customer=fields.optional_slug("customer", request.customer),
                states=fields.members("states", request.states, wire.AGENT_STATES),
            ),
            after=cursor_of(request, AgentCursor),
            limit=fields.page_size(request.page_size),
        )
        return fleet_pb2.ListAgentsResponse(
            agents=[self._views.linked_agent(one.agent, one.link) for one in page.items],
            next_page_token=page_token(request, page.next),
        )

    async def GetAgent(
        self, request: fleet_pb2.GetAgentRequest, caller: Caller
    ) -> fleet_pb2.GetAgentResponse:
        """Return one agent."""
        agent = await self._reader.get(Kind.AGENT, fields.identity("id", request.id))
        if not isinstance(agent, Agent):
            raise not_found("agent", request.id)
        return fleet_pb2.GetAgentResponse(agent=await self._views.agent(agent))

    def _show(self, installation: Installation) -> fleet_pb2.Installation:
        place = Place(installation.customer, installation.id)
        agents = self._census.agents_at(place)
        releases = [agent.product_version for agent in agents if agent.product_version]
        owed = entitlement(
            self._reference.policy,
            installation,
            product_version=releases[0] if releases else None,
            connected=any(agent.state is not AgentState.NEVER_SEEN for agent in agents),
            now=self._views.now(),
        )
        return wire.installation(
            installation,
            customer_name=self._reference.customer_name(installation.customer),
            entitlement=owed,
            agents=[agent.id for agent in agents],
            open_cases=self._census.open_cases_at(place),
        )
