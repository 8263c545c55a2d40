"""One small policy that the tests of contracts share."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from vedette_server.contracts.contract import Contract
from vedette_server.contracts.customer import Customer, Installation, Node, Theater
from vedette_server.contracts.plan import CountsIn, Plan, ResponseTarget, SelfClear
from vedette_server.contracts.policy import Policy
from vedette_server.contracts.priority import Priority


def plan(id_: str, *, proactive: bool = True, minimum: str = "2020.Winter.1") -> Plan:
    return Plan(
        id=id_,
        title=id_.capitalize(),
        version="0" * 16,
        coverage="extended",
        response=(
            ResponseTarget(priority=Priority.P1, target=timedelta(minutes=60), counts_in=CountsIn.COVERAGE),
            ResponseTarget(priority=Priority.P2, target=timedelta(hours=2), counts_in=CountsIn.BUSINESS),
        ),
        proactive=proactive,
        customer_notices=True,
        crm_case=False,
        page_priorities=(Priority.P1,),
        minimum_release=minimum,
        on_self_clear=(
            SelfClear(priority=Priority.P3, stops_clock=True, resolve_after=timedelta(minutes=15)),
        ),
        services=(),
    )


def customer(id_: str) -> Customer:
    return Customer(
        id=id_,
        name=id_.capitalize(),
        theater="emea",
        contact_email=None,
        contact_phone=None,
        language="en",
    )


def contract(id_: str, customer: str, plan: str, starts: date, ends: date) -> Contract:
    """Return a contract in a theater that lives on UTC."""
    return Contract(
        id=id_,
        customer=customer,
        plan=plan,
        starts=starts,
        ends=ends,
        starts_at=datetime(starts.year, starts.month, starts.day, tzinfo=UTC),
        ends_at=datetime(ends.year, ends.month, ends.day, tzinfo=UTC) + timedelta(days=1),
    )


def installation(
    customer: str, id_: str, *, release: str = "2020.Winter.1", cloud: bool = True, consent: bool = True
) -> Installation:
    return Installation(
        id=id_,
        customer=customer,
        name=id_.capitalize(),
        product_version=release,
        cloud_connected=cloud,
        consent=consent,
        licensed_components=("ivr",),
        nodes=(Node(id="node-1", ha_role=None),),
    )


#: acme has gold in 2026 and, after a gap of a month, basic; bolt has none yet; acme-2 sorts beside acme.
POLICY = Policy(
    version="0" * 16,
    theaters=(Theater(id="emea", title="EMEA", zone="UTC", calendars=("emea/always",)),),
    plans=(plan("basic", proactive=False), plan("gold")),
    customers=(customer("acme"), customer("acme-2"), customer("bolt")),
    contracts=(
        contract("K-1", "acme", "gold", date(2026, 1, 1), date(2026, 12, 31)),
        contract("K-2", "acme", "basic", date(2027, 2, 1), date(2027, 12, 31)),
        contract("K-3", "acme-2", "gold", date(2026, 1, 1), date(2026, 1, 1)),
    ),
    installations=(
        installation("acme", "berlin"),
        installation("acme", "paris"),
        installation("acme-2", "oslo"),
    ),
    calendars=(),
)
