"""HTTP/2: the load's own client against a server of gRPC's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest
from grpc import aio

from bench.http2 import Call

#: Longer than a window and than many frames, in bytes.
LONG = 300_000


class Answers:
    """What a call has said."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.end = ""
        self._news = asyncio.Event()

    def take(self, messages: list[bytes]) -> None:
        self.messages += messages
        self._news.set()

    def finish(self, why: str) -> None:
        self.end = why
        self._news.set()

    async def until_ended(self) -> None:
        async with asyncio.timeout(20):
            while not self.end:
                self._news.clear()
                await self._news.wait()


async def _repeat(requests: AsyncIterator[bytes], context: aio.ServicerContext[bytes, bytes]) -> None:
    """Answer every message with itself, if the call may be made."""
    if ("user", "known") not in [(one[0], one[1]) for one in context.invocation_metadata() or ()]:
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, "who are you?")
    async for message in requests:
        await context.write(message)


@pytest.fixture
async def target() -> AsyncIterator[str]:
    server = aio.server()
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_stream_rpc_method_handler(_repeat)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("test.Service", {"Repeat": handler}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(None)


async def answers_to(target: str, messages: list[bytes], *, user: str = "known") -> Answers:
    answers = Answers()
    call = await Call.start(
        target,
        "/test.Service/Repeat",
        [("user", user)],
        on_messages=answers.take,
        on_end=answers.finish,
    )
    call.send(messages)
    call.end()
    try:
        await answers.until_ended()
    finally:
        call.close()
    return answers


async def test_messages_arrive_whole_and_in_order(target: str) -> None:
    messages = [b"", b"a", b"b" * 2000, b"c"]
    assert (await answers_to(target, messages)).messages == messages


async def test_messages_larger_than_every_window_pass_both_ways(target: str) -> None:
    messages = [bytes([number]) * LONG for number in range(5)]
    assert (await answers_to(target, messages)).messages == messages


async def test_a_call_that_is_refused_ends_and_says_so(target: str) -> None:
    answers = await answers_to(target, [b"a"], user="stranger")
    assert answers.messages == []
    assert answers.end.startswith("the server ended the call")


async def test_a_header_too_long_for_one_byte_is_refused(target: str) -> None:
    with pytest.raises(AssertionError, match="too long"):
        await answers_to(target, [], user="u" * 200)
