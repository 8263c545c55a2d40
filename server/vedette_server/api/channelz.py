"""Channelz: gRPC's own view of its sockets and streams, as a service like any other of the API.

What gRPC ships says "not found" through the context of a call, which a guarded method has none of; here that
becomes an error of the API. What is told, and in which form, is gRPC's.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import grpc
from grpc_channelz.v1 import channelz_pb2
from grpc_channelz.v1.channelz import ChannelzServicer

from vedette_server.api.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from google.protobuf.message import Message

    from vedette_server.api.auth import Caller

SERVICE = channelz_pb2.DESCRIPTOR.services_by_name["Channelz"]


class _Outcome:
    """The part of a context that gRPC's servicer uses: how the call ends when it has no answer."""

    def __init__(self) -> None:
        self.code = grpc.StatusCode.INTERNAL
        self.details = ""

    def set_code(self, code: grpc.StatusCode) -> None:
        self.code = code

    def set_details(self, details: str) -> None:
        self.details = details


def implementation() -> SimpleNamespace:
    """Return an object with a method for each of the service, as the guard takes them."""
    return SimpleNamespace(**{method.name: _method(method.name) for method in SERVICE.methods})


def _method(name: str) -> Callable[[Any, Caller], Awaitable[Message]]:
    ask = getattr(ChannelzServicer, name)

    async def answer(request: Any, _caller: Caller) -> Message:  # noqa: ANN401 -- any message
        outcome = _Outcome()
        response: Message | None = ask(request, outcome)
        if response is None:
            raise ApiError(outcome.code, f"CHANNELZ_{outcome.code.name}", outcome.details)
        return response

    return answer
