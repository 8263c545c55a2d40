"""What readers see: lists in their order, page by page, and the facts of a time."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from tests.server.store import samples
from tests.server.store.samples import AGENT_ID, NOW, NOW_US
from vedette_server.cases.case import Case, CaseState
from vedette_server.cases.sla import ClockState
from vedette_server.contracts.priority import Priority
from vedette_server.engine.changes import Kind
from vedette_server.fleet.agent import AgentState
from vedette_server.store.pages import AgentFilter, AlarmFilter, CaseFilter, EventCursor, Page
from vedette_server.store.reader import Reader
from vedette_server.store.sql import Store

MINUTE = timedelta(minutes=1)


def case(number: int, *, due: int | None = None, priority: int = 3, age: int = 0, **fields: Any) -> Case:
    """Return a case due `due` minutes from NOW (None: it has no clock) and `age` minutes old."""
    clock = None if due is None else replace(samples.CLOCK, due_at=NOW + due * MINUTE)
    return replace(
        samples.CASE,
        id=f"C-{number}",
        clock=clock,
        priority=Priority(priority),
        created_at=NOW - age * MINUTE,
        **fields,
    )


async def write_cases(store: Store, *cases: Case) -> None:
    await store.commit(samples.turn(store.position, [(Kind.CASE, one.id, one) for one in cases]))


async def every(listing: Callable[..., Awaitable[Page[Any, Any]]]) -> list[Any]:
    """Return all items of a list, page by page."""
    page = await listing()
    items = list(page.items)
    while page.next is not None:
        page = await listing(after=page.next)
        assert page.items
        items += page.items
    return items


async def test_cases_come_soonest_due_first_and_those_without_a_clock_by_priority_and_age(
    store: Store, reader: Reader
) -> None:
    breached = replace(samples.CLOCK, state=ClockState.BREACHED, due_at=None, breached_at=NOW - 5 * MINUTE)
    answered_late = replace(breached, stopped_at=NOW)
    await write_cases(
        store,
        case(1, due=30),
        case(2, due=10, priority=4),
        case(3, priority=2, age=1),
        case(4, priority=1),
        case(5, priority=2, age=9),
        replace(case(6), clock=breached),
        replace(case(7, priority=1, age=2), clock=answered_late),
        case(8, due=10, priority=1),
        case(9, due=1, state=CaseState.CLOSED),
    )
    for limit in (1, 2, 3, 8, 9, 100):
        listed = await every(partial(reader.list_cases, CaseFilter(), limit=limit))
        assert [one.id for one in listed] == ["C-6", "C-8", "C-2", "C-1", "C-7", "C-4", "C-5", "C-3"]


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (CaseFilter(), ["C-1", "C-2", "C-3"]),
        (CaseFilter(states=(CaseState.RESOLVED,)), ["C-4"]),
        (CaseFilter(states=(CaseState.NEW, CaseState.RESOLVED)), ["C-2", "C-4"]),
        (CaseFilter(customer="zeta"), ["C-2"]),
        (CaseFilter(owner="bob"), ["C-3"]),
        (CaseFilter(installation="paris"), ["C-3"]),
        (CaseFilter(customer="zeta", owner="bob"), []),
    ],
)
async def test_cases_are_filtered_by_every_field(
    store: Store, reader: Reader, wanted: CaseFilter, ids: list[str]
) -> None:
    await write_cases(
        store,
        case(1, due=1),
        case(2, due=2, state=CaseState.NEW, customer="zeta"),
        case(3, due=3, owner="bob", installation="paris"),
        case(4, due=4, state=CaseState.RESOLVED),
    )
    assert [one.id for one in (await reader.list_cases(wanted, limit=10)).items] == ids


async def test_a_case_that_becomes_due_earlier_meanwhile_hides_no_other(store: Store, reader: Reader) -> None:
    await write_cases(store, *(case(number, due=number) for number in range(1, 7)))
    page = await reader.list_cases(CaseFilter(), limit=3)
    assert [one.id for one in page.items] == ["C-1", "C-2", "C-3"]
    await write_cases(store, case(6, due=0), case(2, due=1, state=CaseState.CLOSED))
    rest = await reader.list_cases(CaseFilter(), after=page.next, limit=3)
    assert [one.id for one in rest.items] == ["C-4", "C-5"]
    assert rest.next is None


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (AlarmFilter(), ["A-3", "A-1"]),
        (AlarmFilter(show_closed=True), ["A-3", "A-2", "A-1"]),
        (AlarmFilter(customer="zeta"), ["A-3"]),
        (AlarmFilter(code="disk_space"), ["A-1"]),
        (AlarmFilter(case_id="C-1", show_closed=True), ["A-2", "A-1"]),
        (AlarmFilter(case_id="C-9"), []),
    ],
)
@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_alarms_come_newest_first(
    store: Store, reader: Reader, wanted: AlarmFilter, ids: list[str], limit: int
) -> None:
    alarm = samples.ALARM
    closed = replace(alarm, id="A-2", raised_at=NOW + MINUTE, closed_at=NOW + 2 * MINUTE)
    other = replace(
        alarm,
        id="A-3",
        key="k",
        code="database_space",
        customer="zeta",
        case_id="",
        raised_at=NOW + 3 * MINUTE,
    )
    changes = [(Kind.ALARM, one.id, one) for one in (alarm, closed, other)]
    await store.commit(samples.turn(store.position, changes))
    listed = await every(partial(reader.list_alarms, wanted, limit=limit))
    assert [one.id for one in listed] == ids


async def test_agents_come_by_id_with_their_link(store: Store, reader: Reader) -> None:
    lost = replace(samples.AGENT, id="acme/berlin/pbx-2", state=AgentState.LOST)
    zeta = replace(samples.AGENT, id="zeta/rome/n-1", customer="zeta", installation="rome", outbox_id="o")
    changes = [(Kind.AGENT, one.id, one) for one in (zeta, lost, samples.AGENT)]
    await store.commit(
        samples.turn(store.position, changes, links=[(AGENT_ID, "o1", 7, 3, NOW_US), (zeta.id, "o", 1, 0, 5)])
    )
    for limit in (1, 2, 10):
        listed = await every(partial(reader.list_agents, AgentFilter(), limit=limit))
        assert [one.agent for one in listed] == [samples.AGENT, lost, zeta]
        assert [one.link and one.link.watermark for one in listed] == [7, None, 1]
    only_lost = await reader.list_agents(AgentFilter(states=(AgentState.LOST,)), limit=10)
    assert [one.agent.id for one in only_lost.items] == ["acme/berlin/pbx-2"]
    of_zeta = await reader.list_agents(AgentFilter(customer="zeta", installation="rome"), limit=10)
    assert [one.agent.id for one in of_zeta.items] == ["zeta/rome/n-1"]
    link = await reader.link_of(samples.AGENT)
    assert link is not None
    assert (link.outbox_id, link.watermark, link.fact_hash, link.last_seen) == ("o1", 7, 3, NOW)
    assert await reader.link_of(lost) is None


async def test_tokens_come_oldest_first_and_are_found_by_hash(store: Store, reader: Reader) -> None:
    tokens = [replace(samples.TOKEN, id=f"T-{number}", secret_hash=f"{number:064x}") for number in (2, 10, 1)]
    tokens[0] = replace(tokens[0], revoked_at=NOW)
    await store.commit(samples.turn(store.position, [(Kind.TOKEN, one.id, one) for one in tokens]))
    listed = await every(partial(reader.list_tokens, limit=1))
    assert [one.id for one in listed] == ["T-1", "T-2", "T-10"]
    assert await reader.token_by_hash(f"{2:064x}") == tokens[0]
    assert await reader.token_by_hash("ff" * 32) is None


@pytest.mark.parametrize(
    ("start_s", "end_s", "seqs"),
    [
        (0, 8000, [1, 2, 3, 4]),
        (0, 1, [1]),
        (1, 61, [2]),
        (60, 62, [2, 3]),
        (61, 7999, [3]),
        (62, 8000, [4]),
        (7999, 7999, []),
        (9, 3, []),
        (8000, 9000, []),
        (-(10**9), 10**9, [1, 2, 3, 4]),
    ],
)
async def test_batches_of_a_range_come_in_order_of_observation(
    store: Store, reader: Reader, start_s: int, end_s: int, seqs: list[int]
) -> None:
    rows = [
        replace(row, observed_us=NOW_US + offset * 1_000_000)
        for row, offset in zip(samples.batches(4), (0, 60, 61, 7999), strict=True)
    ]
    of_another = samples.batches(5, agents=["acme/berlin/pbx-2"])
    await store.commit(samples.turn(store.position, batches=[rows[3], *of_another, rows[1]]))
    await store.commit(samples.turn(store.position, batches=[rows[0], rows[2]]))
    start_us, end_us = NOW_US + start_s * 1_000_000, NOW_US + end_s * 1_000_000
    found = [row async for row in reader.batches(AGENT_ID, start_us, end_us)]
    assert found == [rows[seq - 1] for seq in seqs]


async def test_a_store_without_batches_has_none_in_any_range(reader: Reader) -> None:
    assert [row async for row in reader.batches(AGENT_ID, 0, 2**62)] == []


async def test_events_of_a_range_come_page_by_page(store: Store, reader: Reader) -> None:
    rows = [samples.event(2, 1), samples.event(1), samples.event(2, 0), samples.event(5)]
    await store.commit(samples.turn(store.position, events=rows))
    start, end = NOW_US + 1_000_000, NOW_US + 5_000_000
    listed = await every(partial(reader.events, AGENT_ID, start, end, limit=1))
    assert listed == [rows[1], rows[2], rows[0]]
    page = await reader.events(AGENT_ID, start, end, limit=2)
    assert page.next == EventCursor(NOW_US + 2_000_000, "o1", 2, 0)


async def test_series_are_listed_over_all_outboxes_and_counted_for_one(store: Store, reader: Reader) -> None:
    old = replace(samples.SERIES_PAGE, outbox_id="o0", series=samples.SERIES[:1])
    changes = [(Kind.SERIES, "old", old), (Kind.SERIES, "new", samples.SERIES_PAGE)]
    await store.commit(samples.turn(store.position, changes))
    assert await reader.series_of(AGENT_ID) == (old, samples.SERIES_PAGE)
    assert await reader.count_series(AGENT_ID, "o0") == 1
    assert await reader.count_series(AGENT_ID, "o1") == 2
    assert await reader.count_series(AGENT_ID, "o2") == 0


async def test_the_journal_is_read_by_position_by_subject_and_as_images(store: Store, reader: Reader) -> None:
    assert await reader.oldest_sequence() == 1
    first = replace(samples.CASE, revision=1)
    second = replace(samples.CASE, revision=2)
    await store.commit(
        samples.turn(store.position, [(Kind.CASE, "C-1", first), (Kind.ALARM, "A-1", samples.ALARM)])
    )
    await store.commit(
        samples.turn(
            store.position,
            [
                (Kind.CASE, "C-1", second),
                (Kind.CASE, "C-2", replace(second, id="C-2")),
                (Kind.TIMER, "t", None),
            ],
        )
    )
    assert [entry.sequence for entry in await reader.journal(limit=10)] == [1, 2, 3, 4, 5]
    assert [entry.sequence for entry in await reader.journal(2, limit=2)] == [3, 4]
    of_case = await reader.journal_of(Kind.CASE, ("C-1",), limit=10)
    assert [(entry.sequence, entry.turn, entry.image()) for entry in of_case] == [
        (1, 1, first),
        (3, 2, second),
    ]
    both = await reader.journal_of(Kind.CASE, ("C-1", "C-2"), after=1, limit=10)
    assert [entry.id for entry in both] == ["C-1", "C-2"]
    assert await reader.journal_of(Kind.CASE, (), limit=10) == []
    assert await reader.image_at(1) == first
    assert await reader.image_at(5) is None
    assert await reader.image_at(99) is None
    head = await reader.head()
    assert (head.turn, head.sequence, head.hash) == (2, 5, store.position.head_hash)
    entry = (await reader.journal(4, limit=1))[0]
    assert (entry.op, entry.reason, entry.actor, entry.text) == (
        "delete",
        "CASE_COMMENTED",
        "ann",
        "words about t",
    )
    assert entry.versions == samples.VERSIONS
    assert entry.time_us == NOW_US + 1_000_000


async def test_an_entity_that_is_not_there_is_none(reader: Reader) -> None:
    assert await reader.get(Kind.CASE, "C-404") is None


async def test_a_store_has_an_id_that_stays(store: Store, reader: Reader) -> None:
    again = await Reader.open(store.folder)
    assert again.store_id == reader.store_id
    assert len(reader.store_id) == 16
    await again.close()
