"""Who may call what: one table, and the way from a call to its caller.

What is not in the table cannot be called: a service with a method that is missing here does not start.

Agents have one method of their own and no role in the table. Health and reflection are open, as every tool
expects of them; they tell nothing about customers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import grpc

from vedette_server import credentials
from vedette_server.access.token import RANK, Role
from vedette_server.api.errors import ApiError

if TYPE_CHECKING:
    from vedette_server.access.token import Token
    from vedette_server.store.reader import Reader

#: Name of the actor who comes through the admin socket, which only the user that runs the server can open.
ADMIN_SOCKET_ACTOR: Final = "admin socket"

_SUPPORT: Final = "/vedette.support.v1."
_CHANNELZ: Final = "/grpc.channelz.v1.Channelz/"

#: Least role for each method, by its full name.
ROLE_NEEDED: Final[dict[str, Role]] = {
    _SUPPORT + "CaseService/ListCases": Role.VIEWER,
    _SUPPORT + "CaseService/GetCase": Role.VIEWER,
    _SUPPORT + "CaseService/ListCaseTimeline": Role.VIEWER,
    _SUPPORT + "CaseService/CreateCase": Role.RESPONDER,
    _SUPPORT + "CaseService/AcknowledgeCase": Role.RESPONDER,
    _SUPPORT + "CaseService/AssignCase": Role.RESPONDER,
    _SUPPORT + "CaseService/CommentCase": Role.RESPONDER,
    _SUPPORT + "CaseService/ResolveCase": Role.RESPONDER,
    _SUPPORT + "CaseService/CloseCase": Role.RESPONDER,
    _SUPPORT + "AlarmService/ListAlarms": Role.VIEWER,
    _SUPPORT + "AlarmService/GetAlarm": Role.VIEWER,
    _SUPPORT + "AlarmService/AcknowledgeAlarm": Role.RESPONDER,
    _SUPPORT + "FleetService/ListInstallations": Role.VIEWER,
    _SUPPORT + "FleetService/GetInstallation": Role.VIEWER,
    _SUPPORT + "FleetService/ListAgents": Role.VIEWER,
    _SUPPORT + "FleetService/GetAgent": Role.VIEWER,
    _SUPPORT + "SeriesService/ListSeries": Role.VIEWER,
    _SUPPORT + "SeriesService/QuerySeries": Role.VIEWER,
    _SUPPORT + "WatchService/Watch": Role.VIEWER,
    _SUPPORT + "AdminService/CreateAgentToken": Role.ADMIN,
    _SUPPORT + "AdminService/CreateApiToken": Role.ADMIN,
    _SUPPORT + "AdminService/ListTokens": Role.ADMIN,
    _SUPPORT + "AdminService/RevokeToken": Role.ADMIN,
    _SUPPORT + "AdminService/Reload": Role.ADMIN,
    _SUPPORT + "AdminService/GetServerStatus": Role.ADMIN,
    # It shows the addresses of customers' machines.
    _CHANNELZ + "GetTopChannels": Role.ADMIN,
    _CHANNELZ + "GetServers": Role.ADMIN,
    _CHANNELZ + "GetServer": Role.ADMIN,
    _CHANNELZ + "GetServerSockets": Role.ADMIN,
    _CHANNELZ + "GetChannel": Role.ADMIN,
    _CHANNELZ + "GetSubchannel": Role.ADMIN,
    _CHANNELZ + "GetSocket": Role.ADMIN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls, as the credential says."""

    #: Name of the token; the actor in journal and timeline.
    name: str
    role: Role
    #: Id of the token; empty for the admin socket.
    token_id: str


async def authenticate(reader: Reader, *, method: str, peer: str, authorization: str | None) -> Caller:
    """Return the caller of `method`, or refuse.

    Args:
        reader: of the store.
        method: full name, e.g. "/vedette.support.v1.CaseService/GetCase".
        peer: of the connection, as gRPC names it; only the admin socket is a unix socket.
        authorization: value of the metadata of this name, or None.

    Raises:
        ApiError: UNAUTHENTICATED TOKEN_MISSING or TOKEN_UNKNOWN; PERMISSION_DENIED ROLE_REQUIRED.
    """
    needed = ROLE_NEEDED[method]
    if peer.startswith("unix:"):
        return Caller(name=ADMIN_SOCKET_ACTOR, role=Role.ADMIN, token_id="")
    token = await _token(reader, authorization)
    if not token.allows(needed):
        raise ApiError(
            grpc.StatusCode.PERMISSION_DENIED,
            "ROLE_REQUIRED",
            f'token {token.id} of "{token.name}" is {token.role}; this call needs {_at_least(needed)}',
            role=token.role,
            needed=needed,
            method=method,
        )
    return Caller(name=token.name, role=token.role, token_id=token.id)


async def authenticate_agent(reader: Reader, *, authorization: str | None) -> Token:
    """Return the token of an agent, or refuse.

    Raises:
        ApiError: UNAUTHENTICATED TOKEN_MISSING or TOKEN_UNKNOWN; PERMISSION_DENIED TOKEN_NOT_AGENT.
    """
    token = await _token(reader, authorization)
    if not token.allows(Role.AGENT):
        words = f'token {token.id} of "{token.name}" is {token.role}; an agent needs a token of its own'
        raise ApiError(grpc.StatusCode.PERMISSION_DENIED, "TOKEN_NOT_AGENT", words, role=token.role)
    return token


async def _token(reader: Reader, authorization: str | None) -> Token:
    secret = credentials.bearer(authorization)
    if secret is None:
        words = "the call has no credential; send the metadata authorization: Bearer TOKEN"
        raise ApiError(grpc.StatusCode.UNAUTHENTICATED, "TOKEN_MISSING", words)
    token = await credentials.lookup(reader, secret)
    if token is None:
        raise token_unknown()
    return token


def token_unknown() -> ApiError:
    """Return the error for a credential that is none, or is none any more."""
    words = "the token is not known or was revoked; ask an administrator for a new one"
    return ApiError(grpc.StatusCode.UNAUTHENTICATED, "TOKEN_UNKNOWN", words)


def _at_least(needed: Role) -> str:
    return " or ".join(RANK[RANK.index(needed) :])
