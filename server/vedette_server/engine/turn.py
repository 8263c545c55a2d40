"""The turn loop: take what has piled up, decide, commit, and only then tell the world.

    commands, deadlines, frames --> decide --> one transaction, fsynced --> acks, answers, watchers

While turn N commits, turn N+1 piles up: that is all there is to group commit. There is one loop a partition,
and only it touches the world and the writing connection, so nothing here needs a lock.

When a turn cannot be committed because the disk is full, nothing is acknowledged and the same turn is tried
again until it can; agents keep their facts meanwhile. When deciding fails (a defect), the world is thrown
away and loaded from the store, all streams end, and the fact that did it is skipped with a gap when it comes
again.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from vedette_server.alarms.alarm import Alarm
from vedette_server.cases.case import Case
from vedette_server.clock import Clock, Instant
from vedette_server.engine.changes import Entity, Kind, TurnRecord
from vedette_server.engine.decide import decide
from vedette_server.engine.draft import Done, Draft
from vedette_server.engine.inbox import COMMAND_LIMIT, Inbox, Lane, StreamInput
from vedette_server.engine.inputs import (
    AnyCommand,
    AnyStored,
    CatalogLoaded,
    ClockStepped,
    DeadlinesDue,
    LoopStalled,
    PolicyLoaded,
    Recalled,
    ServerStarted,
    StreamClosed,
)
from vedette_server.engine.quarantine import Fact, Quarantine
from vedette_server.engine.refusal import Refused, Status
from vedette_server.engine.world import Loaded, World
from vedette_server.fleet.liveness import Limits
from vedette_server.fleet.session import Rejection, Welcome
from vedette_server.store.codec import encode_inputs
from vedette_server.store.errors import InvalidTurn, StoreFull

#: Most inputs of one turn, and about the longest that deciding may take, seconds.
TURN_INPUTS = 500
TURN_SECONDS = 0.020
#: Longest that an ack waits for facts of its stream that arrived and are not decided, in heartbeats:
#: writing it costs half of what a batch does, and a server that is behind has better things to do.
ACK_PATIENCE = 0.1
#: Longest wait between two looks at the clock, seconds: a step of the wall clock is noticed within it.
LOOK_SECONDS = 1.0
#: Wait between two attempts to commit while the disk is full, seconds.
FULL_RETRY_SECONDS = 1.0
#: Pause after a defect in deciding anything else than a fact, seconds.
DEFECT_PAUSE_SECONDS = 1.0


class Port(Protocol):
    """What the loop tells a stream."""

    def welcome(self, welcome: Welcome, server_time: datetime) -> None:
        """Open the stream for data."""
        ...

    def ack(self, watermark: int, server_time: datetime) -> None:
        """Say that everything up to `watermark` is durable."""
        ...

    def reject(self, rejection: Rejection) -> None:
        """Say the last word and end the stream."""
        ...

    def reconnect(self) -> None:
        """Ask the agent to come back on a new stream, and end this one."""
        ...


class Writer(Protocol):
    """What the loop needs of the store."""

    async def load(self) -> Loaded:
        """Return what the world is made of."""
        ...

    async def commit(self, record: TurnRecord) -> None:
        """Write a turn in one transaction, durable on return."""
        ...


@dataclass(slots=True)
class Tally:
    """What the loop has done since the start; seconds are wall time of the loop's work."""

    turns: int = 0
    inputs: int = 0
    samples: int = 0
    changes: int = 0
    decode_seconds: float = 0.0
    decide_seconds: float = 0.0
    commit_seconds: float = 0.0
    publish_seconds: float = 0.0
    poisoned: int = 0
    disk_full: bool = False


@dataclass(slots=True)
class _Asked:
    """A command that waits for its answer."""

    command: AnyCommand
    recalled: Recalled | None
    answer: asyncio.Future[Done]


@dataclass(slots=True, eq=False)
class _Stream:
    lane: Lane
    agent: str
    port: Port
    #: Set while the lane has room.
    room: asyncio.Event = field(default_factory=asyncio.Event)
    #: When it was last told what is durable, on the monotonic clock, seconds.
    acked_mono: float = -math.inf


