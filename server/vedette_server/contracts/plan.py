"""Support plans: what each level of support promises, as data.

Every value comes from policy (`policy/plans.yaml` and what a policy file changes); no plan is known by name
in code. A plan without response targets is "best effort": its cases have no clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from vedette_server.contracts.priority import Priority

#: The calendar of a theater that business-hours targets count in.
BUSINESS: Final = "business"
#: The calendar that every theater has without saying so: open at every instant.
ALWAYS: Final = "always"


class CountsIn(StrEnum):
    """Which calendar of the theater a response target counts in."""

    #: The plan's own coverage calendar.
    COVERAGE = "coverage"
    #: The theater's business hours, whatever the plan covers.
    BUSINESS = "business"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseTarget:
    """The response time promised for one priority."""

    priority: Priority
    #: Open time allowed, exclusive: met only if less has passed. Always positive, never days.
    target: timedelta
    counts_in: CountsIn


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfClear:
    """What happens to a case of one priority when its alarms clear before a human came."""

    priority: Priority
    #: Cancel the response clock. When false it goes on: a human still owes an answer.
    stops_clock: bool
    #: Resolve the case by itself after this much wall time without relapse; None leaves it to a human.
    resolve_after: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service of the plan that Vedette shows on the case and does not act on."""

    id: str
    title: str
    #: First day on which it is rendered; None when it always was.
    start_date: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One support plan.

    Invariants: `response` and `on_self_clear` hold at most one entry a priority, most urgent first;
    `minimum_release` is a valid release.
    """

    #: Slug, such as "gold".
    id: str
    title: str
    #: Hash of everything else here, 16 hexadecimal digits; pinned by contracts and cases.
    version: str
    #: Name of the theater's calendar in which support is given: "business", "extended", "always", …
    coverage: str
    #: Promised response times; empty means best effort, no clock.
    response: tuple[ResponseTarget, ...]
    #: Alarms open cases: proactive detection and remote support are part of the plan.
    proactive: bool
    #: The customer is told when a case opens and when it is resolved.
    customer_notices: bool
    #: A case is opened in the CRM automatically.
    crm_case: bool
    #: Priorities that page the technician on call.
    page_priorities: tuple[Priority, ...]
    #: Oldest product release that is entitled to proactive support, such as "2020.Winter.1".
    minimum_release: str
    on_self_clear: tuple[SelfClear, ...]
    services: tuple[Service, ...]

    def response_for(self, priority: Priority) -> ResponseTarget | None:
        """Return the response target of `priority`, or None when it is best effort."""
        return next((target for target in self.response if target.priority is priority), None)

    def self_clear_for(self, priority: Priority) -> SelfClear | None:
        """Return the rule for a case that clears by itself, or None: the clock and the case go on."""
        return next((rule for rule in self.on_self_clear if rule.priority is priority), None)

    def calendar_name(self, counts_in: CountsIn) -> str:
        """Return the name of the theater's calendar that a target counts in."""
        return self.coverage if counts_in is CountsIn.COVERAGE else BUSINESS

    def calendar_names(self) -> tuple[str, ...]:
        """Return every calendar that a theater must have to serve this plan, sorted."""
        counted = {self.calendar_name(target.counts_in) for target in self.response}
        return tuple(sorted(counted | {self.coverage}))
