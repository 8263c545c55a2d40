"""Plan: which collector is due when.

Time is cut into slots of each collector's interval, all counted from the same zero of monotonic time. A
collector is due when a slot began that it has not run in. So collectors of one interval are due together and
share a batch, nothing drifts however long a tick takes, and after a suspended hour each is due once, not 360
times. Monotonic time starts at a different moment on each machine, which spreads a fleet's batches over the
interval.

Nothing here does I/O or reads the clock. Callers pass `now_us` in.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

#: Slot of a collector that has never run: everything is due at once at the start.
_NEVER = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Collectors by name, the interval of each, and the slot in which each last ran."""

    #: Interval by collector name in microseconds, > 0.
    intervals_us: Mapping[str, int]
    #: Slot of the last run by collector name; absent before the first.
    ran: Mapping[str, int] = field(default_factory=dict)


def due(plan: Plan, now_us: int) -> tuple[str, ...]:
    """Return the collectors whose current slot has not been served, in the order of the plan.

    Args:
        now_us: monotonic microseconds, >= 0.
    """
    return tuple(
        name
        for name, interval in plan.intervals_us.items()
        if now_us // interval > plan.ran.get(name, _NEVER)
    )


def run(plan: Plan, names: tuple[str, ...], now_us: int) -> Plan:
    """Return the plan after `names` were started at `now_us`."""
    slots = {name: now_us // plan.intervals_us[name] for name in names}
    return Plan(intervals_us=plan.intervals_us, ran={**plan.ran, **slots})


def next_due_us(plan: Plan, now_us: int) -> int | None:
    """Return the first instant, at or after `now_us`, at which a collector is due; None for an empty plan."""
    if due(plan, now_us):
        return now_us
    return min(((now_us // interval + 1) * interval for interval in plan.intervals_us.values()), default=None)
