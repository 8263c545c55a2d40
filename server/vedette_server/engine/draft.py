"""Draft: one turn being decided.

It collects what the turn does and applies each change to the world at once, so that later inputs of the turn
see earlier ones. When the commit fails, draft and world are thrown away together.

Ids, sequence numbers and revisions are given out here, from counters of the world: equal inputs give equal
ids. Nothing here does I/O or reads a clock.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from vedette_server.alarms.alarm import Alarm
from vedette_server.calendars.intervals import CalendarVersion
from vedette_server.cases.case import Case
from vedette_server.contracts.policy import Policy
from vedette_server.detect.catalog import Catalog
from vedette_server.engine.changes import (
    BatchRow,
    Change,
    Counter,
    Entity,
    EventRow,
    Gap,
    Kind,
    Request,
    Timer,
    TimerKind,
)
from vedette_server.engine.refusal import Refused
from vedette_server.engine.world import REQUESTS_KEPT, Watcher, World, micros
from vedette_server.fleet.session import Rejection, Welcome

#: Most missing facts that are counted of one agent: no honest one comes near.
MISSING_LIMIT = 2**48
#: The actor of what nobody asked for.
SYSTEM = "vedette"


class Done:
    """The answer to a command: the entity it changed, as it was after it."""

    __slots__ = ("entity", "id", "kind", "repeated", "sequence")

    def __init__(self, *, kind: Kind, id_: str, sequence: int, entity: Entity | None, repeated: bool) -> None:
        """Take the entity; None for a repeat, whose answer is the journal's image at `sequence`."""
        self.kind = kind
        self.id = id_
        self.sequence = sequence
        self.entity = entity
        self.repeated = repeated


