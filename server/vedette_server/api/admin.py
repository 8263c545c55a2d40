"""AdminService: credentials, reload and status of the running server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import grpc

from vedette.support.v1 import admin_pb2
from vedette.timestamps import to_timestamp
from vedette_server import credentials
from vedette_server.access.token import Role, Token
from vedette_server.api import fields, wire
from vedette_server.api.auth import ADMIN_SOCKET_ACTOR
from vedette_server.api.errors import ApiError, field_invalid
from vedette_server.api.pages import cursor_of, page_token
from vedette_server.engine import inputs
from vedette_server.fleet.agent import AgentState
from vedette_server.store.pages import TokenCursor
from vedette_server.yamlfile import YamlError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from vedette_server.api.auth import Caller
    from vedette_server.api.census import Census
    from vedette_server.api.commands import Commands
    from vedette_server.api.reference import Reference
    from vedette_server.store.reader import Reader

MAX_NAME_CHARS: Final = 64
#: Names that would make a person look like the server.
RESERVED_NAMES: Final = frozenset({"vedette", ADMIN_SOCKET_ACTOR})


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """What is in force after a reload."""

    policy: str
    catalog: str


class AdminService:
    """The methods of `vedette.support.v1.AdminService`."""

    def __init__(
        self,
        *,
        reader: Reader,
        commands: Commands,
        reference: Reference,
        census: Census,
        reload: Callable[[], Awaitable[Versions]],
        server_version: str,
        started_at: datetime,
    ) -> None:
        """Take what to read and ask.

        Args:
            reader: of the store.
            commands: to the turn loop.
            reference: the policy in force.
            census: who is connected.
            reload: reads policy and catalog again; raises `YamlError` and keeps the old ones when they are
            wrong. server_version: of this server. started_at: when it started.
        """
        self._reader = reader
        self._commands = commands
        self._reference = reference
        self._census = census
        self._reload = reload
        self._server_version = server_version
        self._started_at = started_at

    async def CreateAgentToken(
        self, request: admin_pb2.CreateAgentTokenRequest, caller: Caller
    ) -> admin_pb2.CreateAgentTokenResponse:
        """Make the credential of one agent and enrol its node."""
        agent = "/".join(
            (
                fields.slug("customer", request.customer),
                fields.slug("installation", request.installation),
                fields.slug("node", request.node),
            )
        )
        token, secret = await self._create(Role.AGENT, agent, request.request_id, caller)
        return admin_pb2.CreateAgentTokenResponse(token=wire.token(token), secret=secret)

    async def CreateApiToken(
        self, request: admin_pb2.CreateApiTokenRequest, caller: Caller
    ) -> admin_pb2.CreateApiTokenResponse:
        """Make the credential of a person or an integration."""
        role = fields.member("role", request.role, wire.ROLES)
        if role is Role.AGENT:
            raise field_invalid(
                "role", "must be viewer, responder or admin; agents have CreateAgentToken", role
            )
        name = fields.line("name", request.name, maximum=MAX_NAME_CHARS)
        if name.casefold() in RESERVED_NAMES:
            raise field_invalid("name", "must not be one by which the server itself goes", name)
        token, secret = await self._create(role, name, request.request_id, caller)
        return admin_pb2.CreateApiTokenResponse(token=wire.token(token), secret=secret)

    async def _create(self, role: Role, name: str, request_id: str, caller: Caller) -> tuple[Token, str]:
        """Return a new token with its secret; for a repeat the token that was made, and no secret."""
        secret = credentials.new_secret()
        command = inputs.CreateToken(
            by=caller.name,
            request_id=fields.request_id(request_id),
            role=role,
            name=name,
            secret_hash=credentials.hash_secret(secret),
        )
        answered = await self._commands.carry_out(command, Token, caller)
        return answered.entity, "" if answered.repeated else secret

    async def ListTokens(
        self, request: admin_pb2.ListTokensRequest, caller: Caller
    ) -> admin_pb2.ListTokensResponse:
        """Return all tokens, oldest first."""
        page = await self._reader.list_tokens(
            after=cursor_of(request, TokenCursor), limit=fields.page_size(request.page_size)
        )
        return admin_pb2.ListTokensResponse(
            tokens=[wire.token(token) for token in page.items], next_page_token=page_token(request, page.next)
        )

    async def RevokeToken(
        self, request: admin_pb2.RevokeTokenRequest, caller: Caller
    ) -> admin_pb2.RevokeTokenResponse:
        """Make a token worthless."""
        command = inputs.RevokeToken(
            by=caller.name,
            request_id=fields.request_id(request.request_id),
            id=fields.identity("id", request.id),
        )
        answered = await self._commands.carry_out(command, Token, caller)
        return admin_pb2.RevokeTokenResponse(token=wire.token(answered.entity))

    async def Reload(self, request: admin_pb2.ReloadRequest, caller: Caller) -> admin_pb2.ReloadResponse:
        """Read policy and catalog again."""
        try:
            versions = await self._reload()
        except YamlError as error:
            raise ApiError(grpc.StatusCode.FAILED_PRECONDITION, "CONFIG_INVALID", str(error)) from error
        return admin_pb2.ReloadResponse(policy_version=versions.policy, catalog_version=versions.catalog)

    async def GetServerStatus(
        self, request: admin_pb2.GetServerStatusRequest, caller: Caller
    ) -> admin_pb2.GetServerStatusResponse:
        """Return what an operator of the server asks first."""
        head = await self._reader.head()
        return admin_pb2.GetServerStatusResponse(
            server_version=self._server_version,
            start_time=to_timestamp(self._started_at),
            policy_version=self._reference.policy.version,
            catalog_version=self._reference.catalog_version,
            turn=wire.uint64(head.turn),
            sequence=wire.uint64(head.sequence),
            head_hash=head.hash.hex(),
            connected_agent_count=wire.uint32(self._census.agents_in(AgentState.CONNECTED)),
        )
