"""The API with somebody else's tools: `buf curl` knows nothing but the address and a token."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path

from google.rpc import error_details_pb2
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.e2e.stage import AGENT, Stage
from tests.e2e.terminal import Said, run
from tests.support.programs import INSTALLED, Server


class Integrator:
    """A caller of `buf curl`, as docs/api.md describes it."""

    def __init__(self, server: Server, folder: Path, secret: str) -> None:
        self._server = server
        self._folder = folder
        self._header = folder / "token.header"
        self._header.write_text(f"authorization: Bearer {secret}\n", "utf-8")

    async def call(self, method: str, data: object = None, *, header: bool = True) -> Said:
        who: list[str | Path] = ["-H", f"@{self._header}"] if header else []
        return await self._buf(*who, "-d", json.dumps(data or {}), f"http://{self._server.target}/{method}")

    async def methods(self) -> set[str]:
        said = await self._buf("--list-methods", f"http://{self._server.target}")
        assert said.code == 0, said
        return set(said.stdout.split())

    async def _buf(self, *words: str | Path) -> Said:
        environment = {"BUF_CACHE_DIR": str(self._folder / "buf"), "HOME": str(self._folder)}
        front: list[str | Path] = [INSTALLED / "buf", "curl", "--protocol", "grpc", "--http2-prior-knowledge"]
        return await run(*front, *words, environment=environment)


async def test_an_integrator_finds_health_methods_and_cases_by_reflection_alone(stage: Stage) -> None:
    server = await stage.server(calm=True)
    buf = Integrator(server, stage.folder, await server.api_token("reporting", "responder"))
    health, methods = await asyncio.gather(
        buf.call("grpc.health.v1.Health/Check", header=False), buf.methods()
    )
    assert health.json() == {"status": "SERVING"}
    assert {
        "vedette.support.v1.CaseService/AcknowledgeCase",
        "vedette.support.v1.WatchService/Watch",
        "vedette.agent.v1.AgentService/Connect",
        "grpc.channelz.v1.Channelz/GetServers",
    } <= methods

    case = {"requestId": "1", "customer": "acme", "priority": "PRIORITY_P3", "title": "a broken chair"}
    opened = (await buf.call("vedette.support.v1.CaseService/CreateCase", case)).json()["case"]
    assert (opened["id"], opened["state"], opened["customerName"]) == ("C-1", "STATE_NEW", "Acme")
    listed, refused, nobody, agents = await asyncio.gather(
        buf.call("vedette.support.v1.CaseService/ListCases"),
        buf.call("vedette.support.v1.CaseService/GetCase", {"id": "C-9"}),
        buf.call("vedette.support.v1.CaseService/ListCases", header=False),
        buf.call("vedette.support.v1.FleetService/ListAgents"),
    )
    assert [one["id"] for one in listed.json()["cases"]] == ["C-1"]
    assert agents.json() == {}
    error = json.loads(refused.stderr)
    assert refused.code != 0
    assert error["code"] == "not_found"
    detail = error["details"][0]
    assert detail["type"] == "google.rpc.ErrorInfo"
    info = error_details_pb2.ErrorInfo.FromString(base64.b64decode(detail["value"] + "=="))
    assert (info.reason, info.domain, dict(info.metadata)) == ("CASE_NOT_FOUND", "vedette", {"case": "C-9"})
    assert json.loads(nobody.stderr)["code"] == "unauthenticated"


async def test_a_stopping_server_says_so_to_health_checks_first(stage: Stage) -> None:
    server = await stage.server(calm=True)
    agent = await stage.agent(server, AGENT)
    async with aio.insecure_channel(server.target) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        stopping = asyncio.create_task(server.stop())
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert (await agent.last_word()).WhichOneof("frame") == "reconnect"
        watch.cancel()
        await stopping
