"""World: what is open, in memory: agents, running detections, open alarms and cases, armed timers.

It is in proportion to the fleet, not to history, and wholly reconstructible from the store: `World.load`
after a crash gives the world that was committed, less the streams that died with the process. Only
`engine/draft.py` changes it, through `apply`, by the same changes that are written to the store.

Nothing here does I/O or reads a clock.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from vedette_server.access.token import Token
from vedette_server.alarms.alarm import Alarm
from vedette_server.calendars.intervals import CalendarVersion
from vedette_server.cases.case import Case, CaseState
from vedette_server.contracts.policy import Policy
from vedette_server.detect.board import Board
from vedette_server.detect.catalog import AnyRule, Catalog
from vedette_server.detect.rule_state import RuleState
from vedette_server.engine.changes import Counter, Entity, Gap, Kind, Request, Timer, Versions
from vedette_server.fleet.agent import Agent, AgentLink, AgentState
from vedette_server.fleet.liveness import Limits, next_deadline
from vedette_server.telemetry.series import Series, SeriesPage

#: Outboxes of one agent whose watermarks are remembered.
OUTBOXES_KEPT = 16
#: A heap is built anew when it is this much longer than what it is about.
HEAP_SLACK = 64
#: Answers kept for repeated requests.
REQUESTS_KEPT = 10_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
#: A catalog and a policy from before the first were loaded.
NO_CATALOG = Catalog(version="")
NO_POLICY = Policy(
    version="", theaters=(), plans=(), customers=(), contracts=(), installations=(), calendars=()
)


def micros(at: datetime) -> int:
    """Return microseconds since the Unix epoch."""
    return (at - EPOCH) // MICROSECOND


def from_micros(value: int) -> datetime:
    """Return the aware UTC datetime of microseconds since the Unix epoch."""
    return EPOCH + timedelta(microseconds=value)


def calendar_id(calendar: CalendarVersion) -> str:
    """Return the identity of a calendar version as an entity."""
    return f"{calendar.id}@{calendar.version}"


@dataclass(slots=True, kw_only=True)
class Watcher:
    """An agent with what changes at every frame. `stream` is 0 while it has none."""

    agent: Agent
    outbox_id: str = ""
    watermark: int = 0
    fact_hash: int = 0
    last_seen: datetime
    last_seen_mono: float
    stream: int = 0
    token: str = ""
    #: How the last stream ended, as the server saw it.
    link_error: str = ""
    board: Board
    #: Newest observe time judged, microseconds; detection never goes back behind it.
    judged_us: int = 0
    #: Start id of the process before the one that is connected: should it come back, two processes live.
    former_start: str = ""
    #: Watermark and fact hash of other outboxes of this agent, the newest last; bounded by `OUTBOXES_KEPT`.
    outboxes: OrderedDict[str, tuple[int, int]] = field(default_factory=OrderedDict)
    #: When its entry of the liveness heap is due, monotonic seconds; None while it has none.
    scheduled: float | None = None


def remember_outbox(watcher: Watcher, outbox_id: str, watermark: int, fact_hash: int) -> None:
    """Keep the watermark of an outbox that is not the current one, and forget the oldest beyond the bound."""
    watcher.outboxes[outbox_id] = (watermark, fact_hash)
    watcher.outboxes.move_to_end(outbox_id)
    while len(watcher.outboxes) > OUTBOXES_KEPT:
        watcher.outboxes.popitem(last=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What the store knows that the world is made of."""

    partition: int
    epoch: int
    turn: int
    sequence: int
    policy: Policy | None
    catalog: Catalog | None
    calendars: Sequence[CalendarVersion] = ()
    agents: Sequence[Agent] = ()
    links: Sequence[AgentLink] = ()
    series: Sequence[SeriesPage] = ()
    #: Open ones only.
    alarms: Sequence[Alarm] = ()
    #: All but closed ones.
    cases: Sequence[Case] = ()
    rule_states: Sequence[RuleState] = ()
    timers: Sequence[Timer] = ()
    tokens: Sequence[Token] = ()
    counters: Sequence[Counter] = ()
    #: Oldest first.
    requests: Sequence[Request] = ()


