"""SeriesService: the series that an agent has announced, and their samples, decoded from its batches."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

import grpc

from vedette.agent.v1 import agent_pb2
from vedette.support.v1 import fleet_pb2
from vedette.timestamps import from_timestamp, to_micros
from vedette_server.api import fields, wire
from vedette_server.api.errors import ApiError, field_invalid, not_found
from vedette_server.api.pages import cursor_of, page_token
from vedette_server.api.sampling import Samples
from vedette_server.engine.changes import Kind
from vedette_server.telemetry.series import Labels

if TYPE_CHECKING:
    from datetime import datetime

    from vedette_server.api.auth import Caller
    from vedette_server.api.views import Views
    from vedette_server.store.reader import Reader
    from vedette_server.telemetry.series import Series

DEFAULT_RANGE: Final = timedelta(hours=1)
#: Longest range that can be asked for.
MAX_RANGE: Final = timedelta(days=31)
#: Most samples that one query looks at: each takes 16 bytes and some time of the server.
MAX_SAMPLES: Final = 5_000_000
DEFAULT_POINTS: Final = 1000
MAX_POINTS: Final = 10_000
#: Most points of one answer, whatever the number of series: with it an answer stays below the 4 MiB that
#: clients take by default.
MAX_POINTS_IN_ALL: Final = 50_000


class Place(NamedTuple):
    """Place of a series in its list, and its cursor."""

    name: str
    labels: Labels


class SeriesService:
    """The methods of `vedette.support.v1.SeriesService`."""

    def __init__(self, *, reader: Reader, views: Views) -> None:
        """Take what to read."""
        self._reader = reader
        self._views = views

    async def ListSeries(
        self, request: fleet_pb2.ListSeriesRequest, caller: Caller
    ) -> fleet_pb2.ListSeriesResponse:
        """Return the series of an agent, by name and labels."""
        announced = await self._announced(request.agent)
        listed = sorted({Place(series.name, series.labels): series for series in announced.values()}.items())
        after = cursor_of(request, Place)
        wanted = [
            (place, series)
            for place, series in listed
            if (after is None or place > after) and request.name in {"", series.name}
        ]
        page = wanted[: fields.page_size(request.page_size)]
        return fleet_pb2.ListSeriesResponse(
            series=[wire.series_info(series) for _place, series in page],
            next_page_token=page_token(request, page[-1][0] if len(page) < len(wanted) else None),
        )

    async def QuerySeries(
        self, request: fleet_pb2.QuerySeriesRequest, caller: Caller
    ) -> fleet_pb2.QuerySeriesResponse:
        """Return the samples of an agent's series in a range, oldest first."""
        if not request.name:
            raise field_invalid("name", "must be the name of a metric", request.name)
        count = _point_count(request.point_count)
        start, end = self._range(request)
        labels = {(label.name, label.value) for label in request.labels}
        wanted = {
            key: series
            for key, series in (await self._announced(request.agent)).items()
            if series.name == request.name and labels.issubset(series.labels)
        }
        start_us, end_us = to_micros(start), to_micros(end)
        samples = await self._collect(request.agent, wanted, start_us, end_us)
        share = max(1, min(count, MAX_POINTS_IN_ALL // max(1, samples.series_count)))
        return fleet_pb2.QuerySeriesResponse(
            series=[
                wire.series_data(series, points)
                for series, points in samples.points(start_us=start_us, end_us=end_us, count=share)
            ]
        )

    async def _announced(self, agent: str) -> dict[tuple[str, int], Series]:
        """Return all series that an agent has announced, by outbox and number."""
        if await self._reader.get(Kind.AGENT, fields.identity("agent", agent)) is None:
            raise not_found("agent", agent)
        return {
            (page.outbox_id, series.number): series
            for page in await self._reader.series_of(agent)
            for series in page.series
        }

    async def _collect(
        self, agent: str, wanted: dict[tuple[str, int], Series], start_us: int, end_us: int
    ) -> Samples:
        samples = Samples(wanted)
        if wanted:
            async for row in self._reader.batches(agent, start_us, end_us):
                batch = agent_pb2.ConnectRequest.FromString(row.raw).batch
                samples.add(
                    outbox_id=row.outbox_id,
                    observed_us=row.observed_us,
                    numbers=batch.series_numbers,
                    values=batch.values,
                )
                if samples.count > MAX_SAMPLES:
                    words = f"the range holds more than {MAX_SAMPLES} samples"
                    raise _range_invalid(f"{words}; ask for a shorter one or for fewer series")
        return samples

    def _range(self, request: fleet_pb2.QuerySeriesRequest) -> tuple[datetime, datetime]:
        try:
            end = from_timestamp(request.end_time) if request.HasField("end_time") else self._views.now()
            given = request.HasField("start_time")
            start = from_timestamp(request.start_time) if given else end - DEFAULT_RANGE
        except OverflowError as error:
            raise _range_invalid("the range must lie within the years 1 to 9999") from error
        if not timedelta(0) < end - start <= MAX_RANGE:
            raise _range_invalid(
                f"the range must end after it starts and span at most {MAX_RANGE.days} days, "
                f"got {start.isoformat()} to {end.isoformat()}"
            )
        return start, end


def _range_invalid(words: str) -> ApiError:
    return ApiError(grpc.StatusCode.INVALID_ARGUMENT, "RANGE_INVALID", words)


def _point_count(value: int) -> int:
    if not 0 <= value <= MAX_POINTS:
        raise field_invalid("point_count", f"must be between 0 and {MAX_POINTS}", value)
    return value or DEFAULT_POINTS
