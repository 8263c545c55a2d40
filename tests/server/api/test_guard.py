"""The guard: what is unforeseen tells nothing about the inside, and nothing is served unguarded."""

from collections.abc import AsyncGenerator, AsyncIterator

import pytest
from grpc import aio
from structlog.testing import capture_logs

from tests.server.api.callers import Running
from vedette.agent.v1 import agent_pb2
from vedette.support.v1 import case_pb2, watch_pb2
from vedette_server.api.auth import Caller
from vedette_server.api.cases import CaseService
from vedette_server.api.guard import Guard
from vedette_server.api.watch import WatchService
from vedette_server.metrics import Metrics


async def test_a_defect_is_internal_and_counted(vedette: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_arguments: object) -> None:
        raise RuntimeError("secret detail")

    ann = await vedette.person("ann")
    monkeypatch.setattr(CaseService, "_get", broken)
    refusal = await ann.refusal(ann.cases.GetCase, case_pb2.GetCaseRequest(id="C-1"))
    assert (refusal.code, refusal.reason) == ("INTERNAL", "INTERNAL")
    assert "secret" not in refusal.message
    counted = vedette.server.metrics.registry.get_sample_value(
        "vedette_api_calls_total",
        {"method": "/vedette.support.v1.CaseService/GetCase", "code": "INTERNAL"},
    )
    assert counted == 1


async def test_a_defect_in_a_stream_is_internal_too(
    vedette: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_arguments: object) -> AsyncIterator[object]:
        raise RuntimeError("secret detail")
        yield

    ann = await vedette.person("ann")
    monkeypatch.setattr(WatchService, "_live", broken)
    assert (await ann.watch().refusal()).code == "INTERNAL"


async def test_a_method_that_the_table_of_roles_does_not_name_is_not_served(vedette: Running) -> None:
    guard = Guard(reader=vedette.server._api.reference._reader, metrics=Metrics(server_version="1"))
    service = agent_pb2.DESCRIPTOR.services_by_name["AgentService"]
    with pytest.raises(KeyError, match="AgentService/Connect"):
        guard.register(aio.server(), service, object())


class DeadPeer:
    """The context of a call whose peer is gone, as gRPC shows it: only writing tells."""

    def peer(self) -> str:
        return "unix:"

    def invocation_metadata(self) -> tuple[()]:
        return ()

    async def write(self, _response: object) -> None:
        raise aio.InternalError("Failed grpc_call_start_batch: 10")


async def test_a_caller_that_hangs_up_is_no_mistake_of_ours(vedette: Running) -> None:
    is_closed = False

    async def endless(_request: object, _caller: Caller) -> AsyncGenerator[watch_pb2.WatchResponse, None]:
        nonlocal is_closed
        try:
            while True:
                yield watch_pb2.WatchResponse()
        finally:
            is_closed = True

    metrics = Metrics(server_version="1")
    guard = Guard(reader=vedette.server._api.reference._reader, metrics=metrics)
    method = "/vedette.support.v1.WatchService/Watch"
    with capture_logs() as logged:
        await guard._streaming(method, endless)(watch_pb2.WatchRequest(), DeadPeer())  # type: ignore[arg-type]
    assert logged == []
    assert is_closed
    counted = {"method": method, "code": "CANCELLED"}
    assert metrics.registry.get_sample_value("vedette_api_calls_total", counted) == 1
