"""The chronicle: everything that happened, as an integration sees it through the API's Watch.

One idea: a fact is one change of one resource; it is told once, as one JSON object. Whoever waits for a fact
finds it whether it came before or after the waiting began.

It speaks to the API with the generated stubs alone, as an integration written in an afternoon would.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import grpc.aio
from google.protobuf.timestamp_pb2 import Timestamp

from demo.waiting import Missing
from vedette.support.v1 import alarm_pb2, case_pb2, common_pb2, fleet_pb2, watch_pb2, watch_pb2_grpc
from vedette.timestamps import from_timestamp

#: Pause before a broken watch is opened again, in seconds.
RETRY_PAUSE = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One change, with the resource as it was after it."""

    change: watch_pb2.Change

    @property
    def reason(self) -> str:
        """Reason code, e.g. "ALARM_RAISED"."""
        return self.change.reason

    @property
    def case(self) -> case_pb2.Case | None:
        """The case, when one changed."""
        return self.change.case if self.change.HasField("case") else None

    @property
    def alarm(self) -> alarm_pb2.Alarm | None:
        """The alarm, when one changed."""
        return self.change.alarm if self.change.HasField("alarm") else None

    @property
    def agent(self) -> fleet_pb2.Agent | None:
        """The agent, when one changed."""
        return self.change.agent if self.change.HasField("agent") else None

    def as_json(self) -> dict[str, Any]:
        """Return it as one flat object; what does not apply is left out."""
        told: dict[str, Any] = {"time": _time(self.change.time)}
        if self.alarm is not None:
            told |= _alarm(self.alarm)
        elif self.case is not None:
            told |= _case(self.case)
        elif self.agent is not None:
            told |= _agent(self.agent)
        told |= {"reason": self.change.reason, "actor": self.change.actor, "text": self.change.text}
        return {key: value for key, value in told.items() if value not in ("", None)}


class Chronicle:
    """Follows a server's Watch and keeps what it told.

    Args:
        tell: called once with each fact, in order.
        credential: call metadata that carries the API token.
    """

    def __init__(
        self,
        channel: grpc.aio.Channel,
        credential: Sequence[tuple[str, str]],
        tell: Callable[[Fact], None],
    ) -> None:
        self._stub = watch_pb2_grpc.WatchServiceStub(channel)
        self._credential = tuple(credential)
        self._tell = tell
        self._token = b""
        self._news = asyncio.Condition()
        self.facts: list[Fact] = []
        self.started = asyncio.Event()

    async def follow(self) -> None:
        """Follow the watch until cancelled, over broken streams too."""
        while True:
            call = self._stub.Watch(
                watch_pb2.WatchRequest(resume_token=self._token), metadata=self._credential
            )
            try:
                await self._read(call)
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE:
                    raise
            finally:
                call.cancel()
            await asyncio.sleep(RETRY_PAUSE)

    async def _read(self, call: Any) -> None:  # noqa: ANN401 - grpc's call types are not public
        while (frame := await call.read()) is not grpc.aio.EOF:
            self._token = frame.resume_token
            self.started.set()
            if frame.HasField("change"):
                fact = Fact(change=frame.change)
                self._tell(fact)
                async with self._news:
                    self.facts.append(fact)
                    self._news.notify_all()

    async def expect(
        self, what: str, match: Callable[[Fact], bool], *, patience: float, since: int = 0
    ) -> Fact:
        """Return the first fact that matches.

        Args:
            what: what is expected, for people.
            patience: seconds.
            since: index of the first fact that counts; see `len(chronicle.facts)`.

        Raises:
            Missing: none came in time.
        """
        try:
            async with asyncio.timeout(patience), self._news:
                while True:
                    for fact in self.facts[since:]:
                        if match(fact):
                            return fact
                    since = len(self.facts)
                    await self._news.wait()
        except TimeoutError:
            raise Missing(f"{what}: not within {patience:g} s") from None

    async def alarm(
        self, what: str, match: Callable[[alarm_pb2.Alarm], bool], *, patience: float, since: int = 0
    ) -> alarm_pb2.Alarm:
        """Return the first alarm that matches, as it was then; see `expect`."""
        fact = await self.expect(
            what, lambda fact: fact.alarm is not None and match(fact.alarm), patience=patience, since=since
        )
        return fact.change.alarm

    async def case(
        self, what: str, match: Callable[[case_pb2.Case], bool], *, patience: float, since: int = 0
    ) -> case_pb2.Case:
        """Return the first case that matches, as it was then; see `expect`."""
        fact = await self.expect(
            what, lambda fact: fact.case is not None and match(fact.case), patience=patience, since=since
        )
        return fact.change.case


def _time(stamp: Timestamp) -> str | None:
    if not stamp.ByteSize():
        return None
    return from_timestamp(stamp).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _priority(priority: common_pb2.Priority.ValueType) -> str:
    return common_pb2.Priority.Name(priority).removeprefix("PRIORITY_")


def _alarm(alarm: alarm_pb2.Alarm) -> dict[str, Any]:
    return {
        "kind": "alarm",
        "alarm": alarm.id,
        "code": alarm.code,
        "priority": _priority(alarm.priority),
        "condition": alarm_pb2.Alarm.Condition.Name(alarm.condition).removeprefix("CONDITION_").lower(),
        "acknowledged": alarm.acknowledged,
        "case": alarm.case_id,
        "agent": f"{alarm.customer}/{alarm.installation}/{alarm.node}",
        "component": alarm.component,
        "cause": alarm.clear_cause,
    }


def _case(case: case_pb2.Case) -> dict[str, Any]:
    told: dict[str, Any] = {
        "kind": "case",
        "case": case.id,
        "code": case.alarm_code,
        "priority": _priority(case.priority),
        "state": case_pb2.Case.State.Name(case.state).removeprefix("STATE_").lower(),
        "customer": case.customer,
        "owner": case.owner,
        "alarms": list(case.alarms),
    }
    if case.HasField("response_clock"):
        clock = case.response_clock
        told["due_at"] = _time(clock.due_time)
        told["clock"] = case_pb2.SlaClock.State.Name(clock.state).removeprefix("STATE_").lower()
    return told


def _agent(agent: fleet_pb2.Agent) -> dict[str, Any]:
    return {
        "kind": "agent",
        "agent": agent.id,
        "state": fleet_pb2.Agent.State.Name(agent.state).removeprefix("STATE_").lower(),
        "watermark": agent.watermark,
        "missing_facts": agent.missing_fact_count,
        "cause": agent.disconnect_cause,
    }
