"""The board: sorted at all times, and the cursor stays on its case."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.console.fake import NOW, agent_of, alarm_of, case_of, clock_of, night
from vedette_console.model.board import Board
from vedette_console.model.order import agent_order, alarm_order, case_order, natural
from vedette_console.model.resources import AgentState, Case, CaseState, ClockState, Condition, Priority


def ids(board: Board[Case]) -> list[str]:
    return [board.at(line).id for line in range(len(board))]


def queue(*cases: Case) -> Board[Case]:
    board: Board[Case] = Board(case_order)
    board.replace_all(cases)
    return board


def test_the_queue_is_ordered_by_time_to_breach() -> None:
    assert ids(queue(*night().cases)) == ["C-17", "C-21", "C-22", "C-23", "C-14", "C-12", "C-9"]


def test_without_a_ticking_clock_priority_and_age_decide() -> None:
    met = clock_of(state=ClockState.MET, stopped=NOW)
    old = case_of(1, priority=Priority.P3, response_clock=met, create_time=NOW - timedelta(hours=5))
    young = case_of(2, priority=Priority.P3, response_clock=None, create_time=NOW)
    urgent = case_of(3, priority=Priority.P2, response_clock=None)
    running = case_of(4, priority=Priority.P4, response_clock=clock_of(minutes_left=400, target=480))
    assert ids(queue(young, old, urgent, running)) == ["C-4", "C-3", "C-1", "C-2"]


def test_numbers_in_ids_sort_as_numbers() -> None:
    assert sorted(["C-10", "C-9", "C-100", "odd", "x-1y"], key=natural) == [
        "C-9",
        "C-10",
        "C-100",
        "odd",
        "x-1y",
    ]


def test_the_cursor_stays_on_its_case_when_others_come_above() -> None:
    board = queue(case_of(1), case_of(2, response_clock=clock_of(minutes_left=50)))
    board.select("C-2")
    board.apply(case_of(3, response_clock=clock_of(minutes_left=1)))
    assert (board.cursor, board.selected) == (2, board.get("C-2"))


def test_a_cursor_that_nobody_moved_stays_on_the_most_urgent_case() -> None:
    board = queue(case_of(1))
    board.apply(case_of(3, response_clock=clock_of(minutes_left=1)))
    assert (board.cursor, board.selected) == (0, board.get("C-3"))
    board.show_only(lambda case: case.id != "C-3")
    board.show_only(lambda _: True)
    board.replace_all([case_of(4, response_clock=clock_of(minutes_left=0.5)), *board])
    assert (board.cursor, board.selected) == (0, board.get("C-4"))


def test_moving_onto_the_top_row_or_acting_there_makes_the_cursor_stick() -> None:
    moved, acted = queue(case_of(1)), queue(case_of(1))
    moved.move_by(-1)
    acted.take()
    for board in (moved, acted):
        board.apply(case_of(3, response_clock=clock_of(minutes_left=1)))
        assert (board.cursor, board.selected) == (1, board.get("C-1"))


def test_the_cursor_follows_its_case_when_that_moves() -> None:
    board = queue(case_of(1), case_of(2, response_clock=clock_of(minutes_left=50)))
    board.select("C-1")
    board.apply(case_of(1, response_clock=None))
    assert (board.cursor, ids(board)) == (1, ["C-2", "C-1"])


def test_when_its_case_leaves_the_cursor_takes_the_one_that_moved_up() -> None:
    board = queue(
        case_of(1), case_of(2, response_clock=clock_of(minutes_left=50)), case_of(3, response_clock=None)
    )
    board.select("C-2")
    board.discard("C-2")
    assert board.selected == board.get("C-3")


def test_a_new_list_keeps_the_cursor() -> None:
    board = queue(*night().cases)
    board.select("C-14")
    board.replace_all(reversed(night().cases))
    selected = board.selected
    assert selected is not None
    assert selected.id == "C-14"


def test_a_filter_hides_and_gives_back() -> None:
    board = queue(*night().cases)
    board.select("C-12")
    board.show_only(lambda case: case.customer == "acme")
    assert (ids(board), board.total) == (["C-21", "C-23"], 7)
    board.apply(case_of(40, customer="helios"))
    assert "C-40" not in ids(board)
    board.show_only(lambda _: True)
    assert len(board) == 8


def test_an_empty_board_has_nothing_under_the_cursor() -> None:
    board = queue()
    board.move_by(3)
    assert (board.selected, board.cursor) == (None, 0)


def test_alarms_that_wait_for_a_human_stand_first() -> None:
    active = alarm_of(1, priority=Priority.P3)
    urgent = alarm_of(2)
    cleared = alarm_of(3, condition=Condition.CLEARED)
    taken = alarm_of(4, acknowledged=True)
    assert sorted([taken, cleared, active, urgent], key=alarm_order) == [urgent, active, cleared, taken]


def test_agents_in_trouble_stand_first() -> None:
    states = [
        AgentState.CONNECTED,
        AgentState.LOST,
        AgentState.NEVER_SEEN,
        AgentState.QUARANTINED,
        AgentState.OVERDUE,
    ]
    agents = [agent_of(f"a/b/{index}", state=state) for index, state in enumerate(states)]
    shown = [agent.state for agent in sorted(agents, key=agent_order)]
    assert shown == [
        AgentState.QUARANTINED,
        AgentState.LOST,
        AgentState.OVERDUE,
        AgentState.CONNECTED,
        AgentState.NEVER_SEEN,
    ]


steps = st.lists(
    st.tuples(st.sampled_from(["apply", "discard", "move", "view"]), st.integers(1, 8), st.integers(-90, 90)),
    max_size=40,
)


@given(steps)
def test_whatever_happens_the_view_is_sorted_and_the_cursor_is_on_its_case(
    actions: list[tuple[str, int, int]],
) -> None:
    board = queue()
    moved = False
    for action, number, value in actions:
        moved = moved or (action == "move" and len(board) > 0)
        before = board.selected
        match action:
            case "apply":
                state = CaseState.RESOLVED if value % 7 == 0 else CaseState.NEW
                board.apply(case_of(number, state=state, response_clock=clock_of(minutes_left=value)))
            case "discard":
                board.discard(f"C-{number}")
            case "move":
                board.move_by(value)
            case _:
                board.show_only(lambda case, value=value: len(case.id) + int(case.priority) + value > -50)  # type: ignore[misc]
        keys = [case_order(board.at(line)) for line in range(len(board))]
        assert keys == sorted(keys)
        selected = board.selected
        assert (selected is None) == (len(board) == 0)
        if selected is not None:
            assert board.at(board.cursor) is selected
        if not moved:
            assert board.cursor == 0
        elif action != "move" and before is not None and before.id in ids(board):
            assert selected is not None
            assert selected.id == before.id


def test_an_update_of_a_case_out_of_view_does_not_bring_it_back() -> None:
    board = queue(case_of(1))
    board.show_only(lambda case: case.state is CaseState.NEW)
    board.apply(replace(case_of(1), state=CaseState.RESOLVED))
    assert (len(board), board.total) == (0, 1)
