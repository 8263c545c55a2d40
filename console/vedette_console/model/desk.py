"""The desk: all that the console knows, kept current by a list and the changes after it.

Screens read boards from here and never ask the server for what the desk has. The desk decides what stays on
it: a closed case and an alarm that is over leave.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from vedette_console.model.board import Board
from vedette_console.model.countdown import Urgency, urgency_at
from vedette_console.model.link import Link
from vedette_console.model.order import agent_order, alarm_order, case_order
from vedette_console.model.resources import (
    OPEN_STATES,
    Agent,
    AgentState,
    Alarm,
    Case,
    CaseState,
    Change,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The figures of the header."""

    #: Cases somebody has to work on.
    open: int = 0
    #: Open cases nobody has answered.
    new: int = 0
    #: Open cases whose clock is about to run out.
    at_risk: int = 0
    #: Open cases whose clock ran out unanswered.
    breached: int = 0
    #: Agents that reach the server, of all that ever did.
    connected: int = 0
    agents: int = 0


class Desk:
    """Boards of cases, alarms and agents, and the link they come through."""

    def __init__(self) -> None:
        """Make an empty desk that is not connected."""
        self.cases: Board[Case] = Board(case_order)
        self.alarms: Board[Alarm] = Board(alarm_order)
        self.agents: Board[Agent] = Board(agent_order)
        self.link = Link()
        #: Name under which this person owns cases; empty until an answer of the server told it.
        self.me = ""
        #: Whether a first list has arrived: an empty board before it means "not known yet".
        self.loaded = False
        #: Changes applied since the start; a screen that saw this number has seen everything.
        self.revision = 0

    def load(self, cases: Iterable[Case], alarms: Iterable[Alarm], agents: Iterable[Agent]) -> None:
        """Replace everything by what the server listed."""
        self.cases.replace_all(case for case in cases if case.state is not CaseState.CLOSED)
        self.alarms.replace_all(alarm for alarm in alarms if alarm.close_time is None)
        self.agents.replace_all(agents)
        self.loaded = True
        self.revision += 1

    def renew_agents(self, listed: Iterable[Agent], *, before: Mapping[str, Agent]) -> None:
        """Take in agents as they were listed: no change tells of a mere sign of life.

        Args:
            listed: all agents.
            before: the agents of the desk when it was asked; one that changed since is newer than the list.
        """
        newer = {agent.id: agent for agent in self.agents if before.get(agent.id) is not agent}
        self.agents.replace_all(({agent.id: agent for agent in listed} | newer).values())
        self.revision += 1

    def apply(self, change: Change) -> None:
        """Take in one change."""
        self.put(change.resource)

    def put(self, resource: Case | Alarm | Agent | None) -> None:
        """Take in the newest state of a resource, from a change or as the answer to an action."""
        match resource:
            case Case(state=CaseState.CLOSED):
                self.cases.discard(resource.id)
            case Case():
                self.cases.apply(resource)
            case Alarm() if resource.close_time is not None:
                self.alarms.discard(resource.id)
            case Alarm():
                self.alarms.apply(resource)
            case Agent():
                self.agents.apply(resource)
            case None:
                return
        self.revision += 1

    def counts(self, now: datetime) -> Counts:
        """Return the header's figures at `now` (server time)."""
        open_cases = [case for case in self.cases if case.state in OPEN_STATES]
        urgencies = [urgency_at(case.response_clock, now) for case in open_cases]
        seen = [agent for agent in self.agents if agent.state is not AgentState.NEVER_SEEN]
        return Counts(
            open=len(open_cases),
            new=sum(case.state is CaseState.NEW for case in open_cases),
            at_risk=urgencies.count(Urgency.AT_RISK),
            breached=urgencies.count(Urgency.BREACHED),
            connected=sum(agent.state is AgentState.CONNECTED for agent in seen),
            agents=len(seen),
        )

    def alarms_of(self, case: Case) -> tuple[Alarm, ...]:
        """Return the open alarms of a case, oldest first."""
        return tuple(alarm for alarm_id in case.alarms if (alarm := self.alarms.get(alarm_id)) is not None)
