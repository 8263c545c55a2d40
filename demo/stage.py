"""The stage: server, product suite, real and simulated agents, up in one temporary folder and down again.

One idea: a stage is entered and left. Whatever way it is left, no process and no folder stay (`programs.py`).
Each step waits for a condition with a deadline; what does not come up is told with the end of its log.
"""

import json
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc.aio

from demo import configuration
from demo.configuration import AGENT, FLEET, Folder
from demo.faults import Faults
from demo.programs import Program, Troupe
from demo.relay import Relay
from demo.suite import control
from demo.waiting import Condition, Missing, holds, until
from vedette.support.v1 import admin_pb2, admin_pb2_grpc

#: How long each part may take to come up, in seconds.
PATIENCE = 20.0
#: Quota of the suite's database, in bytes.
DATABASE_LIMIT = 8 * 1024 * 1024
#: How long the suite's supervisor waits before it starts a crashed component again, in seconds.
RESTART_DELAY = 2.0
#: Who works cases in the demo, as the server records it.
ENGINEER = "engineer"

#: The installed programs lie beside the interpreter.
PROGRAMS = Path(sys.executable).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Server and product suite, up; the agents come when they are called."""

    folder: Folder
    troupe: Troupe
    #: Between the real agent and the server.
    relay: Relay
    #: What may go wrong here.
    faults: Faults
    #: Address of the server's gRPC, for API clients: "127.0.0.1:PORT".
    server: str
    #: API token of the role responder.
    api_token: str

    @property
    def credential(self) -> tuple[tuple[str, str], ...]:
        """Call metadata for an API client."""
        return (("authorization", f"Bearer {self.api_token}"),)

    async def start_agents(self) -> None:
        """Let the real agent and those of the other customers connect."""
        file = configuration.write_agent(self.folder, port=self.relay.port, database_limit=DATABASE_LIMIT)
        await self.troupe.start("agent", [PROGRAMS / "vedette-agent", "--config", file, "run"])
        options: dict[str, str | Path] = {"--folder": self.folder.fleet, "--server": self.server}
        await self.troupe.start("fleet", _python("demo.fleet", options))

    async def stop_agents(self) -> None:
        """Let them say goodbye and end."""
        self.relay.mend()
        for name in ("fleet", "agent"):
            await self.troupe.stop_named(name)

    async def produced(self) -> int:
        """Return how many facts the real agent has produced, as it says itself."""
        program, file = PROGRAMS / "vedette-agent", self.folder.agent / "agent.toml"
        status = json.loads(await self.troupe.run([program, "--config", file, "status", "--json"]))
        return int(status["agent"]["outbox"]["next_seq"]) - 1


@asynccontextmanager
async def staged() -> AsyncIterator[Stage]:
    """Bring server and suite up, yield them, and take everything down, the last started first.

    Raises:
        Missing: a part did not come up in time; its log's end is in the message.
    """
    with tempfile.TemporaryDirectory(prefix="vedette-demo-", ignore_cleanup_errors=True) as root:
        folder = Folder(Path(root))
        async with Troupe(folder.root) as troupe:
            suite = await _start_suite(troupe, folder)
            addresses = await _start_server(troupe, folder)
            api_token = await _make_tokens(folder, addresses["admin"])
            await _up(suite, lambda: control.all_answer(folder.suite))
            async with Relay(int(addresses["grpc"].rpartition(":")[2])) as relay:
                stage = Stage(
                    folder=folder,
                    troupe=troupe,
                    relay=relay,
                    faults=Faults(suite=folder.suite, relay=relay),
                    server=addresses["grpc"],
                    api_token=api_token,
                )
                try:
                    yield stage
                finally:
                    await stage.stop_agents()


async def _start_server(troupe: Troupe, folder: Folder) -> dict[str, str]:
    """Start the server and return its addresses, as it tells them when it is ready."""
    file = configuration.write_server(folder)
    server = await troupe.start("server", [PROGRAMS / "vedette-server", "--config", file, "run"])
    ready = folder.server / "data" / "server.json"
    await _up(server, ready.exists)
    addresses: dict[str, str] = json.loads(ready.read_text())
    return addresses


async def _start_suite(troupe: Troupe, folder: Folder) -> Program:
    options: dict[str, str | Path] = {
        "--home": folder.suite.root,
        "--database-limit": str(DATABASE_LIMIT),
        "--restart-delay": str(RESTART_DELAY),
    }
    return await troupe.start("suite", _python("demo.suite.supervisor", options))


async def _make_tokens(folder: Folder, admin: str) -> str:
    """Enrol every agent and write its token into its folder; return an API token for the demo itself.

    This is what `vedette-server tokens` does, through the same socket, without starting it eight times.
    """
    async with grpc.aio.insecure_channel(admin) as channel:
        stub = admin_pb2_grpc.AdminServiceStub(channel)
        for agent in (AGENT, *FLEET):
            customer, installation, node = agent.split("/")
            request = admin_pb2.CreateAgentTokenRequest(
                request_id=f"demo {agent}", customer=customer, installation=installation, node=node
            )
            _write_secret(folder.token(agent), (await stub.CreateAgentToken(request)).secret)
        answer = await stub.CreateApiToken(
            admin_pb2.CreateApiTokenRequest(
                request_id="demo api", name=ENGINEER, role=admin_pb2.ROLE_RESPONDER
            )
        )
    return answer.secret


def _write_secret(file: Path, secret: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    file.write_text(secret + "\n")


def _python(module: str, options: dict[str, str | Path]) -> list[str | Path]:
    return [sys.executable, "-m", module, *(word for option in options.items() for word in option)]


async def _up(program: Program, condition: Condition) -> None:
    """Wait until a program is up.

    Raises:
        Missing: it ended or took too long; with what it wrote last.
    """

    async def up() -> bool:
        if not program.running:
            raise Missing(f"{program.name} ended with code {program.process.returncode}")
        return await holds(condition)

    try:
        await until(up, what=f"{program.name} is up", patience=PATIENCE)
    except Missing as missing:
        raise Missing(f"{missing}\n{program.tail()}") from None
