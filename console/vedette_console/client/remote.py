"""The support API over gRPC: calls with a deadline and safe retries, the watch as a stream of frames.

Every unary call is retried on UNAVAILABLE: reads do nothing, and a mutation carries its request id, so that
a repeat gets the first answer. Nothing here keeps state about cases; see `feed`.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Self, TypeVar

import grpc
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from vedette.support.v1 import (
    alarm_pb2,
    alarm_pb2_grpc,
    case_pb2,
    case_pb2_grpc,
    fleet_pb2,
    fleet_pb2_grpc,
    watch_pb2,
    watch_pb2_grpc,
)
from vedette.timestamps import to_timestamp
from vedette_console.client import wire
from vedette_console.client.channel import call_metadata, open_channel
from vedette_console.client.errors import ErrorKind, SupportError, from_rpc_error
from vedette_console.client.support import LIST_LIMIT, POINT_COUNT, Kind, WatchFrame
from vedette_console.client.target import Target
from vedette_console.clock import Clock
from vedette_console.model.resources import (
    Agent,
    AgentState,
    Alarm,
    Case,
    CaseState,
    Installation,
    Labels,
    Priority,
    SeriesData,
    SeriesInfo,
    TimelineEntry,
)

#: How long a call may take, seconds.
DEADLINE = 10.0
#: Times a call is tried.
ATTEMPTS = 4
#: Longest pause between two attempts, seconds.
RETRY_PAUSE_MAX = 2.0
#: First bound of the random pause, seconds.
RETRY_PAUSE_FIRST = 0.2
#: Resources a page, the most the API gives.
PAGE_SIZE = 1000

Request = TypeVar("Request")
Response = TypeVar("Response")
Item = TypeVar("Item")


class RemoteSupport:
    """The support API of one server. Use as an async context manager, within one event loop."""

    def __init__(self, target: Target, clock: Clock) -> None:
        """Open a channel; nothing is sent before the first call.

        Raises:
            TargetInvalid: the address is malformed, or the token would travel in the clear.
        """
        self._target = target
        self._clock = clock
        self._channel = open_channel(target)
        self._metadata = call_metadata(target)
        #: Server clock minus ours, from the newest progress frame.
        self._offset = timedelta(0)
        self._cases = case_pb2_grpc.CaseServiceStub(self._channel)
        self._alarms = alarm_pb2_grpc.AlarmServiceStub(self._channel)
        self._fleet = fleet_pb2_grpc.FleetServiceStub(self._channel)
        self._series = fleet_pb2_grpc.SeriesServiceStub(self._channel)
        self._watch = watch_pb2_grpc.WatchServiceStub(self._channel)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    @property
    def server(self) -> str:
        """The address of the server."""
        return self._target.server

    async def close(self) -> None:
        """Close the channel; calls in flight end."""
        await self._channel.close()

    async def list_cases(
        self, *, states: Sequence[CaseState] = (), customer: str = "", owner: str = ""
    ) -> tuple[Case, ...]:
        """Return cases, soonest due first; without `states` those that are open."""

        async def page(token: str) -> tuple[list[Case], str]:
            request = case_pb2.ListCasesRequest(
                page_size=PAGE_SIZE,
                page_token=token,
                states=wire.case_states(states),
                customer=customer,
                owner=owner,
            )
            response = await self._call(self._cases.ListCases, request)
            as_of = self._server_now()
            return [wire.case(case, as_of=as_of) for case in response.cases], response.next_page_token

        return await _all_pages(page)

    async def get_case(self, case_id: str) -> Case:
        """Return one case."""
        response = await self._call(self._cases.GetCase, case_pb2.GetCaseRequest(id=case_id))
        return self._case(response.case)

    async def list_timeline(self, case_id: str) -> tuple[TimelineEntry, ...]:
        """Return what happened to a case and its alarms, oldest first."""

        async def page(token: str) -> tuple[list[TimelineEntry], str]:
            request = case_pb2.ListCaseTimelineRequest(id=case_id, page_size=PAGE_SIZE, page_token=token)
            response = await self._call(self._cases.ListCaseTimeline, request)
            return [wire.timeline_entry(entry) for entry in response.entries], response.next_page_token

        return await _all_pages(page)

    async def create_case(
        self,
        *,
        request_id: str,
        customer: str,
        priority: Priority,
        title: str,
        installation: str = "",
        description: str = "",
    ) -> Case:
        """Open a case for what a customer reports."""
        request = case_pb2.CreateCaseRequest(
            request_id=request_id,
            customer=customer,
            installation=installation,
            priority=wire.priority_to_wire(priority),
            title=title,
            description=description,
        )
        return self._case((await self._call(self._cases.CreateCase, request)).case)

    async def acknowledge_case(
        self, case_id: str, *, request_id: str, note: str = "", etag: str = ""
    ) -> Case:
        """Take a case: own it if nobody does, and stop its clock."""
        request = case_pb2.AcknowledgeCaseRequest(id=case_id, request_id=request_id, note=note, etag=etag)
        return self._case((await self._call(self._cases.AcknowledgeCase, request)).case)

    async def assign_case(self, case_id: str, *, request_id: str, owner: str, etag: str = "") -> Case:
        """Give a case an owner; an empty one takes it away."""
        request = case_pb2.AssignCaseRequest(id=case_id, request_id=request_id, owner=owner, etag=etag)
        return self._case((await self._call(self._cases.AssignCase, request)).case)

    async def comment_case(self, case_id: str, *, request_id: str, text: str) -> Case:
        """Add a comment to the timeline."""
        request = case_pb2.CommentCaseRequest(id=case_id, request_id=request_id, text=text)
        return self._case((await self._call(self._cases.CommentCase, request)).case)

    async def resolve_case(
        self, case_id: str, *, request_id: str, resolution: str = "", etag: str = ""
    ) -> Case:
        """Say that the work is done, and what was done."""
        request = case_pb2.ResolveCaseRequest(
            id=case_id, request_id=request_id, resolution=resolution, etag=etag
        )
        return self._case((await self._call(self._cases.ResolveCase, request)).case)

    async def close_case(self, case_id: str, *, request_id: str, etag: str = "") -> Case:
        """Close a resolved case for good."""
        request = case_pb2.CloseCaseRequest(id=case_id, request_id=request_id, etag=etag)
        return self._case((await self._call(self._cases.CloseCase, request)).case)

    async def list_alarms(
        self, *, show_closed: bool = False, customer: str = "", code: str = "", case_id: str = ""
    ) -> tuple[Alarm, ...]:
        """Return alarms, newest first; without `show_closed` those that are not over."""

        async def page(token: str) -> tuple[list[Alarm], str]:
            request = alarm_pb2.ListAlarmsRequest(
                page_size=PAGE_SIZE,
                page_token=token,
                show_closed=show_closed,
                customer=customer,
                code=code,
                case_id=case_id,
            )
            response = await self._call(self._alarms.ListAlarms, request)
            return [wire.alarm(alarm) for alarm in response.alarms], response.next_page_token

        return await _all_pages(page)

    async def get_alarm(self, alarm_id: str) -> Alarm:
        """Return one alarm."""
        response = await self._call(self._alarms.GetAlarm, alarm_pb2.GetAlarmRequest(id=alarm_id))
        return wire.alarm(response.alarm)

    async def acknowledge_alarm(
        self, alarm_id: str, *, request_id: str, note: str = "", etag: str = ""
    ) -> Alarm:
        """Take an alarm, and its case with it."""
        request = alarm_pb2.AcknowledgeAlarmRequest(id=alarm_id, request_id=request_id, note=note, etag=etag)
        return wire.alarm((await self._call(self._alarms.AcknowledgeAlarm, request)).alarm)

    async def list_agents(
        self, *, customer: str = "", states: Sequence[AgentState] = ()
    ) -> tuple[Agent, ...]:
        """Return agents by id."""

        async def page(token: str) -> tuple[list[Agent], str]:
            request = fleet_pb2.ListAgentsRequest(
                page_size=PAGE_SIZE, page_token=token, customer=customer, states=wire.agent_states(states)
            )
            response = await self._call(self._fleet.ListAgents, request)
            return [wire.agent(agent) for agent in response.agents], response.next_page_token

        return await _all_pages(page)

    async def get_agent(self, agent_id: str) -> Agent:
        """Return one agent."""
        response = await self._call(self._fleet.GetAgent, fleet_pb2.GetAgentRequest(id=agent_id))
        return wire.agent(response.agent)

    async def list_installations(self, *, customer: str = "") -> tuple[Installation, ...]:
        """Return installations by customer and id."""

        async def page(token: str) -> tuple[list[Installation], str]:
            request = fleet_pb2.ListInstallationsRequest(
                page_size=PAGE_SIZE, page_token=token, customer=customer
            )
            response = await self._call(self._fleet.ListInstallations, request)
            return [wire.installation(found) for found in response.installations], response.next_page_token

        return await _all_pages(page)

    async def get_installation(self, customer: str, installation_id: str) -> Installation:
        """Return one installation."""
        request = fleet_pb2.GetInstallationRequest(customer=customer, id=installation_id)
        return wire.installation((await self._call(self._fleet.GetInstallation, request)).installation)

    async def list_series(self, agent_id: str, *, name: str = "") -> tuple[SeriesInfo, ...]:
        """Return the series of an agent, by name and labels."""

        async def page(token: str) -> tuple[list[SeriesInfo], str]:
            request = fleet_pb2.ListSeriesRequest(
                agent=agent_id, page_size=PAGE_SIZE, page_token=token, name=name
            )
            response = await self._call(self._series.ListSeries, request)
            return [wire.series_info(info) for info in response.series], response.next_page_token

        return await _all_pages(page)

    async def query_series(
        self,
        agent_id: str,
        name: str,
        *,
        labels: Labels = (),
        start: datetime | None = None,
        end: datetime | None = None,
        point_count: int = POINT_COUNT,
    ) -> tuple[SeriesData, ...]:
        """Return the samples of every series of that name that has these labels; the last hour by default."""
        request = fleet_pb2.QuerySeriesRequest(
            agent=agent_id,
            name=name,
            labels=wire.labels_to_wire(labels),
            start_time=None if start is None else to_timestamp(start),
            end_time=None if end is None else to_timestamp(end),
            point_count=point_count,
        )
        response = await self._call(self._series.QuerySeries, request)
        return tuple(wire.series_data(data) for data in response.series)

    async def watch(
        self, *, resume_token: bytes = b"", kinds: Sequence[Kind] = (), customer: str = ""
    ) -> AsyncGenerator[WatchFrame, None]:
        """Yield every change after `resume_token` (from now on if empty) until the stream breaks."""
        request = watch_pb2.WatchRequest(
            resume_token=resume_token, kinds=wire.kinds(kinds), customer=customer
        )
        call = self._watch.Watch(request, metadata=self._metadata)
        try:
            while isinstance(message := await call.read(), watch_pb2.WatchResponse):
                frame = wire.watch_frame(message, as_of=self._server_now())
                if frame.server_time is not None:
                    self._offset = frame.server_time - self._clock.now()
                yield frame
        except grpc.RpcError as error:
            raise from_rpc_error(error, server=self.server) from error
        finally:
            # An abandoned call is never collected.
            call.cancel()
        raise SupportError(
            f"{self.server} ended the stream", kind=ErrorKind.UNREACHABLE, reason="STREAM_ENDED"
        )

    def _server_now(self) -> datetime:
        return self._clock.now() + self._offset

    def _case(self, message: case_pb2.Case) -> Case:
        return wire.case(message, as_of=self._server_now())

    async def _call(
        self, method: grpc.aio.UnaryUnaryMultiCallable[Request, Response], request: Request
    ) -> Response:
        """Call a unary method with a deadline; again, with the same request, while the server is away."""
        async for attempt in AsyncRetrying(
            retry=retry_if_exception(lambda error: isinstance(error, SupportError) and error.transient),
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_random_exponential(multiplier=RETRY_PAUSE_FIRST, max=RETRY_PAUSE_MAX),
            reraise=True,
        ):
            with attempt:
                try:
                    return await method(request, timeout=DEADLINE, metadata=self._metadata)
                except grpc.RpcError as error:
                    raise from_rpc_error(error, server=self.server) from error
        raise AssertionError("the last attempt returns or raises")


async def _all_pages(page: Callable[[str], Awaitable[tuple[list[Item], str]]]) -> tuple[Item, ...]:
    """Return the resources of all pages, up to `LIST_LIMIT`."""
    items, token = await page("")
    while token and len(items) < LIST_LIMIT:
        more, token = await page(token)
        items.extend(more)
    return tuple(items[:LIST_LIMIT])
