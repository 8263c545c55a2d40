"""TLS: with it the server may listen anywhere, and takes no plaintext on any port."""

import asyncio
import ssl
from pathlib import Path

import grpc
import pytest
from grpc import aio

from tests.server.api.callers import Client, Running, running
from vedette.support.v1 import admin_pb2, case_pb2
from vedette_server.errors import CannotGoOn, ExitCode

FILES = Path(__file__).with_name("tls")
TLS = f"tls: {{certificate: {FILES}/server.crt, key: {FILES}/server.key}}\n"


async def token(around: Running) -> tuple[tuple[str, str], ...]:
    request = admin_pb2.CreateApiTokenRequest(request_id="r", name="ann", role=admin_pb2.ROLE_VIEWER)
    made = await around.root.ask(around.root.admin.CreateApiToken, request)
    return (("authorization", f"Bearer {made.secret}"),)


async def test_grpc_and_http_speak_tls_and_nothing_else(tmp_path: Path) -> None:
    async with running(tmp_path, TLS) as around:
        metadata = await token(around)
        trusted = grpc.ssl_channel_credentials((FILES / "server.crt").read_bytes())
        async with aio.secure_channel(f"localhost:{around.server.grpc_port}", trusted) as channel:
            ask = channel.unary_unary(
                "/vedette.support.v1.CaseService/ListCases",
                request_serializer=case_pb2.ListCasesRequest.SerializeToString,
                response_deserializer=case_pb2.ListCasesResponse.FromString,
            )
            answer = await ask(case_pb2.ListCasesRequest(), metadata=metadata, timeout=10)
        assert list(answer.cases) == []
        plain = Client(around.address)
        refusal = await plain.refusal(plain.cases.ListCases, case_pb2.ListCasesRequest())
        await plain.close()
        assert refusal.code == "UNAVAILABLE"
        context = ssl.create_default_context(cafile=FILES / "server.crt")
        assert (await ready(around, context)).startswith(b"HTTP/1.1 200 OK")
        assert await ready(around, None) == b""


async def ready(around: Running, context: ssl.SSLContext | None) -> bytes:
    """Ask the HTTP endpoint whether the server is ready."""
    reader, writer = await asyncio.open_connection("localhost", around.server.http_port, ssl=context)
    writer.write(b"GET /-/ready HTTP/1.1\r\n\r\n")
    try:
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize(
    "tls",
    [
        "tls: {certificate: none.crt, key: none.key}\n",
        f"tls: {{certificate: {FILES}/server.crt, key: {FILES}/server.crt}}\n",
    ],
)
async def test_a_certificate_that_is_none_ends_the_start_with_exit_code_3(tmp_path: Path, tls: str) -> None:
    with pytest.raises(CannotGoOn, match="are no certificate and key") as caught:
        async with running(tmp_path, tls):
            pass
    assert caught.value.exit_code is ExitCode.CONFIGURATION
