"""Follower: somebody who watches every change, keeps the resume token, and misses nothing.

It opens the stream anew with its last token whenever it breaks, as an integration does. What it has seen is
held against the journal when the test is over (`stage.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
from grpc import StatusCode, aio

from tests.server.api.callers import OWN_CONNECTION
from vedette.support.v1 import alarm_pb2, case_pb2, watch_pb2, watch_pb2_grpc

#: How long a change may take to come, in seconds, unless a test says otherwise.
PATIENCE = 20.0
#: Pause before a broken stream is opened again, in seconds.
RETRY_PAUSE = 0.1
ACTIVE = alarm_pb2.Alarm.CONDITION_ACTIVE
CLEARED = alarm_pb2.Alarm.CONDITION_CLEARED


class Follower:
    """Follows all changes of a server that stays at its address."""

    def __init__(self, target: str, secret: str) -> None:
        """Take where the server is, and an API token."""
        self._target = target
        self._metadata = (("authorization", f"Bearer {secret}"),)
        self._news = asyncio.Condition()
        self._begun = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.token = b""
        self.changes: list[watch_pb2.Change] = []
        #: How often the stream was opened.
        self.open_count = 0
        self._before = 0

    @property
    def sequences(self) -> list[int]:
        """Return the positions of all changes seen, in the order in which they came."""
        return [change.sequence for change in self.changes]

    @property
    def span(self) -> tuple[int, int]:
        """Return the journal position before the first change that could be seen, and of the last one."""
        return self._before, self.changes[-1].sequence if self.changes else self._before

    async def start(self) -> None:
        """Begin; return once nothing can be missed any more."""
        self._task = asyncio.create_task(self._follow())
        begun = asyncio.create_task(self._begun.wait())
        await asyncio.wait((self._task, begun), timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        begun.cancel()
        assert self._begun.is_set(), "the watch did not begin"

    async def close(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def until(
        self, match: Callable[[watch_pb2.Change], bool], what: str, patience: float = PATIENCE
    ) -> watch_pb2.Change:
        """Return the first change that matches, whether it has come already or is to come."""
        seen = 0
        try:
            async with asyncio.timeout(patience), self._news:
                while True:
                    for change in self.changes[seen:]:
                        if match(change):
                            return change
                    seen = len(self.changes)
                    await self._news.wait()
        except TimeoutError:
            told = [f"{change.sequence} {change.reason} {change.text}" for change in self.changes]
            raise AssertionError(f"{what}: not within {patience:g} s; there was {told}") from None

    async def reason(self, reason: str, patience: float = PATIENCE) -> watch_pb2.Change:
        """Return the first change with this reason."""
        return await self.until(lambda change: change.reason == reason, reason, patience)

    async def alarm(
        self,
        code: str,
        *,
        condition: alarm_pb2.Alarm.Condition.ValueType = ACTIVE,
        priority: int = 0,
        patience: float = PATIENCE,
    ) -> alarm_pb2.Alarm:
        """Return the first alarm of this code that stands so; priority 0 for any."""

        def match(change: watch_pb2.Change) -> bool:
            alarm = change.alarm
            return (
                alarm.code == code
                and alarm.condition == condition
                and (not priority or alarm.priority == priority)
            )

        what = f"{code} {alarm_pb2.Alarm.Condition.Name(condition)} P{priority or '?'}"
        return (await self.until(match, what, patience)).alarm

    async def case_of(self, alarm: alarm_pb2.Alarm, *, priority: int = 0) -> case_pb2.Case:
        """Return the case of an alarm; priority 0 for any."""
        change = await self.until(
            lambda change: (
                change.case.id == alarm.case_id
                and alarm.id in change.case.alarms
                and (not priority or change.case.priority == priority)
            ),
            f"a case {alarm.case_id} for {alarm.id}",
        )
        return change.case

    async def _follow(self) -> None:
        while True:
            # A channel that was refused waits before it tries again; a new one does not.
            async with aio.insecure_channel(self._target, options=OWN_CONNECTION) as channel:
                stub = watch_pb2_grpc.WatchServiceStub(channel)
                request = watch_pb2.WatchRequest(resume_token=self.token)
                await self._read(stub.Watch(request, metadata=self._metadata))
            await asyncio.sleep(RETRY_PAUSE)

    async def _read(self, call: aio.UnaryStreamCall[watch_pb2.WatchRequest, watch_pb2.WatchResponse]) -> None:
        self.open_count += 1
        try:
            while isinstance(frame := await call.read(), watch_pb2.WatchResponse):
                await self._take(frame)
        except aio.AioRpcError as error:
            if error.code() not in {StatusCode.UNAVAILABLE, StatusCode.CANCELLED}:
                raise
        finally:
            call.cancel()

    async def _take(self, frame: watch_pb2.WatchResponse) -> None:
        kind = frame.WhichOneof("frame")
        assert kind in {"change", "progress"}, kind
        if not self._begun.is_set():
            assert kind == "progress"
            self._before = sequence_of(frame.resume_token)
            self._begun.set()
        self.token = frame.resume_token
        if kind == "change":
            async with self._news:
                self.changes.append(frame.change)
                self._news.notify_all()


def sequence_of(token: bytes) -> int:
    """Return the journal position in a resume token. For tests only: a token is opaque to everybody else."""
    return int(msgspec.msgpack.decode(token)[-1])
