"""Stage: real servers, agents and callers of one end-to-end test, and the proof that comes after each.

    async def test_…(stage: Stage) -> None:
        server = await stage.server(agents=["acme/hq/node-1"])
        ann = await stage.person(server, "ann")
        changes = await stage.follow(server, ann)
        …

One idea: whatever a test does to a server, its record must hold in the end. When a test is over, each server
is stopped in order, and then of every data folder: the journal's chain is unbroken, every table is what the
journal says, deciding everything again from the stored inputs gives the same journal bit for bit, and whoever
followed the changes has seen every one exactly once. The log tells of no error but those that the test
announced.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
import tempfile
import urllib.request
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.follower import Follower
from tests.e2e.node import Node
from tests.e2e.raw_agent import RawAgent
from tests.server.api.callers import Client
from tests.support.programs import (
    CALL_TIMEOUT,
    INSTALLED,
    Program,
    Server,
    lasting_port,
    write_server_files,
)
from vedette_server.replay import replay
from vedette_server.store.audit import audit

#: How often a call that waits for something is repeated, in seconds.
LOOK_INTERVAL = 0.05
#: The agent of tests that need just one.
AGENT = "acme/hq/node-1"
#: Heartbeats of servers whose agents a test moves by hand: slow enough to say nothing by themselves.
CALM = {"heartbeat_interval": "20s", "overdue_after": "40s", "lost_after": "60s"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of a journal, as a reader of the database sees it."""

    sequence: int
    kind: str
    id: str
    reason: str
    actor: str
    text: str
    #: After-image; None where the entity is gone.
    after: dict[str, Any] | None


class Stage:
    """Everything that one test started."""

    def __init__(self, folder: Path) -> None:
        """Take an empty folder; socket paths in it must be short."""
        self.folder = folder
        #: Events that the test expects in a server's log at level error.
        self.expected_errors: set[str] = set()
        self._servers: list[Server] = []
        self._followers: list[tuple[Server, Follower]] = []
        self._stack = AsyncExitStack()

    async def server(
        self,
        *,
        agents: Iterable[str] = (AGENT,),
        policy: str | None = None,
        start: bool = True,
        calm: bool = False,
        **settings: str | Path,
    ) -> Server:
        """Return a server that is ready, on a port that stays its own over restarts.

        Args:
            start: whether it is started.
            calm: whether it leaves agents in peace for longer than a test lasts.
        """
        folder = self.folder / f"server-{len(self._servers) + 1}"
        folder.mkdir()
        given: dict[str, str | Path] = {"listen": f"127.0.0.1:{lasting_port()}", **(CALM if calm else {})}
        given |= settings
        write_server_files(folder, agents=agents, policy=policy, **given)
        server = Server(folder)
        self._servers.append(server)
        self._stack.push_async_callback(server.kill)
        if start:
            await server.start()
        return server

    async def person(self, server: Server, name: str = "ann", role: str = "responder") -> Client:
        """Return a caller with a new token."""
        return self.caller(server, await server.api_token(name, role))

    def caller(self, server: Server, secret: str = "") -> Client:
        """Return a caller with this secret, on a connection of its own; make a new one after a restart."""
        client = Client(server.target, secret)
        self._stack.push_async_callback(client.close)
        return client

    def root(self, server: Server) -> Client:
        """Return who comes through the admin socket."""
        addresses = server.addresses
        assert addresses is not None
        client = Client(addresses.admin)
        self._stack.push_async_callback(client.close)
        return client

    async def follow(self, server: Server, who: Client) -> Follower:
        """Follow every change from now on, also over restarts of the server."""
        follower = Follower(server.target, who.secret)
        self._followers.append((server, follower))
        self._stack.push_async_callback(follower.close)
        await follower.start()
        return follower

    async def agent(self, server: Server, id_: str = AGENT, **hello: Any) -> RawAgent:
        """Return an agent that is moved by hand, enrolled and welcomed."""
        agent = self.stranger(server, await server.agent_token(id_), id_)
        await agent.welcomed(**hello)
        return agent

    def stranger(self, server: Server, secret: str, name: str = "stranger") -> RawAgent:
        """Return an agent that has not said hello yet."""
        agent = RawAgent(server.target, secret, outbox_id=f"outbox of {name}")
        self._stack.push_async_callback(agent.close)
        return agent

    async def node(
        self, server: Server, id_: str = AGENT, *, port: int | None = None, more: str = "", start: bool = True
    ) -> Node:
        """Return a customer's machine with a real agent that is enrolled.

        Args:
            port: where the agent finds the server; the server's own by default.
            more: further TOML of the agent's configuration.
            start: whether the agent is started, and seen in the server's list of agents.
        """
        folder = self.folder / id_.replace("/", ".")
        folder.mkdir()
        node = Node(folder, id_, port or int(server.target.rpartition(":")[2]), more)
        node.write_token(await server.agent_token(id_))
        self._stack.push_async_callback(node.end)
        if start:
            await node.agent.start()
        return node

    async def token_file(self, server: Server, role: str = "responder", name: str = "ann") -> Path:
        """Return a file with a new API token, which only its owner can read."""
        file = self.folder / f"{name}.token"
        file.touch(mode=0o600)
        file.write_text(await server.api_token(name, role), "utf-8")
        return file

    async def command(self, server: Server, *words: str, token: Path | None = None) -> Program:
        """Start a `vedette` command that goes on until it is ended."""
        token = token or await self.token_file(server)
        where = ["--server", server.target, "--token-file", str(token)]
        program = Program("vedette", [INSTALLED / "vedette", *where, *words], folder=self.folder)
        self._stack.push_async_callback(program.kill)
        await program.start()
        return program

    async def metric(self, server: Server, name: str) -> float:
        """Return one number of the metrics page by its name with labels as it stands there; 0 without."""
        addresses = server.addresses
        assert addresses is not None
        page = await asyncio.to_thread(_page, f"http://{addresses.http}/metrics")
        lines = dict(line.rsplit(" ", 1) for line in page.splitlines() if not line.startswith("#"))
        return float(lines.get(name, 0))

    async def close(self) -> None:
        """Stop everything; then hold every server to its record."""
        for _server, follower in self._followers:
            await follower.close()
        for server in self._servers:
            if server.running:
                server.signal(signal.SIGCONT)  # a test may have frozen it, and have failed before it went on
                await server.stop()
        await self._stack.aclose()
        for server in self._servers:
            if server.start_count:
                self._check_log(server)
                await check_record(server.data_dir, server.told("left this record"))
        for server, follower in self._followers:
            _check_seen(server, follower)

    async def abandon(self) -> None:
        """End everything at once, after a test that failed: its own error is what counts."""
        await self._stack.aclose()

    def _check_log(self, server: Server) -> None:
        for line in server.log.read_text("utf-8").splitlines():
            if line.startswith("vdt_"):
                continue  # the first admin token, which is printed beside the log
            said = json.loads(line)
            if said["level"] in {"error", "critical"}:
                assert said["event"] in self.expected_errors, server.told(f"logged {said}")


