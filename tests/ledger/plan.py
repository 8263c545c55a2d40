"""Plan: when and how the server and which agents die, drawn from a seed.

Nothing here does I/O or reads the clock; the same arguments give the same plan.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

#: Longest life of a server that is killed by the clock, in seconds from an acknowledgement.
LONGEST_LIFE = 0.8
#: Longest life of one that is killed while it starts, in seconds from its start.
LONGEST_START = 1.0
#: Most turns until a failpoint kills. Small ones are drawn more often: the first turns are the start itself.
MOST_TURNS = 80


class Death(StrEnum):
    """How a server dies."""

    #: SIGKILL during its very first start, while the database is made.
    FIRST_START = "first_start"
    #: SIGKILL while it starts, before or after it is ready.
    STARTING = "starting"
    #: SIGKILL at any moment after it had acknowledged something.
    RUNNING = "running"
    #: SIGKILL at any moment after it had acknowledged something to every agent.
    REACHED_BY_ALL = "reached_by_all"
    #: By its own hand, when all of a turn is written and nothing is durable.
    BEFORE_COMMIT = "before_commit"
    #: By its own hand, when a turn is durable and nobody was told.
    AFTER_COMMIT_BEFORE_ACK = "after_commit_before_ack"


#: One in so many lives is long enough to reach every agent: a fact that waits for longer than half a minute
#: is a late one, which the server judges by other rules.
REACH_EVERY = 4
#: The other lives are dealt from this deck, shuffled anew when it is used up.
_DECK = {
    Death.STARTING: 2,
    Death.RUNNING: 4,
    Death.BEFORE_COMMIT: 4,
    Death.AFTER_COMMIT_BEFORE_ACK: 5,
}


class Moment(StrEnum):
    """A moment at which an agent dies by its own hand."""

    #: A fact is durable in its outbox, and nobody else knows.
    APPENDED = "appended"
    #: The server has said that facts are durable, and the agent has not written that down.
    ACKNOWLEDGED = "acknowledged"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentDeath:
    """SIGKILL of one agent, which is started again at once, and may die again soon."""

    #: From 0.
    agent: int
    #: Seconds after the start of the server's life.
    after: float
    #: Where it dies the second time, counted from 1; None for nowhere.
    then: tuple[Moment, int] | None = None

    @property
    def doom(self) -> str:
        """Return what the agent that is started again is told; empty for nothing."""
        return f"{self.then[0]}@{self.then[1]}" if self.then else ""

    def __str__(self) -> str:
        """Return it as the supervisor prints it."""
        return f"agent {self.agent} at {self.after:.2f} s" + (f" and {self.doom}" if self.then else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One life of the server. The first one enrols the agents, so it is one that reaches all."""

    death: Death
    #: Seconds from the start (STARTING) or from the acknowledgement that was waited for.
    after: float = 0.0
    #: At which turn of this life a failpoint kills, from 1.
    turn: int = 0
    agents: tuple[AgentDeath, ...] = ()

    @property
    def failpoints(self) -> str:
        """Return the value of VEDETTE_FAILPOINTS for this life; empty for none."""
        return f"{self.death}=kill@{self.turn}" if self.turn else ""

    def __str__(self) -> str:
        """Return it as the supervisor prints it."""
        when = f"turn {self.turn}" if self.turn else f"{self.after:.2f} s"
        return "; ".join([f"{self.death} {when}", *map(str, self.agents)])


def lives(seed: int, *, kills: int, agents: int) -> tuple[Life, ...]:
    """Return the lives of a run: the server dies `kills` times, and about as many agents do."""
    draw = random.Random(f"lives|{seed}")
    dealt = _deal(draw)
    deaths = (Death.REACHED_BY_ALL if number % REACH_EVERY == 0 else next(dealt) for number in range(kills))
    return tuple(_life(draw, agents, death) for death in deaths)


def _deal(draw: random.Random) -> Iterator[Death]:
    while True:
        deck = [death for death, count in _DECK.items() for _ in range(count)]
        draw.shuffle(deck)
        yield from deck


def birth(seed: int) -> Life:
    """Return the first start, which is killed about when the database is made."""
    return Life(death=Death.FIRST_START, after=random.Random(f"birth|{seed}").uniform(0.6, 1.2))


def _life(draw: random.Random, agents: int, death: Death) -> Life:
    victims = tuple(_victim(draw, agents) for _ in range(draw.choice((0, 1, 1))))
    match death:
        case Death.FIRST_START | Death.STARTING:
            return Life(death=death, after=draw.uniform(0, LONGEST_START), agents=victims)
        case Death.RUNNING | Death.REACHED_BY_ALL:
            return Life(death=death, after=draw.uniform(0, LONGEST_LIFE), agents=victims)
        case Death.BEFORE_COMMIT | Death.AFTER_COMMIT_BEFORE_ACK:
            return Life(death=death, turn=round(MOST_TURNS ** draw.random()), agents=victims)


def _victim(draw: random.Random, agents: int) -> AgentDeath:
    then = draw.choice(
        (None, (Moment.APPENDED, draw.randint(1, 9)), (Moment.ACKNOWLEDGED, draw.randint(1, 5)))
    )
    return AgentDeath(agent=draw.randrange(agents), after=draw.uniform(0, LONGEST_LIFE), then=then)
