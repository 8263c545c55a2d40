"""Who may call what, through the real server."""

import pytest
from grpc import aio

from tests.server.api.callers import AgentDouble, Running, refusal_of
from vedette.support.v1 import admin_pb2, case_pb2


async def test_a_call_without_a_token_is_refused(vedette: Running) -> None:
    nobody = vedette.bearer("")
    refusal = await nobody.refusal(nobody.cases.ListCases, case_pb2.ListCasesRequest())
    assert (refusal.code, refusal.reason) == ("UNAUTHENTICATED", "TOKEN_MISSING")


async def test_a_call_with_an_unknown_token_is_refused(vedette: Running) -> None:
    stranger = vedette.bearer("vdt_guess")
    refusal = await stranger.refusal(stranger.cases.ListCases, case_pb2.ListCasesRequest())
    assert (refusal.code, refusal.reason) == ("UNAUTHENTICATED", "TOKEN_UNKNOWN")


async def test_a_viewer_reads_and_does_not_work(vedette: Running) -> None:
    vic = await vedette.person("vic", admin_pb2.ROLE_VIEWER)
    await vic.ask(vic.cases.ListCases, case_pb2.ListCasesRequest())
    refusal = await vic.refusal(vic.cases.CreateCase, case_pb2.CreateCaseRequest())
    assert (refusal.code, refusal.reason) == ("PERMISSION_DENIED", "ROLE_REQUIRED")
    assert refusal.metadata == {
        "role": "viewer",
        "needed": "responder",
        "method": "/vedette.support.v1.CaseService/CreateCase",
    }


async def test_a_responder_does_not_administer(vedette: Running) -> None:
    ann = await vedette.person("ann")
    refusal = await ann.refusal(ann.admin.ListTokens, admin_pb2.ListTokensRequest())
    assert refusal.message == 'token T-2 of "ann" is responder; this call needs admin'


async def test_an_agents_token_opens_no_api(vedette: Running) -> None:
    agent = vedette.bearer(await vedette.enrol("acme", "hq", "n1"))
    refusal = await agent.refusal(agent.cases.ListCases, case_pb2.ListCasesRequest())
    assert refusal.reason == "ROLE_REQUIRED"


async def test_a_revoked_token_opens_nothing_and_its_watch_ends(vedette: Running) -> None:
    ann = await vedette.person("ann")
    watcher = ann.watch()
    await watcher.frame()
    await vedette.root.ask(
        vedette.root.admin.RevokeToken, admin_pb2.RevokeTokenRequest(id="T-2", request_id="r")
    )
    assert (await watcher.refusal()).reason == "TOKEN_UNKNOWN"
    refusal = await ann.refusal(ann.cases.ListCases, case_pb2.ListCasesRequest())
    assert refusal.reason == "TOKEN_UNKNOWN"


async def test_the_admin_socket_is_admin_and_private(vedette: Running) -> None:
    listed = await vedette.root.ask(vedette.root.admin.ListTokens, admin_pb2.ListTokensRequest())
    assert [token.name for token in listed.tokens] == ["bootstrap"]
    assert vedette.server.settings.admin_socket.stat().st_mode & 0o777 == 0o600


async def test_the_first_admin_token_is_printed_once(
    vedette: Running, capfd: pytest.CaptureFixture[str]
) -> None:
    lines = capfd.readouterr().out.split()
    (secret,) = [line for line in lines if line.startswith("vdt_")] or [""]
    if secret:
        root = vedette.bearer(secret)
        status = await root.ask(root.admin.GetServerStatus, admin_pb2.GetServerStatusRequest())
        assert status.connected_agent_count == 0


async def test_the_agents_stream_takes_agents_only_and_says_why(vedette: Running) -> None:
    ann = await vedette.person("ann")
    for secret, code, reason in (
        ("", "UNAUTHENTICATED", "TOKEN_MISSING"),
        ("vdt_guess", "UNAUTHENTICATED", "TOKEN_UNKNOWN"),
        (ann.secret, "PERMISSION_DENIED", "TOKEN_NOT_AGENT"),
    ):
        stream = AgentDouble(vedette.address, secret, "outbox")
        with pytest.raises(aio.AioRpcError) as caught:
            await stream.hello()
        refusal = refusal_of(caught.value)
        assert (refusal.code, refusal.reason) == (code, reason)
        await stream.close()
