"""The wire between the real agent and the server: a TCP relay that can be cut and mended.

One idea: cut means what a pulled cable means. What was open stays open and carries nothing; who connects
meanwhile gets nothing either; nobody is told. Mending resets what hung, so that both ends start afresh.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Self

CHUNK_BYTES = 64 * 1024


class Relay:
    """Forwards loopback connections to `target_port`; an async context manager."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._whole = asyncio.Event()
        self._whole.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop listening and drop every connection."""
        assert self._server is not None  # noqa: S101 - entered before it is left
        self._server.close()
        self._reset()
        self._whole.set()
        await self._server.wait_closed()

    @property
    def port(self) -> int:
        """The port to connect to instead of the target's."""
        assert self._server is not None  # noqa: S101 - asked for within the context
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def is_cut(self) -> bool:
        """Whether nothing passes."""
        return not self._whole.is_set()

    def cut(self) -> None:
        """Let nothing pass from now on, in either direction, without a word to anybody."""
        self._whole.clear()

    def mend(self) -> None:
        """Let new connections pass; those that hung are reset."""
        if self.is_cut:
            self._reset()
            self._whole.set()

    def _reset(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with self._kept(writer):
            if self.is_cut:
                await self._whole.wait()
                return  # reset by the mending
            try:
                up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
            except OSError:
                return  # the target is down: so is this connection
            with self._kept(up_writer):
                pumps = [self._pump(reader, up_writer), self._pump(up_reader, writer)]
                await _first_to_end([asyncio.ensure_future(pump) for pump in pumps])

    @contextlib.contextmanager
    def _kept(self, writer: asyncio.StreamWriter) -> Iterator[None]:
        self._writers.add(writer)
        try:
            yield
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(CHUNK_BYTES):
                await self._whole.wait()
                writer.write(chunk)
                await writer.drain()
        await self._whole.wait()  # an end does not pass a cut cable either


async def _first_to_end(tasks: list[asyncio.Future[None]]) -> None:
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
