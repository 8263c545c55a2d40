"""Load the policy file: read, check, compile the calendars, and return one `Policy`.

Everything is read before anything is built, so a `PolicyError` lists every mistake in the file. A policy
that loads is whole: every id that is referred to exists, and every promise has a calendar to be counted in.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from vedette_server.calendars.compile import TheaterDefinition, compile_theater
from vedette_server.content import content_hash
from vedette_server.contracts.customer import Theater
from vedette_server.contracts.policy import Policy
from vedette_server.policy.customers import CustomerReader
from vedette_server.policy.plans import read_plans
from vedette_server.policy.theaters import read_theaters
from vedette_server.yamlfile import Problems, YamlError, load

if TYPE_CHECKING:
    from datetime import datetime


#: A commented policy file to start from; `vedette-server config sample --policy` prints it.
SAMPLE_PATH: Final = Path(__file__).with_name("sample.yaml")


class PolicyError(YamlError):
    """The policy file holds mistakes; `problems` lists every one as `file:line: key: what, got value`."""


def load_policy(path: Path, *, now: datetime) -> Policy:
    """Return the policy of a file, its calendars compiled for the years around `now` (aware UTC).

    The version depends on what the file says, not on its comments or order, and changes without an edit only
    when a New Year moves the compiled years or a new time-zone or holiday database moves an interval.

    Raises:
        PolicyError: the file cannot be read, or holds mistakes.
    """
    problems = Problems(PolicyError)
    tree = load(path, problems)
    theaters = read_theaters(tree.mapping("theaters"))
    plans = read_plans(tree.mapping("plans", default=None), problems)
    reader = CustomerReader(theaters=theaters, plans=plans)
    for key, value in tree.mapping("customers").entries():
        reader.read(key, value)
    tree.reject_unknown()
    problems.raise_if_any()
    return _build(theaters, reader, now=now)


def _build(theaters: dict[str, TheaterDefinition], reader: CustomerReader, *, now: datetime) -> Policy:
    """Compile and sort what was read, all of which is known to be right."""
    calendars = [calendar for theater in theaters.values() for calendar in compile_theater(theater, now=now)]
    policy = Policy(
        version="",
        theaters=tuple(sorted(map(_theater, theaters.values()), key=lambda theater: theater.id)),
        plans=tuple(sorted(reader.plans.values(), key=lambda plan: plan.id)),
        customers=tuple(sorted(reader.customers, key=lambda customer: customer.id)),
        contracts=tuple(sorted(reader.contracts, key=lambda one: (one.customer, one.starts_at))),
        installations=tuple(sorted(reader.installations, key=lambda one: (one.customer, one.id))),
        calendars=tuple(sorted(calendars, key=lambda calendar: calendar.id)),
    )
    return replace(policy, version=content_hash(policy))


def _theater(definition: TheaterDefinition) -> Theater:
    ids = sorted(f"{definition.id}/{calendar.name}" for calendar in definition.calendars)
    return Theater(id=definition.id, title=definition.title, zone=definition.zone, calendars=tuple(ids))
