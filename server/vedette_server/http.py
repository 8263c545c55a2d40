"""HTTP endpoint: `/metrics`, `/-/healthy` and `/-/ready`, and nothing else.

One idea: so little HTTP that it can be seen to be safe. A request is a head of at most 8 KiB that must arrive
within five seconds; its answer closes the connection; beyond 64 connections further ones are closed at once.

It knows paths and answers, not what they mean.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Self

from vedette_server import log
from vedette_server.errors import CannotGoOn, ExitCode

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

    from vedette_server.settings import Address

MAX_HEAD_BYTES: Final = 8 * 1024
MAX_CONNECTIONS: Final = 64
#: Within so many seconds a request must have arrived, and its answer be taken.
TIMEOUT_S: Final = 5.0

_log = log.get(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer."""

    status: HTTPStatus = HTTPStatus.OK
    content_type: str = "text/plain; charset=utf-8"
    body: bytes = b""


class HttpEndpoint:
    """A listening endpoint with a fixed set of paths."""

    def __init__(self, routes: Mapping[str, Callable[[str], Answer]]) -> None:
        """Take the answer to each path."""
        self._routes = routes
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self, address: Address, *, tls: ssl.SSLContext | None = None) -> Self:
        """Listen on `address`.

        Raises:
            CannotGoOn: the address cannot be bound.
        """
        try:
            self._server = await asyncio.start_server(
                self._connected,
                address.host,
                address.port,
                limit=MAX_HEAD_BYTES,
                ssl=tls,
                ssl_handshake_timeout=TIMEOUT_S if tls else None,
            )
        except OSError as error:
            words = f"cannot listen on {address} (http): {error.strerror or error}; free it or change http"
            raise CannotGoOn(ExitCode.PORT_IN_USE, words) from error
        return self

    @property
    def port(self) -> int:
        """Return the port that is listened on, also when a free one was asked for."""
        if self._server is None:
            raise RuntimeError("the endpoint has not been started")
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening and drop what is open."""
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._connections):
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if len(self._connections) >= MAX_CONNECTIONS or task is None:
            writer.close()
            return
        self._connections.add(task)
        try:
            async with asyncio.timeout(TIMEOUT_S):
                writer.write(await self._answer(reader))
                await writer.drain()
        except (TimeoutError, OSError):
            pass  # a client that is too slow or gone has no use for an answer
        finally:
            self._connections.discard(task)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader) -> bytes:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return b""
        except asyncio.LimitOverrunError:
            return _encode(Answer(status=HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE))
        request = _parse(head)
        if request is None:
            return _encode(Answer(status=HTTPStatus.BAD_REQUEST))
        if request.method not in {"GET", "HEAD"}:
            return _encode(Answer(status=HTTPStatus.METHOD_NOT_ALLOWED), extra="Allow: GET, HEAD\r\n")
        route = self._routes.get(request.path)
        answer = (
            Answer(status=HTTPStatus.NOT_FOUND, body=b"not found\n")
            if route is None
            else self._ask(route, request)
        )
        return _encode(answer, head_only=request.method == "HEAD")

    @staticmethod
    def _ask(route: Callable[[str], Answer], request: _Request) -> Answer:
        try:
            return route(request.accept)
        except Exception:  # noqa: BLE001 -- it is logged, and the next request may well succeed
            _log.exception("no answer to an HTTP request", path=request.path)
            return Answer(status=HTTPStatus.INTERNAL_SERVER_ERROR)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    method: str
    path: str
    accept: str


def _parse(head: bytes) -> _Request | None:
    """Return the request of a head, or None when it is none."""
    line, *fields = head.decode("latin-1").split("\r\n")
    parts = line.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):  # noqa: PLR2004 -- method, target, version
        return None
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)
    }
    return _Request(method=parts[0], path=parts[1].partition("?")[0], accept=headers.get("accept", ""))


def _encode(answer: Answer, *, head_only: bool = False, extra: str = "") -> bytes:
    head = (
        f"HTTP/1.1 {answer.status.value} {answer.status.phrase}\r\n"
        f"Content-Type: {answer.content_type}\r\n"
        f"Content-Length: {len(answer.body)}\r\n"
        f"{extra}Connection: close\r\n\r\n"
    ).encode("latin-1")
    return head if head_only else head + answer.body
