"""Guard: the one way from gRPC into a service, for every method of every service of the API.

It finds the caller, asks the table of roles, runs the method, and turns what is raised into a status with
details. Services therefore know neither gRPC contexts nor metadata: a method is `async (request, caller) ->
response`, or an async generator of responses.

One idea: methods are taken from the service's descriptor, and one that the table of roles does not name is
refused when the server starts, so nothing is ever served unguarded by oversight. The agent's stream never
passes here.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final, NoReturn

import grpc
from google.protobuf import message_factory
from grpc import aio

from vedette_server import log
from vedette_server.api.auth import ROLE_NEEDED, Caller, authenticate, authenticate_agent
from vedette_server.api.errors import ApiError, from_refused, internal
from vedette_server.engine.refusal import Refused

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
    from google.protobuf.message import Message

    from vedette_server.access.token import Token
    from vedette_server.metrics import Metrics
    from vedette_server.store.reader import Reader

    Context = aio.ServicerContext[Any, Any]
    Unary = Callable[[Any, Caller], Awaitable[Message]]
    Streaming = Callable[[Any, Caller], AsyncGenerator[Message, None]]

#: Full name of the one method that agents call.
AGENT_STREAM: Final = "/vedette.agent.v1.AgentService/Connect"
_OK: Final = grpc.StatusCode.OK.name
_CANCELLED: Final = grpc.StatusCode.CANCELLED.name

_log = log.get(__name__)


class HungUpError(Exception):
    """The caller is gone in the middle of an answer: the end of the call, and no mistake of ours."""


class Guard:
    """Guards services with the tokens of the store."""

    def __init__(self, *, reader: Reader, metrics: Metrics) -> None:
        """Take where tokens are looked up, and where calls are counted."""
        self._reader = reader
        self._metrics = metrics

    def register(self, server: aio.Server, service: ServiceDescriptor, implementation: object) -> None:
        """Serve every method of `service` by the method of this name of `implementation`.

        Raises:
            KeyError: a method is missing in the table of roles.
            AttributeError: the implementation lacks a method.
        """
        handlers = {method.name: self._handler(service, method, implementation) for method in service.methods}
        generic = grpc.method_handlers_generic_handler(service.full_name, handlers)
        server.add_generic_rpc_handlers((generic,))

    def _handler(
        self, service: ServiceDescriptor, method: MethodDescriptor, implementation: object
    ) -> grpc.RpcMethodHandler[Any, Any]:
        name = f"/{service.full_name}/{method.name}"
        _needed = ROLE_NEEDED[name]
        call = getattr(implementation, method.name)
        read = message_factory.GetMessageClass(method.input_type).FromString
        if method.server_streaming:
            return grpc.unary_stream_rpc_method_handler(self._streaming(name, call), read, _write)
        return grpc.unary_unary_rpc_method_handler(self._unary(name, call), read, _write)

    def _unary(self, method: str, call: Unary) -> Callable[[Any, Context], Awaitable[Message]]:
        async def guarded(request: Any, context: Context) -> Message:  # noqa: ANN401 -- any message
            try:
                response = await call(request, await self._caller(method, context))
            except asyncio.CancelledError:
                self._count(method, _CANCELLED)
                raise
            except Exception as error:  # noqa: BLE001 -- told to the caller, and logged when not foreseen
                failed = _as_api_error(error, method)
            else:
                self._count(method, _OK)
                return response
            return await self._abort(method, context, failed)

        return guarded

    def _streaming(self, method: str, call: Streaming) -> Callable[[Any, Context], Awaitable[None]]:
        async def guarded(request: Any, context: Context) -> None:  # noqa: ANN401 -- any message
            try:
                caller = await self._caller(method, context)
                # Written here rather than yielded: a call that is cancelled then ends the generator at once.
                async with aclosing(call(request, caller)) as responses:
                    async for response in responses:
                        await _send(context, response)
            except HungUpError:
                self._count(method, _CANCELLED)
                return
            except asyncio.CancelledError:
                self._count(method, _CANCELLED)
                raise
            except Exception as error:  # noqa: BLE001 -- told to the caller, and logged when not foreseen
                failed = _as_api_error(error, method)
            else:
                self._count(method, _OK)
                return
            await self._abort(method, context, failed)

        return guarded

    async def _caller(self, method: str, context: Context) -> Caller:
        return await authenticate(
            self._reader, method=method, peer=context.peer(), authorization=_authorization(context)
        )

    async def agent_token(self, context: Context) -> Token:
        """Return the token of the agent that opens its stream, or abort the call: the prologue of intake."""
        try:
            return await authenticate_agent(self._reader, authorization=_authorization(context))
        except ApiError as error:
            refused = error
        return await self._abort(AGENT_STREAM, context, refused)

    async def _abort(self, method: str, context: Context, error: ApiError) -> NoReturn:
        self._count(method, error.code.name)
        await context.abort(error.code, error.message, error.trailing_metadata())

    def _count(self, method: str, code: str) -> None:
        self._metrics.calls.labels(method, code).inc()


def _authorization(context: Context) -> str | None:
    value = dict(context.invocation_metadata() or ()).get("authorization")
    return value.decode("latin-1") if isinstance(value, bytes) else value


async def _send(context: Context, response: Message) -> None:
    """Write one of many responses; gRPC's own errors are all that a lost peer looks like from here."""
    try:
        await context.write(response)
    except aio.BaseError as error:
        raise HungUpError from error


def _write(message: Message) -> bytes:
    return message.SerializeToString()


def _as_api_error(error: Exception, method: str) -> ApiError:
    """Return what the caller is told about `error`."""
    match error:
        case ApiError():
            return error
        case Refused():
            return from_refused(error)
        case _:
            _log.error("a call failed", method=method, exc_info=error)
            return internal()
