"""Administration through the API: tokens, reload, status."""

from pathlib import Path

from tests.server.api.callers import POLICY, Running
from vedette.support.v1 import admin_pb2, fleet_pb2
from vedette.timestamps import from_timestamp


def policy_file(vedette: Running) -> Path:
    return vedette.server.settings.policy


async def test_an_agent_is_enrolled_with_its_token(vedette: Running) -> None:
    request = admin_pb2.CreateAgentTokenRequest(request_id="r", customer="acme", installation="hq", node="n1")
    made = await vedette.root.ask(vedette.root.admin.CreateAgentToken, request)
    assert made.secret.startswith("vdt_")
    assert (made.token.role, made.token.name) == (admin_pb2.ROLE_AGENT, "acme/hq/n1")
    got = await vedette.root.ask(vedette.root.fleet.GetAgent, fleet_pb2.GetAgentRequest(id="acme/hq/n1"))
    assert got.agent.state == fleet_pb2.Agent.STATE_NEVER_SEEN


async def test_a_repeat_gets_the_token_and_never_the_secret_again(vedette: Running) -> None:
    request = admin_pb2.CreateApiTokenRequest(request_id="r", name="ann", role=admin_pb2.ROLE_VIEWER)
    made = await vedette.root.ask(vedette.root.admin.CreateApiToken, request)
    again = await vedette.root.ask(vedette.root.admin.CreateApiToken, request)
    assert again.token == made.token
    assert (bool(made.secret), again.secret) == (True, "")


async def test_what_is_not_in_the_policy_gets_no_token(vedette: Running) -> None:
    for customer, installation, reason in (
        ("nobody", "hq", "CUSTOMER_NOT_FOUND"),
        ("acme", "nowhere", "INSTALLATION_NOT_FOUND"),
    ):
        request = admin_pb2.CreateAgentTokenRequest(
            request_id="r", customer=customer, installation=installation, node="n1"
        )
        refusal = await vedette.root.refusal(vedette.root.admin.CreateAgentToken, request)
        assert (refusal.code, refusal.reason) == ("NOT_FOUND", reason)


async def test_wrong_names_and_roles_are_refused(vedette: Running) -> None:
    for name, role, words in (
        ("", admin_pb2.ROLE_VIEWER, "name must have 1 to 64 characters"),
        ("Vedette", admin_pb2.ROLE_VIEWER, "name must not be one by which the server itself goes"),
        ("admin socket", admin_pb2.ROLE_ADMIN, "name must not be one by which the server itself goes"),
        ("ann", admin_pb2.ROLE_AGENT, "role must be viewer, responder or admin"),
        ("ann", admin_pb2.ROLE_UNSPECIFIED, "role must be one of the values"),
    ):
        request = admin_pb2.CreateApiTokenRequest(request_id="r", name=name, role=role)
        refusal = await vedette.root.refusal(vedette.root.admin.CreateApiToken, request)
        assert refusal.reason == "FIELD_INVALID"
        assert refusal.message.startswith(words)


async def test_tokens_are_listed_oldest_first_in_pages(vedette: Running) -> None:
    for number in range(11):
        await vedette.person(f"p{number}")
    names, token = [], ""
    while True:
        request = admin_pb2.ListTokensRequest(page_size=5, page_token=token)
        page = await vedette.root.ask(vedette.root.admin.ListTokens, request)
        names += [one.name for one in page.tokens]
        token = page.next_page_token
        if not token:
            break
    assert names == ["bootstrap", *(f"p{number}" for number in range(11))]


async def test_revoking_says_when_and_an_unknown_token_is_not_found(vedette: Running) -> None:
    await vedette.person("ann")
    request = admin_pb2.RevokeTokenRequest(id="T-2", request_id="r")
    revoked = await vedette.root.ask(vedette.root.admin.RevokeToken, request)
    assert from_timestamp(revoked.token.revoke_time) >= from_timestamp(revoked.token.create_time)
    refusal = await vedette.root.refusal(
        vedette.root.admin.RevokeToken, admin_pb2.RevokeTokenRequest(id="T-9", request_id="r2")
    )
    assert refusal.reason == "TOKEN_NOT_FOUND"


async def test_revoking_an_agents_token_ends_its_stream(vedette: Running) -> None:
    agent = await vedette.agent("acme/hq/n1")
    request = admin_pb2.RevokeTokenRequest(id="T-2", request_id="r")
    await vedette.root.ask(vedette.root.admin.RevokeToken, request)
    assert await agent.last_word() == "reject"


async def test_reload_puts_a_changed_policy_in_force(vedette: Running) -> None:
    before = await vedette.root.ask(vedette.root.admin.GetServerStatus, admin_pb2.GetServerStatusRequest())
    policy_file(vedette).write_text(POLICY.replace("Acme Corporation", "Acme Limited"), "utf-8")
    reloaded = await vedette.root.ask(vedette.root.admin.Reload, admin_pb2.ReloadRequest())
    assert reloaded.policy_version != before.policy_version
    assert reloaded.catalog_version == before.catalog_version
    got = await vedette.root.ask(
        vedette.root.fleet.GetInstallation, fleet_pb2.GetInstallationRequest(customer="acme", id="hq")
    )
    assert got.installation.customer_name == "Acme Limited"


async def test_reload_without_a_change_changes_nothing(vedette: Running) -> None:
    first = await vedette.root.ask(vedette.root.admin.Reload, admin_pb2.ReloadRequest())
    second = await vedette.root.ask(vedette.root.admin.Reload, admin_pb2.ReloadRequest())
    assert first == second


async def test_reload_refuses_a_bad_file_names_every_mistake_and_keeps_the_old_one(vedette: Running) -> None:
    before = await vedette.root.ask(vedette.root.admin.GetServerStatus, admin_pb2.GetServerStatusRequest())
    policy_file(vedette).write_text(POLICY.replace("zone:", "zoen:") + "more: 1\n", "utf-8")
    refusal = await vedette.root.refusal(vedette.root.admin.Reload, admin_pb2.ReloadRequest())
    assert (refusal.code, refusal.reason) == ("FAILED_PRECONDITION", "CONFIG_INVALID")
    assert f"{policy_file(vedette)}:5: theaters.emea.zoen: unknown key" in refusal.message
    assert "more: unknown key" in refusal.message
    after = await vedette.root.ask(vedette.root.admin.GetServerStatus, admin_pb2.GetServerStatusRequest())
    assert after.policy_version == before.policy_version


async def test_the_status_tells_versions_position_and_who_is_connected(vedette: Running) -> None:
    await vedette.agent("acme/hq/n1")
    status = await vedette.root.ask(vedette.root.admin.GetServerStatus, admin_pb2.GetServerStatusRequest())
    assert status.server_version == "0.1.0"
    assert (len(status.policy_version), len(status.catalog_version)) == (16, 16)
    assert status.turn > 0
    assert status.sequence > 0
    assert len(status.head_hash) == 64
    assert status.connected_agent_count == 1
