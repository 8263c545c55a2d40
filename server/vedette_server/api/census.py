"""Census: how many agents, alarms and cases there are now, by state and priority; for metrics and status.

One idea: it starts with the world as loaded and follows the commits, so a question costs nothing, whatever
the size of the fleet. It holds one small value for each thing that is open, and nothing of what is over.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from vedette_server.alarms.alarm import Alarm
from vedette_server.cases.case import Case
from vedette_server.contracts.priority import Priority
from vedette_server.engine.changes import Gap
from vedette_server.fleet.agent import Agent, AgentState

if TYPE_CHECKING:
    from vedette_server.engine.changes import Entity, TurnRecord
    from vedette_server.engine.world import World
    from vedette_server.metrics import Metrics


class Census:
    """Counts of what is open."""

    def __init__(self, world: World, *, metrics: Metrics) -> None:
        """Count what is open in a world that has just been loaded."""
        self._metrics = metrics
        self._agents: dict[str, AgentState] = {}
        self._alarms: dict[str, Priority] = {}
        self._cases: dict[str, Priority] = {}
        for watcher in world.watchers.values():
            self._note(watcher.agent)
        for alarm in world.alarms.values():
            self._note(alarm)
        for case in world.cases.values():
            self._note(case)
        metrics.sequence.set(world.sequence)
        for state in AgentState:
            metrics.agents.labels(state).set_function(partial(self.agents_in, state))
        for priority in Priority:
            metrics.open_alarms.labels(priority.label).set_function(partial(_count, self._alarms, priority))
            metrics.open_cases.labels(priority.label).set_function(partial(_count, self._cases, priority))

    def agents_in(self, state: AgentState) -> int:
        """Return how many agents are in a state."""
        return sum(1 for held in self._agents.values() if held is state)

    def committed(self, record: TurnRecord) -> None:
        """Follow the changes of a committed turn."""
        self._metrics.batches.inc(len(record.batches))
        self._metrics.events.inc(len(record.events))
        if not record.changes:
            return
        for change in record.changes:
            if isinstance(change.after, Gap):
                self._metrics.gaps.labels(change.after.reason).inc()
                self._metrics.missing_facts.labels(change.after.reason).inc(change.after.count)
            elif change.after is not None:
                self._note(change.after)
        self._metrics.sequence.set(record.changes[-1].sequence)

    def _note(self, entity: Entity) -> None:
        match entity:
            case Agent():
                self._agents[entity.id] = entity.state
            case Alarm():
                _keep(self._alarms, entity.id, entity.priority, is_open=entity.open)
            case Case():
                _keep(self._cases, entity.id, entity.priority, is_open=entity.open)
            case _:
                pass


def _count(held: dict[str, Priority], priority: Priority) -> int:
    return sum(1 for one in held.values() if one is priority)


def _keep(held: dict[str, Priority], id_: str, priority: Priority, *, is_open: bool) -> None:
    if is_open:
        held[id_] = priority
    else:
        held.pop(id_, None)
