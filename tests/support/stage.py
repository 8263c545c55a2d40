"""Stage: the pure core with a manual clock and no store, for tests that read like stories.

Connect an agent, let it measure or fall silent, let time pass, and look at the alarms and cases that come.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from vedette_server.access.token import Role
from vedette_server.alarms.alarm import Alarm
from vedette_server.cases.case import Case
from vedette_server.contracts.policy import Policy
from vedette_server.detect.catalog import Catalog
from vedette_server.engine.changes import Change, Kind
from vedette_server.engine.decide import decide
from vedette_server.engine.draft import Done, Draft
from vedette_server.engine.inputs import (
    AnyStored,
    BatchReceived,
    CatalogLoaded,
    Command,
    CreateToken,
    DeadlinesDue,
    EventFact,
    EventsReceived,
    HeartbeatReceived,
    PolicyLoaded,
    SeriesAnnounced,
    ServerStarted,
    StreamClosed,
    StreamOpened,
)
from vedette_server.engine.refusal import Refused
from vedette_server.engine.world import Loaded, World, micros
from vedette_server.fleet.agent import StopReason
from vedette_server.fleet.liveness import Limits
from vedette_server.fleet.session import Rejection, Welcome
from vedette_server.telemetry.series import Labels, Series

#: A Tuesday, 10:00 in Berlin.
TUESDAY = datetime(2026, 3, 3, 9, 0, tzinfo=UTC)
BEAT = timedelta(seconds=10)
LIMITS = Limits(
    heartbeat=timedelta(seconds=10), overdue_after=timedelta(seconds=20), lost_after=timedelta(seconds=120)
)


class Stage:
    """A world, a clock, and everything that was said."""

    def __init__(self, policy: Policy, catalog: Catalog, *, start: datetime = TUESDAY) -> None:
        self.wall = start
        self.mono = 1000.0
        self.changes: list[Change] = []
        self.replies: list[tuple[int, Welcome | Rejection]] = []
        #: Last image of every entity that ever was.
        self.images: dict[tuple[Kind, str], object] = {}
        self._streams = 0
        self._requests = 0
        #: Agents that give a sign of life every ten seconds while time passes.
        self.beating: list[StageAgent] = []
        empty = Loaded(partition=0, epoch=1, turn=0, sequence=0, policy=None, catalog=None)
        self.world = World.load(empty, limits=LIMITS, engine="test", wall=start, mono=self.mono)
        started = ServerStarted(
            engine="test",
            heartbeat=LIMITS.heartbeat,
            overdue_after=LIMITS.overdue_after,
            lost_after=LIMITS.lost_after,
        )
        self.apply(started, CatalogLoaded(catalog=catalog), PolicyLoaded(policy=policy))

    def apply(self, *inputs: AnyStored | BatchReceived) -> Draft:
        """Take one turn with these inputs at the present instant."""
        draft = Draft(self.world, wall=self.wall, mono=self.mono)
        for one in inputs:
            decide(draft, one)
        self.world.turn += 1
        self.changes += draft.changes
        self.replies += draft.replies
        for change in draft.changes:
            self.images[change.kind, change.id] = change.after
        return draft

    def advance(self, **span: float) -> None:
        """Let time pass; deadlines are met when they come, not at the end."""
        end = self.wall + timedelta(**span)
        while True:
            wait = self.world.seconds_to_deadline(self.wall, self.mono)
            deadline = end if wait is None else self.wall + timedelta(seconds=wait)
            beat = min((one.next_beat for one in self.beating), default=end)
            moment = min(deadline, max(beat, self.wall), end)
            self._pass((moment - self.wall).total_seconds())
            for one in self.beating:
                if one.next_beat <= self.wall:
                    one.beat()
            if wait is not None and deadline <= moment:
                self.apply(DeadlinesDue(limit=500))
            elif moment == end:
                return

    def _pass(self, seconds: float) -> None:
        self.mono += seconds
        self.wall += timedelta(seconds=seconds)

    def ask(self, command: type[Command], *, by: str = "lena", request_id: str = "", **fields: Any) -> Done:
        """Carry out a command and return its answer, or raise its refusal."""
        self._requests += 1
        built = command(by=by, request_id=request_id or f"r{self._requests}", **fields)
        (answer,) = self.apply(built).answers  # type: ignore[arg-type]
        if isinstance(answer, Refused):
            raise answer
        return answer

    def enrol(self, agent: str) -> str:
        """Make the credential of an agent; return the token's id."""
        return self.ask(CreateToken, role=Role.AGENT, name=agent, secret_hash=f"hash of {agent}").id

    def connect(self, agent: str, **hello: Any) -> StageAgent:
        """Enrol an agent if need be, and open its stream."""
        if agent not in self.world.watchers:
            self.enrol(agent)
        return StageAgent(self, agent, **hello)

    def next_stream(self) -> int:
        """Return a new stream number."""
        self._streams += 1
        return self._streams

    def case(self, id_: str) -> Case:
        """Return a case as it was last."""
        case = self.images[Kind.CASE, id_]
        assert isinstance(case, Case)
        return case

    def alarm(self, id_: str) -> Alarm:
        """Return an alarm as it was last."""
        alarm = self.images[Kind.ALARM, id_]
        assert isinstance(alarm, Alarm)
        return alarm

    def reasons(self, *kinds: Kind) -> list[tuple[str, str]]:
        """Return (id, reason) of every change of these kinds, in order."""
        return [(one.id, one.reason) for one in self.changes if one.kind in kinds]