class Draft:
    """One turn being decided."""

    def __init__(self, world: World, *, wall: datetime, mono: float) -> None:
        """Start a turn at an instant, given on both clocks."""
        self.world = world
        self.wall = wall
        self.mono = mono
        self.wall_us = micros(wall)
        self.changes: list[Change] = []
        self.batches: list[BatchRow] = []
        self.events: list[EventRow] = []
        #: Agents heard of in this turn: their link rows are written, and their streams get an ack.
        self.touched: dict[str, Watcher] = {}
        #: What is said on streams, in order; the last word of a stream ends it.
        self.replies: list[tuple[int, Welcome | Rejection]] = []
        #: Answers to the commands of the turn, in their order.
        self.answers: list[Done | Refused] = []
        #: Closed alarms and cases that a command of this turn is about.
        self.recalled_cases: dict[str, Case] = {}
        self.recalled_alarms: dict[str, Alarm] = {}

    def put(
        self, kind: Kind, id_: str, entity: Entity, reason: str, *, actor: str = SYSTEM, text: str = ""
    ) -> int:
        """Record and apply an entity as it is from now on; return its place in the journal.

        `entity` carries the revision it was read with, or 1 when it is new; a known one gets the next.
        """
        if not isinstance(entity, (CalendarVersion, Catalog, Policy)) and self._known(kind, id_):
            entity = replace(entity, revision=entity.revision + 1)
        return self._record(kind, id_, entity, reason, actor, text)

    def drop(self, kind: Kind, id_: str, reason: str) -> None:
        """Record and apply that a rule state, timer or request is gone."""
        self._record(kind, id_, None, reason, SYSTEM, "")

    def _record(self, kind: Kind, id_: str, after: Entity | None, reason: str, actor: str, text: str) -> int:
        world = self.world
        world.sequence += 1
        change = Change(
            sequence=world.sequence, kind=kind, id=id_, after=after, reason=reason, actor=actor, text=text
        )
        self.changes.append(change)
        world.apply(kind, id_, after, self.wall, self.mono)
        if isinstance(after, Case) and id_ in self.recalled_cases:
            self.recalled_cases[id_] = after
        elif isinstance(after, Alarm) and id_ in self.recalled_alarms:
            self.recalled_alarms[id_] = after
        return change.sequence

    def _known(self, kind: Kind, id_: str) -> bool:
        world = self.world
        match kind:
            case Kind.AGENT:
                return id_ in world.watchers
            case Kind.ALARM:
                return id_ in world.alarms or id_ in self.recalled_alarms
            case Kind.CASE:
                return id_ in world.cases or id_ in self.recalled_cases
            case Kind.RULE_STATE:
                return id_ in world.rule_states
            case Kind.TIMER:
                return id_ in world.timers
            case Kind.TOKEN:
                return id_ in world.tokens
            case Kind.COUNTER:
                return id_ in world.counters
            case _:
                return False

    def next_id(self, namespace: str) -> str:
        """Return a new id such as "C-42"; other partitions than 0 carry their number: "C3-42"."""
        counter = self.world.counters.get(namespace) or Counter(id=namespace, value=0)
        counter = replace(counter, value=counter.value + 1)
        self.put(Kind.COUNTER, namespace, counter, "COUNTED")
        partition = self.world.partition
        return f"{namespace}{partition or ''}-{counter.value}"

    def arm(self, kind: TimerKind, subject: str, due: datetime, *, steady: bool = False) -> None:
        """Set a timer, or set it anew; nothing changes when it is set for that instant already."""
        timer = Timer(kind=kind, subject=subject, due=due, steady=steady)
        armed = self.world.timers.get(timer.id)
        if armed is not None:
            if armed.due == due:
                return
            timer = replace(timer, revision=armed.revision)
        self.put(Kind.TIMER, timer.id, timer, "TIMER_ARMED")

    def hold(self, kind: TimerKind, subject: str, span: timedelta) -> None:
        """Set a timer for the end of a span that starts now and is counted by the monotonic clock."""
        self.arm(kind, subject, self.wall + span, steady=True)

    def disarm(self, kind: TimerKind, subject: str) -> None:
        """Take a timer away, if it is set."""
        id_ = f"{kind}|{subject}"
        if id_ in self.world.timers:
            self.drop(Kind.TIMER, id_, "TIMER_DISARMED")

    def gap(
        self,
        watcher: Watcher,
        *,
        reason: str,
        first: int,
        last: int,
        count: int,
        text: str = "",
        lost: bool = True,
    ) -> None:
        """Record facts of an agent that are missing, and count them.

        Args:
            watcher: the agent.
            reason: why, lower_snake.
            first: first missing seq; 0 where the facts never had one.
            last: last missing seq, inclusive.
            count: how many facts.
            text: in words.
            lost: False when the facts never existed, as when a collector gave no value; the agent's count of
                missing facts stays as it is then.
        """
        gap = Gap(
            id=self.next_id("G"),
            agent=watcher.agent.id,
            outbox_id=watcher.outbox_id,
            reason=reason,
            first_seq=first,
            last_seq=last,
            count=count,
            recorded_at=self.wall,
            text=text,
        )
        self.put(Kind.GAP, gap.id, gap, "GAP_RECORDED", text=text)
        if lost:
            missing = min(watcher.agent.missing_facts + count, MISSING_LIMIT)
            agent = replace(watcher.agent, missing_facts=missing)
            self.put(Kind.AGENT, agent.id, agent, "AGENT_FACTS_MISSING", text=text)

    def link_rows(self) -> list[tuple[str, str, int, int, int]]:
        """Return the link rows of the agents heard of: agent, outbox id, watermark, fact hash, seen at."""
        return [
            (id_, one.outbox_id, one.watermark, one.fact_hash, self.wall_us)
            for id_, one in self.touched.items()
        ]

    def answer(self, command_id: str, kind: Kind, id_: str, sequence: int, entity: Entity) -> Done:
        """Return the answer to a command and remember it for repeats."""
        request = Request(id=command_id, at=self.wall, kind=kind, subject=id_, sequence=sequence)
        self.put(Kind.REQUEST, command_id, request, "REQUEST_ANSWERED")
        while len(self.world.requests) > REQUESTS_KEPT:
            self.drop(Kind.REQUEST, next(iter(self.world.requests)), "REQUEST_FORGOTTEN")
        return Done(kind=kind, id_=id_, sequence=sequence, entity=entity, repeated=False)
