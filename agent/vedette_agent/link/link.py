"""Link: keeps one stream to the server open for as long as the agent runs, and comes back after each end.

What a stream is and when it ends is `session.py` and `stream.py`; how long to wait is `backoff.py`. This
module holds what outlives a stream: the window of the backoff, the outbox that is renumbered when the server
demands it, the last error for the next hello, and the state that `status` shows.

To embed it: open an `Outbox`, make a `Link` beside it, and await `run`. Facts appended to the outbox leave by
themselves. Any number of links live in one event loop.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from vedette_agent.clock import Clock
from vedette_agent.errors import ConfigError, RefusedForGood
from vedette_agent.link import frames
from vedette_agent.link.backoff import Backoff, Next, Verdict
from vedette_agent.link.channel import bearer, open_channel
from vedette_agent.link.session import Cause, Ended
from vedette_agent.link.stream import Stream
from vedette_agent.log import Logger
from vedette_agent.outbox.outbox import Outbox
from vedette_agent.settings.model import LinkSettings

_log = Logger("link")

#: How long a stop goes on sending what is left, in seconds.
FLUSH_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """What hello says about this process and machine."""

    boot_id: str
    start_id: str
    agent_version: str
    previous_stop: frames.StopReason = frames.StopReason.UNKNOWN
    product_version: str = ""
    #: "", "active" or "standby".
    ha_role: str = ""
    claimed_agent: str = ""
    host_name: str = ""
    platform: str = ""


class LinkState(StrEnum):
    """Where the link is, for people."""

    STARTING = "starting"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    WAITING = "waiting"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkStatus:
    """The link as it is now."""

    state: LinkState = LinkState.STARTING
    #: When that state began, microseconds since the Unix epoch.
    since_us: int = 0
    #: Who the server says we are: "customer/installation/node"; empty before the first welcome.
    agent: str = ""
    server_version: str = ""
    #: Why the last stream ended; empty when none has.
    last_error: str = ""
    connect_count: int = 0
    #: Seconds since the last ack; None before the first of this stream.
    last_ack_age: float | None = None
    #: Server clock minus this machine's, microseconds; None when not known.
    clock_skew_us: int | None = None


class Link:
    """The agent's way to its server.

    Args:
        draw: returns an even draw from [0, 1); a seeded one makes waits repeatable.
    """

    def __init__(
        self,
        outbox: Outbox,
        settings: LinkSettings,
        node: Node,
        *,
        clock: Clock,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._outbox = outbox
        self._settings = settings
        self._node = node
        self._clock = clock
        self._backoff = Backoff(
            initial=settings.reconnect_initial.total_seconds(),
            longest=settings.reconnect_max.total_seconds(),
            draw=draw,
        )
        self._stream: Stream | None = None
        self._stop_reason: frames.StopReason | None = None
        self._stopping = asyncio.Event()
        self._status = LinkStatus(since_us=clock.now_us())

    @property
    def status(self) -> LinkStatus:
        """The link as it is now."""
        stream = self._stream
        if stream is None:
            return self._status
        age = None if stream.last_ack is None else self._clock.monotonic() - stream.last_ack
        return replace(self._status, last_ack_age=age, clock_skew_us=stream.clock_skew_us)

    def stop(self, reason: frames.StopReason = frames.StopReason.REQUESTED) -> None:
        """Send what is left for at most `FLUSH_SECONDS`, say goodbye, and let `run` return."""
        self._stop_reason = reason
        self._stopping.set()
        if self._stream is not None:
            self._stream.stop(reason)

    async def run(self) -> None:
        """Stay connected until `stop`.

        Raises:
            RefusedForGood: the server will never take this credential.
        """
        endpoint = ""
        try:
            while not self._stopping.is_set():
                ended, live_seconds = await self._attempt(endpoint or self._settings.server)
                verdict = self._backoff.judge(ended, live_seconds=live_seconds)
                await self._follow(ended, verdict)
                endpoint = verdict.endpoint
        finally:
            self._enter(LinkState.STOPPED)

    async def _attempt(self, server: str) -> tuple[Ended, float]:
        """Open one stream and serve it to its end; returns how it ended and how long it was live."""
        self._enter(LinkState.CONNECTING)
        _log.info("link.connecting", server=server)
        try:
            channel = open_channel(server, self._settings.ca_file)
            metadata = bearer(self._settings.token_file)
        except ConfigError as error:
            return Ended(cause=Cause.TRANSPORT, text=str(error), status="UNAUTHENTICATED"), 0.0
        stream = Stream(
            channel=channel,
            metadata=metadata,
            outbox=self._outbox,
            clock=self._clock,
            welcome_timeout=self._settings.welcome_timeout.total_seconds(),
            flush_seconds=FLUSH_SECONDS,
            on_welcome=self._connected,
        )
        self._stream = stream
        try:
            return await stream.run(self._hello), stream.live_seconds
        finally:
            self._stream = None
            await channel.close()

    def _hello(self) -> frames.Hello:
        node = self._node
        return frames.Hello(
            boot_id=node.boot_id,
            start_id=node.start_id,
            outbox_id=self._outbox.outbox_id,
            next_seq=self._outbox.next_seq,
            oldest_seq=self._outbox.oldest_seq,
            acked_seq=self._outbox.acked_seq,
            previous_stop=node.previous_stop,
            agent_version=node.agent_version,
            product_version=node.product_version,
            agent_time_us=self._clock.now_us(),
            ha_role=node.ha_role,
            claimed_agent=node.claimed_agent,
            host_name=node.host_name,
            platform=node.platform,
            previous_link_error=self._status.last_error,
            wanted_heartbeat_interval=self._settings.heartbeat_interval.total_seconds(),
        )

    def _connected(self, welcome: frames.Welcome) -> None:
        self._enter(LinkState.CONNECTED)
        self._status = replace(
            self._status,
            agent=welcome.agent,
            server_version=welcome.server_version,
            connect_count=self._status.connect_count + 1,
        )
        _log.info(
            "link.connected",
            agent=welcome.agent,
            server_version=welcome.server_version,
            watermark=welcome.watermark,
            waiting_facts=self._outbox.fact_count,
        )

    async def _follow(self, ended: Ended, verdict: Verdict) -> None:
        """Do what follows an ending, and wait before the next attempt."""
        if verdict.next is Next.STOP or self._stopping.is_set():
            return
        self._enter(LinkState.WAITING)
        self._status = replace(self._status, last_error=ended.text)
        report = _log.error if ended.cause is Cause.REJECTED or _is_credential(ended) else _log.warning
        report("link.ended", cause=ended.cause.value, text=ended.text, retry_seconds=verdict.delay)
        if verdict.next is Next.GIVE_UP:
            raise RefusedForGood(f"{self._settings.server}: {ended.text}; enrol this agent anew")
        if verdict.next is Next.RENEW_OUTBOX:
            await self._outbox.renew()
        await self._wait(verdict.delay)

    async def _wait(self, seconds: float) -> None:
        """Wait, but not longer than until `stop`."""
        waits = [
            asyncio.create_task(self._stopping.wait()),
            asyncio.create_task(_slept(self._clock, seconds)),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    def _enter(self, state: LinkState) -> None:
        self._status = replace(self._status, state=state, since_us=self._clock.now_us())


async def _slept(clock: Clock, seconds: float) -> bool:
    await clock.sleep(seconds)
    return True


def _is_credential(ended: Ended) -> bool:
    return ended.status in {"UNAUTHENTICATED", "PERMISSION_DENIED"}
