"""Liveness: when an agent that is silent becomes overdue, and when lost.

Counted on the monotonic clock, so that a moved wall clock loses nobody. Deadlines cost nothing while frames
arrive: one heap entry per agent, which is looked at again only when it comes due.

Nothing here does I/O or reads a clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from vedette_server.fleet.agent import AgentState


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long an agent may be silent."""

    heartbeat: timedelta
    overdue_after: timedelta
    lost_after: timedelta


def next_deadline(state: AgentState, last_seen_mono: float, limits: Limits) -> float | None:
    """Return when silence next changes the state, in monotonic seconds; None when it never does."""
    match state:
        case AgentState.CONNECTED:
            return last_seen_mono + limits.overdue_after.total_seconds()
        case AgentState.OVERDUE:
            return last_seen_mono + limits.lost_after.total_seconds()
        case _:
            return None
