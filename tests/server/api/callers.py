"""A real server in this process, on free ports and a policy of its own, and those who call it."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc import aio
from grpc_status import rpc_status

from vedette.agent.v1 import agent_pb2, agent_pb2_grpc
from vedette.support.v1 import (
    admin_pb2,
    admin_pb2_grpc,
    alarm_pb2_grpc,
    case_pb2_grpc,
    fleet_pb2_grpc,
    watch_pb2,
    watch_pb2_grpc,
)
from vedette.telemetry.v1 import telemetry_pb2
from vedette_server.server import Server
from vedette_server.settings import Settings, load_settings

POLICY = """
theaters:
  emea:
    title: EMEA
    zone: Europe/Berlin
    calendars:
      business:
        title: Business hours
        week: {mon-fri: [09:00-17:00]}
      extended:
        title: Extended hours
        week: {mon-sat: [07:00-21:00]}
customers:
  acme:
    name: Acme Corporation
    theater: emea
    contracts:
      K-1: {plan: platinum, starts: 2020-01-01, ends: 2099-12-31}
    installations:
      hq: &installation
        name: Headquarters
        product_version: 2021.Summer.1
        cloud_connected: true
        consent: true
        licensed_components: [voip-stack, ivr]
        nodes: {n1: {}, n2: {}}
  basil:
    name: Basil Ltd
    theater: emea
    contracts:
      K-2: {plan: basic, starts: 2020-01-01, ends: 2099-12-31}
    installations:
      shop: *installation
