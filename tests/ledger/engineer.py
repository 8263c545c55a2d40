"""Engineer: opens cases by hand and acknowledges them while the server dies, and never gives up.

Each request is repeated under its own request id until it is answered; some are repeated even after that. So
each must have had its effect exactly once, however often the server died over it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import grpc
import grpc.aio

from vedette.support.v1 import case_pb2, case_pb2_grpc, common_pb2

Answer = case_pb2.CreateCaseResponse | case_pb2.AcknowledgeCaseResponse
#: Seconds from one case to the next.
PACE = 0.2
#: Seconds until an unanswered request is repeated, and until one that was turned down is.
CALL_TIMEOUT, RETRY_PAUSE = 3.0, 0.05
#: One in so many requests is repeated after its answer.
REPEAT_EVERY = 3
#: What a server that dies or is not there says.
_AWAY = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED)
#: Without these a channel waits longer than a server lives.
_OPTIONS = (
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1000),
    ("grpc.max_reconnect_backoff_ms", 200),
)


@dataclass(slots=True, kw_only=True)
class Work:
    """What was asked for and what was answered; the titles of cases are unique."""

    #: Titles of cases that were asked for; all but the last are answered.
    asked: list[str] = field(default_factory=list)
    #: Case by title, as it was answered.
    opened: dict[str, str] = field(default_factory=dict)
    #: Cases whose acknowledgement was asked for, and those for which it was answered.
    to_acknowledge: list[str] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)
    #: Answers that contradict an earlier one, for people.
    contradictions: list[str] = field(default_factory=list)
    #: Calls that were made again because the server was away.
    repeated: int = 0


class Engineer:
    """One engineer with an API token; `run` works until it is cancelled."""

    def __init__(self, target: str, token: str, customer: str, work: Work) -> None:
        """Take the server's address, a token of the role responder, a customer that calls a lot."""
        self._target = target
        self._metadata = (("authorization", f"Bearer {token}"),)
        self._customer = customer
        self.work = work

    async def run(self, stop: asyncio.Event) -> None:
        """Open and acknowledge one case after the other until told to stop; the last one is finished."""
        async with grpc.aio.insecure_channel(self._target, options=_OPTIONS) as channel:
            stub = case_pb2_grpc.CaseServiceStub(channel)
            while not stop.is_set():
                await self._serve_call(stub, len(self.work.asked))
                await asyncio.sleep(PACE)

    async def _serve_call(self, stub: case_pb2_grpc.CaseServiceAsyncStub, number: int) -> None:
        """Open a case for the customer's call, and acknowledge it."""
        work, title = self.work, f"call {number}"
        work.asked.append(title)
        creation = case_pb2.CreateCaseRequest(
            request_id=f"open {number}",
            customer=self._customer,
            priority=common_pb2.PRIORITY_P2,
            title=title,
        )
        answer = await self._insist(lambda: self._call(stub.CreateCase, creation), number)
        work.opened[title] = answer.case.id
        work.to_acknowledge.append(answer.case.id)
        acknowledgement = case_pb2.AcknowledgeCaseRequest(
            id=answer.case.id, request_id=f"acknowledge {number}"
        )
        await self._insist(lambda: self._call(stub.AcknowledgeCase, acknowledgement), number + 1)
        work.acknowledged.append(answer.case.id)

    async def _insist(self, call: Callable[[], Awaitable[Answer]], number: int) -> Answer:
        """Repeat a call until it is answered, and sometimes once more."""
        answer = await self._once_answered(call)
        if number % REPEAT_EVERY == 0:
            again = await self._once_answered(call)
            if _version(again) != _version(answer):
                self.work.contradictions.append(f"{_version(answer)} and then {_version(again)}")
        return answer

    async def _once_answered(self, call: Callable[[], Awaitable[Answer]]) -> Answer:
        while True:
            try:
                return await call()
            except grpc.aio.AioRpcError as error:
                if error.code() not in _AWAY:
                    raise
                self.work.repeated += 1
                await asyncio.sleep(RETRY_PAUSE)

    def _call(self, method: Callable[..., Awaitable[Answer]], request: object) -> Awaitable[Answer]:
        return method(request, metadata=self._metadata, timeout=CALL_TIMEOUT)


def _version(answer: Answer) -> tuple[str, str]:
    """Return which version of which case an answer shows; the time left on its clock differs each time."""
    return answer.case.id, answer.case.etag
