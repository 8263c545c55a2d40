"""A contract: which plan a customer has, from when to when.

The dates are what was signed; the instants are the same dates as the customer's theater lives them, worked
out once when policy loads, so that the core needs no time zone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """One contract of one customer.

    Invariants: `starts <= ends`, `starts_at < ends_at`; two contracts of a customer never overlap.
    """

    #: As the vendor's books name it, such as "K-2026-001"; unique.
    id: str
    #: Id of the customer.
    customer: str
    #: Id of the plan.
    plan: str
    #: First day.
    starts: date
    #: Last day, inclusive.
    ends: date
    #: Beginning of the first day in the theater's zone (aware UTC).
    starts_at: datetime
    #: End of the last day in the theater's zone, exclusive (aware UTC).
    ends_at: datetime

    def covers(self, at: datetime) -> bool:
        """Tell whether the contract is in force at `at` (aware UTC)."""
        return self.starts_at <= at < self.ends_at
