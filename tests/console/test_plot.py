"""Plots: nothing is lost, nothing is invented, and every line is as wide as it was told."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.console.fake import NOW, ZONE
from vedette_console.model.cell import Line
from vedette_console.model.format import quantity
from vedette_console.model.plot import Frame, chart, sparkline
from vedette_console.model.resources import Point, SeriesData, SeriesInfo
from vedette_console.model.series import as_age, hole_after, moves, ratio, window


def points(*values: float, step: int = 10) -> tuple[Point, ...]:
    start = NOW - timedelta(seconds=step * len(values))
    return tuple(
        Point(time=start + timedelta(seconds=step * i), value=v, minimum=v, maximum=v)
        for i, v in enumerate(values)
    )


def drawn(lines: tuple[Line, ...]) -> list[str]:
    return ["".join(cell.text for cell in line) for line in lines]


HOUR = Frame(start=NOW - timedelta(hours=1), end=NOW, unit="1", threshold=0.85)


def test_a_chart_has_axes_times_and_its_threshold() -> None:
    lines = drawn(chart(points(*[0.5] * 360), HOUR, width=40, height=10, zone=ZONE))
    assert len(lines) == 10
    assert lines[0].startswith("100%┤")
    assert lines[1].startswith(" 85%┼╌╌╌")
    assert lines[7].startswith("  0%┤")
    assert lines[8] == "    └" + "─" * 35
    assert lines[9].split() == ["02:00", "02:30", "03:00"]


def test_a_threshold_never_lies_in_the_top_row_with_what_is_over_it() -> None:
    frame = Frame(start=NOW - timedelta(hours=1), end=NOW, unit="1", threshold=0.9)
    lines = drawn(chart(points(*[0.93] * 360), frame, width=40, height=10, zone=ZONE))
    assert [line[:5] for line in lines[:2]] == ["103%┤", " 90%┼"]
    assert any(0x2800 < ord(character) <= 0x28FF for character in lines[0])
    assert set(lines[1][5:]) == {"╌"}


def test_a_young_chart_has_seconds_at_its_axis() -> None:
    frame = Frame(start=NOW - timedelta(minutes=1), end=NOW, unit="1")
    lines = drawn(chart(points(0.5, 0.5), frame, width=60, height=10, zone=ZONE))
    assert lines[-1].split() == ["02:59:00", "02:59:30", "03:00:00"]


def test_the_date_of_a_start_is_read_as_an_age_that_falls_at_a_restart() -> None:
    born = NOW.timestamp() - 7200
    data = SeriesData(
        info=SeriesInfo(name="component.create_time", unit="s", labels=(("component", "ivr"),)),
        points=points(born, born + 7195, step=5),
    )
    shown = as_age(data)
    assert shown.info.name == "component.age"
    assert [point.value for point in shown.points] == [7190.0, 0.0]
    assert [quantity(value, "s") for value in (7190.0, 119.0, 0.25)] == ["1h 59m", "119s", "0.25s"]
    other = SeriesData(info=SeriesInfo(name="system.cpu.utilization", unit="1", labels=()), points=points(1))
    assert as_age(other) is other
    assert (moves(data), moves(other)) == (True, False)


def test_a_steady_value_is_one_line_of_dots() -> None:
    lines = drawn(chart(points(*[0.5] * 360), HOUR, width=40, height=10, zone=ZONE))
    assert [
        line.count("⠉") + line.count("⠒") + line.count("⣀") + line.count("⠤") for line in lines[2:7]
    ].count(35) == 1


def test_a_hole_in_the_data_stays_a_hole() -> None:
    some = points(*[0.5] * 360)
    holed = some[:120] + some[240:]
    (row,) = [
        line
        for line in drawn(chart(holed, HOUR, width=41, height=10, zone=ZONE))
        if "⠉" in line or "⠤" in line or "⠒" in line
    ]
    assert "          " in row.rstrip()


def test_a_short_peak_between_two_columns_is_seen() -> None:
    values = [0.1] * 360
    some = list(points(*values))
    some[100] = Point(time=some[100].time, value=0.1, minimum=0.1, maximum=1.0)
    lines = drawn(chart(tuple(some), HOUR, width=40, height=10, zone=ZONE))
    assert any(ord(character) > 0x2800 for character in lines[0])


def test_an_empty_chart_still_has_its_axes() -> None:
    lines = drawn(
        chart((), Frame(start=NOW - timedelta(days=7), end=NOW, unit="By"), width=40, height=8, zone=ZONE)
    )
    assert len(lines) == 8
    assert lines[-1].split() == ["23", "Feb", "26", "Feb", "02", "Mar"]


finite = st.floats(-1e12, 1e12)


@given(st.lists(finite, max_size=80), st.integers(0, 130), st.integers(0, 30), st.one_of(st.none(), finite))
def test_every_line_keeps_to_the_width(
    values: list[float], width: int, height: int, threshold: float | None
) -> None:
    frame = Frame(start=NOW - timedelta(minutes=10), end=NOW, unit="By", threshold=threshold)
    lines = drawn(chart(points(*values), frame, width=width, height=height, zone=ZONE))
    assert len({cell_len(line) for line in lines}) == 1
    assert cell_len(lines[0]) == max(width, 24)
    assert len(lines) == max(height, 4)


@given(st.lists(finite, max_size=200), st.integers(0, 60))
def test_a_sparkline_is_never_wider_than_told(values: list[float], width: int) -> None:
    assert len(sparkline(values, width)) == min(width, len(values))


def test_a_sparkline_shows_the_greatest_of_each_share() -> None:
    assert sparkline([0, 0, 8, 0, 4, 0], 3) == "▁█▅"
    assert sparkline([0, 0], 5) == "▁▁"
    assert sparkline([], 5) == ""


def test_a_ratio_uses_the_limit_known_at_that_moment() -> None:
    usage = points(10, 10, 10, 10)
    limit = (usage[1], usage[3])
    limit = (
        Point(time=usage[1].time, value=20, minimum=20, maximum=20),
        Point(time=usage[3].time, value=40, minimum=40, maximum=40),
    )
    assert [point.value for point in ratio(usage, limit)] == [0.5, 0.5, 0.25]


def test_a_limit_of_nothing_has_no_ratio() -> None:
    assert ratio(points(5, 5), points(0, 0)) == ()


def test_a_chart_begins_where_the_data_does_but_never_shows_less_than_a_minute() -> None:
    hour = NOW - timedelta(hours=1)
    assert window((), hour, NOW) == hour
    assert window(points(*[1.0] * 60), hour, NOW) == NOW - timedelta(minutes=10)
    assert window(points(*[1.0] * 7), hour, NOW) == NOW - timedelta(seconds=70)
    assert window(points(1.0, 1.0), hour, NOW) == NOW - timedelta(minutes=1)
    assert window(points(*[1.0] * 720), hour, NOW) == hour


def test_a_hole_is_several_usual_steps() -> None:
    assert hole_after(points(1, 2, 3)) == timedelta(seconds=40)
    assert hole_after(points(1)) == timedelta.max
