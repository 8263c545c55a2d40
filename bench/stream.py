"""Stream: one agent's end of a link, with bytes that were made before.

It sends no more than a window of unacknowledged batches, as an agent does, and does as little as it can
besides, so that a few hundred of them fit on one core and the server is what is measured.
"""

from __future__ import annotations

import asyncio
from time import perf_counter, time_ns
from typing import TYPE_CHECKING, Final

from grpc import aio

from bench.frames import Batches, acknowledged, goodbye_frame, hello_frame, series_frame

if TYPE_CHECKING:
    from typing import Self

#: Batches say that they were observed this long ago: an observe time ahead of the server's clock is cut to it,
#: and of two batches with one observe time only the first is judged.
OBSERVED_AGO_US: Final = 2_000_000
#: A connection of its own for each stream, as for each agent.
_OPTIONS: Final = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", 1024 * 1024)]
#: What a read returns at the end of a stream; the stubs do not say that it may.
_EOF: object = aio.EOF
#: Frames before the first batch: hello and series. An echo counts them too.
_PREAMBLE: Final = 2
#: The last frame waits for this long to leave, seconds.
_CLOSE_SECONDS: Final = 2.0


class StreamBroken(RuntimeError):
    """The server ended a stream."""


class Stream:
    """One stream to the real server or to the echo."""

    def __init__(
        self, target: str, method: str, *, agent: str, token: str, outbox_id: str, is_echo: bool, window: int
    ) -> None:
        """Take whom to call and as which agent; `window` is the most batches in flight."""
        self._channel = aio.insecure_channel(target, options=_OPTIONS)
        connect = self._channel.stream_stream(method)
        metadata = (("authorization", f"Bearer {token}"),)
        self._call: aio.StreamStreamCall[bytes, bytes] = connect(metadata=metadata)
        self.agent, self._outbox_id = agent, outbox_id
        self._is_echo = is_echo
        self._window = window
        self._room = asyncio.Event()
        self._opened = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None
        self._observed_us = 0
        #: Seq of the newest batch sent and of the newest one acknowledged.
        self.sent = 0
        self.acked = 0
        #: Why the stream is over; None while it is open.
        self.failure: StreamBroken | None = None
        #: When the newest ack arrived, on the clock of `perf_counter`.
        self.acked_at = 0.0

    async def open(self) -> Self:
        """Say hello, announce the series, and wait for the answer."""
        await self._call.write(hello_frame(self.agent, self._outbox_id, _now_us()))
        self._reader = asyncio.create_task(self._read())
        if not self._is_echo:
            await self._wait(self._opened)
        await self._call.write(series_frame())
        if self._is_echo:
            await self._wait(self._opened)
        return self

    async def send(self, batches: Batches, *, crosses: bool = False) -> None:
        """Send the next batch as soon as the window has room."""
        while self.sent - self.acked >= self._window:
            self._room.clear()
            await self._wait(self._room)
        self.sent += 1
        self._observed_us = max(_now_us() - OBSERVED_AGO_US, self._observed_us + 1)
        await self._call.write(batches.batch(self.sent, self._observed_us, crosses=crosses))

    async def drained(self) -> None:
        """Wait until all that was sent is acknowledged."""
        while self.acked < self.sent:
            self._room.clear()
            await self._wait(self._room)

    async def close(self) -> None:
        """Say goodbye and hang up."""
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._call.write(goodbye_frame())
                await self._call.done_writing()
                if self._reader is not None:
                    await asyncio.wait((self._reader,))
        except (TimeoutError, aio.AioRpcError, asyncio.InvalidStateError):
            pass
        finally:
            self._call.cancel()
            if self._reader is not None:
                self._reader.cancel()
                await asyncio.gather(self._reader, return_exceptions=True)
            await self._channel.close()

    async def _read(self) -> None:
        """Note acks until the stream ends, and wake whoever waits then."""
        try:
            while (raw := await self._call.read()) is not _EOF:
                watermark = acknowledged(raw)
                if watermark is None:
                    self._opened.set()
                else:
                    self._note(watermark - _PREAMBLE if self._is_echo else watermark)
            self.failure = StreamBroken(f"the stream of {self.agent} ended: {await self._call.details()}")
        except (ValueError, aio.AioRpcError) as error:
            self.failure = StreamBroken(f"the stream of {self.agent} broke: {error}")
        finally:
            self._opened.set()
            self._room.set()

    def _note(self, watermark: int) -> None:
        if watermark == 0:
            self._opened.set()
        if watermark > self.acked:
            self.acked = watermark
            self.acked_at = perf_counter()
            self._room.set()

    async def _wait(self, event: asyncio.Event) -> None:
        """Wait for an event.

        Raises:
            StreamBroken: the stream ended meanwhile.
        """
        await event.wait()
        if self.failure is not None:
            raise self.failure


def _now_us() -> int:
    return time_ns() // 1000
