"""The client over real gRPC: pages, retries with one request id, errors as sentences, the watch."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta

import grpc
import pytest

from tests.console.fake import NOW, StillClock
from tests.console.server import TOKEN, Script, case_message, changed, serving
from vedette.support.v1 import case_pb2
from vedette_console.client.errors import ErrorKind, SupportError
from vedette_console.client.feed import Feed, LinkChanged, Snapshot
from vedette_console.client.perform import perform
from vedette_console.client.remote import RemoteSupport
from vedette_console.client.target import Target
from vedette_console.model.intents import AcknowledgeCase
from vedette_console.model.link import Phase
from vedette_console.model.resources import Case, CaseState, Change, ClockState, Priority


@asynccontextmanager
async def connected(script: Script, token: str = TOKEN) -> AsyncIterator[RemoteSupport]:
    async with (
        serving(script) as address,
        RemoteSupport(Target(server=address, token=token), StillClock()) as support,
    ):
        yield support


def night_of(*numbers: int) -> Script:
    return Script(cases={f"C-{number}": case_message(number) for number in numbers})


async def test_a_list_collects_every_page_in_order() -> None:
    script = night_of(*range(1, 8))
    script.page_size = 3
    async with connected(script) as support:
        found = await support.list_cases()
    assert [case.id for case in found] == [f"C-{number}" for number in range(1, 8)]
    assert len(script.asked("ListCases")) == 3


async def test_a_case_arrives_whole_and_as_it_was_written() -> None:
    async with connected(night_of(4)) as support:
        case = await support.get_case("C-4")
    assert (case.id, case.priority, case.state) == ("C-4", Priority.P1, CaseState.NEW)
    assert case.title == "VoIP stack \x1b[31mcrashed"
    assert case.create_time == NOW
    clock = case.response_clock
    assert clock is not None
    assert (clock.state, clock.target, clock.due_time) == (
        ClockState.RUNNING,
        timedelta(hours=1),
        NOW + timedelta(hours=1),
    )
    assert case.acknowledge_time is None


async def test_a_value_that_a_newer_server_invents_is_unknown_and_no_error() -> None:
    script = night_of(1)
    script.cases["C-1"].state = 77  # type: ignore[assignment]
    script.cases["C-1"].priority = 9  # type: ignore[assignment]
    async with connected(script) as support:
        case = await support.get_case("C-1")
    assert (case.state, case.priority) == (CaseState.UNKNOWN, Priority.P4)


async def test_a_mutation_whose_answer_got_lost_is_repeated_with_the_same_request_id() -> None:
    script = night_of(1)
    script.lost_answers = 2
    async with connected(script) as support:
        case = await support.acknowledge_case("C-1", request_id="one-decision")
    assert case.state is CaseState.ACKNOWLEDGED
    assert case.etag == "11"
    asked = script.asked("AcknowledgeCase")
    assert [
        request.request_id for request in asked if isinstance(request, case_pb2.AcknowledgeCaseRequest)
    ] == ["one-decision"] * 3


async def test_half_a_character_is_told_and_never_sent() -> None:
    script = night_of(1)
    async with connected(script) as support:
        with pytest.raises(SupportError, match="not valid Unicode at character 4"):
            await perform(support, AcknowledgeCase(id="C-1", request_id="x", note="abc\udcff"))
    assert script.requests == []


async def test_a_refusal_is_not_repeated() -> None:
    script = night_of(1)
    script.cases["C-1"].state = case_pb2.Case.STATE_ACKNOWLEDGED
    script.cases["C-1"].owner = "omar"
    async with connected(script) as support:
        with pytest.raises(SupportError, match=r"^case C-1 was already acknowledged by omar$") as caught:
            await support.acknowledge_case("C-1", request_id="x")
    assert (caught.value.kind, caught.value.reason) == (ErrorKind.REFUSED, "CASE_ALREADY_ACKNOWLEDGED")
    assert len(script.asked("AcknowledgeCase")) == 1


async def test_a_stale_etag_is_a_conflict() -> None:
    async with connected(night_of(1)) as support:
        with pytest.raises(SupportError) as caught:
            await support.acknowledge_case("C-1", request_id="x", etag="0")
    assert caught.value.kind is ErrorKind.CONFLICT


async def test_an_unknown_token_is_told_in_a_sentence() -> None:
    async with connected(night_of(1), token="other") as support:
        with pytest.raises(SupportError, match="does not know this token") as caught:
            await support.list_cases()
    assert caught.value.kind is ErrorKind.UNAUTHENTICATED


async def test_a_service_that_an_older_server_lacks_is_told_in_a_sentence() -> None:
    async with connected(night_of(1)) as support:
        with pytest.raises(SupportError, match="does not offer this; it may be older"):
            await support.get_installation("acme", "hq")


async def test_no_server_is_told_with_its_cause() -> None:
    async with RemoteSupport(Target(server="127.0.0.1:1", token=TOKEN), StillClock()) as support:
        with pytest.raises(
            SupportError, match=r"^no connection to 127\.0\.0\.1:1: connection refused$"
        ) as caught:
            await support.list_cases()
    assert caught.value.kind is ErrorKind.UNREACHABLE


async def test_alarms_agents_and_series_arrive_too() -> None:
    async with connected(night_of()) as support:
        (alarm,) = await support.list_alarms()
        (agent,) = await support.list_agents()
        (data,) = await support.query_series(
            "acme/hq/node-1", "system.cpu", start=NOW - timedelta(hours=1), end=NOW
        )
    assert (alarm.id, alarm.priority, alarm.evidence is not None) == ("A-1", Priority.P4, True)
    assert (agent.id, agent.watermark) == ("acme/hq/node-1", 7)
    assert data.info.labels == (("mountpoint", "/"),)
    assert (len(data.points), data.points[0].time) == (100, NOW - timedelta(hours=1))


async def test_a_stream_that_ends_is_an_error_never_a_polite_end() -> None:
    script = night_of(1)
    script.streams = [[], []]
    async with connected(script) as support:
        frames = support.watch()
        await anext(frames)
        with pytest.raises(SupportError) as caught:
            await anext(frames)
    assert caught.value.kind is ErrorKind.UNREACHABLE


async def test_the_feed_lists_once_and_resumes_where_a_stream_broke() -> None:
    script = night_of(1)
    script.streams = [[changed(b"t1", case_message(2))], [changed(b"t2", case_message(3))], []]
    seen: list[object] = []
    async with (
        connected(script) as support,
        aclosing(Feed(support, StillClock(), draw=lambda _: 0.0).events()) as events,
    ):
        async for event in events:
            seen.append(event)
            if (
                script.resumed == [b"", b"t1", b"t2"]
                and isinstance(event, LinkChanged)
                and event.link.phase is Phase.LIVE
            ):
                break
    changes = [event.resource for event in seen if isinstance(event, Change)]
    assert [case.id for case in changes if isinstance(case, Case)] == ["C-2", "C-3"]
    assert sum(isinstance(event, Snapshot) for event in seen) == 1
    assert any(isinstance(event, LinkChanged) and event.link.phase is Phase.RECONNECTING for event in seen)


async def test_an_expired_token_means_list_again() -> None:
    script = night_of(1)
    script.streams = [[changed(b"t1", case_message(2))], []]
    snapshots = 0
    async with (
        connected(script) as support,
        aclosing(Feed(support, StillClock(), draw=lambda _: 0.0).events()) as events,
    ):
        async for event in events:
            if isinstance(event, Change):
                script.refuse_watch = "RESUME_TOKEN_EXPIRED"
            snapshots += isinstance(event, Snapshot)
            if snapshots == 2:
                break
    assert script.resumed == [b"", b"t1", b""]


async def test_resync_means_list_again_on_the_same_stream() -> None:
    from vedette.support.v1 import watch_pb2

    script = night_of(1)
    script.streams = [[watch_pb2.WatchResponse(resume_token=b"t9", resync=watch_pb2.Resync())]]
    snapshots = 0
    async with (
        connected(script) as support,
        aclosing(Feed(support, StillClock(), draw=lambda _: 0.0).events()) as events,
    ):
        async for event in events:
            snapshots += isinstance(event, Snapshot)
            if snapshots == 2:
                break
    assert script.resumed == [b""]
    assert len(script.asked("ListCases")) == 2


async def test_the_servers_clock_is_told_by_progress() -> None:
    async with (
        connected(night_of(1)) as support,
        aclosing(Feed(support, StillClock(), draw=lambda _: 0.0).events()) as events,
    ):
        async for event in events:
            if isinstance(event, LinkChanged):
                assert event.link.offset == timedelta(seconds=30)
                break
        case = await support.get_case("C-1")
    clock = case.response_clock
    assert clock is not None
    assert clock.as_of == NOW + timedelta(seconds=30)


async def test_a_token_that_is_refused_is_shown_and_not_hammered() -> None:
    script = night_of(1)
    async with (
        connected(script, token="other") as support,
        aclosing(Feed(support, StillClock(), draw=lambda _: 0.0).events()) as events,
    ):
        event = await anext(events)
    assert isinstance(event, LinkChanged)
    assert (event.link.phase, event.link.retry_at) == (Phase.REFUSED, NOW + timedelta(seconds=15))
    assert "does not know this token" in event.link.problem


async def test_keepalive_is_set_on_both_watchdogs() -> None:
    from vedette_console.client.channel import _options

    options = dict(_options(Target(server="127.0.0.1:7443")))
    assert options["grpc.keepalive_time_ms"] == 10_000
    assert options["grpc.http2.ping_timeout_ms"] == options["grpc.keepalive_timeout_ms"] == 5_000
    assert options["grpc.keepalive_permit_without_calls"] == 1
    assert options["grpc.enable_http_proxy"] == 0
    assert "grpc.enable_http_proxy" not in dict(_options(Target(server="vedette.example:443", ca=b"x")))


def test_an_error_that_says_less_than_expected_still_says_something() -> None:
    from vedette_console.client.errors import from_rpc_error

    error = grpc.aio.AioRpcError(
        grpc.StatusCode.NOT_FOUND,
        grpc.aio.Metadata(),
        grpc.aio.Metadata(("grpc-status-details-bin", b"\xff\xff")),
        details="gone\x1b[2J",
    )
    assert str(from_rpc_error(error, server="s:1")) == "gone␛[2J"
