"""Rig: the shipped server, the echo beside it and a load on both, as processes of their own.

Server and echo run on one core, the load and this process on another, so that neither side takes the other's
time. Everything lies in a temporary folder on the file system that is asked for.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self
from urllib.request import urlopen

from bench.echo import EACH, NEWEST
from bench.load import Moment, Plan
from bench.machine import CLIENT_CORE, SERVER_CORE, on_core
from tests.support.programs import REPOSITORY, Program, Server, until, write_server_files

#: The one method of the agents' service.
CONNECT: Final = "/vedette.agent.v1.AgentService/Connect"
#: How long a load may take beyond what it measures, seconds.
_PATIENCE: Final = 120.0

__all__ = ["CONNECT", "EACH", "NEWEST", "Loaded", "Rig", "Scrape", "Sender", "agent_names", "running_rig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scrape:
    """What the server says of itself."""

    samples: float
    turns: float
    #: Seconds of each stage.
    stages: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What a load has measured."""

    begun: Moment
    ended: Moment
    #: Batches acknowledged and thresholds crossed in all, the warm-up included.
    acked: int
    crossed: int


class Rig:
    """A server with enrolled agents, and an echo."""

    def __init__(self, server: Server, echo: Program, agents: tuple[tuple[str, str], ...]) -> None:
        """Take what runs."""
        self.server = server
        self._echo = echo
        self.agents = agents
        self._run_count = 0

    def plan(
        self,
        method: str,
        *,
        streams: int,
        window: int,
        warm_up: float,
        measured: float,
        rate: float = 0.0,
        cross_every: int = 0,
    ) -> Plan:
        """Return a plan for the server or, by its method, the echo; every plan has an outbox of its own."""
        self._run_count += 1
        is_echo = method != CONNECT
        return Plan(
            target=self._echo_target() if is_echo else self.server.target,
            method=method,
            agents=self.agents[:streams],
            outbox_id=f"bench-{self._run_count}",
            is_echo=is_echo,
            window=window,
            warm_up=warm_up,
            measured=measured,
            rate=rate,
            cross_every=cross_every,
            server_pid=self._echo.pid if is_echo else self.server.pid,
            seed=self._run_count,
        )

    def scrape(self) -> Scrape:
        """Ask the server's own metrics."""
        addresses = self.server.addresses
        if addresses is None:
            raise RuntimeError(self.server.told("is gone"))
        with urlopen(f"http://{addresses.http}/metrics") as answer:
            lines = answer.read().decode().splitlines()
        values = dict(line.rsplit(" ", 1) for line in lines if line.startswith("vedette_"))
        return Scrape(
            samples=float(values["vedette_samples_total"]),
            turns=float(values["vedette_turns_total"]),
            stages={
                stage: float(values[f'vedette_turn_seconds_total{{stage="{stage}"}}'])
                for stage in ("decode", "decide", "commit", "publish")
            },
        )

    def _echo_target(self) -> str:
        return str(json.loads(self._echo.tail(1))["grpc"])


class Sender:
    """A load process that runs."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        """Take the process."""
        self._process = process

    @classmethod
    async def start(cls, plan: Plan) -> Self:
        """Start it and hand it the plan; return when all its streams are open."""
        with on_core(CLIENT_CORE):
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "bench.load",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                cwd=REPOSITORY,
            )
        sender = cls(process)
        if process.stdin is None:
            raise RuntimeError("the load process has no standard input")
        process.stdin.write(json.dumps(asdict(plan)).encode())
        process.stdin.close()
        try:
            await sender._said("open")
        except BaseException:
            await sender.kill()
            raise
        return sender

    async def result(self, plan: Plan) -> Loaded:
        """Wait until it is done; return what it measured."""
        async with asyncio.timeout(plan.warm_up + plan.measured + _PATIENCE):
            said = await self._said("measured")
            await self._process.wait()
        return Loaded(
            begun=Moment(**said["begun"]),
            ended=Moment(**said["ended"]),
            acked=said["acked"],
            crossed=said["crossed"],
        )

    async def kill(self) -> None:
        """End it, if it runs."""
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def _said(self, what: str) -> dict[str, Any]:
        if self._process.stdout is None:
            raise RuntimeError("the load process has no standard output")
        line = await self._process.stdout.readline()
        said: dict[str, Any] = json.loads(line) if line else {"now": "gone"}
        if said["now"] != what:
            raise RuntimeError(
                f"the load process was to be {what!r} and is {said['now']!r}; see its errors above"
            )
        return said


@asynccontextmanager
async def running_rig(parent: Path | None, agents: Iterable[str]) -> AsyncIterator[Rig]:
    """Give a server as it is shipped, with agents enrolled, and an echo; both are gone in the end.

    Args:
        parent: folder whose file system is measured; the system's temporary folder when None.
        agents: "customer/installation/node" of each.
    """
    names = tuple(agents)
    with tempfile.TemporaryDirectory(prefix="vedette-bench-", dir=parent) as name:
        folder = Path(name)
        # Intervals as shipped; the generated files have shorter ones, for tests.
        write_server_files(
            folder, agents=names, heartbeat_interval="10s", overdue_after="20s", lost_after="120s"
        )
        server = Server(folder)
        echo = Program("echo", [sys.executable, "-m", "bench.echo"], folder=folder)
        with on_core(SERVER_CORE):
            await server.start(wait=False)
            await echo.start()
        async with AsyncExitStack() as stack:
            stack.push_async_callback(server.kill)
            stack.push_async_callback(echo.kill)
            await server.ready()
            await until(lambda: echo.tail(1), "the echo does not start")
            tokens = tuple([(agent, await server.agent_token(agent)) for agent in names])
            yield Rig(server, echo, tokens)
            await server.stop()


def agent_names(count: int) -> list[str]:
    """Return names of agents, ten to an installation."""
    return [f"customer-{number // 10}/site/node-{number % 10}" for number in range(count)]