def _page(url: str) -> str:
    with urllib.request.urlopen(url, timeout=CALL_TIMEOUT) as answer:  # noqa: S310 - an address of our own
        return str(answer.read().decode())


async def eventually(condition: Callable[[], Awaitable[object]], what: str, patience: float = 20.0) -> None:
    """Return as soon as `condition`, asked again and again, answers something true."""
    try:
        async with asyncio.timeout(patience):
            while not await condition():  # noqa: ASYNC110 - other processes set no asyncio.Event
                await asyncio.sleep(LOOK_INTERVAL)
    except TimeoutError:
        raise AssertionError(f"{what}: not within {patience:g} s") from None


async def check_record(data_dir: Path, told: str) -> None:
    """Assert that the record of a data folder holds and can be decided again."""
    audited = await audit(data_dir)
    assert audited.sound, f"{audited}\n{told}"
    with tempfile.TemporaryDirectory(prefix="vedette-replay-") as scratch:
        report = await replay(data_dir, Path(scratch))
    assert report.difference is None, f"{report.difference}\n{told}"
    assert report.entries == audited.sequence, told


def _check_seen(server: Server, follower: Follower) -> None:
    """Assert that a follower saw every change between its first and last frame, once and in order."""
    watched = {"case", "alarm", "agent"}
    since, until = follower.span
    happened = [
        entry.sequence
        for entry in journal(server.data_dir)
        if entry.kind in watched and since < entry.sequence <= until
    ]
    assert follower.sequences == happened


def journal(data_dir: Path, *kinds: str) -> list[Entry]:
    """Return the journal of a server, running or not; of some kinds, or of all."""
    with closing(_database(data_dir)) as database:
        rows = database.execute(
            "SELECT sequence, kind, id, reason, actor, text, after FROM journal ORDER BY sequence"
        ).fetchall()
    return [
        Entry(
            sequence=sequence,
            kind=kind,
            id=id_,
            reason=reason,
            actor=actor,
            text=text,
            after=None if after is None else json.loads(after),
        )
        for sequence, kind, id_, reason, actor, text, after in rows
        if not kinds or kind in kinds
    ]


def reasons(data_dir: Path, *kinds: str) -> list[str]:
    """Return the reasons in a journal, in order."""
    return [entry.reason for entry in journal(data_dir, *kinds)]


def gaps(data_dir: Path) -> list[tuple[str, str, int, int]]:
    """Return the gaps that were recorded: agent, reason, first and last seq."""
    return [
        (str(gap["agent"]), str(gap["reason"]), int(gap["first_seq"]), int(gap["last_seq"]))
        for gap in (entry.after for entry in journal(data_dir, "gap"))
        if gap is not None
    ]


def stored_events(data_dir: Path) -> list[tuple[str, str, int, str]]:
    """Return the events that were stored: agent, code, severity, message."""
    with closing(_database(data_dir)) as database:
        query = "SELECT agent, code, severity, message FROM events ORDER BY agent, seq, position"
        return [tuple(row) for row in database.execute(query)]


def stored_batches(data_dir: Path) -> list[tuple[str, int]]:
    """Return the batches that were stored: agent and seq, in the order in which they were taken."""
    with closing(_database(data_dir)) as database:
        return [tuple(row) for row in database.execute("SELECT agent, seq FROM batches ORDER BY id")]


def _database(data_dir: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{data_dir / 'vedette.db'}?mode=ro", uri=True)
