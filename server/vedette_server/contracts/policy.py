"""The policy: everything that was agreed and configured, as one immutable value.

One `Policy` is one version of the policy file. All its tuples are sorted by id, so that a look-up is a
bisection, equal content is an equal value, and nothing here needs an index that could go stale.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import TypeVar

from vedette_server.calendars.intervals import CalendarVersion
from vedette_server.contracts.contract import Contract
from vedette_server.contracts.customer import Customer, Installation, Theater
from vedette_server.contracts.plan import Plan

T = TypeVar("T")
K = TypeVar("K", str, tuple[str, str], tuple[str, datetime])


def _by_id(item: Customer | Theater | Plan | CalendarVersion) -> str:
    return item.id


def _by_customer_and_id(installation: Installation) -> tuple[str, str]:
    return installation.customer, installation.id


def _by_customer_and_start(contract: Contract) -> tuple[str, datetime]:
    return contract.customer, contract.starts_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """All theaters, calendars, plans, customers, contracts and installations of one policy version.

    Invariants: every tuple is sorted, which is checked. The loader sees to it that every id that is referred
    to exists, and that every customer's theater has the calendars that its plan needs.
    """

    #: Hash of everything else here, 16 hexadecimal digits.
    version: str
    theaters: tuple[Theater, ...]
    plans: tuple[Plan, ...]
    customers: tuple[Customer, ...]
    #: Sorted by customer, then start.
    contracts: tuple[Contract, ...]
    #: Sorted by customer, then id.
    installations: tuple[Installation, ...]
    calendars: tuple[CalendarVersion, ...]

    def __post_init__(self) -> None:
        """Refuse tuples that are not sorted: look-ups would miss what is there."""
        _check_sorted(self.theaters, _by_id)
        _check_sorted(self.plans, _by_id)
        _check_sorted(self.customers, _by_id)
        _check_sorted(self.calendars, _by_id)
        _check_sorted(self.contracts, _by_customer_and_start)
        _check_sorted(self.installations, _by_customer_and_id)

    def theater(self, id_: str) -> Theater | None:
        """Return the theater with this id, or None."""
        return _find(self.theaters, id_, _by_id)

    def plan(self, id_: str) -> Plan | None:
        """Return the plan with this id, or None."""
        return _find(self.plans, id_, _by_id)

    def customer(self, id_: str) -> Customer | None:
        """Return the customer with this id, or None."""
        return _find(self.customers, id_, _by_id)

    def installation(self, customer: str, id_: str) -> Installation | None:
        """Return the installation of a customer, or None."""
        return _find(self.installations, (customer, id_), _by_customer_and_id)

    def installations_of(self, customer: str) -> tuple[Installation, ...]:
        """Return all installations of a customer, sorted by id."""
        low = bisect_left(self.installations, (customer, ""), key=_by_customer_and_id)
        high = bisect_left(self.installations, (customer + "\0", ""), key=_by_customer_and_id)
        return self.installations[low:high]

    def contracts_of(self, customer: str) -> tuple[Contract, ...]:
        """Return all contracts of a customer, oldest first."""

        def owner(contract: Contract) -> str:
            return contract.customer

        low = bisect_left(self.contracts, customer, key=owner)
        high = bisect_right(self.contracts, customer, key=owner)
        return self.contracts[low:high]

    def contract_for(self, customer: str, at: datetime) -> Contract | None:
        """Return the contract of a customer that is in force at `at` (aware UTC), or None."""
        return next((contract for contract in self.contracts_of(customer) if contract.covers(at)), None)

    def calendar(self, theater: str, name: str) -> CalendarVersion | None:
        """Return a theater's calendar by its name, such as "business", or None."""
        return _find(self.calendars, f"{theater}/{name}", _by_id)


def _find(items: Sequence[T], key: K, of: Callable[[T], K]) -> T | None:
    """Return the item whose key is `key`, or None, by bisection."""
    index = bisect_left(items, key, key=of)
    return items[index] if index < len(items) and of(items[index]) == key else None


def _check_sorted(items: Sequence[T], of: Callable[[T], K]) -> None:
    for one, next_ in pairwise(items):
        if not of(one) < of(next_):
            raise ValueError(
                f"{type(one).__name__} must be sorted and unique, got {of(next_)} after {of(one)}"
            )
