"""Node: a customer's machine in a folder: processes of the product, its database and log, and the real agent.

The agent is the installed `vedette-agent run` with a configuration as an administrator writes it. What is of
no matter to a test (the host's own processor, disks and network) is switched off in it.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from contextlib import closing, suppress
from pathlib import Path
from string import Template
from typing import Any

from tests.support.programs import INSTALLED, Program, until

#: Limit that the agent is told for the product's database, in bytes.
DATABASE_LIMIT = 1_048_576

_SETTINGS = Template("""\
server = "127.0.0.1:$port"
token_file = "token"
state_dir = "state"
product_version = "2020.Winter.1"
heartbeat_interval = "1s"
log_format = "json"

[reconnect]
initial = "200ms"
max = "1s"

[collectors.process]
interval = "500ms"
[collectors.database]
interval = "500ms"
[collectors.prometheus]
interval = "500ms"
[collectors.log]
interval = "250ms"

[[component]]
name = "voip-stack"
command = '''product\\.py voip-stack $folder$$'''

[[component]]
name = "call-recording"
command = '''product\\.py call-recording $folder$$'''

[[component]]
name = "toolbox"
command = '''product\\.py toolbox $folder$$'''

[[database]]
name = "recordings"
path = "recordings.db"
limit = "1MiB"

[[log]]
path = "product.log"

[[log.pattern]]
match = '''^(?P<code>\\S+) (?P<component>\\S+) (?P<message>.*)$$'''
severity = "info"
""")

_IDLE = "".join(
    f"[collectors.{name}]\nenabled = false\n"
    for name in ("cpu", "memory", "load", "filesystem", "disk", "network")
)

_CHANNELS = Template("""
[[prometheus]]
url = "http://127.0.0.1:$port/metrics"
component = "call-recording"

[[prometheus.capacity]]
resource = "channel"
used = "channels_used"
limit = "channels_limit"
""")


class Node:
    """One machine."""

    def __init__(self, folder: Path, id_: str, port: int, more: str = "") -> None:
        """Write the agent's configuration into an existing folder; nothing is started yet."""
        self.folder = folder
        self.id = id_
        self.config = folder / "agent.toml"
        self.state_dir = folder / "state"
        self.log = folder / "product.log"
        self.log.touch()
        self.parts: dict[str, Program] = {}
        command: list[str | Path] = [INSTALLED / "vedette-agent", "--config", self.config, "run"]
        self.agent = Program("agent", command, folder=folder)
        self._make_database()
        text = _SETTINGS.substitute(port=port, folder=folder) + _IDLE + more
        self.config.write_text(text, "utf-8")

    def write_token(self, secret: str) -> None:
        """Give the agent another credential; it takes it at its next connection."""
        path = self.folder / "token"
        path.touch(mode=0o600)
        path.write_text(secret, "utf-8")

    async def start_part(self, name: str) -> Program:
        """Start a component of the product; return it once it serves."""
        part = self.parts.get(name)
        if part is None:
            script = Path(__file__).with_name("product.py")
            command: list[str | Path] = [sys.executable, "-S", "-E", script, name, self.folder]
            part = self.parts[name] = Program(name, command, folder=self.folder)
        port = self.folder / f"{name}.port"
        port.unlink(missing_ok=True)
        await part.start()
        await until(lambda: port.exists() and port.read_text(), f"{name} serves")
        return part

    async def measure_channels(self) -> None:
        """Start call recording, and let the agent scrape its channels from its next start on."""
        self.use_channels(3, of=8)
        await self.start_part("call-recording")
        port = (self.folder / "call-recording.port").read_text("ascii")
        with self.config.open("a", encoding="utf-8") as config:
            config.write(_CHANNELS.substitute(port=port))

    def use_channels(self, used: int, *, of: int) -> None:
        """Have call recording use so many channels."""
        page = self.folder / "call-recording.metrics"
        draft = page.with_suffix(".new")
        draft.write_text(f"channels_used {used}\nchannels_limit {of}\n", "utf-8")
        draft.replace(page)

    def say(self, line: str) -> None:
        """Write a line to the product's log: "CODE COMPONENT MESSAGE"."""
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"{line}\n")

    def fill_database(self, share: float) -> None:
        """Let the database take about this share of its limit."""
        with closing(sqlite3.connect(self.folder / "recordings.db", isolation_level=None)) as database:
            database.execute("DELETE FROM recording")
            database.execute(
                "INSERT INTO recording VALUES (zeroblob(?))", (int(share * DATABASE_LIMIT) - 16_384,)
            )
            database.execute("VACUUM")

    def _make_database(self) -> None:
        with closing(sqlite3.connect(self.folder / "recordings.db")) as database:
            database.execute("CREATE TABLE recording (sound BLOB)")

    def status(self) -> dict[str, Any]:
        """Return what the agent last wrote about itself; empty before it has written anything."""
        with suppress(FileNotFoundError):
            return dict(json.loads((self.state_dir / "status.json").read_text("utf-8")))
        return {}

    async def produced(self) -> int:
        """Return how many facts the agent has produced, by what it says from now on."""
        before = self.status().get("written_time_us", 0)
        await until(lambda: self.status().get("written_time_us", 0) > before, "the agent writes its status")
        return int(self.status()["outbox"]["next_seq"]) - 1

    def logged(self, event: str) -> list[dict[str, Any]]:
        """Return the lines of the agent's log about one kind of happening."""
        lines = self.agent.log.read_text("utf-8").splitlines() if self.agent.log.exists() else []
        said = [json.loads(line) for line in lines if line.startswith("{")]
        return [line for line in said if line["event"] == event]

    async def end(self) -> None:
        """Kill whatever still runs."""
        for program in (self.agent, *self.parts.values()):
            if program.running:
                await program.kill()


def frozen(pid: int) -> bool:
    """Tell whether a process is stopped by a signal."""
    state = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0]
    return state == "T"
