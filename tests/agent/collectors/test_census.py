"""What changed about a component's processes between two looks."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette_agent.collectors.census import (
    ChangeKind,
    Component,
    Process,
    first_look,
    leaders,
    look_again,
)

NOW = 10_000.0


def process(pid: int, *, started: float = 100.0, parent: int = 1) -> Process:
    return Process(pid=pid, started=started, created=started + 9000.0, parent=parent)


def kinds(before: Component, *now: Process, straying: tuple[Process, ...] = ()) -> list[tuple[str, int]]:
    _, changes = look_again(before, now, straying, NOW)
    return [(change.kind.value, change.process.pid) for change in changes]


def test_what_runs_at_the_first_look_did_not_start_now() -> None:
    component = first_look([process(5), process(6, parent=5)])
    assert leaders(component) == (process(5),)
    assert component.restarts == 0
    assert kinds(component, process(5), process(6, parent=5)) == []


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ([process(5)], [], [("exited", 5)]),
        ([], [process(5)], [("started", 5)]),
        ([process(5)], [process(7, started=500)], [("exited", 5), ("started", 7)]),
        # the same process id, used again: the start tells
        ([process(5)], [process(5, started=500)], [("exited", 5), ("started", 5)]),
        # the same start, read again with a rounding error
        ([process(5)], [process(5, started=100.02)], []),
        # a worker comes and goes
        ([process(5)], [process(5), process(6, parent=5)], []),
        ([process(5), process(6, parent=5)], [process(5)], []),
        # the leader is gone; its worker, adopted by init, does not lead, and its end is no second exit
        ([process(5), process(6, parent=5)], [process(6, parent=1)], [("exited", 5)]),
        # two leaders, one of them gone
        ([process(5), process(6)], [process(6)], [("exited", 5)]),
    ],
)
def test_exits_and_starts_are_those_of_leading_processes(
    before: list[Process], now: list[Process], expected: list[tuple[str, int]]
) -> None:
    assert kinds(first_look(before), *now) == expected


def test_an_orphaned_worker_ends_without_an_exit() -> None:
    component, _ = look_again(first_look([process(5), process(6, parent=5)]), [process(6)], [], NOW)
    assert kinds(component) == []


def test_a_process_that_changed_its_title_is_still_there() -> None:
    component, changes = look_again(first_look([process(5)]), [], [process(5)], NOW)
    assert changes == ()
    assert kinds(component) == [("exited", 5)]


@pytest.mark.parametrize(("age", "expected"), [(9.9, []), (10.0, [("exited", 5)])])
def test_a_launcher_hands_over_to_its_children(age: float, expected: list[tuple[str, int]]) -> None:
    launcher = replace(process(5), created=NOW - age)
    component = first_look([launcher, process(6, parent=5)])
    after, _ = look_again(component, [process(6)], [], NOW)
    assert kinds(component, process(6)) == expected
    assert [one.pid for one in leaders(after)] == ([6] if not expected else [])


def test_a_crash_soon_after_the_start_with_nothing_left_is_an_exit() -> None:
    young = replace(process(5), created=NOW - 1)
    assert kinds(first_look([young])) == [("exited", 5)]


def test_restarts_count_starts_that_fill_the_place_of_an_exit() -> None:
    component = first_look([process(5)])
    component, _ = look_again(component, [], [], NOW)
    assert (component.restarts, component.vacancies) == (0, 1)
    component, _ = look_again(component, [process(7, started=500)], [], NOW)
    assert (component.restarts, component.vacancies) == (1, 0)
    component, _ = look_again(component, [process(7, started=500), process(8, started=600)], [], NOW)
    assert (component.restarts, component.vacancies) == (1, 0)
    component, _ = look_again(component, [process(9, started=700), process(8, started=600)], [], NOW)
    assert (component.restarts, component.vacancies) == (2, 0)


def test_an_exit_whose_place_was_taken_happened_before_the_new_start() -> None:
    _, changes = look_again(first_look([process(5)]), [process(7, started=500)], [], NOW)
    assert [(one.kind, one.time) for one in changes] == [
        (ChangeKind.EXITED, 9500.0),
        (ChangeKind.STARTED, 9500.0),
    ]
    _, changes = look_again(first_look([process(5)]), [], [], NOW)
    assert changes[0].time == NOW


PIDS = st.sets(st.integers(2, 12), max_size=6)


@given(st.lists(PIDS, min_size=1, max_size=10))
def test_exits_and_starts_add_up_to_the_leaders_that_are_there(looks: list[set[int]]) -> None:
    component = first_look([process(pid) for pid in sorted(looks[0])])
    there = {one.pid for one in leaders(component)}
    exits = starts = 0
    for pids in looks[1:]:
        component, changes = look_again(component, [process(pid) for pid in sorted(pids)], [], NOW)
        for change in changes:
            if change.kind is ChangeKind.EXITED:
                there.remove(change.process.pid)
                exits += 1
            else:
                assert change.process.pid not in there
                there.add(change.process.pid)
                starts += 1
        assert there == pids == {one.pid for one in leaders(component)}
        assert component.vacancies == max(0, component.vacancies)
        assert component.restarts <= min(exits, starts)
        assert component.restarts + component.vacancies == exits
