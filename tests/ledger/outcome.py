"""Outcome: what a run of the ledger test was to do, what it did, and what is wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.ledger.plan import Death
from tests.ledger.violation import Violation


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What to run."""

    seed: int
    #: Deaths of the server.
    kills: int = 20
    agents: int = 20
    #: Seconds from step to step of an agent; a step is one to three facts.
    interval: float = 0.35


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What a run did, and what is wrong."""

    wish: Wish
    folder: Path
    deaths: Counter[Death] = field(default_factory=Counter)
    agent_kills: int = 0
    facts: int = 0
    acks: int = 0
    gaps: int = 0
    #: Agents that had late facts: of their effects only the upper bound is known.
    late_agents: int = 0
    alarms: int = 0
    occurrences: int = 0
    #: Calls of the engineer that were answered, and those that had to be repeated.
    calls: int = 0
    calls_repeated: int = 0
    #: Wall seconds by phase.
    seconds: dict[str, float] = field(default_factory=dict)
    violations: list[Violation] = field(default_factory=list)

    @property
    def kills(self) -> int:
        """Return how often the server was killed."""
        return self.deaths.total()

    def lines(self) -> list[str]:
        """Return the outcome for people."""
        deaths = ", ".join(f"{death} {count}" for death, count in sorted(self.deaths.items()))
        spans = ", ".join(f"{phase} {seconds:.1f} s" for phase, seconds in self.seconds.items())
        return [
            f"seed {self.wish.seed}: {self.kills} kills of the server ({deaths})",
            f"{self.agent_kills} kills of agents, {self.wish.agents} agents",
            f"{self.facts} facts, {self.acks} acks, {self.gaps} gaps",
            f"{self.late_agents} agents had late facts",
            f"{self.alarms} alarms, raised {self.occurrences} times",
            f"{self.calls} calls of the engineer answered, {self.calls_repeated} made again",
            f"{sum(self.seconds.values()):.1f} s: {spans}",
            *map(str, self.violations),
            f"{len(self.violations)} violations",
        ]