class TurnLoop:
    """The one loop of a partition."""

    def __init__(
        self,
        writer: Writer,
        clock: Clock,
        *,
        limits: Limits,
        engine: str,
        recall: Callable[[Kind, str], Awaitable[Entity | None]],
        on_defect: Callable[[str, Exception], None],
    ) -> None:
        """Take the store's writer and a clock.

        Args:
            writer: the one writing connection.
            clock: the server's clock.
            limits: how long an agent may be silent.
            engine: version of this code, stored with what it decides.
            recall: reads an entity that is over from the store, or None.
            on_defect: told when deciding failed, with what was being decided.
        """
        self._writer = writer
        self._clock = clock
        self._limits = limits
        self._engine = engine
        self._recall = recall
        self._on_defect = on_defect
        self._inbox = Inbox()
        self._asked: deque[_Asked] = deque()
        #: Commands of the turn that is being decided.
        self._deciding: list[_Asked] = []
        self._streams: dict[int, _Stream] = {}
        self._last_stream = 0
        self._wake = asyncio.Event()
        self._recalling = asyncio.Lock()
        #: When the loop last looked at the clock, monotonic seconds.
        self._looked = math.inf
        self._stopping = False
        #: Inputs of streams that the turn that is being decided has taken.
        self._taken: list[StreamInput] = []
        #: A suspect that waits for a turn of its own.
        self._held: tuple[Lane, StreamInput] | None = None
        self.quarantine = Quarantine()
        self.tally = Tally()
        self.on_commit: list[Callable[[TurnRecord], None]] = []
        self.world: World

    # --- from the outside

    async def start(self, *inputs: PolicyLoaded | CatalogLoaded) -> None:
        """Load the world and take the first turn: the server has started, with this policy and catalog."""
        await self._reload(self._clock.read(), inputs)

    async def command(self, command: AnyCommand) -> Done:
        """Carry out a command; return after its commit.

        Raises:
            Refused: it changed nothing.
        """
        try:
            return await self._ask(command, None)
        except Refused as refused:
            # One at a time: what is recalled must still be so when the command is decided.
            async with self._recalling:
                recalled = await self._recall_for(refused)
                if recalled is None:
                    raise
                return await self._ask(command, recalled)

    async def _recall_for(self, refused: Refused) -> Recalled | None:
        """Return a case or alarm that is over and so not in the world, if that is why it was refused."""
        match refused.reason:
            case "CASE_NOT_FOUND":
                return _recalled(await self._recall(Kind.CASE, refused.metadata["case"]))
            case "ALARM_NOT_FOUND":
                return _recalled(await self._recall(Kind.ALARM, refused.metadata["alarm"]))
            case _:
                return None

    async def _ask(self, command: AnyCommand, recalled: Recalled | None) -> Done:
        if self._stopping:
            raise Refused(Status.UNAVAILABLE, "SERVER_STOPPING", "the server is stopping; try again shortly")
        if len(self._asked) >= COMMAND_LIMIT:
            message = f"{COMMAND_LIMIT} commands are waiting; try again shortly"
            raise Refused(Status.RESOURCE_EXHAUSTED, "SERVER_BUSY", message)
        asked = _Asked(command, recalled, asyncio.get_running_loop().create_future())
        self._asked.append(asked)
        self._wake.set()
        return await asked.answer

    def submit(self, one: PolicyLoaded | CatalogLoaded) -> None:
        """Put in what the server itself has to say."""
        self._inbox.system.append(one)
        self._wake.set()

    def attach(self, agent: str, customer: str, port: Port) -> int:
        """Register a stream of an agent; return its number."""
        self._last_stream += 1
        stream = _Stream(Lane(stream=self._last_stream, customer=customer), agent, port)
        stream.room.set()
        self._streams[self._last_stream] = stream
        return self._last_stream

    async def offer(self, number: int, one: StreamInput) -> None:
        """Put in what a stream sent; wait while its lane is full. After the stream's end it is dropped."""
        stream = self._streams.get(number)
        if stream is None:
            return
        self._inbox.put(stream.lane, one)
        self._wake.set()
        if stream.lane.full:
            stream.room.clear()
            await stream.room.wait()

    def detach(self, number: int, cause: str) -> None:
        """Say that a stream is over, and why in words."""
        stream = self._streams.pop(number, None)
        if stream is None:
            return
        # What it sent before is decided first: the end of a stream undoes nothing.
        self._inbox.put(stream.lane, StreamClosed(stream=number, agent=stream.agent, cause=cause))
        self._wake.set()

    @property
    def stream_count(self) -> int:
        """Return how many streams are open."""
        return len(self._streams)

    @property
    def waiting(self) -> int:
        """Return how many inputs wait."""
        return self._inbox.size + len(self._asked)

    def stop(self) -> None:
        """Let the loop end once nothing waits."""
        self._stopping = True
        self._wake.set()

    # --- the loop

    async def run(self) -> None:
        """Take turns until stopped."""
        while not (self._stopping and not self._inbox and not self._asked and self._held is None):
            await self._wait()
            instant = self._clock.read()
            step = self._clock.take_step()
            if step is not None:
                self._inbox.system.append(ClockStepped(step=step))
            stalled = instant.mono - self._looked
            self._looked = instant.mono
            if stalled > self._limits.heartbeat.total_seconds() + LOOK_SECONDS:
                self._inbox.system.append(LoopStalled(span=timedelta(seconds=stalled)))
            try:
                await self._turn(instant)
            except (_Defect, _Unwritable) as failure:
                await self._recover(failure)

    async def _wait(self) -> None:
        """Wait until something is to be decided, or a deadline comes."""
        if self._inbox or self._asked or self._held is not None:
            # Let streams be read even while there is always more to decide.
            await asyncio.sleep(0)
            return
        self._wake.clear()
        instant = self._clock.read()
        due = self.world.seconds_to_deadline(instant.wall, instant.mono)
        wait = LOOK_SECONDS if due is None else min(due, LOOK_SECONDS)
        waiter = asyncio.ensure_future(self._wake.wait())
        sleeper = asyncio.ensure_future(self._clock.sleep(wait))
        try:
            await asyncio.wait((waiter, sleeper), return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiter.cancel()
            sleeper.cancel()

    async def _turn(self, instant: Instant) -> None:
        """Decide, commit, publish."""
        begun = self._clock.stopwatch()
        draft = Draft(self.world, wall=instant.wall, mono=instant.mono)
        stored = self._decide(draft, begun)
        if not stored:
            return
        decided = self._clock.stopwatch()
        record = self._record(draft, stored)
        await self._commit(record)
        committed = self._clock.stopwatch()
        self.quarantine.turn_committed(self._taken)
        asked, self._deciding = self._deciding, []
        self._publish(draft, asked, record)
        tally = self.tally
        tally.turns += 1
        tally.inputs += len(stored)
        tally.changes += len(record.changes)
        tally.decide_seconds += decided - begun
        tally.commit_seconds += committed - decided
        tally.publish_seconds += self._clock.stopwatch() - committed

    def _decide(self, draft: Draft, begun: float) -> list[AnyStored]:
        """Apply what has piled up, in order, within the bounds of a turn."""
        stored: list[AnyStored] = []
        self._taken = []
        while self._inbox.system:
            stored.append(_apply(draft, self._inbox.system.popleft()))
        while self._asked and len(stored) < TURN_INPUTS:
            one = self._asked.popleft()
            self._deciding.append(one)
            if one.recalled is not None:
                stored.append(_apply(draft, one.recalled))
            stored.append(_apply(draft, one.command))
        due = self.world.seconds_to_deadline(draft.wall, draft.mono)
        if due is not None and due <= 0:
            stored.append(_apply(draft, DeadlinesDue(limit=TURN_INPUTS, heard=self._heard())))
        while len(stored) < TURN_INPUTS:
            taken = self._held or self._inbox.pop()
            self._held = None
            if taken is None:
                break
            lane, frame = taken
            suspect = self.quarantine.is_suspect(frame)
            if suspect and self._taken:
                self._held = taken
                break
            self._taken.append(frame)
            stored.append(_apply(draft, frame))
            self._make_room(lane)
            if suspect or self._clock.stopwatch() - begun > TURN_SECONDS:
                break
        return stored

    def _heard(self) -> tuple[str, ...]:
        """Return the agents that have sent something that waits."""
        return tuple(sorted(stream.agent for stream in self._streams.values() if stream.lane.waiting))

    def _make_room(self, lane: Lane) -> None:
        stream = self._streams.get(lane.stream)
        if stream is not None and not lane.full:
            stream.room.set()

    def _record(self, draft: Draft, stored: list[AnyStored]) -> TurnRecord:
        world = self.world
        world.turn += 1
        return TurnRecord(
            partition=world.partition,
            epoch=world.epoch,
            turn=world.turn,
            wall=draft.wall,
            mono=draft.mono,
            versions=world.versions,
            inputs=encode_inputs(stored),
            changes=draft.changes,
            batches=draft.batches,
            events=draft.events,
            links=draft.link_rows(),
        )

    async def _commit(self, record: TurnRecord) -> None:
        """Commit, and while the disk is full try again: nothing was acknowledged, so nothing is lost."""
        while True:
            try:
                await self._writer.commit(record)
            except StoreFull:
                self.tally.disk_full = True
                await self._clock.sleep(FULL_RETRY_SECONDS)
            except (InvalidTurn, ValueError, OverflowError) as error:
                raise _Unwritable(error) from error
            else:
                self.tally.disk_full = False
                return

    def _publish(self, draft: Draft, asked: list[_Asked], record: TurnRecord) -> None:
        """Tell watchers, streams and callers what was committed; who is told first is served first."""
        for listener in self.on_commit:
            listener(record)
        for number, reply in draft.replies:
            stream = self._streams.get(number)
            if stream is None:
                continue
            if isinstance(reply, Welcome):
                stream.port.welcome(reply, draft.wall)
            else:
                stream.port.reject(reply)
        for watcher in draft.touched.values():
            stream = self._streams.get(watcher.stream)
            if stream is not None:
                self._acknowledge(stream, watcher.watermark, draft)
        for one, answer in zip(asked, draft.answers, strict=True):
            if one.answer.done():
                continue
            if isinstance(answer, Refused):
                one.answer.set_exception(answer)
            else:
                one.answer.set_result(answer)

    def _acknowledge(self, stream: _Stream, watermark: int, draft: Draft) -> None:
        """Tell a stream what is durable, unless more of it waits: then one ack will do for both."""
        patience = ACK_PATIENCE * self._limits.heartbeat.total_seconds()
        if stream.lane.waiting and draft.mono - stream.acked_mono < patience:
            return
        stream.acked_mono = draft.mono
        stream.port.ack(watermark, draft.wall)

    # --- when deciding failed

    async def _recover(self, failure: _Defect | _Unwritable) -> None:
        """Throw the world away, end all streams, and remember the fact that did it or those that may have."""
        fact = isinstance(failure, _Defect) and isinstance(failure.input, Fact)
        if isinstance(failure, _Unwritable):
            self.quarantine.turn_failed(self._taken)
        elif isinstance(failure.input, Fact):
            self.quarantine.convict(failure.input)
        self._on_defect(failure.what, failure.error)
        self.tally.poisoned += 1
        self._inbox, self._held = Inbox(), None
        streams, self._streams = self._streams, {}
        for stream in streams.values():
            stream.room.set()
            stream.port.reconnect()
        deciding, self._deciding = self._deciding, []
        for one in deciding:
            if not one.answer.done():
                message = "the server met a defect; nothing was changed, and its log says more"
                one.answer.set_exception(Refused(Status.INTERNAL, "SERVER_DEFECT", message))
        if not fact:
            # What is not skipped may fail again at once: do not spin.
            await self._clock.sleep(DEFECT_PAUSE_SECONDS)
        await self._reload(self._clock.read(), ())

    async def _reload(self, instant: Instant, inputs: tuple[PolicyLoaded | CatalogLoaded, ...]) -> None:
        loaded = await self._writer.load()
        self.world = World.load(
            loaded, limits=self._limits, engine=self._engine, wall=instant.wall, mono=instant.mono
        )
        started = ServerStarted(
            engine=self._engine,
            heartbeat=self._limits.heartbeat,
            overdue_after=self._limits.overdue_after,
            lost_after=self._limits.lost_after,
        )
        self._inbox.system.append(started)
        # What is in force already is not stored once more at every start: it is large.
        self._inbox.system.extend(one for one in inputs if not self._in_force(one))
        await self._turn(instant)

    def _in_force(self, one: PolicyLoaded | CatalogLoaded) -> bool:
        if isinstance(one, PolicyLoaded):
            return one.policy.version == self.world.policy.version
        return one.catalog.version == self.world.catalog.version


class _Defect(Exception):
    """Deciding failed on an input."""

    def __init__(self, one: StreamInput, error: Exception) -> None:
        super().__init__(str(error))
        self.input = one
        self.what = type(one).__name__
        self.error = error


class _Unwritable(Exception):
    """A turn was decided and the store cannot hold it."""

    what = "a turn that the store cannot hold"

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


def _apply(draft: Draft, one: StreamInput) -> AnyStored:
    try:
        return decide(draft, one)
    except Exception as error:
        raise _Defect(one, error) from error


def _recalled(entity: Entity | None) -> Recalled | None:
    if isinstance(entity, Case):
        return Recalled(case=entity)
    if isinstance(entity, Alarm):
        return Recalled(alarm=entity)
    return None