"""
SETTINGS = """
data_dir: data
policy: customers.yaml
listen: 127.0.0.1:0
http: 127.0.0.1:0
"""
T = TypeVar("T")

#: gRPC shares connections of one process, and with them the pause after a refused one: a caller that is new
#: after a restart must not wait for what an older one met.
OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)
#: Longest wait for anything in these tests, in seconds.
PATIENCE_S = 10.0


def written_settings(folder: Path, more: str = "") -> Settings:
    """Return settings of a server in `folder`, with its files beside it."""
    (folder / "customers.yaml").write_text(POLICY, "utf-8")
    file = folder / "server.yaml"
    file.write_text(SETTINGS + more, "utf-8")
    return load_settings(file)


class Client:
    """A caller with one token, or with none."""

    def __init__(self, address: str, secret: str = "") -> None:
        self._channel = aio.insecure_channel(address, options=OWN_CONNECTION)
        self.secret = secret
        self.metadata = (("authorization", f"Bearer {secret}"),) if secret else ()
        self.cases = case_pb2_grpc.CaseServiceStub(self._channel)
        self.alarms = alarm_pb2_grpc.AlarmServiceStub(self._channel)
        self.fleet = fleet_pb2_grpc.FleetServiceStub(self._channel)
        self.series = fleet_pb2_grpc.SeriesServiceStub(self._channel)
        self.watching = watch_pb2_grpc.WatchServiceStub(self._channel)
        self.admin = admin_pb2_grpc.AdminServiceStub(self._channel)

    async def ask(self, method: Callable[..., Awaitable[T]], request: Message) -> T:
        """Call a unary method."""
        return await method(request, metadata=self.metadata, timeout=PATIENCE_S)

    async def refusal(self, method: Callable[..., Awaitable[object]], request: Message) -> Refusal:
        """Call a unary method that is refused; return how."""
        with pytest.raises(aio.AioRpcError) as caught:
            await self.ask(method, request)
        return refusal_of(caught.value)

    def watch(
        self,
        *,
        token: bytes = b"",
        kinds: Sequence[watch_pb2.WatchRequest.Kind.ValueType] = (),
        customer: str = "",
    ) -> Watcher:
        """Open a watch stream."""
        request = watch_pb2.WatchRequest(resume_token=token, kinds=kinds, customer=customer)
        return Watcher(self.watching.Watch(request, metadata=self.metadata))

    async def close(self) -> None:
        await self._channel.close()


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """How a call was refused."""

    code: str
    reason: str
    message: str
    metadata: dict[str, str]


def refusal_of(error: aio.AioRpcError) -> Refusal:
    """Return status and details of an error."""
    status = rpc_status.from_call(SyncError(error))
    info = error_details_pb2.ErrorInfo()
    if status is not None:
        assert status.details[0].Unpack(info)
        assert info.domain == "vedette"
    return Refusal(
        code=error.code().name,
        reason=info.reason,
        message=error.details() or "",
        metadata=dict(info.metadata),
    )


class SyncError:
    """An asynchronous error as `grpc_status` takes it."""

    def __init__(self, error: aio.AioRpcError) -> None:
        self.code = error.code
        self.details = error.details
        self.trailing_metadata = error.trailing_metadata


class Watcher:
    """One watch stream."""

    def __init__(self, call: aio.UnaryStreamCall[watch_pb2.WatchRequest, watch_pb2.WatchResponse]) -> None:
        self._call = call
        self.token = b""

    async def frame(self) -> watch_pb2.WatchResponse:
        """Return the next frame."""
        async with asyncio.timeout(PATIENCE_S):
            frame = await self._call.read()
        assert isinstance(frame, watch_pb2.WatchResponse), frame
        self.token = frame.resume_token
        return frame

    async def change(self) -> watch_pb2.Change:
        """Return the next change, passing over progress."""
        while True:
            frame = await self.frame()
            if frame.WhichOneof("frame") == "change":
                return frame.change
            assert frame.WhichOneof("frame") == "progress"

    async def until(self, reason: str) -> watch_pb2.Change:
        """Return the next change with this reason."""
        while True:
            change = await self.change()
            if change.reason == reason:
                return change

    async def refusal(self) -> Refusal:
        """Read to the end of the stream; return how it was refused."""
        try:
            while True:
                await self.frame()
        except aio.AioRpcError as error:
            return refusal_of(error)

    def close(self) -> None:
        self._call.cancel()


class AgentDouble:
    """An agent on a real stream, one frame at a time."""

    def __init__(self, address: str, secret: str, outbox_id: str) -> None:
        self._channel = aio.insecure_channel(address, options=OWN_CONNECTION)
        stub = agent_pb2_grpc.AgentServiceStub(self._channel)
        self._call = stub.Connect(metadata=(("authorization", f"Bearer {secret}"),))
        self._outbox_id = outbox_id
        self._seq = 0

    async def hello(self) -> agent_pb2.Welcome:
        """Say hello and return the welcome."""
        hello = agent_pb2.Hello(
            boot_id="boot-1",
            start_id="start-1",
            outbox_id=self._outbox_id,
            next_seq=1,
            oldest_seq=1,
            agent_version="0.1.0",
            protocol_version=1,
            product_version="2021.Summer.1",
            host_name="pbx",
        )
        hello.agent_time.GetCurrentTime()
        await self._call.write(agent_pb2.ConnectRequest(hello=hello))
        frame = await self._read()
        assert frame.WhichOneof("frame") == "welcome", frame
        return frame.welcome

    async def announce(self, *descriptors: telemetry_pb2.SeriesDescriptor) -> None:
        """Announce series."""
        series = agent_pb2.Series(descriptors=descriptors)
        await self._call.write(agent_pb2.ConnectRequest(series=series))

    async def batch(self, observe_time_us: int, values: dict[int, float]) -> None:
        """Send a batch and wait until it is durable."""
        self._seq += 1
        batch = telemetry_pb2.Batch(
            seq=self._seq,
            observe_time_us=observe_time_us,
            series_numbers=struct.pack(f"<{len(values)}I", *values),
            values=struct.pack(f"<{len(values)}d", *values.values()),
        )
        await self._call.write(agent_pb2.ConnectRequest(batch=batch))
        await self._acknowledged()

    async def event(self, code: str, component: str) -> None:
        """Send one event and wait until it is durable."""
        self._seq += 1
        event = telemetry_pb2.Event(
            time_us=now_us(), code=code, component=component, severity=telemetry_pb2.SEVERITY_ERROR
        )
        events = telemetry_pb2.EventBatch(seq=self._seq, events=[event])
        await self._call.write(agent_pb2.ConnectRequest(events=events))
        await self._acknowledged()

    async def last_word(self) -> str:
        """Return the kind of the next frame that is no ack."""
        while True:
            kind = (await self._read()).WhichOneof("frame")
            if kind != "ack":
                return str(kind)

    async def close(self) -> None:
        self._call.cancel()
        await self._channel.close()

    async def _acknowledged(self) -> None:
        while True:
            frame = await self._read()
            assert frame.WhichOneof("frame") == "ack", frame
            if frame.ack.watermark >= self._seq:
                return

    async def _read(self) -> agent_pb2.ConnectResponse:
        async with asyncio.timeout(PATIENCE_S):
            frame = await self._call.read()
        assert isinstance(frame, agent_pb2.ConnectResponse), await self._call.code()
        return frame


def now_us() -> int:
    """Return this machine's time, which is the server's too."""
    return time.time_ns() // 1000


class Running:
    """A server that takes calls, and who talks to it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.address = f"127.0.0.1:{server.grpc_port}"
        self._open: list[Client | AgentDouble] = []
        self.root = self._keep(Client(f"unix:{server.settings.admin_socket}"))
        self._made = 0

    async def person(self, name: str, role: admin_pb2.Role.ValueType = admin_pb2.ROLE_RESPONDER) -> Client:
        """Return a caller with a new token."""
        request = admin_pb2.CreateApiTokenRequest(request_id=self._request_id(), name=name, role=role)
        made = await self.root.ask(self.root.admin.CreateApiToken, request)
        return self.bearer(made.secret)

    def bearer(self, secret: str) -> Client:
        """Return a caller with this secret."""
        return self._keep(Client(self.address, secret))

    async def enrol(self, customer: str, installation: str, node: str) -> str:
        """Return the secret of a new agent."""
        request = admin_pb2.CreateAgentTokenRequest(
            request_id=self._request_id(), customer=customer, installation=installation, node=node
        )
        made = await self.root.ask(self.root.admin.CreateAgentToken, request)
        return str(made.secret)

    async def agent(self, id_: str = "acme/hq/n1") -> AgentDouble:
        """Return a new agent that has been welcomed."""
        double = self._keep(AgentDouble(self.address, await self.enrol(*id_.split("/")), f"outbox of {id_}"))
        await double.hello()
        return double

    async def close(self) -> None:
        for one in self._open:
            await one.close()

    def _keep(self, one: T) -> T:
        self._open.append(one)  # type: ignore[arg-type]
        return one

    def _request_id(self) -> str:
        self._made += 1
        return f"test {self._made}"


@asynccontextmanager
async def running(folder: Path, more: str = "") -> AsyncIterator[Running]:
    """Run a server in `folder` for as long as the context lasts."""
    server = Server(written_settings(folder, more))
    await server.start()
    around = Running(server)
    try:
        yield around
    finally:
        await around.close()
        await server.stop()
