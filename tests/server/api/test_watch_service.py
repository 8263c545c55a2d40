"""Watch through the real server: nothing missed, nothing doubled, whatever breaks in between."""

import asyncio
from pathlib import Path

import pytest

from tests.server.api.callers import Client, Running, running
from vedette.support.v1 import case_pb2, common_pb2, watch_pb2
from vedette_server.api import hub, resume, watch

KIND_CASE = watch_pb2.WatchRequest.KIND_CASE


async def opened(client: Client, request_id: str, customer: str = "acme") -> None:
    request = case_pb2.CreateCaseRequest(
        request_id=request_id, customer=customer, priority=common_pb2.PRIORITY_P2, title=request_id
    )
    await client.ask(client.cases.CreateCase, request)


async def test_the_first_frame_is_progress_with_a_token_and_changes_follow(vedette: Running) -> None:
    ann = await vedette.person("ann")
    watcher = ann.watch()
    first = await watcher.frame()
    assert first.WhichOneof("frame") == "progress"
    assert first.resume_token
    await opened(ann, "one")
    change = await watcher.change()
    assert (change.reason, change.actor, change.text) == ("CASE_OPENED", "ann", "one")
    assert (change.case.id, change.case.customer_name) == ("C-1", "Acme Corporation")
    assert change.case.response_clock.open in {True, False}
    watcher.close()


async def test_a_watcher_that_comes_back_gets_what_it_missed_once_and_in_order(vedette: Running) -> None:
    ann = await vedette.person("ann")
    watcher = ann.watch(kinds=[KIND_CASE])
    await watcher.frame()
    await opened(ann, "one")
    assert (await watcher.change()).case.title == "one"
    watcher.close()
    await opened(ann, "two")
    await opened(ann, "three")
    again = ann.watch(token=watcher.token, kinds=[KIND_CASE])
    assert (await again.frame()).resume_token == watcher.token
    await opened(ann, "four")
    titles = [(await again.change()).case.title for _ in range(3)]
    assert titles == ["two", "three", "four"]
    again.close()


async def test_catching_up_reads_more_than_one_page_of_the_journal(
    vedette: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "CATCH_UP_ENTRIES", 3)
    ann = await vedette.person("ann")
    watcher = ann.watch()
    await watcher.frame()
    watcher.close()
    for number in range(6):
        await opened(ann, f"{number}")
    again = ann.watch(token=watcher.token, kinds=[KIND_CASE])
    await again.frame()
    assert [(await again.change()).case.title for _ in range(6)] == ["0", "1", "2", "3", "4", "5"]
    again.close()


async def test_a_token_is_good_after_a_restart_of_the_server(tmp_path: Path) -> None:
    async with running(tmp_path) as before:
        ann = await before.person("ann")
        secret = ann.secret
        watcher = ann.watch(kinds=[KIND_CASE])
        await watcher.frame()
        await opened(ann, "one")
    async with running(tmp_path) as after:
        ann = after.bearer(secret)
        await opened(ann, "two")
        again = ann.watch(token=watcher.token, kinds=[KIND_CASE])
        assert [(await again.change()).case.title for _ in range(2)] == ["one", "two"]
        again.close()


async def test_only_what_was_asked_for_is_sent(vedette: Running) -> None:
    ann = await vedette.person("ann")
    basil = ann.watch(kinds=[KIND_CASE], customer="basil")
    agents = ann.watch(kinds=[watch_pb2.WatchRequest.KIND_AGENT])
    await basil.frame()
    await agents.frame()
    await opened(ann, "one", "acme")
    await opened(ann, "two", "basil")
    await vedette.enrol("acme", "hq", "n1")
    assert (await basil.change()).case.title == "two"
    assert (await agents.change()).agent.id == "acme/hq/n1"
    basil.close()
    agents.close()


async def test_progress_comes_when_nothing_else_does(
    vedette: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "PROGRESS_EVERY_S", 0.02)
    ann = await vedette.person("ann")
    watcher = ann.watch(customer="basil")
    first = await watcher.frame()
    await opened(ann, "one", "acme")
    while (await watcher.frame()).resume_token == first.resume_token:
        pass
    again = ann.watch(token=watcher.token)
    assert (await again.frame()).WhichOneof("frame") == "progress"
    assert (await again.frame()).WhichOneof("frame") == "progress"
    watcher.close()
    again.close()


async def test_a_slow_reader_is_told_to_list_again_and_goes_on(
    vedette: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "MAX_WAITING", 2)
    room = asyncio.Event()
    write = watch.WatchService._change

    async def write_when_there_is_room(service: watch.WatchService, published: hub.Published) -> object:
        await room.wait()
        return await write(service, published)

    monkeypatch.setattr(watch.WatchService, "_change", write_when_there_is_room)
    ann = await vedette.person("ann")
    watcher = ann.watch(kinds=[KIND_CASE])
    await watcher.frame()
    for number in range(5):
        await opened(ann, f"{number}")
    room.set()
    assert (await watcher.change()).case.title == "0"
    assert (await watcher.frame()).WhichOneof("frame") == "resync"
    await opened(ann, "after")
    assert (await watcher.change()).case.title == "after"
    watcher.close()


@pytest.mark.parametrize("token", [b"nonsense", b"\x00"])
async def test_a_token_that_is_none_is_refused(vedette: Running, token: bytes) -> None:
    ann = await vedette.person("ann")
    refusal = await ann.watch(token=token).refusal()
    assert (refusal.code, refusal.reason) == ("INVALID_ARGUMENT", "RESUME_TOKEN_INVALID")


async def test_a_token_from_a_future_that_was_lost_has_expired(vedette: Running) -> None:
    ann = await vedette.person("ann")
    watcher = ann.watch()
    await watcher.frame()
    store_id = vedette.server._api.reference._reader.store_id
    token = resume.encode(resume.Position(store_id=store_id, partition=0, sequence=10_000))
    refusal = await ann.watch(token=token).refusal()
    assert (refusal.code, refusal.reason) == ("OUT_OF_RANGE", "RESUME_TOKEN_EXPIRED")
    watcher.close()


async def test_a_stopping_server_ends_watches_with_a_reason(tmp_path: Path) -> None:
    async with running(tmp_path) as around:
        ann = await around.person("ann")
        watcher = ann.watch()
        await watcher.frame()
        await around.server.stop()
        refusal = await watcher.refusal()
    assert (refusal.code, refusal.reason) == ("UNAVAILABLE", "SERVER_STOPPING")


async def test_a_watcher_that_left_is_forgotten_at_once(vedette: Running) -> None:
    def subscribers() -> float | None:
        return vedette.server.metrics.registry.get_sample_value("vedette_watch_subscribers")

    ann = await vedette.person("ann")
    watcher = ann.watch()
    await watcher.frame()
    assert subscribers() == 1
    watcher.close()
    # The end of the call travels to the server; an answered call tells that what came before it has arrived.
    for _ in range(100):
        await opened(ann, "again")
        if not subscribers():
            return
    assert subscribers() == 0
