"""A small real gRPC server that speaks the agent protocol, and can be told to misbehave."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta

import grpc
import grpc.aio
from google.protobuf.timestamp_pb2 import Timestamp

from vedette import timestamps
from vedette.agent.v1 import agent_pb2, agent_pb2_grpc
from vedette_agent.clock import SystemClock

Frame = agent_pb2.ConnectRequest
Answer = agent_pb2.ConnectResponse
Context = grpc.aio.ServicerContext[Frame, Answer]


@dataclass(kw_only=True)
class StreamSeen:
    """What one stream brought."""

    hello: agent_pb2.Hello
    metadata: dict[str, str]
    frames: list[Frame] = field(default_factory=list)
    #: Seqs of facts in the order of arrival.
    seqs: list[int] = field(default_factory=list)
    announced: list[int] = field(default_factory=list)
    heartbeats: int = 0
    goodbye: agent_pb2.Goodbye | None = None


@dataclass(kw_only=True)
class Behaviour:
    """How the server answers; changed by tests while it runs."""

    heartbeat: float = 0.5
    #: Answers hello; None to stay silent.
    greet: Callable[[agent_pb2.Hello], Answer | None] | None = None
    #: Whether facts are acknowledged.
    acks: bool = True
    #: Whether anything at all is sent after the welcome.
    talks: bool = True
    in_flight: int = 256
    frame_size: int = 0
    #: Aborts the call with this before reading, instead of serving it.
    abort: tuple[grpc.StatusCode, str] | None = None


class AgentServer(agent_pb2_grpc.AgentServiceServicer):
    """Keeps facts like the real one: each once, in the order of seq, without holes."""

    def __init__(self) -> None:
        self.behaviour = Behaviour()
        self.streams: list[StreamSeen] = []
        self.watermarks: dict[str, int] = {}
        #: Every fact taken, by (outbox id, seq).
        self.facts: dict[tuple[str, int], Frame] = {}
        self.port = 0
        self._changed = asyncio.Condition()
        self._contexts: list[Context] = []
        self._writing = asyncio.Lock()
        #: Streams that were welcomed.
        self.welcomed = 0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def taken(self, outbox_id: str) -> list[Frame]:
        return [
            frame for (outbox, _), frame in sorted(self.facts.items(), key=_by_seq) if outbox == outbox_id
        ]

    async def until(self, condition: Callable[[], bool], timeout: float = 8.0) -> None:
        """Return as soon as `condition` holds; something must arrive for it to be asked again."""
        async with asyncio.timeout(timeout), self._changed:
            await self._changed.wait_for(condition)

    async def send(self, answer: Answer) -> None:
        """Send a frame on the newest stream."""
        await self._write(self._contexts[-1], answer)

    async def cut(self) -> None:
        """End the newest stream as a network would."""
        with suppress(grpc.aio.AbortError):
            await self._contexts[-1].abort(grpc.StatusCode.UNAVAILABLE, "cut")

    async def Connect(  # type: ignore[override] # the stubs know generators only, gRPC takes this too
        self, request_iterator: AsyncIterator[Frame], context: Context
    ) -> None:
        if self.behaviour.abort is not None:
            await context.abort(*self.behaviour.abort)
        first = await context.read()
        assert isinstance(first, Frame)
        assert first.WhichOneof("frame") == "hello"
        metadata = {key: str(value) for key, value in context.invocation_metadata() or ()}
        seen = StreamSeen(hello=first.hello, metadata=metadata)
        self.streams.append(seen)
        self._contexts.append(context)
        await self._tell()
        greet = self.behaviour.greet or self.welcome
        answer = greet(first.hello)
        if answer is None:
            await asyncio.Event().wait()
            return
        await self._write(context, answer)
        self.welcomed += answer.HasField("welcome")
        await self._tell()
        if answer.WhichOneof("frame") != "welcome":
            return
        pulse = asyncio.create_task(self._pulse(context, seen))
        try:
            while isinstance(frame := await context.read(), Frame):
                await self._take(seen, frame, context)
                if seen.goodbye is not None:
                    return
        finally:
            pulse.cancel()

    def welcome(self, hello: agent_pb2.Hello) -> Answer:
        watermark = max(self.watermarks.get(hello.outbox_id, 0), hello.oldest_seq - 1)
        self.watermarks[hello.outbox_id] = watermark
        return Answer(
            welcome=agent_pb2.Welcome(
                watermark=watermark,
                heartbeat_interval=timestamps.to_duration(timedelta(seconds=self.behaviour.heartbeat)),
                server_time=_now(),
                limits=agent_pb2.Limits(
                    frame_size_bytes=self.behaviour.frame_size, in_flight_count=self.behaviour.in_flight
                ),
                server_version="test",
                agent="customer/installation/node",
            )
        )

    async def _take(self, seen: StreamSeen, frame: Frame, context: Context) -> None:
        seen.frames.append(frame)
        match frame.WhichOneof("frame"):
            case "series":
                seen.announced += [one.number for one in frame.series.descriptors]
            case "heartbeat":
                seen.heartbeats += 1
            case "goodbye":
                seen.goodbye = frame.goodbye
            case "batch":
                self._keep(seen, frame.batch.seq, frame)
            case "events":
                self._keep(seen, frame.events.seq, frame)
            case "gap":
                self._keep(seen, frame.gap.seq, frame)
            case _:
                pass
        if seen.seqs and self.behaviour.acks and self.behaviour.talks:
            await self._write(context, self._ack(seen))
        await self._tell()

    def _keep(self, seen: StreamSeen, seq: int, frame: Frame) -> None:
        seen.seqs.append(seq)
        outbox = seen.hello.outbox_id
        if not self.behaviour.acks:
            return
        assert seq <= self.watermarks[outbox] + 1, "a seq was skipped"
        if seq == self.watermarks[outbox] + 1:
            self.facts[outbox, seq] = frame
            self.watermarks[outbox] = seq

    def _ack(self, seen: StreamSeen) -> Answer:
        watermark = self.watermarks[seen.hello.outbox_id]
        return Answer(ack=agent_pb2.Ack(watermark=watermark, server_time=_now()))

    async def _pulse(self, context: Context, seen: StreamSeen) -> None:
        while True:
            await asyncio.sleep(self.behaviour.heartbeat / 2)
            if self.behaviour.talks:
                await self._write(context, self._ack(seen))

    async def _write(self, context: Context, answer: Answer) -> None:
        async with self._writing:  # gRPC takes one write of a stream at a time
            await context.write(answer)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()


def _now() -> Timestamp:
    return timestamps.to_timestamp(timestamps.from_micros(SystemClock().now_us()))


def _by_seq(item: tuple[tuple[str, int], Frame]) -> int:
    return item[0][1]


@asynccontextmanager
async def serving(
    *, port: int = 0, keep: AgentServer | None = None, credentials: grpc.ServerCredentials | None = None
) -> AsyncIterator[AgentServer]:
    """Serve on loopback; `keep` goes on with what an earlier server knew."""
    servicer = keep or AgentServer()
    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    agent_pb2_grpc.add_AgentServiceServicer_to_server(servicer, server)
    address = f"127.0.0.1:{port}"
    if credentials is None:
        servicer.port = server.add_insecure_port(address)
    else:
        servicer.port = server.add_secure_port(address, credentials)
    await server.start()
    try:
        yield servicer
    finally:
        await server.stop(None)


def reject(reason: agent_pb2.Reject.Reason.ValueType, *, retry_after: float | None = None) -> Answer:
    """Return a reject frame."""
    after = None if retry_after is None else timestamps.to_duration(timedelta(seconds=retry_after))
    return Answer(reject=agent_pb2.Reject(reason=reason, message="as the test wishes", retry_after=after))
