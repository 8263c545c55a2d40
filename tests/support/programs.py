"""Programs: the real server, and any other real process, started, killed and started again by tests.

    async with running_server(agents=["acme/hq/node-1"]) as server:
        secret = await server.agent_token("acme/hq/node-1")
        await server.kill()     # SIGKILL
        await server.start()    # the same data folder
        await server.stop()     # SIGTERM, and exit code 0

One idea: a program has its files in a temporary folder, is up when it says so itself, never after a fixed
time, and is gone when its context is left. What it wrote is in `Program.log`, and the end of that is in every
error.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Self

import grpc.aio
import yaml

from vedette.support.v1 import admin_pb2, admin_pb2_grpc

#: Folder in which `python -m tests…` finds itself.
REPOSITORY = Path(__file__).resolve().parents[2]
#: The installed programs lie beside the interpreter.
INSTALLED = Path(sys.executable).parent
#: How long a program may take to come up, in seconds; many may be starting at once on two cores.
START_PATIENCE = 30.0
#: How long a program may take to stop when asked, in seconds.
STOP_PATIENCE = 15.0
#: How long a call may take, in seconds.
CALL_TIMEOUT = 10.0
#: How often a condition is looked at, in seconds.
LOOK_INTERVAL = 0.02
#: Components that every generated installation has a licence for.
COMPONENTS = ("voip-stack", "call-recording", "queue-manager", "ivr", "web-server")


class ProgramFailed(AssertionError):
    """A program did not do what it had to; with the end of its log."""


class Program:
    """One program that can be started again after it ended; its output is appended to `log`."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        folder: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Take what to run.

        Args:
            name: for people, and of the log file.
            folder: existing folder for the log.
            environment: added to this process's own.
        """
        self.name = name
        self.command = [str(word) for word in command]
        self.log = folder / f"{name}.log"
        self.environment = dict(environment or {})
        self.start_count = 0
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, environment: Mapping[str, str] | None = None) -> None:
        """Start it; `environment` is for this time only."""
        if self.running:
            raise ProgramFailed(f"{self.name} is running already")
        # Bytecode is kept, whatever the machine prefers: a program that compiles itself anew starts slowly.
        kept = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONUNBUFFERED": "1"}
        with self.log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *self.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=REPOSITORY,
                env={**os.environ, **kept, **self.environment, **(environment or {})},
            )
        self.start_count += 1

    @property
    def pid(self) -> int:
        """Return the process id of the last start."""
        return self._started.pid

    @property
    def running(self) -> bool:
        """Tell whether it was started and has not ended."""
        return self._process is not None and self._process.returncode is None

    @property
    def returncode(self) -> int | None:
        """Return how it ended: an exit code, minus a signal, or None while it runs."""
        return self._started.returncode

    def signal(self, number: int) -> None:
        """Send a signal; one that has just ended gets none."""
        with suppress(ProcessLookupError):
            self._started.send_signal(number)

    async def ended(self, patience: float = STOP_PATIENCE) -> int:
        """Wait until it has ended by itself; return how.

        Raises:
            ProgramFailed: it still runs after `patience` seconds.
        """
        try:
            async with asyncio.timeout(patience):
                return await self._started.wait()
        except TimeoutError:
            raise ProgramFailed(self.told(f"still runs after {patience:g} s")) from None

    async def kill(self) -> None:
        """Kill it as a power cut would, if it runs."""
        if self._process is not None:
            self.signal(signal.SIGKILL)
            await self._process.wait()

    async def stop(self, expected: int = 0, *, patience: float = STOP_PATIENCE) -> None:
        """Ask it to stop, and see that it ends in time with the expected exit code.

        Raises:
            ProgramFailed: it does not; it is killed then.
        """
        self.signal(signal.SIGTERM)
        try:
            code = await self.ended(patience)
        finally:
            await self.kill()
        if code != expected:
            raise ProgramFailed(self.told(f"ended with {code} instead of {expected}"))

    def tail(self, lines: int = 30) -> str:
        """Return the last lines of what it wrote."""
        return (
            "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.start_count else ""
        )

    def told(self, what: str) -> str:
        """Return a sentence about it with the end of its log."""
        return f"{self.name} {what}; its log ends with:\n{self.tail()}"

    @property
    def _started(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise ProgramFailed(f"{self.name} was never started")
        return self._process

    async def __aenter__(self) -> Self:
        """Start it."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Kill what still runs."""
        await self.kill()


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where a server is reached, as it said itself."""

    grpc: str
    http: str
    #: gRPC target of the admin socket.
    admin: str


class Server(Program):
    """A real `vedette-server run` on a data folder of its own."""

    def __init__(self, folder: Path, *, environment: Mapping[str, str] | None = None) -> None:
        """Take a folder that `write_server_files` has filled."""
        self.folder = folder
        self.config = folder / "server.yaml"
        self.data_dir = folder / "data"
        command: list[str | Path] = [INSTALLED / "vedette-server", "--config", self.config, "run"]
        super().__init__("server", command, folder=folder, environment=environment)

    @property
    def addresses(self) -> Addresses | None:
        """Return where the present process is reached; None before it is ready."""
        try:
            said = json.loads((self.data_dir / "server.json").read_text("utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        # One that was killed left its own file behind.
        if not self.running or said["pid"] != self.pid:
            return None
        return Addresses(grpc=said["grpc"], http=said["http"], admin=said["admin"])

    @property
    def target(self) -> str:
        """Return the gRPC address of a server that is ready."""
        return self._ready.grpc

    async def start(self, environment: Mapping[str, str] | None = None, *, wait: bool = True) -> None:
        """Start it, and unless told otherwise wait until it is ready."""
        await super().start(environment)
        if wait:
            await self.ready()

    async def ready(self, patience: float = START_PATIENCE) -> Addresses:
        """Wait until it is ready.

        Raises:
            ProgramFailed: it ended, or takes too long.
        """
        with suppress(ProgramFailed):  # told below, with the end of the log as it is then
            await until(lambda: self.addresses or not self.running, "starting", patience)
        return self._ready

    async def agent_token(self, agent: str) -> str:
        """Enrol an agent, "customer/installation/node"; return its secret."""
        customer, installation, node = agent.split("/")
        async with grpc.aio.insecure_channel(self._ready.admin) as channel:
            answer = await admin_pb2_grpc.AdminServiceStub(channel).CreateAgentToken(
                admin_pb2.CreateAgentTokenRequest(
                    request_id=_request_id(), customer=customer, installation=installation, node=node
                ),
                timeout=CALL_TIMEOUT,
            )
        return answer.secret

    async def api_token(self, name: str, role: str = "responder") -> str:
        """Make the credential of a person or program; return its secret.

        Args:
            role: viewer, responder or admin.
        """
        async with grpc.aio.insecure_channel(self._ready.admin) as channel:
            answer = await admin_pb2_grpc.AdminServiceStub(channel).CreateApiToken(
                admin_pb2.CreateApiTokenRequest(
                    request_id=_request_id(),
                    name=name,
                    role=admin_pb2.Role.Value(f"ROLE_{role.upper()}"),
                ),
                timeout=CALL_TIMEOUT,
            )
        return answer.secret

    @property
    def _ready(self) -> Addresses:
        addresses = self.addresses
        if addresses is None:
            raise ProgramFailed(
                self.told("is not ready" if self.running else f"ended with {self.returncode}")
            )
        return addresses


@asynccontextmanager
async def running_server(
    *, agents: Iterable[str] = (), policy: str | None = None, **settings: str | Path
) -> AsyncIterator[Server]:
    """Give a server that is ready, in a temporary folder; it is killed and its folder removed in the end.

    Args:
        agents: "customer/installation/node" of those that the generated policy knows.
        policy: YAML to use instead of the generated policy.
        settings: keys of server.yaml beside the generated ones, or instead of them.
    """
    with tempfile.TemporaryDirectory(prefix="vedette-") as folder:
        write_server_files(Path(folder), agents=agents, policy=policy, **settings)
        async with Server(Path(folder)) as server:
            yield server


def write_server_files(
    folder: Path, *, agents: Iterable[str] = (), policy: str | None = None, **settings: str | Path
) -> None:
    """Write server.yaml and customers.yaml into an existing folder; arguments as in `running_server`."""
    (folder / "data").mkdir(exist_ok=True)
    (folder / "customers.yaml").write_text(policy if policy is not None else policy_text(agents), "utf-8")
    server = {
        "data_dir": "data",
        "listen": "127.0.0.1:0",
        "http": "127.0.0.1:0",
        "policy": "customers.yaml",
        "heartbeat_interval": "1s",
        "overdue_after": "2s",
        "lost_after": "60s",
        **{name: str(value) for name, value in settings.items()},
    }
    (folder / "server.yaml").write_text(
        "".join(f"{key}: {value}\n" for key, value in server.items()), "utf-8"
    )


def policy_text(
    agents: Iterable[str], *, plan: str = "platinum", components: Sequence[str] = COMPONENTS
) -> str:
    """Return a policy that knows some agents: every customer on `plan`, entitled to everything it gives."""
    customers: dict[str, Any] = {}
    for agent in agents:
        customer, installation, node = agent.split("/")
        described = customers.setdefault(customer, _customer(customer, plan))
        described["installations"].setdefault(installation, _installation(installation, components))
        described["installations"][installation]["nodes"][node] = {}
    document = {"theaters": {"emea": _THEATER}, "customers": customers}
    return str(yaml.safe_dump(document, sort_keys=False))


_THEATER = {
    "title": "Europe, Middle East and Africa",
    "zone": "Europe/Berlin",
    "holidays": {"country": "DE", "subdivision": "BE"},
    "calendars": {
        "business": {"title": "Mon-Fri 9-17", "week": {"mon-fri": ["09:00-17:00"]}},
        "extended": {"title": "Mon-Sat 7-21", "week": {"mon-sat": ["07:00-21:00"]}},
    },
}


def _customer(customer: str, plan: str) -> dict[str, Any]:
    contract = {"plan": plan, "starts": date(2020, 1, 1), "ends": date(2099, 12, 31)}
    return {
        "name": customer.replace("-", " ").title(),
        "theater": "emea",
        "contracts": {f"{customer.upper()}-1": contract},
        "installations": {},
    }


def _installation(installation: str, components: Sequence[str]) -> dict[str, Any]:
    return {
        "name": installation.replace("-", " ").title(),
        "product_version": "2020.Winter.1",
        "cloud_connected": True,
        "consent": True,
        "licensed_components": list(components),
        "nodes": {},
    }


async def until(condition: Callable[[], object], what: str, patience: float = START_PATIENCE) -> None:
    """Return as soon as `condition` returns something true.

    Args:
        what: what is the matter if it does not, for people.
        patience: seconds.

    Raises:
        ProgramFailed: it did not in time.
    """
    try:
        async with asyncio.timeout(patience):
            while not condition():  # noqa: ASYNC110 - other processes set no asyncio.Event
                await asyncio.sleep(LOOK_INTERVAL)
    except TimeoutError:
        raise ProgramFailed(f"{what} (for {patience:g} s)") from None


def lasting_port() -> int:
    """Return a free port that stays the server's over restarts.

    A port that the system chose could, while the server is down, become the local end of somebody's
    connection. So this one is from below the range that the system chooses from.
    """
    draw = random.SystemRandom()
    while True:
        port = draw.randrange(20_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _request_id() -> str:
    return os.urandom(16).hex()
