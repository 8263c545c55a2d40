"""RuleState: where one detection stands on one alarm key.

Only what is not ok has a state: a key without one is ok. It is journaled at each transition, so that a
restart forgets no duration.

Nothing here does I/O or reads the wall clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vedette_server.telemetry.series import Labels


class Phase(StrEnum):
    """Phase of a detection. `active` and `clearing` are those in which the alarm's condition holds."""

    #: A stop was announced; the exit that follows is no crash.
    PLANNED = "planned"
    PENDING = "pending"
    ACTIVE = "active"
    CLEARING = "clearing"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleState:
    """One detection that is not ok.

    Invariants: `level` is 0 exactly while pending; `clearing_since` is set exactly while clearing;
    `level_since[i]` is when the value last rose to level i + 1 or above, None while it is below.
    """

    #: The alarm key; identity of the state.
    key: str
    code: str
    agent: str
    component: str = ""
    labels: Labels = ()
    phase: Phase
    #: Index of the level in force, from 1; 0 while pending.
    level: int = 0
    level_since: tuple[datetime | None, ...] = ()
    clearing_since: datetime | None = None
    #: When a stop of the component was announced that no start has followed: the exit after it is no crash.
    planned_since: datetime | None = None
    #: How often it was raised in its life.
    raises: int = 0
    revision: int = 1
