"""A turn is written whole or not at all, once, by the owner of the partition."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract.conftest import OpenStore
from tests.server.store import samples
from vedette_server.cases.case import CaseState
from vedette_server.engine.changes import Counter, Entity, Kind
from vedette_server.engine.world import Loaded
from vedette_server.fleet.agent import AgentLink
from vedette_server.store.audit import audit
from vedette_server.store.errors import Fenced, InvalidTurn
from vedette_server.store.reader import Reader
from vedette_server.store.sql import Store

LINK = (samples.AGENT_ID, "o1", 9, 77, samples.NOW_US)


async def test_a_new_store_holds_an_empty_world(store: Store) -> None:
    assert await store.load() == Loaded(
        partition=0,
        epoch=1,
        turn=0,
        sequence=0,
        policy=None,
        catalog=None,
        calendars=[],
        agents=[],
        links=[],
        series=[],
        alarms=[],
        cases=[],
        rule_states=[],
        timers=[],
        tokens=[],
        counters=[],
        requests=[],
    )


async def test_what_a_turn_wrote_is_the_world_after_a_restart(open_store: OpenStore) -> None:
    store = await open_store()
    await store.commit(samples.turn(store.position, samples.ENTITIES, links=[LINK]))
    store = await open_store()
    assert await store.load() == Loaded(
        partition=0,
        epoch=2,
        turn=1,
        sequence=13,
        policy=samples.POLICY,
        catalog=samples.CATALOG,
        calendars=[samples.CALENDAR],
        agents=[samples.AGENT],
        links=[
            AgentLink(
                agent=samples.AGENT_ID, outbox_id="o1", watermark=9, fact_hash=77, last_seen=samples.NOW
            )
        ],
        series=[samples.SERIES_PAGE],
        alarms=[samples.ALARM],
        cases=[samples.CASE],
        rule_states=[samples.RULE_STATE],
        timers=[samples.TIMER],
        tokens=[samples.TOKEN],
        counters=[samples.COUNTER],
        requests=[samples.REQUEST],
    )


async def test_only_what_is_open_is_loaded(store: Store) -> None:
    closed_alarm = replace(samples.ALARM, id="A-2", key="other", closed_at=samples.NOW)
    closed_case = replace(samples.CASE, id="C-2", state=CaseState.CLOSED)
    resolved_case = replace(samples.CASE, id="C-3", state=CaseState.RESOLVED, clock=None)
    old_outbox = replace(samples.SERIES_PAGE, outbox_id="o0")
    foreign = replace(samples.CALENDAR, version="ffffffffffffffff")
    await store.commit(
        samples.turn(
            store.position,
            [
                (Kind.AGENT, samples.AGENT_ID, samples.AGENT),
                (Kind.ALARM, "A-2", closed_alarm),
                (Kind.CASE, "C-2", closed_case),
                (Kind.CASE, "C-3", resolved_case),
                (Kind.SERIES, "old", old_outbox),
                (Kind.SERIES, "new", samples.SERIES_PAGE),
                (Kind.CALENDAR, "emea/business@ffffffffffffffff", foreign),
                (Kind.TIMER, samples.TIMER.id, samples.TIMER),
                (Kind.TIMER, samples.TIMER.id, None),
            ],
            links=[LINK],
        )
    )
    loaded = await store.load()
    assert loaded.alarms == []
    assert loaded.cases == [resolved_case]
    assert loaded.series == [samples.SERIES_PAGE]
    assert loaded.calendars == []
    assert loaded.timers == []


async def test_a_calendar_that_a_case_is_pinned_to_is_loaded_after_the_policy_has_left_it(
    store: Store,
) -> None:
    pinned = (Kind.CALENDAR, "emea/business@0123456789abcdef", samples.CALENDAR)
    newer = replace(samples.CALENDAR, version="1111111111111111")
    policy = replace(samples.POLICY, version="cafe", calendars=(newer,))
    changes: list[tuple[Kind, str, Entity | None]] = [
        pinned,
        (Kind.CALENDAR, "emea/business@1111111111111111", newer),
        (Kind.CASE, "C-1", samples.CASE),
        (Kind.POLICY, "policy", policy),
    ]
    await store.commit(samples.turn(store.position, changes))
    assert (await store.load()).calendars == [samples.CALENDAR, newer]


async def test_of_several_changes_to_one_entity_the_last_is_the_state_and_all_are_in_the_journal(
    store: Store, reader: Reader
) -> None:
    counters = [Counter(id="A", value=value) for value in (1, 2, 3)]
    await store.commit(samples.turn(store.position, [(Kind.COUNTER, "A", one) for one in counters]))
    assert await reader.get(Kind.COUNTER, "A") == counters[-1]
    assert [entry.image() for entry in await reader.journal(limit=10)] == counters


async def test_an_entity_that_comes_back_after_it_was_dropped_in_the_same_turn_stays(
    store: Store, reader: Reader
) -> None:
    timer, id_ = samples.TIMER, samples.TIMER.id
    later = replace(timer, due=timer.due + timedelta(hours=1))
    drop_and_put = [(Kind.TIMER, id_, timer), (Kind.TIMER, id_, None), (Kind.TIMER, id_, later)]
    await store.commit(samples.turn(store.position, drop_and_put))
    assert await reader.get(Kind.TIMER, id_) == later


async def test_there_is_at_most_one_open_alarm_a_key(store: Store, reader: Reader) -> None:
    await store.commit(samples.turn(store.position, [(Kind.ALARM, "A-1", samples.ALARM)]))
    second = replace(samples.ALARM, id="A-2")
    with pytest.raises(InvalidTurn, match="UNIQUE"):
        await store.commit(samples.turn(store.position, [(Kind.ALARM, "A-2", second)]))
    assert await reader.get(Kind.ALARM, "A-2") is None
    assert (await reader.head()).sequence == 1


async def test_the_successor_of_an_alarm_that_closed_in_the_same_turn_takes_its_key(store: Store) -> None:
    await store.commit(samples.turn(store.position, [(Kind.ALARM, "A-1", samples.ALARM)]))
    closed = replace(samples.ALARM, closed_at=samples.NOW)
    successor = replace(samples.ALARM, id="A-2")
    changes: list[tuple[Kind, str, Entity | None]] = [
        (Kind.ALARM, "A-1", closed),
        (Kind.ALARM, "A-2", successor),
        (Kind.ALARM, "A-1", replace(closed, clear_cause="words that came later")),
    ]
    await store.commit(samples.turn(store.position, changes))
    assert (await store.load()).alarms == [successor]


async def test_a_turn_whose_changes_leave_a_hole_in_the_journal_is_refused(store: Store) -> None:
    record = samples.turn(store.position, [(Kind.COUNTER, "A", samples.COUNTER)])
    record.changes = [replace(record.changes[0], sequence=2)]
    with pytest.raises(InvalidTurn, match="counter A has journal position 2, the next is 1"):
        await store.commit(record)


async def test_a_turn_of_another_partition_is_refused(store: Store) -> None:
    with pytest.raises(InvalidTurn, match="turn of partition 7 came to partition 0"):
        await store.commit(samples.turn(replace(store.position, partition=7)))


async def test_a_turn_is_taken_once(store: Store) -> None:
    record = samples.turn(store.position)
    await store.commit(record)
    with pytest.raises(InvalidTurn, match="turn 1 is not new, the last one is 1"):
        await store.commit(record)


@pytest.mark.parametrize("epoch", [0, 2, 3])
async def test_a_turn_of_any_epoch_but_the_present_one_is_fenced_off(store: Store, epoch: int) -> None:
    with pytest.raises(Fenced, match=f"turn 1 was decided in epoch {epoch}, but epoch 1 owns partition 0"):
        await store.commit(samples.turn(store.position, epoch=epoch))
    await store.commit(samples.turn(store.position))


async def test_every_opening_is_a_new_epoch(open_store: OpenStore) -> None:
    store = await open_store()
    await store.commit(samples.turn(store.position, samples.ENTITIES))
    before = store.position
    store = await open_store()
    assert store.position == replace(before, epoch=2)


@pytest.mark.parametrize(
    ("partition", "epoch", "turn", "committed"),
    [(0, 1, 1, True), (0, 1, 2, False), (0, 2, 1, False), (1, 1, 1, False)],
)
async def test_whether_a_turn_was_committed_can_be_asked(
    store: Store, partition: int, epoch: int, turn: int, committed: bool
) -> None:
    await store.commit(samples.turn(store.position))
    assert await store.outcome(partition, epoch, turn) is committed


async def test_a_commit_that_is_cancelled_is_carried_through(store: Store, reader: Reader) -> None:
    record = samples.turn(store.position, samples.ENTITIES, batches=samples.batches(500))
    task = asyncio.create_task(store.commit(record))
    await asyncio.sleep(0)
    while not task.done():
        task.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await reader.head()).turn == 1
    assert store.position.sequence == 13
    await store.commit(samples.turn(store.position, [(Kind.COUNTER, "A", Counter(id="A", value=2))]))
    assert (await audit(store.folder)).sound


Changes = list[tuple[Kind, str, Entity | None]]


def random_turns() -> st.SearchStrategy[list[Changes]]:
    """Return turns that put and drop a handful of entities in any order."""
    counters = st.builds(Counter, id=st.sampled_from("ABC"), value=st.integers(0, 99))
    puts = counters.map(lambda one: (Kind.COUNTER, one.id, one))
    timers = st.sampled_from(
        [(Kind.TIMER, samples.TIMER.id, samples.TIMER), (Kind.TIMER, samples.TIMER.id, None)]
    )
    drops = st.sampled_from("ABC").map(lambda id_: (Kind.COUNTER, id_, None))
    return st.lists(st.lists(puts | timers | drops, max_size=6), max_size=6)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(turns=random_turns())
async def test_the_tables_are_what_the_journal_says_whatever_was_written(
    store: Store, turns: Sequence[Changes]
) -> None:
    for changes in turns:
        await store.commit(samples.turn(store.position, changes))
    found = await audit(store.folder)
    assert found.sound
    assert (found.sequence, found.hash) == (store.position.sequence, store.position.head_hash)
