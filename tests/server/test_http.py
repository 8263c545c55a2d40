"""The HTTP endpoint: its answers, and what it does to clients that are wrong, slow or many."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from vedette_server import http
from vedette_server.errors import CannotGoOn, ExitCode
from vedette_server.http import Answer, HttpEndpoint
from vedette_server.settings import Address

ANY_PORT = Address(host="127.0.0.1", port=0)


@pytest.fixture
async def endpoint() -> AsyncIterator[HttpEndpoint]:
    def broken(accept: str) -> Answer:
        raise RuntimeError(accept)

    routes = {
        "/hello": lambda accept: Answer(body=f"hello {accept}".encode()),
        "/broken": broken,
    }
    started = await HttpEndpoint(routes).start(ANY_PORT)
    yield started
    await started.close()


async def ask(endpoint: HttpEndpoint, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", endpoint.port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def test_a_path_answers_and_the_connection_closes(endpoint: HttpEndpoint) -> None:
    assert await ask(endpoint, b"GET /hello?x=1 HTTP/1.1\r\nAccept: you\r\n\r\n") == (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n"
        b"Content-Length: 9\r\nConnection: close\r\n\r\nhello you"
    )


async def test_head_gives_the_same_without_a_body(endpoint: HttpEndpoint) -> None:
    answer = await ask(endpoint, b"HEAD /hello HTTP/1.1\r\nAccept: you\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Content-Length: 9\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /other HTTP/1.1\r\n\r\n", b"404 Not Found"),
        (b"POST /hello HTTP/1.1\r\n\r\n", b"405 Method Not Allowed"),
        (b"nonsense\r\n\r\n", b"400 Bad Request"),
        (b"GET /hello HTTP/2\r\n\r\n", b"400 Bad Request"),
        (b"GET /broken HTTP/1.1\r\n\r\n", b"500 Internal Server Error"),
        (
            b"GET /hello HTTP/1.1\r\nX: " + b"x" * http.MAX_HEAD_BYTES + b"\r\n\r\n",
            b"431 Request Header Fields Too Large",
        ),
    ],
)
async def test_a_wrong_request_gets_its_status(
    endpoint: HttpEndpoint, request_: bytes, status: bytes
) -> None:
    assert (await ask(endpoint, request_)).startswith(b"HTTP/1.1 " + status + b"\r\n")


async def test_a_client_that_sends_nothing_is_dropped(
    endpoint: HttpEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "TIMEOUT_S", 0.05)
    assert await ask(endpoint, b"GET /hello HT") == b""


async def test_connections_beyond_the_limit_are_closed_at_once(
    endpoint: HttpEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "MAX_CONNECTIONS", 1)
    held_reader, held_writer = await asyncio.open_connection("127.0.0.1", endpoint.port)
    held_writer.write(b"GET /hello HTTP/1.1\r\n")
    await held_writer.drain()
    assert await ask(endpoint, b"") == b""
    held_writer.write(b"\r\n")
    assert (await held_reader.read()).startswith(b"HTTP/1.1 200 OK")
    held_writer.close()
    await held_writer.wait_closed()


async def test_a_port_in_use_says_which_and_has_its_own_exit_code(endpoint: HttpEndpoint) -> None:
    taken = Address(host="127.0.0.1", port=endpoint.port)
    with pytest.raises(CannotGoOn, match=rf"cannot listen on 127.0.0.1:{endpoint.port} \(http\)") as caught:
        await HttpEndpoint({}).start(taken)
    assert caught.value.exit_code is ExitCode.PORT_IN_USE