class StageAgent:
    """An agent on the stage: says hello, measures, tells events."""

    def __init__(self, stage: Stage, agent: str, **hello: Any) -> None:
        self.stage = stage
        self.agent = agent
        self.seq = 0
        self.numbers: dict[tuple[str, Labels], int] = {}
        self.identity: dict[str, Any] = {
            "boot_id": "boot-1",
            "start_id": "start-1",
            "outbox_id": "outbox-1",
            "previous_stop": StopReason.UNKNOWN,
            "product_version": "2026.Winter.1",
        }
        self.stream = 0
        self.next_beat = stage.wall + BEAT
        stage.beating.append(self)
        self.hello(**hello)

    def hello(self, **changes: Any) -> list[Welcome | Rejection]:
        """Open a new stream, with some of the identity changed; return what was said on it."""
        self.identity |= changes
        stage = self.stage
        self.stream = stage.next_stream()
        token = next(
            one.id for one in stage.world.tokens.values() if one.name == self.agent and not one.revoked_at
        )
        fields: dict[str, Any] = {
            "claimed_agent": "",
            "next_seq": self.seq + 1,
            "oldest_seq": self.seq + 1,
            "acked_seq": self.seq,
            "agent_version": "0.1.0",
            "protocol_version": 1,
            "agent_time": stage.wall,
            "ha_role": "",
            "host_name": "host",
            "platform": "linux",
            "previous_link_error": "",
        }
        fields |= self.identity
        said = stage.apply(StreamOpened(stream=self.stream, agent=self.agent, token=token, **fields)).replies
        return [reply for stream, reply in said if stream == self.stream]

    def close(self, cause: str = "the connection broke") -> None:
        """End the stream without a word."""
        self.stage.apply(StreamClosed(stream=self.stream, agent=self.agent, cause=cause))

    def fall_silent(self) -> None:
        """Give no sign of life any more."""
        self.stage.beating.remove(self)

    def beat(self) -> None:
        """Give a sign of life."""
        self.next_beat = self.stage.wall + BEAT
        self.stage.apply(HeartbeatReceived(stream=self.stream, agent=self.agent))

    def sample(self, values: Iterable[tuple[str, Labels, float]], *, ago: float = 0.0) -> Draft:
        """Send one batch, announcing what is new; `ago` is its age in seconds."""
        values = list(values)
        new = []
        for name, labels, _value in values:
            if (name, labels) not in self.numbers:
                self.numbers[name, labels] = len(self.numbers)
                new.append(Series(number=len(self.numbers) - 1, name=name, unit="1", labels=labels))
        if new:
            self.stage.apply(SeriesAnnounced(stream=self.stream, agent=self.agent, series=tuple(new)))
        self.seq += 1
        return self.stage.apply(
            BatchReceived(
                stream=self.stream,
                agent=self.agent,
                seq=self.seq,
                fact_hash=self.seq,
                observed_us=micros(self.stage.wall) - int(ago * 1e6),
                numbers=np.array([self.numbers[name, labels] for name, labels, _ in values], dtype=np.uint32),
                values=np.array([value for *_, value in values], dtype=np.float64),
                raw=b"frame",
            )
        )

    def database(self, used: float, limit: float = 100.0, *, ago: float = 0.0) -> Draft:
        """Send the size and the limit of the database "main"."""
        labels = (("database", "main"),)
        return self.sample([("database.usage", labels, used), ("database.limit", labels, limit)], ago=ago)

    def event(self, code: str, component: str = "", *, ago: float = 0.0, severity: int = 3) -> Draft:
        """Send one event."""
        self.seq += 1
        fact = EventFact(
            time_us=micros(self.stage.wall) - int(ago * 1e6),
            code=code,
            severity=severity,
            component=component,
            message="",
            attributes=(),
        )
        return self.stage.apply(
            EventsReceived(
                stream=self.stream, agent=self.agent, seq=self.seq, fact_hash=self.seq, events=(fact,)
            )
        )
