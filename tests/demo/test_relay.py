"""The relay between agent and server: whole it carries everything, cut nothing, and it tells nobody."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from demo.relay import Relay


@pytest.fixture
async def echo_port() -> AsyncIterator[int]:
    """A server that sends back what it gets."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(1024):
                writer.write(chunk)
                await writer.drain()
        except OSError:
            pass  # reset, as the tests want it
        finally:
            writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def exchange(port: int, text: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(text)
        return await reader.readexactly(len(text))
    finally:
        writer.close()


async def test_a_whole_relay_carries_both_ways(echo_port: int) -> None:
    async with Relay(echo_port) as relay:
        assert await exchange(relay.port, b"hello" * 10_000) == b"hello" * 10_000


async def test_a_cut_relay_is_silent_and_mending_resets_what_hung(echo_port: int) -> None:
    async with Relay(echo_port) as relay:
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        writer.write(b"before")
        assert await reader.readexactly(6) == b"before"

        relay.cut()
        writer.write(b"during")
        newcomer_reader, newcomer = await asyncio.open_connection("127.0.0.1", relay.port)
        newcomer.write(b"anybody?")
        done, _ = await asyncio.wait(
            [asyncio.ensure_future(reader.read(1)), asyncio.ensure_future(newcomer_reader.read(1))],
            timeout=0.3,
        )
        assert done == set()

        relay.mend()
        assert await exchange(relay.port, b"after") == b"after"
        for stale in (writer, newcomer):
            stale.close()


async def test_the_end_of_one_side_does_not_pass_a_cut_relay() -> None:
    ended = asyncio.Event()

    async def watch(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read()
        except OSError:
            pass  # an end by reset is an end
        finally:
            ended.set()
            writer.close()

    server = await asyncio.start_server(watch, "127.0.0.1", 0)
    async with server, Relay(server.sockets[0].getsockname()[1]) as relay:
        _, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        writer.write(b"x")
        await writer.drain()
        relay.cut()
        writer.close()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ended.wait(), 0.3)
        relay.mend()
        await asyncio.wait_for(ended.wait(), 5)


async def test_a_relay_to_nobody_closes_the_connection() -> None:
    async with Relay(1) as relay:
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        assert await reader.read() == b""
        writer.close()
