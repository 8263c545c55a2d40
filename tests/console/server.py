"""A support server for the tests of the client: real gRPC, scripted answers.

It holds a few cases as protobuf and keeps to the protocol: request ids, etags, ErrorInfo, a watch with
resume tokens. A test can let calls fail, end streams, and read what arrived.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NoReturn, TypeAlias

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from tests.console.fake import NOW
from vedette.support.v1 import (
    alarm_pb2,
    alarm_pb2_grpc,
    case_pb2,
    case_pb2_grpc,
    common_pb2,
    fleet_pb2,
    fleet_pb2_grpc,
    watch_pb2,
    watch_pb2_grpc,
)
from vedette.telemetry.v1.telemetry_pb2 import Label
from vedette.timestamps import to_duration, to_timestamp

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
TOKEN = "vdt-test"


def case_message(number: int, **changes: object) -> case_pb2.Case:
    message = case_pb2.Case(
        id=f"C-{number}",
        title="VoIP stack \x1b[31mcrashed",
        customer="acme",
        customer_name="Acme Bank",
        priority=common_pb2.PRIORITY_P1,
        state=case_pb2.Case.STATE_NEW,
        plan="platinum",
        create_time=to_timestamp(NOW),
        update_time=to_timestamp(NOW),
        etag="1",
        response_clock=case_pb2.SlaClock(
            state=case_pb2.SlaClock.STATE_RUNNING,
            target=to_duration(timedelta(minutes=60)),
            calendar="emea/always",
            start_time=to_timestamp(NOW),
            due_time=to_timestamp(NOW + timedelta(minutes=60)),
            remaining=to_duration(timedelta(minutes=60)),
            open=True,
        ),
    )
    message.MergeFrom(case_pb2.Case(**changes))  # type: ignore[arg-type]
    return message


@dataclass
class Script:
    """What the server does, and what it was asked."""

    cases: dict[str, case_pb2.Case] = field(default_factory=dict)
    #: Method names with the requests that arrived, in order, also those that were made to fail.
    requests: list[tuple[str, object]] = field(default_factory=list)
    #: Answers by request id.
    answered: dict[str, case_pb2.Case] = field(default_factory=dict)
    #: The next so many calls are carried out and then answered UNAVAILABLE, as when the answer is lost.
    lost_answers: int = 0
    #: Frames that each coming watch sends after its first; then it ends, or waits if it is the last.
    streams: list[list[watch_pb2.WatchResponse]] = field(default_factory=list)
    #: Tokens that watches resumed after.
    resumed: list[bytes] = field(default_factory=list)
    #: Reason with which the next watch is refused.
    refuse_watch: str = ""
    page_size: int = 1000

    def asked(self, method: str) -> list[object]:
        """Return the requests of one method."""
        return [request for name, request in self.requests if name == method]


async def abort(
    context: Context, code: grpc.StatusCode, reason: str, message: str = "", **metadata: str
) -> NoReturn:
    """End a call with a status and an ErrorInfo, as the real server does."""
    detail = any_pb2.Any()
    detail.Pack(error_details_pb2.ErrorInfo(reason=reason, domain="vedette", metadata=metadata))
    status = status_pb2.Status(code=code.value[0], message=message, details=[detail])
    await context.abort(code, message, (("grpc-status-details-bin", status.SerializeToString()),))


class Service:
    """All services over one script."""

    def __init__(self, script: Script) -> None:
        self.script = script

    async def note(self, context: Context, method: str, request: object) -> None:
        """Remember a call; refuse one without the token."""
        self.script.requests.append((method, request))
        if dict(context.invocation_metadata() or ()).get("authorization") != f"Bearer {TOKEN}":
            await abort(context, grpc.StatusCode.UNAUTHENTICATED, "TOKEN_UNKNOWN")

    async def lose(self, context: Context) -> None:
        """Lose the answer of a call that was carried out."""
        if self.script.lost_answers:
            self.script.lost_answers -= 1
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the answer got lost")


class Cases(Service, case_pb2_grpc.CaseServiceServicer):
    async def ListCases(
        self, request: case_pb2.ListCasesRequest, context: Context
    ) -> case_pb2.ListCasesResponse:
        await self.note(context, "ListCases", request)
        await self.lose(context)
        some = list(self.script.cases.values())
        start = int(request.page_token or 0)
        end = start + self.script.page_size
        token = str(end) if end < len(some) else ""
        return case_pb2.ListCasesResponse(cases=some[start:end], next_page_token=token)

    async def GetCase(self, request: case_pb2.GetCaseRequest, context: Context) -> case_pb2.GetCaseResponse:
        await self.note(context, "GetCase", request)
        return case_pb2.GetCaseResponse(case=await self.find(request.id, context))

    async def AcknowledgeCase(
        self,
        request: case_pb2.AcknowledgeCaseRequest,
        context: Context,
    ) -> case_pb2.AcknowledgeCaseResponse:
        await self.note(context, "AcknowledgeCase", request)
        if request.request_id not in self.script.answered:
            case = await self.find(request.id, context)
            if request.etag and request.etag != case.etag:
                await abort(context, grpc.StatusCode.ABORTED, "CASE_ETAG_MISMATCH", case=case.id)
            if case.state != case_pb2.Case.STATE_NEW:
                await abort(
                    context,
                    grpc.StatusCode.FAILED_PRECONDITION,
                    "CASE_ALREADY_ACKNOWLEDGED",
                    case=case.id,
                    acknowledged_by=case.owner,
                )
            case.state, case.owner, case.etag = case_pb2.Case.STATE_ACKNOWLEDGED, "lena", case.etag + "1"
            self.script.answered[request.request_id] = case
        await self.lose(context)
        return case_pb2.AcknowledgeCaseResponse(case=self.script.answered[request.request_id])

    async def find(self, case_id: str, context: Context) -> case_pb2.Case:
        """Return a case, or end the call."""
        if case_id not in self.script.cases:
            await abort(context, grpc.StatusCode.NOT_FOUND, "CASE_NOT_FOUND", case=case_id)
        return self.script.cases[case_id]


class Alarms(Service, alarm_pb2_grpc.AlarmServiceServicer):
    async def ListAlarms(
        self, request: alarm_pb2.ListAlarmsRequest, context: Context
    ) -> alarm_pb2.ListAlarmsResponse:
        await self.note(context, "ListAlarms", request)
        return alarm_pb2.ListAlarmsResponse(
            alarms=[
                alarm_pb2.Alarm(
                    id="A-1",
                    title="Disk is full",
                    priority=common_pb2.PRIORITY_P4,
                    condition=alarm_pb2.Alarm.CONDITION_ACTIVE,
                    raise_time=to_timestamp(NOW),
                    evidence=alarm_pb2.Evidence(agent="acme/hq/node-1", series="x", value=1.0),
                )
            ]
        )


class Fleet(Service, fleet_pb2_grpc.FleetServiceServicer):
    async def ListAgents(
        self, request: fleet_pb2.ListAgentsRequest, context: Context
    ) -> fleet_pb2.ListAgentsResponse:
        await self.note(context, "ListAgents", request)
        return fleet_pb2.ListAgentsResponse(
            agents=[
                fleet_pb2.Agent(
                    id="acme/hq/node-1", customer="acme", state=fleet_pb2.Agent.STATE_CONNECTED, watermark=7
                )
            ]
        )


class Series(Service, fleet_pb2_grpc.SeriesServiceServicer):
    async def QuerySeries(
        self, request: fleet_pb2.QuerySeriesRequest, context: Context
    ) -> fleet_pb2.QuerySeriesResponse:
        await self.note(context, "QuerySeries", request)
        start = request.start_time.ToSeconds()
        points = [
            fleet_pb2.Point(
                time=to_timestamp(NOW).__class__(seconds=start + 10 * i),
                value=i / 100,
                minimum=i / 100,
                maximum=i / 100,
            )
            for i in range(100)
        ]
        info = fleet_pb2.SeriesInfo(name=request.name, unit="1", labels=[Label(name="mountpoint", value="/")])
        return fleet_pb2.QuerySeriesResponse(series=[fleet_pb2.SeriesData(info=info, points=points)])


class Watch(Service, watch_pb2_grpc.WatchServiceServicer):
    async def Watch(
        self, request: watch_pb2.WatchRequest, context: Context
    ) -> AsyncIterator[watch_pb2.WatchResponse]:
        await self.note(context, "Watch", request)
        self.script.resumed.append(request.resume_token)
        if self.script.refuse_watch:
            reason, self.script.refuse_watch = self.script.refuse_watch, ""
            await abort(context, grpc.StatusCode.OUT_OF_RANGE, reason)
        yield progress(request.resume_token or b"start")
        for frame in self.script.streams.pop(0) if self.script.streams else ():
            yield frame
        if not self.script.streams:
            await asyncio.Event().wait()


def progress(token: bytes) -> watch_pb2.WatchResponse:
    return watch_pb2.WatchResponse(
        resume_token=token, progress=watch_pb2.Progress(time=to_timestamp(NOW + timedelta(seconds=30)))
    )


def changed(token: bytes, case: case_pb2.Case) -> watch_pb2.WatchResponse:
    change = watch_pb2.Change(
        sequence=5, time=to_timestamp(NOW), reason="CASE_OPENED", actor="vedette", case=case
    )
    return watch_pb2.WatchResponse(resume_token=token, change=change)


@asynccontextmanager
async def serving(script: Script) -> AsyncIterator[str]:
    """Serve a script on a free port of this machine; yields the address."""
    server = grpc.aio.server()
    case_pb2_grpc.add_CaseServiceServicer_to_server(Cases(script), server)  # type: ignore[abstract]
    alarm_pb2_grpc.add_AlarmServiceServicer_to_server(Alarms(script), server)  # type: ignore[abstract]
    fleet_pb2_grpc.add_FleetServiceServicer_to_server(Fleet(script), server)  # type: ignore[abstract]
    fleet_pb2_grpc.add_SeriesServiceServicer_to_server(Series(script), server)  # type: ignore[abstract]
    watch_pb2_grpc.add_WatchServiceServicer_to_server(Watch(script), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)
