"""Installations, agents and series through the API, with a real agent's stream behind them."""

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from tests.server.api.callers import Running, now_us
from vedette.support.v1 import case_pb2, common_pb2, fleet_pb2
from vedette.telemetry.v1 import telemetry_pb2
from vedette.timestamps import from_micros, from_timestamp, to_micros, to_timestamp
from vedette_server.api import series

Agent = fleet_pb2.Agent
CPU = telemetry_pb2.SeriesDescriptor(
    number=0, name="system.cpu.utilization", unit="1", kind=telemetry_pb2.SeriesDescriptor.KIND_GAUGE
)
DISK = [
    telemetry_pb2.SeriesDescriptor(
        number=number,
        name="system.filesystem.usage",
        unit="By",
        labels=[telemetry_pb2.Label(name="mountpoint", value=mountpoint)],
        kind=telemetry_pb2.SeriesDescriptor.KIND_GAUGE,
    )
    for number, mountpoint in ((1, "/"), (2, "/var"))
]
MINUTE_US = 60_000_000


async def test_an_agent_is_shown_with_what_it_said_and_when(vedette: Running) -> None:
    ann = await vedette.person("ann")
    await vedette.enrol("acme", "hq", "n2")
    agent = await vedette.agent("acme/hq/n1")
    await agent.announce(CPU, *DISK)
    await agent.batch(now_us(), {0: 0.5})
    listed = await ann.ask(ann.fleet.ListAgents, fleet_pb2.ListAgentsRequest())
    first, second = listed.agents
    assert (first.id, first.state, first.watermark, first.series_count) == (
        "acme/hq/n1",
        Agent.STATE_CONNECTED,
        1,
        3,
    )
    assert (first.host_name, first.agent_version, first.connect_count) == ("pbx", "0.1.0", 1)
    assert abs(to_micros(from_timestamp(first.last_seen_time)) - now_us()) < MINUTE_US
    assert (second.id, second.state) == ("acme/hq/n2", Agent.STATE_NEVER_SEEN)
    assert not second.HasField("last_seen_time")
    got = await ann.ask(ann.fleet.GetAgent, fleet_pb2.GetAgentRequest(id="acme/hq/n1"))
    assert got.agent == first


async def test_agents_are_filtered_and_paged(vedette: Running) -> None:
    ann = await vedette.person("ann")
    await vedette.enrol("acme", "hq", "n1")
    await vedette.enrol("basil", "shop", "n1")
    await vedette.agent("acme/hq/n2")

    async def ids(**filters: object) -> list[str]:
        found, token = [], ""
        while True:
            request = fleet_pb2.ListAgentsRequest(page_size=1, page_token=token, **filters)  # type: ignore[arg-type]
            page = await ann.ask(ann.fleet.ListAgents, request)
            found += [agent.id for agent in page.agents]
            token = page.next_page_token
            if not token:
                return found

    assert await ids() == ["acme/hq/n1", "acme/hq/n2", "basil/shop/n1"]
    assert await ids(customer="acme") == ["acme/hq/n1", "acme/hq/n2"]
    assert await ids(states=[Agent.STATE_CONNECTED]) == ["acme/hq/n2"]


async def test_an_installation_says_what_is_owed_to_it_and_why(vedette: Running) -> None:
    ann = await vedette.person("ann")
    await vedette.agent("acme/hq/n1")
    request = case_pb2.CreateCaseRequest(
        request_id="r", customer="acme", installation="hq", priority=common_pb2.PRIORITY_P4, title="t"
    )
    await ann.ask(ann.cases.CreateCase, request)
    listed = await ann.ask(ann.fleet.ListInstallations, fleet_pb2.ListInstallationsRequest())
    acme, basil = listed.installations
    assert (acme.customer, acme.customer_name, acme.id, acme.plan, acme.entitled, acme.open_case_count) == (
        "acme",
        "Acme Corporation",
        "hq",
        "platinum",
        True,
        1,
    )
    assert list(acme.agents) == ["acme/hq/n1"]
    assert (basil.plan, basil.entitled, basil.open_case_count) == ("basic", False, 0)
    assert len(basil.reasons) == 5
    got = await ann.ask(ann.fleet.GetInstallation, fleet_pb2.GetInstallationRequest(customer="acme", id="hq"))
    assert got.installation == acme


