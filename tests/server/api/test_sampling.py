"""Points of a plot: none invented, no peak lost."""

import struct

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vedette_server.api.sampling import Point, Samples, summarise
from vedette_server.telemetry.series import Series

CPU = Series(number=3, name="system.cpu.utilization", unit="1")
ROOT = Series(number=5, name="system.filesystem.usage", unit="By", labels=(("mountpoint", "/"),))


def packed(*columns: tuple[int, float]) -> tuple[bytes, bytes]:
    numbers = struct.pack(f"<{len(columns)}I", *(number for number, _ in columns))
    return numbers, struct.pack(f"<{len(columns)}d", *(value for _, value in columns))


def add(samples: Samples, at_us: int, *columns: tuple[int, float], outbox_id: str = "o1") -> None:
    numbers, values = packed(*columns)
    samples.add(outbox_id=outbox_id, observed_us=at_us, numbers=numbers, values=values)


def test_only_wanted_series_are_taken_and_those_without_samples_are_left_out() -> None:
    samples = Samples({("o1", 3): CPU, ("o1", 5): ROOT})
    add(samples, 10, (1, 1.0), (3, 0.25), (9, 9.0))
    add(samples, 20, (3, 0.5))
    ((series, points),) = samples.points(start_us=0, end_us=100, count=10)
    assert series == CPU
    assert points == [Point(10, 0.25, 0.25, 0.25), Point(20, 0.5, 0.5, 0.5)]
    assert samples.series_count == 1


def test_a_series_that_has_another_number_in_another_outbox_is_one_series() -> None:
    samples = Samples({("o1", 3): CPU, ("o2", 7): CPU})
    add(samples, 20, (7, 0.5), outbox_id="o2")
    add(samples, 10, (3, 0.25), (7, 99.0), outbox_id="o1")
    ((_series, points),) = samples.points(start_us=0, end_us=100, count=10)
    assert [(point.at_us, point.last) for point in points] == [(10, 0.25), (20, 0.5)]


def test_a_share_gives_its_last_least_and_greatest_sample() -> None:
    times = np.array([0, 10, 20, 50, 60, 99], dtype=np.int64)
    values = np.array([1.0, 9.0, 2.0, 5.0, -1.0, 4.0])
    assert summarise(times, values, start_us=0, end_us=100, count=2) == [
        Point(20, 2.0, 1.0, 9.0),
        Point(99, 4.0, -1.0, 5.0),
    ]


def test_an_empty_share_gives_no_point() -> None:
    times = np.array([0, 1, 98, 99], dtype=np.int64)
    points = summarise(times, np.arange(4.0), start_us=0, end_us=100, count=3)
    assert [point.at_us for point in points] == [1, 99]


@given(
    st.lists(st.tuples(st.integers(0, 999), st.floats(-1e9, 1e9)), min_size=1, max_size=60),
    st.integers(1, 20),
)
def test_no_peak_is_lost_and_no_more_points_come_than_were_asked_for(
    samples: list[tuple[int, float]], count: int
) -> None:
    samples.sort(key=lambda sample: sample[0])
    times = np.array([at for at, _ in samples], dtype=np.int64)
    values = np.array([value for _, value in samples])
    points = summarise(times, values, start_us=0, end_us=1000, count=count)
    assert len(points) <= max(count, 0)
    assert max(point.greatest for point in points) == values.max()
    assert min(point.least for point in points) == values.min()
    assert points[-1].last == values[-1]
    assert [point.at_us for point in points] == sorted(point.at_us for point in points)
