"""Read support plans: those that ship (`plans.yaml` beside this file) and what a policy file makes of them.

A policy file changes a shipped plan key by key: a key that it gives replaces the shipped value whole, a key
that it leaves out stays. A plan of another name is new and must give every key.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from vedette_server.content import content_hash
from vedette_server.contracts.plan import CountsIn, Plan, ResponseTarget, SelfClear, Service
from vedette_server.contracts.priority import Priority
from vedette_server.policy.shapes import RELEASE
from vedette_server.yamlfile import SLUG, load

if TYPE_CHECKING:
    from collections.abc import Callable

    from vedette_server.yamlfile import Mapping, Problems, Value

T = TypeVar("T")

#: The plans that ship.
SHIPPED_PATH: Final = Path(__file__).with_name("plans.yaml")
#: Bounds of a response target. They are hours: a day has no fixed amount of open time.
SHORTEST_TARGET: Final = timedelta(seconds=1)
LONGEST_TARGET: Final = timedelta(hours=24)
#: Longest hold before a case whose alarms cleared resolves by itself.
LONGEST_HOLD: Final = timedelta(hours=72)


def read_plans(changes: Mapping | None, problems: Problems) -> dict[str, Plan]:
    """Return all plans by id: the shipped ones, as changed and extended by a policy file's `plans:`."""
    shipped = {key.text(shape=SLUG): value for key, value in load(SHIPPED_PATH, problems).entries()}
    plans = {id_: _read_plan(id_, value.mapping()) for id_, value in shipped.items()}
    for key, value in changes.entries() if changes is not None else ():
        id_ = key.text(shape=SLUG)
        plan = value.mapping()
        plans[id_] = _read_plan(id_, plan.over(shipped[id_].mapping()) if id_ in shipped else plan)
    return plans


def _read_plan(id_: str, plan: Mapping) -> Plan:
    read = Plan(
        id=id_,
        version="",
        title=plan.text("title"),
        coverage=plan.text("coverage", shape=SLUG),
        response=_by_priority(plan.mapping("response"), _read_target),
        proactive=plan.boolean("proactive"),
        customer_notices=plan.boolean("customer_notices"),
        crm_case=plan.boolean("crm_case"),
        page_priorities=tuple(sorted(plan.enums("page_priorities", Priority))),
        minimum_release=plan.text("minimum_release", shape=RELEASE),
        on_self_clear=_by_priority(plan.mapping("on_self_clear"), _read_self_clear),
        services=tuple(_read_service(*entry) for entry in plan.mapping("services").entries()),
    )
    plan.reject_unknown()
    return replace(read, version=content_hash(read))


def _by_priority(mapping: Mapping, read: Callable[[Priority, Mapping], T]) -> tuple[T, ...]:
    """Read a mapping of priorities; returns the entries, most urgent first."""
    entries = {key.enum(Priority): value.mapping() for key, value in mapping.entries()}
    return tuple(read(priority, entries[priority]) for priority in sorted(entries))


def _read_target(priority: Priority, target: Mapping) -> ResponseTarget:
    read = ResponseTarget(
        priority=priority,
        target=target.duration("target", minimum=SHORTEST_TARGET, maximum=LONGEST_TARGET),
        counts_in=target.enum("counts_in", CountsIn),
    )
    target.reject_unknown()
    return read


def _read_self_clear(priority: Priority, rule: Mapping) -> SelfClear:
    read = SelfClear(
        priority=priority,
        stops_clock=rule.boolean("stops_clock"),
        resolve_after=rule.duration("resolve_after", default=None, maximum=LONGEST_HOLD),
    )
    rule.reject_unknown()
    return read


def _read_service(key: Value, value: Value) -> Service:
    service = value.mapping()
    read = Service(
        id=key.text(shape=SLUG),
        title=service.text("title"),
        start_date=service.day("start_date", default=None),
    )
    service.reject_unknown()
    return read
