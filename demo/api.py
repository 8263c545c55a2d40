"""What the story asks of the server, through the generated stubs and nothing else."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import grpc.aio

from vedette.support.v1 import (
    alarm_pb2,
    alarm_pb2_grpc,
    case_pb2,
    case_pb2_grpc,
    fleet_pb2,
    fleet_pb2_grpc,
)
from vedette.telemetry.v1 import telemetry_pb2
from vedette.timestamps import from_timestamp, to_timestamp

#: Deadline of one call, in seconds.
CALL_TIMEOUT = 5.0


class Api:
    """An API client of one person.

    Args:
        credential: call metadata that carries the API token.
    """

    def __init__(self, channel: grpc.aio.Channel, credential: Sequence[tuple[str, str]]) -> None:
        self._alarms = alarm_pb2_grpc.AlarmServiceStub(channel)
        self._cases = case_pb2_grpc.CaseServiceStub(channel)
        self._fleet = fleet_pb2_grpc.FleetServiceStub(channel)
        self._series = fleet_pb2_grpc.SeriesServiceStub(channel)
        self._credential = tuple(credential)

    async def alarms(self) -> list[alarm_pb2.Alarm]:
        """Return all alarms, also those that are over."""
        answer = await self._alarms.ListAlarms(
            alarm_pb2.ListAlarmsRequest(page_size=1000, show_closed=True),
            metadata=self._credential,
            timeout=CALL_TIMEOUT,
        )
        return list(answer.alarms)

    async def cases(self) -> list[case_pb2.Case]:
        """Return the cases that still need work."""
        answer = await self._cases.ListCases(
            case_pb2.ListCasesRequest(page_size=1000), metadata=self._credential, timeout=CALL_TIMEOUT
        )
        return list(answer.cases)

    async def case(self, case: str) -> case_pb2.Case:
        """Return one case."""
        request = case_pb2.GetCaseRequest(id=case)
        answer = await self._cases.GetCase(request, metadata=self._credential, timeout=CALL_TIMEOUT)
        return answer.case

    async def acknowledge(self, case: str, *, note: str) -> case_pb2.Case:
        """Take a case; return it as it is then."""
        answer = await self._cases.AcknowledgeCase(
            case_pb2.AcknowledgeCaseRequest(id=case, request_id=secrets.token_hex(8), note=note),
            metadata=self._credential,
            timeout=CALL_TIMEOUT,
        )
        return answer.case

    async def agent(self, agent: str) -> fleet_pb2.Agent:
        """Return one agent."""
        request = fleet_pb2.GetAgentRequest(id=agent)
        answer = await self._fleet.GetAgent(request, metadata=self._credential, timeout=CALL_TIMEOUT)
        return answer.agent

    async def observed(
        self, agent: str, series: str, *, component: str, since: datetime | None = None
    ) -> list[datetime]:
        """Return the instants at which a series of a component was observed, oldest first.

        Args:
            since: the first instant that counts; a minute ago when left out.
        """
        request = fleet_pb2.QuerySeriesRequest(
            agent=agent,
            name=series,
            labels=[telemetry_pb2.Label(name="component", value=component)],
            start_time=to_timestamp(since or datetime.now(UTC) - timedelta(minutes=1)),
            point_count=10_000,
        )
        answer = await self._series.QuerySeries(request, metadata=self._credential, timeout=CALL_TIMEOUT)
        return [from_timestamp(point.time) for data in answer.series for point in data.points]
