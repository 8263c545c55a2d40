"""Main: puts the parts of one agent together and runs them until it is told to stop.

The parts know each other only through the outbox, so another program can use as many of them as it wants:

    outbox = await Outbox.open(folder / "outbox.db", observer=ledger)     # facts, durable
    link = Link(outbox, LinkSettings(server=..., token_file=...), node_of(settings), clock=SystemClock())
    sampler = Sampler(outbox, collectors, clock=SystemClock())            # or append facts yourself
    async with asyncio.TaskGroup() as group:
        group.create_task(link.run())                                     # until link.stop()
        group.create_task(sampler.run())                                  # until cancelled
    await outbox.append([Batch(observe_time_us=..., samples=(...,))])     # leaves by itself
    await outbox.close()

`Agent` is all of them together with a state folder: lock, status file, and how it stopped. Any number of
agents and links live in one process and one event loop, each with a state folder of its own. An `Observer`
given to the outbox is told of every fact that became durable, with its seq and bytes, and of every
watermark: that is the hook for ledgers.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from vedette_agent import platform, status
from vedette_agent.clock import Clock, SystemClock
from vedette_agent.collectors.catalog import collectors_of
from vedette_agent.collectors.collector import Collector
from vedette_agent.errors import OutboxError
from vedette_agent.link.frames import StopReason
from vedette_agent.link.link import Link, Node
from vedette_agent.log import Logger
from vedette_agent.outbox.outbox import Observer, Outbox
from vedette_agent.sampler import Sampler
from vedette_agent.settings.model import Settings
from vedette_agent.version import version

_log = Logger("main")

OUTBOX_FILE = "outbox.db"
#: Name under which the outbox remembers how this process ends.
_STOP_MEMORY = "agent.stop"


def node_of(settings: Settings, previous_stop: StopReason = StopReason.UNKNOWN) -> Node:
    """Return what hello says about this machine and a new start of the agent on it."""
    return Node(
        boot_id=platform.boot_id(),
        start_id=uuid.uuid4().hex,
        agent_version=version(),
        previous_stop=previous_stop,
        product_version=settings.product_version,
        ha_role=settings.ha_role,
        claimed_agent=settings.claimed_agent,
        host_name=platform.host_name(),
        platform=platform.description(),
    )


class Agent:
    """One agent on one state folder.

    Args:
        collectors: instead of those that the settings ask for.
        observer: told of every fact and ack.
        draw: returns an even draw from [0, 1) for the waits between attempts; random by default.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        collectors: Sequence[Collector] | None = None,
        clock: Clock | None = None,
        observer: Observer | None = None,
        draw: Callable[[], float] | None = None,
    ) -> None:
        self._settings = settings
        self._collectors = collectors
        self._clock = clock or SystemClock()
        self._observer = observer
        self._draw = draw
        self._link: Link | None = None
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Let `run` send what is left for a moment, say goodbye and return."""
        self._stopping.set()
        if self._link is not None:
            self._link.stop(StopReason.REQUESTED)

    async def run(self) -> None:
        """Watch and report until `stop`.

        Raises:
            AlreadyRunning: another agent uses the state folder.
            OutboxError: the outbox cannot be used.
            RefusedForGood: the server will never take this credential.
        """
        folder = self._settings.state_dir
        platform.make_private_folder(folder)
        lock = platform.FolderLock(folder)
        lock.acquire()
        try:
            outbox = await Outbox.open(
                folder / OUTBOX_FILE,
                max_size_bytes=self._settings.outbox_max_size,
                observer=self._observer,
            )
            try:
                await self._serve(outbox, folder)
            finally:
                await outbox.close()
        finally:
            lock.release()

    async def _serve(self, outbox: Outbox, folder: Path) -> None:
        node = node_of(self._settings, await self._begin(outbox))
        link = self._make_link(outbox, node)
        collectors = self._collectors
        if collectors is None:
            collectors = collectors_of(self._settings, clock=self._clock, boot_id=node.boot_id)
        sampler = Sampler(outbox, collectors, clock=self._clock)
        _log.info("agent.started", version=node.agent_version, state_dir=str(folder))
        sampling = asyncio.create_task(sampler.run())
        telling = asyncio.create_task(self._tell(folder, outbox, link, sampler))
        linking = asyncio.create_task(link.run())
        stopping = asyncio.create_task(self._stopping.wait())
        tasks = (linking, sampling, telling, stopping)
        try:
            # None of them ends by itself unless it failed; then the agent ends with it.
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if stopping in done:
                sampling.cancel()
                await linking
                await self._end(outbox)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._tell_once(folder, outbox, link, sampler)
            _log.info("agent.stopped", waiting_facts=outbox.fact_count)

    def _make_link(self, outbox: Outbox, node: Node) -> Link:
        if self._draw is None:
            link = Link(outbox, self._settings.link, node, clock=self._clock)
        else:
            link = Link(outbox, self._settings.link, node, clock=self._clock, draw=self._draw)
        self._link = link
        if self._stopping.is_set():
            link.stop(StopReason.REQUESTED)
        return link

    async def _begin(self, outbox: Outbox) -> StopReason:
        """Return how the process before this one ended, and note that this one has not ended yet."""
        before = await outbox.memory(_STOP_MEMORY)
        await outbox.append([], memory={_STOP_MEMORY: StopReason.CRASHED.name.encode()})
        if before is None:
            return StopReason.UNKNOWN
        try:
            return StopReason[before.decode("ascii", "replace")]
        except KeyError:
            return StopReason.UNKNOWN

    async def _end(self, outbox: Outbox) -> None:
        with suppress(OutboxError):  # a full disk must not turn a clean stop into a failure
            await outbox.append([], memory={_STOP_MEMORY: StopReason.REQUESTED.name.encode()})

    async def _tell(self, folder: Path, outbox: Outbox, link: Link, sampler: Sampler) -> None:
        while True:
            await self._tell_once(folder, outbox, link, sampler)
            await self._clock.sleep(status.WRITE_INTERVAL)

    async def _tell_once(self, folder: Path, outbox: Outbox, link: Link, sampler: Sampler) -> None:
        try:
            content = await status.describe(outbox, link, sampler, self._clock)
            await asyncio.to_thread(status.write, folder, content)
        except (OSError, OutboxError) as error:
            _log.warning("status.not_written", error=str(error))


async def run_until_signalled(settings: Settings) -> None:
    """Run an agent until a service manager or a terminal asks the process to end."""
    agent = Agent(settings)
    platform.on_stop_signal(asyncio.get_running_loop(), agent.stop)
    await agent.run()