@dataclass(slots=True, kw_only=True)
class World:
    """All state that decisions are taken on."""

    partition: int
    epoch: int
    turn: int
    sequence: int
    limits: Limits
    versions: Versions
    policy: Policy = NO_POLICY
    catalog: Catalog = NO_CATALOG
    rules: dict[str, AnyRule] = field(default_factory=dict)
    #: Event codes that the catalog knows.
    event_codes: frozenset[str] = frozenset()
    calendars: dict[str, CalendarVersion] = field(default_factory=dict)
    watchers: dict[str, Watcher] = field(default_factory=dict)
    alarms: dict[str, Alarm] = field(default_factory=dict)
    alarm_by_key: dict[str, str] = field(default_factory=dict)
    cases: dict[str, Case] = field(default_factory=dict)
    case_by_key: dict[str, str] = field(default_factory=dict)
    rule_states: dict[str, RuleState] = field(default_factory=dict)
    timers: dict[str, Timer] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    counters: dict[str, Counter] = field(default_factory=dict)
    requests: OrderedDict[str, Request] = field(default_factory=OrderedDict)
    #: Heaps of (due, id); entries that no longer agree with their timer are skipped when they come up.
    wall_heap: list[tuple[int, str]] = field(default_factory=list)
    steady_heap: list[tuple[float, str]] = field(default_factory=list)
    #: When a steady timer is due on the monotonic clock, seconds.
    steady_due: dict[str, float] = field(default_factory=dict)
    #: Heap of (monotonic seconds, agent id).
    liveness_heap: list[tuple[float, str]] = field(default_factory=list)
    #: Equal series of different agents are kept once.
    interned: dict[Series, Series] = field(default_factory=dict)

    @staticmethod
    def load(loaded: Loaded, *, limits: Limits, engine: str, wall: datetime, mono: float) -> World:
        """Return the world that was committed last. Spans that were running go on from `wall` and `mono`."""
        world = World(
            partition=loaded.partition,
            epoch=loaded.epoch,
            turn=loaded.turn,
            sequence=loaded.sequence,
            limits=limits,
            versions=Versions(engine=engine),
        )
        if loaded.policy is not None:
            world.apply(Kind.POLICY, "policy", loaded.policy, wall, mono)
        if loaded.catalog is not None:
            world.apply(Kind.CATALOG, "catalog", loaded.catalog, wall, mono)
        for calendar in loaded.calendars:
            world.apply(Kind.CALENDAR, calendar_id(calendar), calendar, wall, mono)
        for state in loaded.rule_states:
            world.apply(Kind.RULE_STATE, state.key, state, wall, mono)
        for agent in loaded.agents:
            world.apply(Kind.AGENT, agent.id, agent, wall, mono)
        world._load_links(loaded.links, loaded.series)
        for kind, entities in (
            (Kind.ALARM, loaded.alarms),
            (Kind.CASE, loaded.cases),
            (Kind.TIMER, loaded.timers),
            (Kind.TOKEN, loaded.tokens),
            (Kind.COUNTER, loaded.counters),
            (Kind.REQUEST, loaded.requests),
        ):
            for entity in entities:
                world.apply(kind, entity.id, entity, wall, mono)
        return world

    def _load_links(self, links: Sequence[AgentLink], pages: Sequence[SeriesPage]) -> None:
        for link in sorted(links, key=lambda link: link.last_seen):
            watcher = self.watchers[link.agent]
            watcher.last_seen = link.last_seen
            if link.outbox_id == watcher.agent.outbox_id:
                watcher.outbox_id = link.outbox_id
                watcher.watermark = link.watermark
                watcher.fact_hash = link.fact_hash
            else:
                remember_outbox(watcher, link.outbox_id, link.watermark, link.fact_hash)
        announced: dict[str, list[Series]] = {}
        for page in pages:
            watcher = self.watchers[page.agent]
            if page.outbox_id == watcher.outbox_id:
                announced.setdefault(page.agent, []).extend(page.series)
        for agent, series in announced.items():
            self.watchers[agent].board.announce(self.intern(series), self.catalog, self.rule_states)

    def intern(self, series: Sequence[Series]) -> tuple[Series, ...]:
        """Return equal series, each the one object that all agents share."""
        return tuple(self.interned.setdefault(one, one) for one in series)

    def apply(  # noqa: C901 -- one arm a kind of entity, each a line or two
        self, kind: Kind, id_: str, after: Entity | None, wall: datetime, mono: float
    ) -> None:
        """Make one change. `wall` and `mono` are the turn's, for spans that start with it."""
        match after:
            case Agent():
                self._set_agent(after, wall, mono)
            case Alarm():
                self._set_alarm(after)
            case Case():
                self._set_case(after)
            case RuleState():
                self.rule_states[id_] = after
            case Timer():
                self._set_timer(after, wall, mono)
            case Token():
                self.tokens[id_] = after
            case Counter():
                self.counters[id_] = after
            case Request():
                self._set_request(after)
            case CalendarVersion():
                self.calendars[id_] = after
            case Policy():
                self.policy = after
                for calendar in after.calendars:
                    self.calendars[calendar_id(calendar)] = calendar
                self.versions = Versions(
                    engine=self.versions.engine, catalog=self.versions.catalog, policy=after.version
                )
            case Catalog():
                self._set_catalog(after)
            case SeriesPage() | Gap():
                pass
            case None:
                self._remove(kind, id_)

    def _remove(self, kind: Kind, id_: str) -> None:
        match kind:
            case Kind.RULE_STATE:
                self.rule_states.pop(id_, None)
            case Kind.TIMER:
                self.timers.pop(id_, None)
                self.steady_due.pop(id_, None)
            case Kind.REQUEST:
                self.requests.pop(id_, None)
            case _:
                raise ValueError(f"an entity of kind {kind} is never removed, got {id_}")

    def _set_agent(self, agent: Agent, wall: datetime, mono: float) -> None:
        watcher = self.watchers.get(agent.id)
        if watcher is None:
            watcher = Watcher(agent=agent, last_seen=wall, last_seen_mono=mono, board=Board(agent.id))
            self.watchers[agent.id] = watcher
        watcher.agent = agent
        self.schedule(watcher, wall, mono)

    def schedule(self, watcher: Watcher, wall: datetime, mono: float) -> None:
        """Put an agent whose silence would change something on the liveness heap, once."""
        due = self.silence_due(watcher, wall, mono)
        if due is None or (watcher.scheduled is not None and watcher.scheduled <= due):
            return
        heapq.heappush(self.liveness_heap, (due, watcher.agent.id))
        watcher.scheduled = due

    def silence_due(self, watcher: Watcher, wall: datetime, mono: float) -> float | None:
        """Return when silence next changes the state of an agent, on the monotonic clock; None when never."""
        agent = watcher.agent
        if agent.state is AgentState.GOODBYE and agent.expected_back is not None:
            wait = agent.expected_back - wall + self.limits.lost_after
            return mono + wait.total_seconds()
        return next_deadline(agent.state, watcher.last_seen_mono, self.limits)

    def _set_alarm(self, alarm: Alarm) -> None:
        if alarm.open:
            self.alarms[alarm.id] = alarm
            self.alarm_by_key[alarm.key] = alarm.id
        elif self.alarms.pop(alarm.id, None) is not None:
            del self.alarm_by_key[alarm.key]

    def _set_case(self, case: Case) -> None:
        if case.state is CaseState.CLOSED:
            self.cases.pop(case.id, None)
            for key in case.alarm_keys:
                if self.case_by_key.get(key) == case.id:
                    del self.case_by_key[key]
            return
        self.cases[case.id] = case
        for key in case.alarm_keys:
            holder = self.cases.get(self.case_by_key.get(key, ""), case)
            # A word on an old case takes no condition from the case that works on it now.
            if (case.open, case.created_at) >= (holder.open, holder.created_at):
                self.case_by_key[key] = case.id

    def _set_timer(self, timer: Timer, wall: datetime, mono: float) -> None:
        self.timers[timer.id] = timer
        if timer.steady:
            due = mono + (timer.due - wall).total_seconds()
            self.steady_due[timer.id] = due
            heapq.heappush(self.steady_heap, (due, timer.id))
            if len(self.steady_heap) > 2 * len(self.steady_due) + HEAP_SLACK:
                self.steady_heap = [(at, id_) for id_, at in self.steady_due.items()]
                heapq.heapify(self.steady_heap)
        else:
            heapq.heappush(self.wall_heap, (micros(timer.due), timer.id))
            if len(self.wall_heap) > 2 * len(self.timers) + HEAP_SLACK:
                self.wall_heap = [(micros(one.due), one.id) for one in self.timers.values() if not one.steady]
                heapq.heapify(self.wall_heap)

    def _set_request(self, request: Request) -> None:
        self.requests[request.id] = request
        self.requests.move_to_end(request.id)

    def _set_catalog(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.rules = {rule.code: rule for rule in catalog.rules()}
        named = {code for rule in catalog.events for code in (*rule.events, *rule.clear_events)}
        self.event_codes = frozenset(named | set(catalog.known_events))
        self.versions = Versions(
            engine=self.versions.engine, catalog=catalog.version, policy=self.versions.policy
        )
        for watcher in self.watchers.values():
            watcher.board.pair_up(catalog, self.rule_states)

    def seconds_to_deadline(self, wall: datetime, mono: float) -> float | None:
        """Return how long until the next deadline of any kind; None when there is none, at least 0."""
        waits = []
        if self.wall_heap:
            waits.append((self.wall_heap[0][0] - micros(wall)) / 1e6)
        if self.steady_heap:
            waits.append(self.steady_heap[0][0] - mono)
        if self.liveness_heap:
            waits.append(self.liveness_heap[0][0] - mono)
        return max(0.0, min(waits)) if waits else None
