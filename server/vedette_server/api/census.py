"""Census: which agents, open alarms and open cases there are now, counted by what is asked most.

One idea: it starts with the world as loaded and follows the commits, so metrics, the server's status and the
list of installations cost no query, whatever the size of the fleet. It holds what is open, in proportion to
the fleet, and nothing of what is over; entities are the very objects that the commits carried.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from vedette_server.alarms.alarm import Alarm
from vedette_server.cases.case import Case
from vedette_server.contracts.priority import Priority
from vedette_server.engine.changes import Gap
from vedette_server.fleet.agent import Agent, AgentState
from vedette_server.telemetry.series import SeriesPage

if TYPE_CHECKING:
    from vedette_server.engine.changes import Entity, TurnRecord
    from vedette_server.engine.world import World
    from vedette_server.metrics import Metrics


class Place(NamedTuple):
    """An installation of a customer."""

    customer: str
    installation: str


class Census:
    """What is there now."""

    def __init__(self, world: World, *, metrics: Metrics) -> None:
        """Count what is in a world that has just been loaded."""
        self._metrics = metrics
        self._agents: dict[str, Agent] = {}
        self._agents_at: dict[Place, set[str]] = {}
        self._alarms: dict[str, Priority] = {}
        self._cases: dict[str, Priority] = {}
        self._cases_at: dict[Place, set[str]] = {}
        #: Outbox of each agent, and how many series it has announced.
        self._series: dict[str, tuple[str, int]] = {}
        for watcher in world.watchers.values():
            self._note(watcher.agent)
            announced = sum(1 for series in watcher.board.series if series is not None)
            self._series[watcher.agent.id] = (watcher.outbox_id, announced)
        for alarm in world.alarms.values():
            self._note(alarm)
        for case in world.cases.values():
            self._note(case)
        self._show(world.sequence)

    def agents_in(self, state: AgentState) -> int:
        """Return how many agents are in a state."""
        return sum(1 for agent in self._agents.values() if agent.state is state)

    def agents_at(self, place: Place) -> list[Agent]:
        """Return the agents of an installation, by id."""
        return [self._agents[id_] for id_ in sorted(self._agents_at.get(place, ()))]

    def open_cases_at(self, place: Place) -> int:
        """Return how many cases of an installation are neither resolved nor closed."""
        return len(self._cases_at.get(place, ()))

    def series_of(self, agent: Agent) -> int:
        """Return how many series an agent has announced for its present outbox."""
        outbox_id, count = self._series.get(agent.id, ("", 0))
        return count if outbox_id == agent.outbox_id else 0

    def committed(self, record: TurnRecord) -> None:
        """Follow the changes of a committed turn."""
        self._metrics.batches.inc(len(record.batches))
        self._metrics.events.inc(len(record.events))
        for change in record.changes:
            if change.after is not None:
                self._note(change.after)
            if isinstance(change.after, Gap):
                self._metrics.gaps.labels(change.after.reason).inc()
                self._metrics.missing_facts.labels(change.after.reason).inc(change.after.count)
        if record.changes:
            self._metrics.sequence.set(record.changes[-1].sequence)

    def _note(self, entity: Entity) -> None:
        match entity:
            case Agent():
                self._agents[entity.id] = entity
                self._agents_at.setdefault(Place(entity.customer, entity.installation), set()).add(entity.id)
            case Alarm():
                if entity.open:
                    self._alarms[entity.id] = entity.priority
                else:
                    self._alarms.pop(entity.id, None)
            case Case():
                self._note_case(entity)
            case SeriesPage():
                outbox_id, count = self._series.get(entity.agent, ("", 0))
                before = count if outbox_id == entity.outbox_id else 0
                self._series[entity.agent] = (entity.outbox_id, before + len(entity.series))
            case _:
                pass

    def _note_case(self, case: Case) -> None:
        place = Place(case.customer, case.installation)
        if case.open:
            self._cases[case.id] = case.priority
            self._cases_at.setdefault(place, set()).add(case.id)
        elif self._cases.pop(case.id, None) is not None:
            self._cases_at[place].discard(case.id)
            if not self._cases_at[place]:
                del self._cases_at[place]

    def _show(self, sequence: int) -> None:
        """Let a scrape count what is asked of it."""
        metrics = self._metrics
        metrics.sequence.set(sequence)
        for state in AgentState:
            metrics.agents.labels(state).set_function(partial(self.agents_in, state))
        for priority in Priority:
            metrics.open_alarms.labels(priority.label).set_function(partial(_count, self._alarms, priority))
            metrics.open_cases.labels(priority.label).set_function(partial(_count, self._cases, priority))


def _count(held: dict[str, Priority], priority: Priority) -> int:
    return sum(1 for one in held.values() if one is priority)