async def test_installations_are_filtered_and_paged(vedette: Running) -> None:
    ann = await vedette.person("ann")
    first = await ann.ask(ann.fleet.ListInstallations, fleet_pb2.ListInstallationsRequest(page_size=1))
    assert [one.customer for one in first.installations] == ["acme"]
    request = fleet_pb2.ListInstallationsRequest(page_size=1, page_token=first.next_page_token)
    second = await ann.ask(ann.fleet.ListInstallations, request)
    assert [one.customer for one in second.installations] == ["basil"]
    assert second.next_page_token == ""
    request = fleet_pb2.ListInstallationsRequest(customer="basil")
    only = await ann.ask(ann.fleet.ListInstallations, request)
    assert [one.customer for one in only.installations] == ["basil"]


async def test_what_does_not_exist_is_not_found(vedette: Running) -> None:
    ann = await vedette.person("ann")
    for method, request, reason in (
        (ann.fleet.GetAgent, fleet_pb2.GetAgentRequest(id="a/b/c"), "AGENT_NOT_FOUND"),
        (
            ann.fleet.GetInstallation,
            fleet_pb2.GetInstallationRequest(customer="acme", id="x"),
            "INSTALLATION_NOT_FOUND",
        ),
        (ann.series.ListSeries, fleet_pb2.ListSeriesRequest(agent="a/b/c"), "AGENT_NOT_FOUND"),
        (ann.series.QuerySeries, fleet_pb2.QuerySeriesRequest(agent="a/b/c", name="x"), "AGENT_NOT_FOUND"),
    ):
        refusal = await ann.refusal(method, request)
        assert (refusal.code, refusal.reason) == ("NOT_FOUND", reason)


async def test_series_are_listed_by_name_and_labels(vedette: Running) -> None:
    ann = await vedette.person("ann")
    agent = await vedette.agent()
    await agent.announce(*reversed(DISK), CPU)
    await agent.batch(now_us(), {0: 0.5})

    async def names(name: str = "") -> list[tuple[str, list[str]]]:
        found, token = [], ""
        while True:
            request = fleet_pb2.ListSeriesRequest(
                agent="acme/hq/n1", page_size=2, page_token=token, name=name
            )
            page = await ann.ask(ann.series.ListSeries, request)
            found += [(one.name, [label.value for label in one.labels]) for one in page.series]
            token = page.next_page_token
            if not token:
                return found

    disks = [("system.filesystem.usage", ["/"]), ("system.filesystem.usage", ["/var"])]
    assert await names() == [("system.cpu.utilization", []), *disks]
    assert await names(name="system.filesystem.usage") == disks


async def test_samples_of_a_range_come_back_as_they_were_sent(vedette: Running) -> None:
    ann = await vedette.person("ann")
    agent = await vedette.agent()
    await agent.announce(CPU, *DISK)
    start = now_us() - MINUTE_US
    for second in range(5):
        await agent.batch(start + second * 1_000_000, {0: second / 10, 1: 100.0 + second, 2: 200.0})
    request = fleet_pb2.QuerySeriesRequest(agent="acme/hq/n1", name="system.filesystem.usage")
    request.labels.add(name="mountpoint", value="/")
    answer = await ann.ask(ann.series.QuerySeries, request)
    (data,) = answer.series
    assert (data.info.name, data.info.unit) == ("system.filesystem.usage", "By")
    assert [point.value for point in data.points] == [100.0, 101.0, 102.0, 103.0, 104.0]
    times = [to_micros(from_timestamp(point.time)) for point in data.points]
    # The agent's clock is this machine's; the offset that hello found is some milliseconds at most.
    assert abs(times[0] - start) < 1_000_000
    assert [time - times[0] for time in times] == [0, 1_000_000, 2_000_000, 3_000_000, 4_000_000]


