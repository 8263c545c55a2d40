"""Port: what is to be said on one stream, and the task that says it.

Frames are few and small; acks are cumulative, so only the newest is kept while the one before is being
written. That is how one ack comes to stand for many facts when the server is busy, without a timer.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from vedette.agent.v1 import agent_pb2 as pb
from vedette_server.fleet.session import Rejection, Welcome
from vedette_server.intake.wire import ack_frame, reconnect_frame, reject_frame, welcome_frame

#: Frames other than acks that may wait: a welcome and a last word.
WAITING_LIMIT = 8


class StreamPort:
    """The words for one stream; implements `engine.turn.Port`."""

    def __init__(self, *, heartbeat: timedelta, version: str, reconnect_jitter: timedelta) -> None:
        """Take what a welcome tells.

        Args:
            heartbeat: interval in which the agent must be heard of.
            version: of the server.
            reconnect_jitter: random time that agents add before they come back.
        """
        self._heartbeat = heartbeat
        self._version = version
        self._jitter = reconnect_jitter
        self._waiting: deque[pb.ConnectResponse] = deque(maxlen=WAITING_LIMIT)
        self._ack: tuple[int, datetime] | None = None
        self._last = False
        self._wake = asyncio.Event()

    def welcome(self, welcome: Welcome, server_time: datetime) -> None:
        """Open the stream for data."""
        self._say(welcome_frame(welcome, server_time, self._heartbeat, self._version))

    def ack(self, watermark: int, server_time: datetime) -> None:
        """Say that everything up to `watermark` is durable."""
        self._ack = (watermark, server_time)
        self._wake.set()

    def reject(self, rejection: Rejection) -> None:
        """Say the last word."""
        self._last_word(reject_frame(rejection))

    def reconnect(self) -> None:
        """Ask the agent to come back on a new stream."""
        self._last_word(reconnect_frame(timedelta(0), self._jitter))

    @property
    def said_last_word(self) -> bool:
        """Return whether the stream is to end once everything was written."""
        return self._last

    def _last_word(self, frame: pb.ConnectResponse) -> None:
        if not self._last:
            self._say(frame)
            self._last = True

    def _say(self, frame: pb.ConnectResponse) -> None:
        if not self._last:
            self._waiting.append(frame)
            self._wake.set()

    async def write_all(self, write: Callable[[pb.ConnectResponse], Awaitable[None]]) -> None:
        """Write what is to be said until the last word was said."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting or self._ack is not None:
                # What was durable before the last word is still told: the agent need not send it again.
                if self._ack is not None and (self._last or not self._waiting):
                    watermark, server_time = self._ack
                    self._ack = None
                    await write(ack_frame(watermark, server_time))
                elif self._waiting:
                    await write(self._waiting.popleft())
            if self._last:
                return
