"""The agents of the other customers: real outboxes and links, simulated machines, one process for all.

What differs from a real agent is the collector, which asks a formula (`simulated.py`) instead of a machine.

    python -m demo.fleet --folder DIR --server HOST:PORT     DIR holds a folder with a token for each agent
"""

import asyncio
import signal
import time
import uuid
from argparse import ArgumentParser
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from demo.configuration import FLEET, token_file
from demo.simulated import TROUBLES, Node
from vedette_agent import log
from vedette_agent.clock import SystemClock
from vedette_agent.collectors.collector import Reading
from vedette_agent.link import link
from vedette_agent.outbox.outbox import Outbox
from vedette_agent.sampler import Sampler
from vedette_agent.settings.model import LinkSettings
from vedette_agent.version import version

#: How often a simulated machine is looked at.
INTERVAL = timedelta(seconds=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedCollector:
    """Looks at a simulated machine."""

    node: Node
    name: str = "simulated"
    interval: timedelta = INTERVAL
    timeout: timedelta = INTERVAL

    def collect(self) -> Reading:
        """Return what the machine measures now."""
        return Reading(samples=tuple(self.node.samples(time.time())))


async def run_agent(agent: str, folder: Path, server: str, stopping: asyncio.Event) -> None:
    """Be one agent until told to stop, then say goodbye."""
    clock = SystemClock()
    token = token_file(folder, agent)
    settings = LinkSettings(
        server=server,
        token_file=token,
        heartbeat_interval=timedelta(seconds=1),
        reconnect_initial=timedelta(milliseconds=500),
        reconnect_max=timedelta(seconds=2),
    )
    machine = link.Node(
        boot_id=uuid.uuid4().hex,
        start_id=uuid.uuid4().hex,
        agent_version=version(),
        product_version=FLEET[agent],
        host_name=agent.replace("/", "-"),
        platform="simulated",
    )
    outbox = await Outbox.open(token.with_name("outbox.db"))
    try:
        wire = link.Link(outbox, settings, machine, clock=clock)
        collector = SimulatedCollector(node=Node(agent=agent, trouble=TROUBLES.get(agent)))
        sampling = asyncio.create_task(Sampler(outbox, [collector], clock=clock).run())
        linking = asyncio.create_task(wire.run())
        await asyncio.wait(
            [sampling, linking, asyncio.ensure_future(stopping.wait())],
            return_when=asyncio.FIRST_COMPLETED,
        )
        wire.stop()
        sampling.cancel()
        await asyncio.gather(linking)
    finally:
        await outbox.close()


async def run(folder: Path, server: str) -> None:
    """Be all agents until the process is told to stop."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with asyncio.TaskGroup() as group:
        for agent in FLEET:
            group.create_task(run_agent(agent, folder, server, stopping))


if __name__ == "__main__":
    arguments = ArgumentParser(prog="python -m demo.fleet")
    arguments.add_argument("--folder", type=Path, required=True, help="a folder with a token for each agent")
    arguments.add_argument("--server", required=True, help="address of the server, HOST:PORT")
    options = arguments.parse_args()
    log.configure()
    asyncio.run(run(options.folder, options.server))
