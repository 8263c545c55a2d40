"""HTTP/2: one gRPC call on one connection, with as little work a message as can be.

A load that is made with gRPC's own client costs as much a message as the echo it loads, and then measures
itself. This speaks just enough of RFC 9113 for a call between two programs of this repository on one machine:
one stream, no padding, no compression of headers, and every frame that gRPC's servers send is understood or
may be passed over. Several messages leave in one write, and several answers are taken from one read.

It does not read trailers: that a call ended is known, its status is not.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Iterable
from enum import IntEnum
from typing import Final, Self


class _Kind(IntEnum):
    DATA = 0
    HEADERS = 1
    RST_STREAM = 3
    SETTINGS = 4
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8


_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_STREAM: Final = 1
_ACK: Final = 0x1
_END_STREAM: Final = 0x1
_END_HEADERS: Final = 0x4
_INITIAL_WINDOW_SIZE: Final = 4
#: Windows before anybody changes them, and the largest frame, bytes.
_WINDOW: Final = 65_535
_FRAME: Final = 16_384
_HEAD: Final = struct.Struct(">HBBBI")
_MESSAGE: Final = struct.Struct(">BI")
_SETTING: Final = struct.Struct(">HI")
_WORD: Final = struct.Struct(">I")
#: Longest header text that one byte can count, without Huffman coding.
_SHORT: Final = 126


class Call(asyncio.Protocol):
    """One call, both ways open."""

    def __init__(self, on_messages: Callable[[list[bytes]], None], on_end: Callable[[str], None]) -> None:
        """Take who hears of what arrives: of all messages of one read together, and once of the end."""
        self._on_messages = on_messages
        self._on_end = on_end
        self._transport: asyncio.Transport
        #: What arrived of a frame that is not whole, and of a message.
        self._received = bytearray()
        self._message = bytearray()
        #: What waits for the other side's windows.
        self._waiting = bytearray()
        self._ending = False
        self._over = False
        self._call_window = self._connection_window = self._initial_window = _WINDOW
        #: Bytes taken and not given back to the other side's windows.
        self._taken = 0

    @classmethod
    async def start(
        cls,
        target: str,
        method: str,
        metadata: Iterable[tuple[str, str]],
        *,
        on_messages: Callable[[list[bytes]], None],
        on_end: Callable[[str], None],
    ) -> Self:
        """Connect to "host:port" and begin a call of `method`, "/package.Service/Method"."""
        host, _, port = target.rpartition(":")
        loop = asyncio.get_running_loop()
        _, call = await loop.create_connection(lambda: cls(on_messages, on_end), host, int(port))
        headers = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", method),
            (":authority", target),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            *metadata,
        ]
        begin = _frame(_Kind.HEADERS, b"".join(map(_header, headers)), flags=_END_HEADERS)
        call._transport.write(_PREFACE + _frame(_Kind.SETTINGS, stream=0) + begin)  # noqa: SLF001 - its own
        return call

    def send(self, messages: Iterable[bytes]) -> None:
        """Send messages as soon as the other side lets them in."""
        for message in messages:
            self._waiting += _MESSAGE.pack(0, len(message))
            self._waiting += message
        self._flush()

    def end(self) -> None:
        """Say that no message follows."""
        self._ending = True
        self._flush()

    def close(self) -> None:
        """Hang up."""
        self._over = True
        self._transport.close()

    def _flush(self) -> None:
        """Write what the windows allow."""
        frames = []
        while self._waiting:
            size = min(len(self._waiting), self._call_window, self._connection_window, _FRAME)
            if size <= 0:
                break
            frames.append(_frame(_Kind.DATA, bytes(self._waiting[:size])))
            del self._waiting[:size]
            self._call_window -= size
            self._connection_window -= size
        if self._ending and not self._waiting:
            self._ending = False
            frames.append(_frame(_Kind.DATA, flags=_END_STREAM))
        if frames:
            self._transport.write(b"".join(frames))

    # --- what arrives ---------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell that it is over."""
        self._finish(f"the connection is gone: {exc or 'closed'}")

    def data_received(self, data: bytes) -> None:
        """Take frames that are whole."""
        received = self._received
        received += data
        at = 0
        while len(received) - at >= _HEAD.size:
            high, low, kind, flags, stream = _HEAD.unpack_from(received, at)
            end = at + _HEAD.size + (high << 8 | low)
            if end > len(received):
                break
            self._take(kind, flags, stream, bytes(received[at + _HEAD.size : end]))
            at = end
        del received[:at]
        messages = self._whole_messages()
        if messages:
            self._on_messages(messages)
        self._flush()

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        match kind:
            case _Kind.DATA:
                self._message += payload
                self._give_back(len(payload))
            case _Kind.SETTINGS if not flags & _ACK:
                self._set(payload)
            case _Kind.PING if not flags & _ACK:
                self._transport.write(_frame(_Kind.PING, payload, flags=_ACK, stream=0))
            case _Kind.WINDOW_UPDATE if stream:
                self._call_window += _WORD.unpack(payload)[0]
            case _Kind.WINDOW_UPDATE:
                self._connection_window += _WORD.unpack(payload)[0]
            case _Kind.RST_STREAM | _Kind.GOAWAY:
                self._finish(f"the server sent {_Kind(kind).name}")
            case _:
                pass
        if kind in (_Kind.DATA, _Kind.HEADERS) and flags & _END_STREAM:
            # Trailers are packed, and mostly legible all the same.
            self._finish(f"the server ended the call: {payload!r}")

    def _set(self, payload: bytes) -> None:
        for name, value in _SETTING.iter_unpack(payload):
            if name == _INITIAL_WINDOW_SIZE:
                self._call_window += value - self._initial_window
                self._initial_window = value
        self._transport.write(_frame(_Kind.SETTINGS, flags=_ACK, stream=0))

    def _give_back(self, size: int) -> None:
        self._taken += size
        if self._taken > _WINDOW // 2:
            update = _WORD.pack(self._taken)
            self._transport.write(
                _frame(_Kind.WINDOW_UPDATE, update) + _frame(_Kind.WINDOW_UPDATE, update, stream=0)
            )
            self._taken = 0

    def _whole_messages(self) -> list[bytes]:
        waiting, messages, at = self._message, [], 0
        while len(waiting) - at >= _MESSAGE.size:
            _, size = _MESSAGE.unpack_from(waiting, at)
            end = at + _MESSAGE.size + size
            if end > len(waiting):
                break
            messages.append(bytes(waiting[at + _MESSAGE.size : end]))
            at = end
        del waiting[:at]
        return messages

    def _finish(self, why: str) -> None:
        if not self._over:
            self._over = True
            self._on_end(why)


def _frame(kind: _Kind, payload: bytes = b"", *, flags: int = 0, stream: int = _STREAM) -> bytes:
    size = len(payload)
    return _HEAD.pack(size >> 8, size & 0xFF, kind, flags, stream) + payload


def _header(header: tuple[str, str]) -> bytes:
    """Return a header as HPACK's literal that nobody indexes, RFC 7541 section 6.2.2."""
    name, value = (part.encode() for part in header)
    assert len(name) <= _SHORT, f"header {name!r} is too long"
    assert len(value) <= _SHORT, f"the value of {name!r} is too long"
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value
