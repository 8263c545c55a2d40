"""The turn loop on real SQLite: nothing is told before it is durable, and what was told survives."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.server.engine.conftest import CATALOG
from tests.support.manual_clock import ManualClock
from tests.support.stage import LIMITS, TUESDAY
from vedette_server.access.token import Role
from vedette_server.cases.case import Case, CaseState
from vedette_server.contracts.policy import Policy
from vedette_server.contracts.priority import Priority
from vedette_server.engine.changes import Entity, Kind, TurnRecord
from vedette_server.engine.inputs import (
    AcknowledgeCase,
    BatchReceived,
    CatalogLoaded,
    CloseCase,
    CommentCase,
    CreateCase,
    CreateToken,
    EventFact,
    EventsReceived,
    HeartbeatReceived,
    InvalidFact,
    PolicyLoaded,
    ResolveCase,
    SeriesAnnounced,
    StreamOpened,
)
from vedette_server.engine.refusal import Refused
from vedette_server.engine.turn import TurnLoop
from vedette_server.engine.world import micros
from vedette_server.fleet.agent import AgentState, StopReason
from vedette_server.fleet.session import Rejection, Welcome
from vedette_server.replay import replay
from vedette_server.store.errors import StoreFull
from vedette_server.store.sql import Store
from vedette_server.telemetry.series import Series

NODE = "acme/hq/node-1"
FIELDS: dict[str, Any] = {"installation": "", "title": "no sound", "description": "", "priority": Priority.P2}


class Ear:
    """A port that remembers what it was told."""

    def __init__(self) -> None:
        self.words: list[object] = []
        self.told = asyncio.Event()

    def welcome(self, welcome: Welcome, server_time: datetime) -> None:
        self._hear(welcome)

    def ack(self, watermark: int, server_time: datetime) -> None:
        self._hear(watermark)

    def reject(self, rejection: Rejection) -> None:
        self._hear(rejection)

    def reconnect(self) -> None:
        self._hear("reconnect")

    def _hear(self, word: object) -> None:
        self.words.append(word)
        self.told.set()

    async def until(self, *words: object) -> None:
        """Wait until any of these was said."""
        async with asyncio.timeout(10):
            while not any(word in self.words for word in words):
                self.told.clear()
                await self.told.wait()


class Server:
    """A store, a loop and a clock."""

    def __init__(self, store: Store, loop: TurnLoop, clock: ManualClock) -> None:
        self.store = store
        self.loop = loop
        self.clock = clock
        self.closed_cases: dict[str, Case] = {}
        self.defects: list[str] = []

    async def hello(self, token: str, **changes: Any) -> tuple[int, Ear]:
        ear = Ear()
        stream = self.loop.attach(NODE, "acme", ear)
        fields: dict[str, Any] = {
            "claimed_agent": "",
            "boot_id": "b",
            "start_id": "s",
            "outbox_id": "o",
            "next_seq": 1,
            "oldest_seq": 1,
            "acked_seq": 0,
            "previous_stop": StopReason.UNKNOWN,
            "agent_version": "",
            "protocol_version": 1,
            "product_version": "",
            "agent_time": self.clock.wall,
            "ha_role": "",
            "host_name": "",
            "platform": "",
            "previous_link_error": "",
        }
        opened = StreamOpened(stream=stream, agent=NODE, token=token, **(fields | changes))
        await self.loop.offer(stream, opened)
        return stream, ear

    async def enrol(self) -> str:
        command = CreateToken(by="t", request_id="enrol", role=Role.AGENT, name=NODE, secret_hash="h")
        return (await self.loop.command(command)).id


@asynccontextmanager
async def running(folder: Path, policy: Policy, clock: ManualClock) -> AsyncIterator[Server]:
    store = await Store.open(folder)

    async def recall(kind: Kind, id_: str) -> Entity | None:
        return server.closed_cases.get(id_) if kind is Kind.CASE else None

    loop = TurnLoop(
        store,
        clock,
        limits=LIMITS,
        engine="test",
        recall=recall,
        on_defect=lambda what, _error: server.defects.append(what),
    )
    server = Server(store, loop, clock)

    def keep_closed(record: TurnRecord) -> None:
        for change in record.changes:
            if isinstance(change.after, Case) and change.after.state is CaseState.CLOSED:
                server.closed_cases[change.id] = change.after

    loop.on_commit.append(keep_closed)
    await loop.start(PolicyLoaded(policy=policy), CatalogLoaded(catalog=CATALOG))
    task = asyncio.create_task(loop.run())
    try:
        yield server
    finally:
        loop.stop()
        await task
        await store.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(TUESDAY)


def crash(stream: int, seq: int, at: datetime) -> EventsReceived:
    fact = EventFact(
        time_us=micros(at),
        code="component.exited",
        severity=3,
        component="voip-stack",
        message="",
        attributes=(),
    )
    return EventsReceived(stream=stream, agent=NODE, seq=seq, fact_hash=seq, events=(fact,))


def skipped(fact: EventsReceived) -> InvalidFact:
    return InvalidFact(
        stream=fact.stream,
        agent=fact.agent,
        seq=fact.seq,
        fact_hash=fact.fact_hash,
        reason="quarantined",
        text="",
    )


async def test_a_fact_is_acknowledged_and_a_restart_knows_all_that_came_of_it(
    tmp_path: Path, policy: Policy, clock: ManualClock
) -> None:
    async with running(tmp_path, policy, clock) as server:
        token = await server.enrol()
        stream, ear = await server.hello(token)
        await ear.until(Welcome(agent=NODE, watermark=0))
        await server.loop.offer(stream, crash(stream, 1, clock.wall))
        await ear.until(1)
    clock.advance(minutes=1)
    async with running(tmp_path, policy, clock) as server:
        world = server.loop.world
        assert world.cases["C-1"].clock is not None
        assert world.alarms["A-1"].active
        _stream, ear = await server.hello(token, next_seq=2, oldest_seq=2)
        await ear.until(Welcome(agent=NODE, watermark=1))
        done = await server.loop.command(
            AcknowledgeCase(by="lena", request_id="1", id="C-1", etag="", note="")
        )
        assert isinstance(done.entity, Case)
        assert done.entity.state is CaseState.ACKNOWLEDGED
    report = await replay(tmp_path, _folder(tmp_path / "scratch"))
    assert report.difference is None
    assert report.entries > 10


@pytest.mark.parametrize(("patience", "acks"), [(0.1, [1, 5]), (0.0, [1, 2, 3, 4, 5])])
async def test_an_ack_waits_a_little_for_facts_of_its_stream_that_have_arrived(
    tmp_path: Path,
    policy: Policy,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
    patience: float,
    acks: list[int],
) -> None:
    async with running(tmp_path, policy, clock) as server:
        stream, ear = await server.hello(await server.enrol())
        await ear.until(Welcome(agent=NODE, watermark=0))
        clock.advance(seconds=1)
        monkeypatch.setattr("vedette_server.engine.turn.TURN_INPUTS", 1)
        monkeypatch.setattr("vedette_server.engine.turn.ACK_PATIENCE", patience)
        for seq in range(1, 6):
            await server.loop.offer(stream, crash(stream, seq, clock.wall))
        await ear.until(5)
        assert [word for word in ear.words if isinstance(word, int) and word] == acks


async def test_a_response_that_came_due_while_the_server_was_down_is_breached_at_start_once(
    tmp_path: Path, policy: Policy, clock: ManualClock
) -> None:
    async with running(tmp_path, policy, clock) as server:
        await server.loop.command(CreateCase(by="lena", request_id="1", customer="acme", **FIELDS))
    clock.advance(hours=3)
    seen: list[str] = []
    for _ in range(2):
        async with running(tmp_path, policy, clock) as server:
            await server.loop.command(
                CommentCase(by="l", request_id=str(len(seen)), id="C-1", etag="", text="x")
            )
            clock_ = server.loop.world.cases["C-1"].clock
            assert clock_ is not None
            seen.append(f"{clock_.state} {clock_.breached_at:%H:%M}")
    assert seen == ["breached 11:00", "breached 11:00"]


async def test_while_the_disk_is_full_nothing_is_acknowledged_and_then_everything_is(
    tmp_path: Path, policy: Policy, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path, policy, clock) as server:
        token = await server.enrol()
        stream, ear = await server.hello(token)
        await ear.until(Welcome(agent=NODE, watermark=0))
        await server.store._driver.execute("PRAGMA max_page_count=1")
        (pages,) = await (await server.store._driver.execute("PRAGMA page_count")).fetchone()  # type: ignore[misc]
        await server.store._driver.execute(f"PRAGMA max_page_count={pages}")
        series = (Series(number=0, name="x" * 1000, unit="1"),)
        await server.loop.offer(stream, SeriesAnnounced(stream=stream, agent=NODE, series=series))
        batch = BatchReceived(
            stream=stream,
            agent=NODE,
            seq=1,
            fact_hash=1,
            observed_us=micros(clock.wall),
            numbers=np.zeros(1, dtype=np.uint32),
            values=np.zeros(1),
            raw=b"x" * 1_000_000,
        )
        await server.loop.offer(stream, batch)
        async with asyncio.timeout(10):
            while not server.loop.tally.disk_full:  # noqa: ASYNC110 -- nobody tells when a retry begins
                await asyncio.sleep(0)
        clock.advance(seconds=1)
        assert 1 not in ear.words
        await server.store._driver.execute("PRAGMA max_page_count=1000000")
        async with asyncio.timeout(10):
            while 1 not in ear.words:
                clock.advance(seconds=1)
                await asyncio.sleep(0)
        assert not server.loop.tally.disk_full


async def test_a_full_disk_that_outlasts_the_limit_of_silence_loses_nobody(
    tmp_path: Path, policy: Policy, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path, policy, clock) as server:
        token = await server.enrol()
        stream, ear = await server.hello(token)
        await ear.until(Welcome(agent=NODE, watermark=0))
        commit, full = server.store.commit, True

        async def maybe(record: TurnRecord) -> None:
            if full:
                raise StoreFull("the disk is full")
            await commit(record)

        monkeypatch.setattr(server.store, "commit", maybe)
        for _ in range(13):
            await server.loop.offer(stream, HeartbeatReceived(stream=stream, agent=NODE))
            clock.advance(seconds=10)
            for _ in range(5):
                await asyncio.sleep(0)
        full = False
        told = len(ear.words)
        async with asyncio.timeout(10):
            while len(ear.words) < told + 2:
                clock.advance(seconds=1)
                await asyncio.sleep(0)
        assert not server.loop.world.alarms
        assert server.loop.world.watchers[NODE].agent.state is AgentState.CONNECTED


async def test_a_defect_ends_all_streams_and_the_fact_that_met_it_is_remembered(
    tmp_path: Path, policy: Policy, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path, policy, clock) as server:
        token = await server.enrol()
        stream, ear = await server.hello(token)
        await ear.until(Welcome(agent=NODE, watermark=0))
        from vedette_server.engine import facts

        def broken(*_: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(facts, "judge_event", broken)
        await server.loop.offer(stream, crash(stream, 1, clock.wall))
        await ear.until("reconnect")
        assert server.loop.quarantine.holds(crash(stream, 1, clock.wall))
        assert server.defects == ["EventsReceived"]
        monkeypatch.undo()
        _stream, again = await server.hello(token)
        await again.until(Welcome(agent=NODE, watermark=0))
    report = await replay(tmp_path, _folder(tmp_path / "scratch"))
    assert report.difference is None


async def test_a_fact_that_cannot_be_written_is_found_among_those_of_its_turn(
    tmp_path: Path, policy: Policy, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path, policy, clock) as server:
        token = await server.enrol()
        stream, ear = await server.hello(token)
        await ear.until(Welcome(agent=NODE, watermark=0))
        commit = server.store.commit

        async def choosy(record: TurnRecord) -> None:
            if any(one.seq == 2 for one in record.events):
                raise ValueError("the fact with seq 2 cannot be written")
            await commit(record)

        monkeypatch.setattr(server.store, "commit", choosy)
        watermark = 0
        while watermark < 3:
            for seq in range(watermark + 1, 4):
                fact = crash(stream, seq, clock.wall)
                known_bad = server.loop.quarantine.holds(fact)
                await server.loop.offer(stream, skipped(fact) if known_bad else fact)
            await ear.until(3, "reconnect")
            if "reconnect" in ear.words:
                clock.advance(seconds=1)  # the pause after a turn that nothing was skipped for
                stream, ear = await server.hello(token, next_seq=4)
                await ear.until(Welcome(agent=NODE, watermark=0), Welcome(agent=NODE, watermark=1))
                welcome = ear.words[0]
                assert isinstance(welcome, Welcome)
                watermark = welcome.watermark
            else:
                watermark = 3
        held = [server.loop.quarantine.holds(crash(stream, seq, clock.wall)) for seq in (1, 2, 3)]
        assert held == [False, True, False]
        assert server.loop.world.alarms["A-1"].occurrences == 2
        assert server.loop.world.watchers[NODE].agent.missing_facts == 1


async def test_a_comment_reaches_a_case_that_is_closed_and_an_acknowledgement_is_told_so(
    tmp_path: Path, policy: Policy, clock: ManualClock
) -> None:
    async with running(tmp_path, policy, clock) as server:
        ask = server.loop.command
        await ask(CreateCase(by="l", request_id="1", customer="acme", **FIELDS))
        await ask(ResolveCase(by="l", request_id="2", id="C-1", etag="", resolution=""))
        await ask(CloseCase(by="l", request_id="3", id="C-1", etag=""))
        done = await ask(CommentCase(by="l", request_id="4", id="C-1", etag="", text="thanks"))
        assert isinstance(done.entity, Case)
        assert done.entity.state is CaseState.CLOSED
        with pytest.raises(Refused) as refused:
            await ask(AcknowledgeCase(by="l", request_id="5", id="C-1", etag="", note=""))
        assert refused.value.reason == "CASE_NOT_OPEN"
        with pytest.raises(Refused) as refused:
            await ask(AcknowledgeCase(by="l", request_id="6", id="C-9", etag="", note=""))
        assert refused.value.reason == "CASE_NOT_FOUND"
    report = await replay(tmp_path, _folder(tmp_path / "scratch"))
    assert report.difference is None


def _folder(path: Path) -> Path:
    path.mkdir()
    return path
