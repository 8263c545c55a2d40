"""The hub: who gets which change, and what happens to those who do not take theirs."""

import asyncio
from datetime import UTC, datetime

import pytest

from vedette_server.access.token import Role, Token
from vedette_server.api import hub as hub_module
from vedette_server.api.errors import ApiError
from vedette_server.api.hub import Hub, Published, Signal, Subscription, Wanted
from vedette_server.engine.changes import Change, Counter, Entity, Kind, TurnRecord, Versions
from vedette_server.fleet.agent import Agent
from vedette_server.metrics import Metrics

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
EVERYTHING = Wanted()


def agent(customer: str = "acme") -> Agent:
    return Agent(id=f"{customer}/hq/n1", customer=customer, installation="hq", node="n1", state_since=NOW)


def change(sequence: int, kind: Kind, after: Entity) -> Change:
    return Change(sequence=sequence, kind=kind, id="x", after=after, reason="R", actor="vedette")


def turn(*changes: Change) -> TurnRecord:
    return TurnRecord(
        partition=0,
        epoch=1,
        turn=1,
        wall=NOW,
        mono=0.0,
        versions=Versions(engine="1"),
        changes=list(changes),
    )


def new_hub() -> Hub:
    return Hub(sequence=10, metrics=Metrics(server_version="1"))


async def taken(subscription: Subscription) -> int | Signal:
    item = await subscription.take(0.01)
    return item.change.sequence if isinstance(item, Published) else item


async def test_a_change_reaches_those_who_want_its_kind_and_customer() -> None:
    hub = new_hub()
    with (
        hub.subscribe(EVERYTHING, token_id="T-1") as all_,
        hub.subscribe(Wanted(customer="globex"), token_id="T-1") as globex,
        hub.subscribe(Wanted(kinds=frozenset({Kind.CASE})), token_id="T-1") as cases,
    ):
        hub.committed(
            turn(
                change(11, Kind.AGENT, agent("acme")),
                change(12, Kind.COUNTER, Counter(id="A", value=1)),
                change(13, Kind.AGENT, agent("globex")),
            )
        )
        assert [await taken(all_) for _ in range(3)] == [11, 13, Signal.QUIET]
        assert [await taken(globex) for _ in range(2)] == [13, Signal.QUIET]
        assert await taken(cases) is Signal.QUIET
    assert hub.sequence == 13


async def test_a_turn_without_changes_leaves_the_sequence_alone() -> None:
    hub = new_hub()
    hub.committed(turn())
    assert hub.sequence == 10


async def test_a_waiting_subscriber_is_woken() -> None:
    hub = new_hub()
    with hub.subscribe(EVERYTHING, token_id="T-1") as subscription:
        waiting = asyncio.create_task(subscription.take(60))
        await asyncio.sleep(0)
        hub.committed(turn(change(11, Kind.AGENT, agent())))
        item = await waiting
        assert isinstance(item, Published)
        assert item.at == NOW


async def test_a_full_queue_is_lost_and_says_so_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "MAX_WAITING", 2)
    metrics = Metrics(server_version="1")
    hub = Hub(sequence=10, metrics=metrics)
    with hub.subscribe(EVERYTHING, token_id="T-1") as subscription:
        for sequence in range(11, 16):
            hub.committed(turn(change(sequence, Kind.AGENT, agent())))
        assert await taken(subscription) is Signal.RESYNC
        assert metrics.registry.get_sample_value("vedette_watch_resyncs_total") == 1
        hub.committed(turn(change(16, Kind.AGENT, agent())))
        assert await taken(subscription) == 16


async def test_a_full_queue_of_one_leaves_the_others_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "MAX_WAITING", 1)
    hub = new_hub()
    with (
        hub.subscribe(EVERYTHING, token_id="T-1"),
        hub.subscribe(EVERYTHING, token_id="T-2") as reading,
    ):
        for sequence in range(11, 16):
            hub.committed(turn(change(sequence, Kind.AGENT, agent())))
            assert await taken(reading) == sequence


async def test_revoking_a_token_ends_what_was_opened_with_it() -> None:
    hub = new_hub()
    token = Token(id="T-2", role=Role.VIEWER, name="ann", secret_hash="", created_at=NOW, revoked_at=NOW)
    revoked = Change(sequence=11, kind=Kind.TOKEN, id="T-2", after=token, reason="R", actor="root")
    with (
        hub.subscribe(EVERYTHING, token_id="T-1") as kept,
        hub.subscribe(EVERYTHING, token_id="T-2") as ended,
    ):
        hub.committed(turn(revoked))
        assert await taken(kept) is Signal.QUIET
        with pytest.raises(ApiError) as caught:
            await taken(ended)
        assert caught.value.reason == "TOKEN_UNKNOWN"


async def test_closing_ends_all_and_those_to_come() -> None:
    hub = new_hub()
    with hub.subscribe(EVERYTHING, token_id="T-1") as open_:
        hub.close()
        with pytest.raises(ApiError, match="the server stops"):
            await taken(open_)
    with hub.subscribe(EVERYTHING, token_id="T-1") as late, pytest.raises(ApiError) as caught:
        await taken(late)
    assert caught.value.reason == "SERVER_STOPPING"


async def test_subscribers_are_counted_while_they_last() -> None:
    metrics = Metrics(server_version="1")
    hub = Hub(sequence=10, metrics=metrics)
    with hub.subscribe(EVERYTHING, token_id="T-1"):
        assert metrics.registry.get_sample_value("vedette_watch_subscribers") == 1
    assert metrics.registry.get_sample_value("vedette_watch_subscribers") == 0
