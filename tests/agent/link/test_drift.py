"""A clock that runs slow or fast is noticed; a slow network is not taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.support.clocks import ManualClock
from vedette_agent.link.drift import Drift

SECOND = 1_000_000
ACK_SECONDS = 10.0


class Machines:
    """An agent whose wall clock gains `ppm` on the server's, both of its clocks alike."""

    def __init__(self, *, ppm: float = 0.0, apart_us: int = 0) -> None:
        self.clock = ManualClock()
        self._drift = Drift()
        self._ppm = ppm
        self._apart_us = apart_us
        self._started_us = self.clock.now_us()

    def ack(self, *, delay: float = 0.05, server_step: float = 0.0) -> int | None:
        """Let an interval pass and an ack arrive that took `delay` seconds; returns the drift, if told."""
        self.clock.advance(ACK_SECONDS)
        ran_us = self.clock.now_us() - self._started_us
        skew_us = self._apart_us - round(ran_us * self._ppm / 1e6) - round((delay - server_step) * SECOND)
        return self._drift.observe(skew_us, self.clock.monotonic())

    def hours_until_told(self, limit: float) -> float | None:
        for count in range(1, int(limit * 3600 / ACK_SECONDS) + 1):
            if self.ack() is not None:
                return count * ACK_SECONDS / 3600
        return None


@pytest.mark.parametrize(
    ("ppm", "earliest", "latest"),
    # 2 s at 100 ppm are 5 h 33 min.
    [(100.0, 5.5, 5.65), (-100.0, 5.5, 5.65), (1000.0, 0.5, 0.65), (20.0, 27.7, 27.9)],
)
def test_a_clock_that_runs_fast_or_slow_is_told_soon_after_two_seconds(
    ppm: float, earliest: float, latest: float
) -> None:
    hours = Machines(ppm=ppm).hours_until_told(limit=30.0)
    assert hours is not None
    assert earliest <= hours <= latest


@pytest.mark.parametrize("apart_us", [-3600 * SECOND, 0, 86_400 * SECOND])
def test_clocks_that_stay_as_far_apart_as_hello_told_are_no_drift(apart_us: int) -> None:
    assert Machines(apart_us=apart_us).hours_until_told(limit=48.0) is None


@pytest.mark.parametrize(
    ("moved", "told"),
    [(2.0, None), (2.000001, 2_000_001), (-2.0, None), (-2.000001, -2_000_001), (40.0, 40 * SECOND)],
)
def test_the_threshold_is_two_seconds_either_way(moved: float, told: int | None) -> None:
    machines = Machines()
    assert [machines.ack() for _ in range(7)] == [None] * 7
    answers = [machines.ack(server_step=moved) for _ in range(7)]
    assert answers == [*[None] * 6, told]


@pytest.mark.parametrize(
    "delays",
    [
        # The welcome came late: the first window has better readings.
        [8.0, *[0.05] * 40],
        # All but one ack of each window are late.
        [0.05, *[9.0, 9.0, 9.0, 0.05, 9.0, 9.0] * 7],
        # A queue that stands for five acks.
        [*[0.05] * 14, *[9.0] * 5, *[0.05] * 20],
    ],
)
def test_a_network_that_is_slow_for_a_while_is_no_drift(delays: list[float]) -> None:
    machines = Machines()
    assert [machines.ack(delay=delay) for delay in delays] == [None] * len(delays)


def test_many_acks_at_once_are_one_reading_of_the_network() -> None:
    drift = Drift()
    for ack in range(1000):
        assert drift.observe(0, ack / 1000) is None
    for ack in range(1000):
        assert drift.observe(-9 * SECOND, 1.0 + ack / 1000) is None


@given(st.lists(st.floats(0.0, 1.9), max_size=200), st.integers(-(10**12), 10**12))
def test_delays_below_the_threshold_never_tell(delays: list[float], apart_us: int) -> None:
    machines = Machines(apart_us=apart_us)
    assert all(machines.ack(delay=delay) is None for delay in delays)
