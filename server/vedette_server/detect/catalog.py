"""Catalog: the rules in force, as one immutable value with a version.

One dataclass a kind of rule, so that each rule has exactly the fields its kind needs. Rules are data, parsed
from YAML by `catalog/loader.py`; what they mean is in `detect/evaluate.py` and `detect/crash.py`.

Nothing here does I/O or reads the wall clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from vedette_server.contracts.priority import Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """From which value on an alarm has which priority. Levels rise; so does the priority."""

    at: float
    priority: Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelMatch:
    """One condition on a label: its value is one of `values`, or none of them when `negated`."""

    name: str
    values: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RatioRule:
    """Raises while used/limit is at or above a level (above it when `strict`).

    A limit of 0 or less counts as infinitely exceeded while anything is used. Invariants: at least one level,
    rising; `clear_below` is at most the first level.
    """

    code: str
    alarm_class: str
    #: With the fields {component}, {percent}, {used}, {limit} and every label name.
    title: str
    usage: str
    limit: str
    where: tuple[LabelMatch, ...] = ()
    levels: tuple[Level, ...]
    strict: bool = False
    clear_below: float
    raise_after: timedelta = timedelta(0)
    clear_after: timedelta = timedelta(0)
    runbook: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashRule:
    """Raises when a component of the product exits unplanned; clears when it has run again for a while."""

    code: str
    alarm_class: str
    title: str
    priority: Priority
    #: Components it watches; empty for all but those of `except_components`.
    components: tuple[str, ...] = ()
    except_components: tuple[str, ...] = ()
    #: Whether only components that the installation has a licence for count.
    licensed_only: bool = False
    #: A planned stop at most this long before the exit makes it no crash.
    planned_window: timedelta = timedelta(minutes=2)
    clear_after: timedelta
    runbook: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRule:
    """Raises on an event; clears on another event or after quiet."""

    code: str
    alarm_class: str
    title: str
    priority: Priority
    #: Event codes that raise it. Empty for the rule that takes what the catalog does not know.
    events: tuple[str, ...] = ()
    clear_events: tuple[str, ...] = ()
    #: Least severity (0 unknown .. 4 critical) that raises.
    severity_at_least: int = 0
    #: Clears when no such event came for so long; None to wait for `clear_events`.
    quiet_for: timedelta | None = None
    runbook: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionRule:
    """Raises when an agent has been silent for longer than the server's limit."""

    code: str
    alarm_class: str
    title: str
    priority: Priority
    runbook: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityRule:
    """Raises when two machines speak with one credential."""

    code: str
    alarm_class: str
    title: str
    priority: Priority
    runbook: str = ""


AnyRule = RatioRule | CrashRule | EventRule | ConnectionRule | IdentityRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """All rules in force; `version` is the hash of its content."""

    version: str
    ratios: tuple[RatioRule, ...] = ()
    crashes: tuple[CrashRule, ...] = ()
    events: tuple[EventRule, ...] = ()
    connections: tuple[ConnectionRule, ...] = ()
    identities: tuple[IdentityRule, ...] = ()
    #: Event codes that are known though no rule names them.
    known_events: tuple[str, ...] = ()

    def rules(self) -> tuple[AnyRule, ...]:
        """Return all rules, in the order of their kinds."""
        return (*self.ratios, *self.crashes, *self.events, *self.connections, *self.identities)
