"""Score: what an agent of the ledger test reports at each step, and the effects that must come of it.

One idea: the facts of a step follow from (seed, agent, step) alone, and which alarms and cases they must lead
to follows from the facts alone. The expectation is worked out here from first principles, in a few lines that
share nothing with the server:

    crash of a component   each exit that no planned stop announced counts once on that component's alarm
    database that fills    each rise over 80 % counts once; P4 from 80 %, P3 from 90 %, and P3 it stays

Nothing here does I/O or reads the clock.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass

from vedette_agent.facts import Batch, Event, EventBatch, Fact, Gap, GapReason, Sample, Severity, gauge

#: Series of the database that fills; always the first two of a batch.
DATABASE = (
    gauge("database.usage", "By", database="ledger"),
    gauge("database.limit", "By", database="ledger"),
)
DATABASE_LIMIT = 1000.0
#: Shares of the database that are used, one after the other, for `RUN` steps each.
SHARES = (0.50, 0.85, 0.95)
#: Long enough, at the pace of the test, that a share is seen whatever else happens.
RUN = 15
#: Components that exit and start again: name, and steps from one exit to the next.
COMPONENTS = (("voip-stack", 19), ("ivr", 13), ("web-server", 23))
#: Chance that an exit is announced as planned.
PLANNED_CHANCE = 0.3
#: Steps from the announcement to the exit, and to the start.
EXIT_PHASE, START_PHASE = 2, 5
#: Steps between two readings that a collector did not give in time.
GAP_PERIOD = 29
#: One in so many agents has an outbox that an outage of a few seconds fills.
SQUEEZED_EVERY = 10
SQUEEZED_OUTBOX_BYTES = 16 * 1024
#: Series of a batch beside the database's.
WIDTH, SQUEEZED_WIDTH = 20, 200

EXITED, STARTED, STOP_PLANNED = "component.exited", "component.started", "component.stop_planned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What one agent plays."""

    seed: int
    #: The agent, from 0.
    number: int

    @property
    def agent(self) -> str:
        """Return "customer/installation/node"."""
        return f"customer-{self.number % 5}/site-{self.number}/node-1"

    @property
    def squeezed(self) -> bool:
        """Tell whether its outbox is so small that it has to drop metrics; it watches no database then."""
        return self.number % SQUEEZED_EVERY == SQUEEZED_EVERY - 1

    def facts(self, step: int, now_us: int) -> tuple[Fact, ...]:
        """Return what is to be reported at a step, from 0.

        Args:
            now_us: microseconds since the Unix epoch.
        """
        events = tuple(self._events(step, now_us))
        facts: list[Fact] = [Batch(observe_time_us=now_us, samples=tuple(self._samples(step)))]
        if events:
            facts.append(EventBatch(events=events))
        if step % GAP_PERIOD == self.number % GAP_PERIOD:
            # The count tells one such gap from every other.
            facts.append(Gap(reason=GapReason.COLLECTOR_TIMEOUT, fact_count=step + 1, oldest_time_us=now_us))
        return tuple(facts)

    def _samples(self, step: int) -> Iterable[Sample]:
        if not self.squeezed:
            usage, limit = DATABASE
            yield usage, SHARES[(step // RUN + self.number) % len(SHARES)] * DATABASE_LIMIT
            yield limit, DATABASE_LIMIT
        for index in range(SQUEEZED_WIDTH if self.squeezed else WIDTH):
            yield gauge("ledger.value", "1", index=str(index)), float(step * 1000 + index)

    def _events(self, step: int, now_us: int) -> Iterable[Event]:
        for index, (component, period) in enumerate(COMPONENTS):
            cycle, phase = divmod(step + self.number * 7 + index * 3, period)
            planned = (
                random.Random(f"{self.seed}|{self.number}|{component}|{cycle}").random() < PLANNED_CHANCE
            )
            code = {0: STOP_PLANNED if planned else "", EXIT_PHASE: EXITED, START_PHASE: STARTED}.get(phase)
            if code:
                yield Event(
                    time_us=now_us,
                    code=code,
                    severity=Severity.ERROR if code == EXITED else Severity.INFO,
                    component=component,
                    message=f"step {step}",
                    attributes=(("step", str(step)),),
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """An alarm that must exist, and with the same figures its case."""

    #: How often its condition began.
    occurrences: int
    #: 1 to 4.
    priority: int


#: Rule code and what tells its alarms on one agent apart: the component, or "" for the database.
Subject = tuple[str, str]


def effects(events: Iterable[tuple[str, str]], shares: Iterable[float]) -> dict[Subject, Effect]:
    """Return the alarms that the facts of one agent must lead to.

    Args:
        events: (code, component) in the order of the facts.
        shares: used part of the database, in the order of the facts.
    """
    found: dict[Subject, Effect] = {}
    for component, count in _crashes(events).items():
        code = "voip_stack_crash" if component == "voip-stack" else "application_crash"
        found[code, component] = Effect(occurrences=count, priority=1)
    rises, highest, full = 0, 0.0, False
    for share in shares:
        rises += share >= 0.80 and not full
        full = share >= 0.80 or (full and share >= 0.75)
        highest = max(highest, share)
    if rises:
        found["database_space", ""] = Effect(occurrences=rises, priority=3 if highest >= 0.90 else 4)
    return found


def _crashes(events: Iterable[tuple[str, str]]) -> dict[str, int]:
    """Return how often each component exited without having said so before."""
    announced: set[str] = set()
    crashes: dict[str, int] = {}
    for code, component in events:
        if code == STOP_PLANNED:
            announced.add(component)
        elif code == STARTED:
            announced.discard(component)
        elif component not in announced:
            crashes[component] = crashes.get(component, 0) + 1
    return crashes