async def test_more_samples_than_points_are_summarised_without_losing_a_peak(vedette: Running) -> None:
    ann = await vedette.person("ann")
    agent = await vedette.agent()
    await agent.announce(CPU)
    start = now_us() - MINUTE_US
    for second, value in enumerate([0.1, 0.9, 0.2, 0.3, 0.4, 0.05, 0.6, 0.5]):
        await agent.batch(start + second * 1_000_000, {0: value})
    request = fleet_pb2.QuerySeriesRequest(
        agent="acme/hq/n1",
        name="system.cpu.utilization",
        start_time=to_timestamp(from_micros(start - 500_000)),
        end_time=to_timestamp(from_micros(start + 7_500_000)),
        point_count=2,
    )
    answer = await ann.ask(ann.series.QuerySeries, request)
    (data,) = answer.series
    assert [(point.value, point.minimum, point.maximum) for point in data.points] == [
        (0.3, 0.1, 0.9),
        (0.5, 0.05, 0.6),
    ]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"name": ""}, "FIELD_INVALID"),
        ({"point_count": -1}, "FIELD_INVALID"),
        ({"point_count": 10_001}, "FIELD_INVALID"),
        (
            {"start_time": to_timestamp(from_micros(5)), "end_time": to_timestamp(from_micros(5))},
            "RANGE_INVALID",
        ),
        ({"start_time": to_timestamp(from_micros(0))}, "RANGE_INVALID"),
        # The first second of the year 10000, and the last before the year 1.
        ({"end_time": Timestamp(seconds=253_402_300_800)}, "RANGE_INVALID"),
        ({"start_time": Timestamp(seconds=-62_135_596_801)}, "RANGE_INVALID"),
        ({"start_time": Timestamp(seconds=-(2**63), nanos=-1)}, "RANGE_INVALID"),
        ({"end_time": Timestamp(seconds=2**63 - 1, nanos=2**31 - 1)}, "RANGE_INVALID"),
        # Begins where the range that is meant without a start does not.
        ({"end_time": Timestamp(seconds=-62_135_596_800)}, "RANGE_INVALID"),
    ],
)
async def test_a_wrong_query_is_refused(vedette: Running, fields: dict[str, object], reason: str) -> None:
    ann = await vedette.person("ann")
    await vedette.enrol("acme", "hq", "n1")
    given = {"agent": "acme/hq/n1", "name": "x"} | fields
    refusal = await ann.refusal(ann.series.QuerySeries, fleet_pb2.QuerySeriesRequest(**given))  # type: ignore[arg-type]
    assert (refusal.code, refusal.reason) == ("INVALID_ARGUMENT", reason)


async def test_a_range_without_samples_is_empty(vedette: Running) -> None:
    ann = await vedette.person("ann")
    await vedette.enrol("acme", "hq", "n1")
    request = fleet_pb2.QuerySeriesRequest(agent="acme/hq/n1", name="x")
    assert list((await ann.ask(ann.series.QuerySeries, request)).series) == []


async def test_a_range_with_too_many_samples_is_refused(
    vedette: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(series, "MAX_SAMPLES", 3)
    ann = await vedette.person("ann")
    agent = await vedette.agent()
    await agent.announce(*DISK)
    for _ in range(2):
        await agent.batch(now_us(), {1: 1.0, 2: 2.0})
    request = fleet_pb2.QuerySeriesRequest(agent="acme/hq/n1", name="system.filesystem.usage")
    request.end_time.FromMicroseconds(now_us() + MINUTE_US)
    refusal = await ann.refusal(ann.series.QuerySeries, request)
    assert refusal.reason == "RANGE_INVALID"
    request.labels.add(name="mountpoint", value="/")
    assert len((await ann.ask(ann.series.QuerySeries, request)).series[0].points) == 2
