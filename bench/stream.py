"""Stream: one agent's end of a link, with bytes that were made before.

It sends no more than a window of unacknowledged batches, as an agent does, and does as little as it can
besides, so that hundreds of them fit on one core and the server is what is measured.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter, time_ns
from typing import Final, Self

from bench.frames import Batches, acknowledged, goodbye_frame, hello_frame, series_frame
from bench.http2 import Call

#: Batches say that they were observed this long ago, microseconds, as if they had waited in an outbox:
#: a time ahead of the server's clock is cut to it, and each batch is to have one of its own.
OBSERVED_AGO_US: Final = 2_000_000
#: Frames before the first batch: hello and series. An echo counts them too.
_PREAMBLE: Final = 2
#: The server gets this long to end its side, seconds.
_CLOSE_SECONDS: Final = 2.0


class StreamBroken(RuntimeError):
    """The server ended a stream, and why."""


class Stream:
    """One stream to the real server or to the echo."""

    def __init__(self, *, agent: str, outbox_id: str, is_echo: bool, window: int) -> None:
        """Take which agent it is; `window` is the most batches in flight."""
        self.agent, self._outbox_id = agent, outbox_id
        self._is_echo = is_echo
        self._window = window
        self._call: Call
        self._news = asyncio.Event()
        self._opened = False
        self._observed_us = 0
        #: Seq of the newest batch sent and of the newest one acknowledged.
        self.sent = 0
        self.acked = 0
        #: When the newest ack arrived, on the clock of `perf_counter`.
        self.acked_at = 0.0
        #: Called when the window has room again.
        self.on_room: Callable[[Stream], None] | None = None
        #: Why the stream is over; None while it is open.
        self.failure: StreamBroken | None = None

    async def open(self, target: str, method: str, token: str) -> Self:
        """Connect, say hello, announce the series, and wait for the answer."""
        metadata = [("authorization", f"Bearer {token}")]
        self._call = await Call.start(target, method, metadata, on_messages=self._take, on_end=self._end)
        self._call.send([hello_frame(self.agent, self._outbox_id, _now_us())])
        if not self._is_echo:
            await self._until(lambda: self._opened)
        self._call.send([series_frame()])
        await self._until(lambda: self._opened)
        return self

    @property
    def room(self) -> int:
        """Return how many batches may be sent now."""
        return self._window - (self.sent - self.acked)

    def send(self, batches: Batches, crossings: list[bool]) -> None:
        """Send a batch for each item, which says whether it crosses a threshold."""
        self._call.send([self._next(batches, crosses=crosses) for crosses in crossings])

    def _next(self, batches: Batches, *, crosses: bool) -> bytes:
        self.sent += 1
        self._observed_us = max(_now_us() - OBSERVED_AGO_US, self._observed_us + 1)
        return batches.batch(self.sent, self._observed_us, crosses=crosses)

    async def has_room(self) -> None:
        """Wait until another batch may be sent."""
        await self._until(lambda: self.room > 0)

    async def drained(self) -> None:
        """Wait until all that was sent is acknowledged."""
        await self._until(lambda: self.acked == self.sent)

    async def close(self) -> None:
        """Say goodbye and hang up."""
        self._call.send([goodbye_frame()])
        self._call.end()
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._until(lambda: False)
        except (TimeoutError, StreamBroken):
            pass
        finally:
            self._call.close()

    def _take(self, messages: list[bytes]) -> None:
        before = self.acked
        for raw in messages:
            try:
                self._note(acknowledged(raw))
            except ValueError as error:
                self._end(str(error))
        self._news.set()
        if self.acked > before:
            self.acked_at = perf_counter()
            if self.on_room is not None:
                self.on_room(self)

    def _note(self, watermark: int | None) -> None:
        if self._is_echo and watermark is not None:
            watermark -= _PREAMBLE
        if watermark is None or watermark == 0:
            self._opened = True
        if watermark is not None:
            self.acked = max(self.acked, watermark)

    def _end(self, why: str) -> None:
        self.failure = StreamBroken(f"stream of {self.agent}: {why}")
        self._news.set()

    async def _until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds.

        Raises:
            StreamBroken: the stream ended first.
        """
        while not holds():
            if self.failure is not None:
                raise self.failure
            self._news.clear()
            await self._news.wait()


def _now_us() -> int:
    return time_ns() // 1000
