"""Intake: the agents' end of the server.

It checks order, size and shape of frames; what they mean, the engine decides.
One coroutine a stream reads and offers frames to the turn loop, which makes it wait while too much of the
stream is undecided: that is the back-pressure. A second one writes (see `intake/port.py`). Identity comes
from the call's credential only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import grpc
from grpc import aio

from vedette.agent.v1 import agent_pb2 as pb
from vedette_server.access.token import Role, Token
from vedette_server.clock import Clock
from vedette_server.engine.inbox import StreamInput
from vedette_server.engine.inputs import BatchReceived, EventsReceived, GapReported, InvalidFact
from vedette_server.engine.turn import TurnLoop
from vedette_server.fleet.session import Rejection, RejectReason
from vedette_server.intake import wire
from vedette_server.intake.port import StreamPort

SERVICE = "vedette.agent.v1.AgentService"
#: The first frame is due within this, seconds: an open call that says nothing costs a slot.
HELLO_SECONDS = 10.0
#: Streams of agents that may be open.
STREAMS_LIMIT = 20_000

#: What a read returns at the end of a stream; the stubs do not say that it may.
_EOF: object = aio.EOF

Context = aio.ServicerContext[bytes, pb.ConnectResponse]
#: Returns the token of a call, or aborts the call.
Authenticate = Callable[[Context], Awaitable[Token]]


class Intake:
    """AgentService."""

    def __init__(
        self, loop: TurnLoop, clock: Clock, *, authenticate: Authenticate, heartbeat: timedelta, version: str
    ) -> None:
        """Take the loop that decides, and who may speak."""
        self._loop = loop
        self._clock = clock
        self._authenticate = authenticate
        self._heartbeat = heartbeat
        self._version = version
        self._ports: dict[int, StreamPort] = {}
        self._stopping = False

    def handler(self) -> grpc.GenericRpcHandler:
        """Return the service for a server. Requests come as bytes: a batch is stored as it came."""
        connect: grpc.RpcMethodHandler[bytes, pb.ConnectResponse] = grpc.stream_stream_rpc_method_handler(
            self._connect, response_serializer=pb.ConnectResponse.SerializeToString
        )
        return grpc.method_handlers_generic_handler(SERVICE, {"Connect": connect})

    def stop(self) -> None:
        """Ask every agent to come back later, and take no new stream."""
        self._stopping = True
        for port in tuple(self._ports.values()):
            port.reconnect()

    @property
    def stream_count(self) -> int:
        """Return how many streams are open."""
        return len(self._ports)

    async def _connect(self, _requests: object, context: Context) -> None:
        token = await self._authenticate(context)
        if token.role is not Role.AGENT:
            await context.abort(
                grpc.StatusCode.PERMISSION_DENIED, "TOKEN_NOT_AGENT: not the token of an agent"
            )
        if self._stopping:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "SERVER_STOPPING: the server is stopping")
        if len(self._ports) >= STREAMS_LIMIT:
            message = f"TOO_MANY_STREAMS: {STREAMS_LIMIT} streams are open"
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, message)
        port = StreamPort(heartbeat=self._heartbeat, version=self._version, reconnect_jitter=self._heartbeat)
        customer = token.name.partition("/")[0]
        stream = self._loop.attach(token.name, customer, port)
        self._ports[stream] = port
        reader = asyncio.create_task(self._read(context, stream, token, port))
        writer = asyncio.create_task(port.write_all(context.write))
        cause = "the server ended the stream"
        try:
            await asyncio.wait((reader, writer), return_when=asyncio.FIRST_COMPLETED)
            if reader.done() and not writer.done():
                cause = reader.result()
                await self._let_finish(writer, port)
        except asyncio.CancelledError:
            cause = "the connection broke"
            raise
        finally:
            del self._ports[stream]
            self._loop.detach(stream, cause)
            await _end(reader, writer)

    async def _let_finish(self, writer: asyncio.Task[None], port: StreamPort) -> None:
        """Let a last word that was said be written before the stream ends."""
        if port.said_last_word:
            await asyncio.wait((writer,), timeout=1.0)

    async def _read(self, context: Context, stream: int, token: Token, port: StreamPort) -> str:
        """Read until the stream ends; return why it did, in words."""
        try:
            async with asyncio.timeout(HELLO_SECONDS):
                raw = await context.read()
            if raw is _EOF:
                return "the agent closed the stream before hello"
            opened = wire.hello(wire.parse(raw), stream, token.name, token.id, self._clock.read().wall)
            await self._loop.offer(stream, opened)
            while (raw := await context.read()) is not _EOF:
                await self._take(raw, stream, token.name)
        except wire.InvalidFrame as invalid:
            port.reject(Rejection(reason=RejectReason.INVALID_FRAME, message=str(invalid)))
            return str(invalid)
        except TimeoutError:
            port.reject(Rejection(reason=RejectReason.OUT_OF_ORDER, message="no hello came"))
            return "no hello came"
        except (aio.AbortError, aio.UsageError, grpc.RpcError):
            return "the connection broke"
        return "the agent closed the stream"

    async def _take(self, raw: bytes, stream: int, agent: str) -> None:
        begun = self._clock.stopwatch()
        request = wire.parse(raw)
        if request.WhichOneof("frame") == "batch":
            one: StreamInput = wire.batch(request, raw, stream, agent)
            if isinstance(one, BatchReceived):
                self._loop.tally.samples += len(one.values)
        else:
            one = wire.other(request, raw, stream, agent)
        if self._loop.quarantine:
            one = self._without_poison(one)
        self._loop.tally.decode_seconds += self._clock.stopwatch() - begun
        await self._loop.offer(stream, one)

    def _without_poison(self, one: StreamInput) -> StreamInput:
        """Return a fact that deciding failed on before as one that is skipped."""
        if not isinstance(one, BatchReceived | EventsReceived | GapReported):
            return one
        if not self._loop.quarantine.holds(one):
            return one
        return InvalidFact(
            stream=one.stream,
            agent=one.agent,
            seq=one.seq,
            fact_hash=one.fact_hash,
            reason="quarantined",
            text="the server met a defect on this fact",
        )


async def _end(*tasks: asyncio.Task[str] | asyncio.Task[None]) -> None:
    """Cancel what still runs, and wait until it has ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
