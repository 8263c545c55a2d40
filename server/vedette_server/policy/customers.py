"""Read customers with their contracts and installations, and check what they refer to.

A contract's days become instants here, in the zone of the customer's theater.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from vedette_server.calendars.compile import TheaterDefinition, is_zone, start_of_day
from vedette_server.contracts.contract import Contract
from vedette_server.contracts.customer import Customer, HaRole, Installation, Node
from vedette_server.policy.shapes import CONTRACT_ID, EMAIL, LANGUAGE, PHONE, RELEASE
from vedette_server.yamlfile import FIRST_DAY, SLUG, did_you_mean

if TYPE_CHECKING:
    from vedette_server.contracts.plan import Plan
    from vedette_server.yamlfile import Mapping, Value


@dataclass(slots=True, kw_only=True)
class CustomerReader:
    """Reads one customer after another, against the theaters and plans that were read before."""

    theaters: dict[str, TheaterDefinition]
    plans: dict[str, Plan]
    customers: list[Customer] = field(default_factory=list)
    contracts: list[Contract] = field(default_factory=list)
    installations: list[Installation] = field(default_factory=list)
    #: Where each contract id stands, to name the line when it is used again.
    _contract_places: dict[str, Value] = field(default_factory=dict)

    def read(self, key: Value, value: Value) -> None:
        """Read one customer, and all that belongs to it, into the lists."""
        id_ = key.text(shape=SLUG)
        customer = value.mapping()
        theater = self._read_theater(customer)
        contact = customer.mapping("contact", default=None)
        self.customers.append(
            Customer(
                id=id_,
                name=customer.text("name"),
                theater=theater.id if theater else "",
                contact_email=contact.text("email", default=None, shape=EMAIL) if contact else None,
                contact_phone=contact.text("phone", default=None, shape=PHONE) if contact else None,
                language=customer.text("language", default="en", shape=LANGUAGE),
            )
        )
        if contact is not None:
            contact.reject_unknown()
        self._read_contracts(id_, customer.mapping("contracts", default=None), theater)
        installations = customer.mapping("installations", default=None)
        for entry in installations.entries() if installations is not None else ():
            self.installations.append(_read_installation(id_, *entry))
        customer.reject_unknown()

    def _read_theater(self, customer: Mapping) -> TheaterDefinition | None:
        id_ = customer.text("theater")
        if id_ and id_ not in self.theaters:
            hint = did_you_mean(id_, self.theaters)
            customer.problem("theater", "must be one of the theaters above", hint=hint)
        return self.theaters.get(id_)

    def _read_contracts(
        self, customer: str, contracts: Mapping | None, theater: TheaterDefinition | None
    ) -> None:
        read: list[tuple[Contract, Value]] = []
        for key, value in contracts.entries() if contracts is not None else ():
            id_ = key.text(shape=CONTRACT_ID)
            if id_ in self._contract_places:
                key.note(f"contract is given twice, first on line {self._contract_places[id_].line}")
            self._contract_places[id_] = key
            read.append((self._read_contract(id_, customer, value.mapping(), theater), key))
        read.sort(key=lambda pair: pair[0].starts)
        for (one, _place), (next_, place) in pairwise(read):
            if next_.starts <= one.ends:
                place.note(f"overlaps contract {one.id}, which runs to {one.ends}")
        self.contracts.extend(contract for contract, _place in read)

    def _read_contract(
        self, id_: str, customer: str, contract: Mapping, theater: TheaterDefinition | None
    ) -> Contract:
        plan = contract.text("plan")
        if plan and plan not in self.plans:
            hint = did_you_mean(plan, self.plans)
            contract.problem("plan", f"must be one of {', '.join(sorted(self.plans))}", hint=hint)
        elif plan and theater is not None:
            _check_calendars(contract, self.plans[plan], theater)
        starts, ends = contract.day("starts"), contract.day("ends")
        if FIRST_DAY < ends < starts:  # FIRST_DAY itself stands in for a date that could not be read
            contract.problem("ends", f"must not be before starts ({starts})")
        contract.reject_unknown()
        # An unknown theater is a problem already; any zone will do for the placeholder.
        zone = theater.zone if theater is not None and is_zone(theater.zone) else "UTC"
        return Contract(
            id=id_,
            customer=customer,
            plan=plan,
            starts=starts,
            ends=ends,
            starts_at=start_of_day(starts, zone),
            ends_at=start_of_day(ends + timedelta(days=1), zone),
        )


def _check_calendars(contract: Mapping, plan: Plan, theater: TheaterDefinition) -> None:
    """Note the calendars that the plan counts in and the customer's theater does not have."""
    missing = set(plan.calendar_names()) - {calendar.name for calendar in theater.calendars}
    if missing:
        names = ", ".join(sorted(missing))
        contract.problem("plan", f"needs calendars that theater {theater.id} does not have ({names})")


def _read_installation(customer: str, key: Value, value: Value) -> Installation:
    installation = value.mapping()
    nodes = installation.mapping("nodes")
    read = Installation(
        id=key.text(shape=SLUG),
        customer=customer,
        name=installation.text("name"),
        product_version=installation.text("product_version", shape=RELEASE),
        cloud_connected=installation.boolean("cloud_connected"),
        consent=installation.boolean("consent"),
        licensed_components=tuple(sorted(installation.texts("licensed_components", shape=SLUG))),
        nodes=tuple(sorted((_read_node(*entry) for entry in nodes.entries()), key=lambda node: node.id)),
    )
    if not read.nodes:
        installation.problem("nodes", "must have at least one node")
    installation.reject_unknown()
    return read


def _read_node(key: Value, value: Value) -> Node:
    id_ = key.text(shape=SLUG)
    if value.is_empty:  # `node-1:` says all there is to say about a node without a partner
        return Node(id=id_, ha_role=None)
    node = value.mapping()
    read = Node(id=id_, ha_role=node.enum("ha_role", HaRole, default=None))
    node.reject_unknown()
    return read
