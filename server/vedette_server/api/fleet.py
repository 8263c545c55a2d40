"""FleetService: installations as the policy names them, with what is owed to each, and their agents."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from vedette.support.v1 import fleet_pb2
from vedette_server.api import fields, wire
from vedette_server.api.errors import not_found
from vedette_server.api.pages import cursor_of, page_token
from vedette_server.cases.case import OPEN_STATES
from vedette_server.contracts.entitlement import entitlement
from vedette_server.engine.changes import Kind
from vedette_server.fleet.agent import Agent, AgentState
from vedette_server.store.pages import AgentCursor, AgentFilter, CaseCursor, CaseFilter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vedette_server.api.auth import Caller
    from vedette_server.api.reference import Reference
    from vedette_server.api.views import Views
    from vedette_server.contracts.customer import Installation
    from vedette_server.store.reader import Reader

_PAGE = fields.MAX_PAGE_SIZE


class Place(NamedTuple):
    """Place of an installation in its list, and its cursor."""

    customer: str
    id: str


class FleetService:
    """The methods of `vedette.support.v1.FleetService`."""

    def __init__(self, *, reader: Reader, reference: Reference, views: Views) -> None:
        """Take what to read, and how to show it."""
        self._reader = reader
        self._reference = reference
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
            installations=await self._show(page, customer),
            next_page_token=page_token(request, Place(page[-1].customer, page[-1].id) if more else None),
        )

    async def GetInstallation(
        self, request: fleet_pb2.GetInstallationRequest, caller: Caller
    ) -> fleet_pb2.GetInstallationResponse:
        """Return one installation."""
        found = self._reference.policy.installation(request.customer, request.id)
        if found is None:
            raise not_found("installation", f"{request.customer}/{request.id}")
        (message,) = await self._show((found,), found.customer)
        return fleet_pb2.GetInstallationResponse(installation=message)

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
            agents=[await self._views.linked_agent(one.agent, one.link) for one in page.items],
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

    async def _show(
        self, installations: Sequence[Installation], customer: str
    ) -> list[fleet_pb2.Installation]:
        """Return installations, all of `customer` unless that is empty."""
        agents = await self._agents(customer)
        open_cases = await self._open_cases(customer)
        return [self._installation(one, agents, open_cases) for one in installations]

    def _installation(
        self,
        installation: Installation,
        agents: dict[Place, list[Agent]],
        open_cases: Counter[Place],
    ) -> fleet_pb2.Installation:
        place = Place(installation.customer, installation.id)
        mine = agents.get(place, [])
        releases = [agent.product_version for agent in mine if agent.product_version]
        owed = entitlement(
            self._reference.policy,
            installation,
            product_version=releases[0] if releases else None,
            connected=any(agent.state is not AgentState.NEVER_SEEN for agent in mine),
            now=self._views.now(),
        )
        return wire.installation(
            installation,
            customer=self._reference.policy.customer(installation.customer),
            entitlement=owed,
            agents=[agent.id for agent in mine],
            open_cases=open_cases[place],
        )

    async def _agents(self, customer: str) -> dict[Place, list[Agent]]:
        """Return the agents of one customer or of all, by installation."""
        found: dict[Place, list[Agent]] = {}
        after: AgentCursor | None = None
        while True:
            page = await self._reader.list_agents(AgentFilter(customer=customer), after=after, limit=_PAGE)
            for one in page.items:
                found.setdefault(Place(one.agent.customer, one.agent.installation), []).append(one.agent)
            after = page.next
            if after is None:
                return found

    async def _open_cases(self, customer: str) -> Counter[Place]:
        """Return how many cases are open, by installation."""
        found: Counter[Place] = Counter()
        after: CaseCursor | None = None
        wanted = CaseFilter(states=OPEN_STATES, customer=customer)
        while True:
            page = await self._reader.list_cases(wanted, after=after, limit=_PAGE)
            found.update(Place(case.customer, case.installation) for case in page.items)
            after = page.next
            if after is None:
                return found
