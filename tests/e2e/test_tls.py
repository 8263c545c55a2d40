"""Encryption: nothing is plain beyond this machine, and what is encrypted is so for everybody."""

from __future__ import annotations

import asyncio
import ssl
import urllib.error
import urllib.request
from functools import partial
from pathlib import Path

import pytest
from grpc import StatusCode, aio, ssl_channel_credentials

from tests.e2e.node import Node
from tests.e2e.stage import AGENT, Stage, eventually
from tests.e2e.terminal import run
from tests.support.programs import INSTALLED, Server, until
from vedette.support.v1 import case_pb2, case_pb2_grpc, fleet_pb2, fleet_pb2_grpc

TLS = Path(__file__).with_name("tls")
AUTHORITY, OTHER = TLS / "authority.pem", TLS / "other-authority.pem"


async def encrypted_server(stage: Stage, listen: str) -> Server:
    section = f"{{certificate: {TLS / 'server.pem'}, key: {TLS / 'server.key'}}}"
    return await stage.server(listen=listen, tls=section)


def probe(url: str) -> int:
    """Return the status of a page, on a connection that trusts the authority if it is encrypted."""
    context = ssl.create_default_context(cafile=AUTHORITY)
    with urllib.request.urlopen(url, timeout=10, context=context) as answer:  # noqa: S310 - one of ours
        return int(answer.status)


async def call(target: str, authority: Path | None, secret: str) -> StatusCode:
    """Return how a call ends on a connection that trusts this authority, or on a plain one."""
    roots = None if authority is None else ssl_channel_credentials(authority.read_bytes())
    channel = (
        aio.insecure_channel(target)
        if roots is None
        else aio.secure_channel(target, roots, options=(("grpc.enable_http_proxy", 0),))
    )
    async with channel:
        stub = case_pb2_grpc.CaseServiceStub(channel)
        metadata = (("authorization", f"Bearer {secret}"),)
        try:
            await stub.ListCases(case_pb2.ListCasesRequest(), metadata=metadata, timeout=10)
        except aio.AioRpcError as error:
            return error.code()
    return StatusCode.OK


async def test_an_encrypted_server_takes_who_trusts_its_authority_and_nobody_else(stage: Stage) -> None:
    # On every address of the machine, which it may because it is encrypted.
    server = await encrypted_server(stage, "0.0.0.0:0")
    target = f"127.0.0.1:{server.target.rpartition(':')[2]}"
    secret = await server.api_token("ann", "viewer")
    assert await call(target, AUTHORITY, secret) is StatusCode.OK
    assert await call(f"localhost:{target.rpartition(':')[2]}", AUTHORITY, secret) is StatusCode.OK
    assert await call(target, OTHER, secret) is StatusCode.UNAVAILABLE
    assert await call(target, None, secret) is StatusCode.UNAVAILABLE
    assert await call(target, AUTHORITY, "vdt_wrong") is StatusCode.UNAUTHENTICATED

    addresses = server.addresses
    assert addresses is not None
    assert await asyncio.to_thread(probe, f"https://{addresses.http}/-/ready") == 200
    with pytest.raises((urllib.error.URLError, OSError)):
        await asyncio.to_thread(probe, f"http://{addresses.http}/-/ready")


def tried_again(node: Node) -> bool:
    return len(node.logged("link.ended")) >= 2


async def test_agent_and_console_reach_an_encrypted_server_by_its_authority(stage: Stage) -> None:
    server = await encrypted_server(stage, "127.0.0.1:0")
    node = await stage.node(server, more=f'[tls]\nca_file = "{AUTHORITY}"\n')
    wrong = await stage.node(server, "acme/hq/node-2", more=f'[tls]\nca_file = "{OTHER}"\n')
    plain = await stage.node(server, "acme/hq/node-3")
    await until(lambda: node.status().get("link", {}).get("state") == "connected", "the agent is connected")
    for stranger in (wrong, plain):
        await until(partial(tried_again, stranger), "the agent tries, and tries again")
        assert stranger.logged("link.connected") == []
        assert stranger.agent.running
    token = await stage.token_file(server)
    command: list[str | Path] = [INSTALLED / "vedette", "--server", server.target, "--token-file", token]
    good = await run(*command, "--ca-file", AUTHORITY, "agents", "list", "-o", "json")
    assert [agent["id"] for agent in good.json() if agent["state"] == "connected"] == [AGENT]
    bad = await run(*command, "--ca-file", OTHER, "agents", "list")
    assert bad.code == 4
    assert bad.stderr.startswith("vedette: no connection to ")

    async with aio.secure_channel(server.target, ssl_channel_credentials(AUTHORITY.read_bytes())) as channel:
        stub = fleet_pb2_grpc.FleetServiceStub(channel)
        metadata = (("authorization", f"Bearer {token.read_text('utf-8')}"),)

        async def seen() -> bool:
            request = fleet_pb2.GetAgentRequest(id=AGENT)
            return bool((await stub.GetAgent(request, metadata=metadata)).agent.watermark)

        await eventually(seen, "its facts arrive")
