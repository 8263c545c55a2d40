"""Admin client: what the commands of `vedette-server` ask of the running server, over its admin socket.

The socket is the credential: only the user that runs the server can open it. Answers come back as plain
values, so the command line knows no protobuf.
"""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from vedette.support.v1 import admin_pb2, admin_pb2_grpc
from vedette.timestamps import from_timestamp
from vedette_server.api import wire
from vedette_server.errors import CannotGoOn, ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path
    from types import TracebackType

    from vedette_server.access.token import Role

#: Longest wait for an answer, in seconds; reading a large policy takes some.
TIMEOUT_S: Final = 60.0
_PAGE: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRow:
    """A token as it is listed."""

    id: str
    role: Role
    name: str
    created_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerStatus:
    """What a running server says about itself."""

    server_version: str
    started_at: datetime
    policy_version: str
    catalog_version: str
    turn: int
    sequence: int
    head_hash: str
    connected_agents: int


class AdminClient:
    """A connection to the admin socket; use it as a context manager.

    Every method raises `CannotGoOn` when there is no server, or when it refuses.
    """

    def __init__(self, socket: Path) -> None:
        """Take the path of the socket."""
        self._socket = socket
        self._channel = grpc.insecure_channel(f"unix:{socket}")
        self._stub = admin_pb2_grpc.AdminServiceStub(self._channel)

    def __enter__(self) -> Self:
        """Return the client."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        self._channel.close()

    def create_agent_token(self, *, customer: str, installation: str, node: str) -> str:
        """Enrol a node and return the secret of its agent."""
        request = admin_pb2.CreateAgentTokenRequest(
            request_id=_request_id(), customer=customer, installation=installation, node=node
        )
        with self._answers():
            return self._stub.CreateAgentToken(request, timeout=TIMEOUT_S).secret

    def create_api_token(self, *, name: str, role: Role) -> str:
        """Make the credential of a person or an integration, and return its secret."""
        number = wire.role_number(role)
        request = admin_pb2.CreateApiTokenRequest(request_id=_request_id(), name=name, role=number)
        with self._answers():
            return self._stub.CreateApiToken(request, timeout=TIMEOUT_S).secret

    def tokens(self) -> list[TokenRow]:
        """Return all tokens, oldest first."""
        rows: list[TokenRow] = []
        request = admin_pb2.ListTokensRequest(page_size=_PAGE)
        while True:
            with self._answers():
                page = self._stub.ListTokens(request, timeout=TIMEOUT_S)
            rows.extend(_token_row(token) for token in page.tokens)
            if not page.next_page_token:
                return rows
            request.page_token = page.next_page_token

    def revoke_token(self, id_: str) -> None:
        """Make a token worthless."""
        with self._answers():
            self._stub.RevokeToken(
                admin_pb2.RevokeTokenRequest(request_id=_request_id(), id=id_), timeout=TIMEOUT_S
            )

    def reload(self) -> tuple[str, str]:
        """Reload policy and catalog; return their versions."""
        with self._answers():
            answer = self._stub.Reload(admin_pb2.ReloadRequest(), timeout=TIMEOUT_S)
        return answer.policy_version, answer.catalog_version

    def status(self) -> ServerStatus:
        """Return what the server says about itself."""
        with self._answers():
            answer = self._stub.GetServerStatus(admin_pb2.GetServerStatusRequest(), timeout=TIMEOUT_S)
        return ServerStatus(
            server_version=answer.server_version,
            started_at=from_timestamp(answer.start_time),
            policy_version=answer.policy_version,
            catalog_version=answer.catalog_version,
            turn=answer.turn,
            sequence=answer.sequence,
            head_hash=answer.head_hash,
            connected_agents=answer.connected_agent_count,
        )

    @contextmanager
    def _answers(self) -> Iterator[None]:
        """Turn what a call may raise into words and an exit code."""
        try:
            yield
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.UNAVAILABLE:
                words = f"no server answers at {self._socket}; is it running, and are you its user?"
                raise CannotGoOn(ExitCode.FAILED, words) from error
            code = ExitCode.CONFIGURATION if _reason(error) == "CONFIG_INVALID" else ExitCode.FAILED
            raise CannotGoOn(code, error.details() or error.code().name) from error


def _request_id() -> str:
    return secrets.token_hex(16)


def _reason(error: grpc.RpcError) -> str:
    """Return the reason in the details of an error; empty when there is none."""
    status = rpc_status.from_call(error)
    info = error_details_pb2.ErrorInfo()
    if status is None or not any(detail.Unpack(info) for detail in status.details):
        return ""
    return str(info.reason)


def _token_row(token: admin_pb2.Token) -> TokenRow:
    return TokenRow(
        id=token.id,
        role=wire.ROLES[token.role],
        name=token.name,
        created_at=from_timestamp(token.create_time),
        revoked_at=from_timestamp(token.revoke_time) if token.HasField("revoke_time") else None,
    )
