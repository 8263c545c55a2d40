"""RawAgent: the agent's side of a stream, one frame at a time, so that it can do what an agent must not.

It speaks the protocol from the generated messages alone. Its timing and numbering are the test's.
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Sequence
from typing import Any

from grpc import aio

from tests.server.api.callers import OWN_CONNECTION
from vedette.agent.v1 import agent_pb2
from vedette.telemetry.v1 import telemetry_pb2

METHOD = "/vedette.agent.v1.AgentService/Connect"
#: Longest wait for a frame, in seconds.
PATIENCE = 15.0
#: Series that tests measure: share of a database of 100 bytes, which the shipped catalog judges.
USAGE, LIMIT = 0, 1

Frame = agent_pb2.ConnectRequest | bytes


class StreamEnded(Exception):
    """The server ended the stream: with this status, and no last word."""

    def __init__(self, code: str, details: str) -> None:
        super().__init__(f"{code}: {details}")
        self.code = code
        self.details = details


class RawAgent:
    """One agent on one stream."""

    def __init__(self, target: str, secret: str, *, outbox_id: str) -> None:
        """Open a connection; nothing is said yet."""
        self.target = target
        self.secret = secret
        self.outbox_id = outbox_id
        #: Seq of the last fact that was made here.
        self.seq = 0
        #: Highest seq that the server said is durable.
        self.watermark = 0
        self._channel = aio.insecure_channel(target, options=OWN_CONNECTION)
        self._call = self._open()

    def _open(self) -> aio.StreamStreamCall[Frame, agent_pb2.ConnectResponse]:
        method = self._channel.stream_stream(
            METHOD, request_serializer=_bytes_of, response_deserializer=agent_pb2.ConnectResponse.FromString
        )
        metadata = (("authorization", f"Bearer {self.secret}"),) if self.secret else ()
        call: aio.StreamStreamCall[Frame, agent_pb2.ConnectResponse] = method(metadata=metadata)
        return call

    async def close(self) -> None:
        """Hang up without a word."""
        self._call.cancel()
        await self._channel.close()

    # --- saying ---------------------------------------------------------------------------------------------

    async def send(self, *frames: Frame) -> None:
        """Send frames, or bytes in place of frames.

        Raises:
            StreamEnded: there is no stream any more.
        """
        try:
            for frame in frames:
                await self._call.write(frame)
        except (aio.AioRpcError, asyncio.InvalidStateError):
            raise StreamEnded((await self._call.code()).name, await self._call.details() or "") from None

    def hello(self, **fields: Any) -> agent_pb2.ConnectRequest:
        """Return a hello as a good agent sends it, but for some fields."""
        hello = agent_pb2.Hello(
            boot_id="boot-1",
            start_id="start-1",
            outbox_id=self.outbox_id,
            next_seq=self.seq + 1,
            oldest_seq=min(self.seq, self.watermark) + 1,
            agent_version="0.1.0",
            protocol_version=1,
            product_version="2020.Winter.1",
            host_name="pbx",
        )
        hello.agent_time.GetCurrentTime()
        hello.MergeFrom(agent_pb2.Hello(**fields))
        return agent_pb2.ConnectRequest(hello=hello)

    async def welcomed(self, **fields: Any) -> agent_pb2.Welcome:
        """Say hello and announce two series; return the welcome."""
        await self.send(self.hello(**fields))
        frame = await self.frame()
        assert frame.WhichOneof("frame") == "welcome", frame
        self.watermark = frame.welcome.watermark
        await self.send(series_frame(USAGE, "database.usage"), series_frame(LIMIT, "database.limit"))
        return frame.welcome

    def batch(
        self,
        values: Sequence[float] = (10.0, 100.0),
        *,
        numbers: Sequence[int] = (USAGE, LIMIT),
        time_us: int | None = None,
    ) -> agent_pb2.ConnectRequest:
        """Return the next fact: samples, a tenth of the database used unless told otherwise."""
        self.seq += 1
        batch = telemetry_pb2.Batch(
            seq=self.seq,
            observe_time_us=now_us() if time_us is None else time_us,
            series_numbers=struct.pack(f"<{len(numbers)}I", *numbers),
            values=struct.pack(f"<{len(values)}d", *values),
        )
        return agent_pb2.ConnectRequest(batch=batch)

    def events(self, *codes: str, time_us: int | None = None, **fields: Any) -> agent_pb2.ConnectRequest:
        """Return the next fact: an event of each code."""
        self.seq += 1
        at = now_us() if time_us is None else time_us
        events = [telemetry_pb2.Event(time_us=at, code=code, **fields) for code in codes]
        return agent_pb2.ConnectRequest(events=telemetry_pb2.EventBatch(seq=self.seq, events=events))

    def gap(self, **fields: Any) -> agent_pb2.ConnectRequest:
        """Return the next fact: that others are missing."""
        self.seq += 1
        return agent_pb2.ConnectRequest(gap=telemetry_pb2.Gap(seq=self.seq, **fields))

    async def tell(self, *frames: Frame) -> None:
        """Send frames, and wait until every fact made so far is durable."""
        await self.send(*frames)
        await self.acknowledged()

    # --- hearing --------------------------------------------------------------------------------------------

    async def frame(self) -> agent_pb2.ConnectResponse:
        """Return the next frame.

        Raises:
            StreamEnded: the stream ended instead.
        """
        try:
            async with asyncio.timeout(PATIENCE):
                frame = await self._call.read()
        except aio.AioRpcError as error:
            raise StreamEnded(error.code().name, error.details() or "") from None
        if not isinstance(frame, agent_pb2.ConnectResponse):
            raise StreamEnded((await self._call.code()).name, await self._call.details() or "")
        if frame.WhichOneof("frame") == "ack":
            assert frame.ack.watermark >= self.watermark
            self.watermark = frame.ack.watermark
        return frame

    async def acknowledged(self, seq: int | None = None) -> None:
        """Wait until a fact is durable; the last one that was made by default."""
        wanted = self.seq if seq is None else seq
        while self.watermark < wanted:
            frame = await self.frame()
            assert frame.WhichOneof("frame") == "ack", frame

    async def last_word(self) -> agent_pb2.ConnectResponse:
        """Return the next frame that is no ack, past the welcome."""
        while True:
            frame = await self.frame()
            if frame.WhichOneof("frame") not in {"ack", "welcome"}:
                return frame

    async def rejected(self) -> str:
        """Return the reason for which the server rejects the stream, once it does, and ends it."""
        word = await self.last_word()
        assert word.WhichOneof("frame") == "reject", word
        assert word.reject.message
        assert (await self.refusal()).code == "OK"
        return agent_pb2.Reject.Reason.Name(word.reject.reason).removeprefix("REASON_")

    async def refusal(self) -> StreamEnded:
        """Return how the server ends the stream, once it does, without a last word."""
        try:
            while True:
                frame = await self.frame()
                assert frame.WhichOneof("frame") in {"welcome", "ack"}, frame
        except StreamEnded as ended:
            return ended


def series_frame(number: int, name: str, **fields: Any) -> agent_pb2.ConnectRequest:
    """Return a frame that announces one series of the product's database."""
    descriptor = telemetry_pb2.SeriesDescriptor(
        number=number,
        name=name,
        unit="By",
        labels=[telemetry_pb2.Label(name="database", value="main")],
        kind=telemetry_pb2.SeriesDescriptor.KIND_GAUGE,
    )
    descriptor.MergeFrom(telemetry_pb2.SeriesDescriptor(**fields))
    return agent_pb2.ConnectRequest(series=agent_pb2.Series(descriptors=[descriptor]))


def now_us() -> int:
    """Return this machine's time, which is the server's too."""
    return time.time_ns() // 1000


def _bytes_of(frame: Frame) -> bytes:
    return frame if isinstance(frame, bytes) else frame.SerializeToString()
