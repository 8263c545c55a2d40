"""A loopback HTTP server of the smallest kind: one request at a time, each answered and closed.

The standard library's server would do, but importing it costs each of the suite's processes more than all the
rest together.
"""

import socket
from collections.abc import Callable
from dataclasses import dataclass

#: Longest request head that is read, in bytes.
HEAD_LIMIT = 8192
#: How long a client may take for its request, in seconds.
CLIENT_PATIENCE = 1.0

_PHRASES = {200: "OK", 400: "Bad Request", 404: "Not Found"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a request gets."""

    status: int
    body: str
    content_type: str = "text/plain; charset=utf-8"

    def encode(self) -> bytes:
        """Return the whole response as it goes out."""
        body = self.body.encode()
        head = (
            f"HTTP/1.1 {self.status} {_PHRASES[self.status]}\r\n"
            f"Content-Type: {self.content_type}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        return head.encode() + body


class Endpoint:
    """A listening socket on 127.0.0.1.

    Args:
        preferred_port: taken when it is free, so that a restarted component is found where it was; any other
            free port is taken otherwise.
    """

    def __init__(self, preferred_port: int | None = None) -> None:
        self._listener = _listen(preferred_port)
        self.port: int = self._listener.getsockname()[1]

    def serve_once(self, respond: Callable[[str, str], Answer], *, wait: float) -> None:
        """Answer one request if it comes within `wait` seconds.

        Args:
            respond: gets method and target ("POST", "/control?x=1").
        """
        self._listener.settimeout(wait)
        try:
            connection, _ = self._listener.accept()
        except TimeoutError:
            return
        with connection:
            connection.settimeout(CLIENT_PATIENCE)
            try:
                connection.sendall(_answer(_read_head(connection), respond).encode())
            except OSError:
                return  # the client left; its loss

    def close(self) -> None:
        """Stop listening."""
        self._listener.close()


def _listen(preferred_port: int | None) -> socket.socket:
    if preferred_port is not None:
        try:
            return socket.create_server(("127.0.0.1", preferred_port))
        except OSError:
            pass  # somebody took it meanwhile
    return socket.create_server(("127.0.0.1", 0))


def _read_head(connection: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head and len(head) < HEAD_LIMIT:
        more = connection.recv(HEAD_LIMIT)
        if not more:
            break
        head += more
    return head


def _answer(head: bytes, respond: Callable[[str, str], Answer]) -> Answer:
    request_line, _, _ = head.partition(b"\r\n")
    try:
        method, target, _ = request_line.decode("ascii").split(" ")
    except ValueError:
        return Answer(status=400, body="no HTTP request\n")
    return respond(method, target)
