"""The wall clock never goes back or jumps under a turn; a step is adopted when it has been agreed on."""

from datetime import UTC, datetime, timedelta

from vedette_server.clock import SystemClock

START = datetime(2026, 3, 3, 9, 0, tzinfo=UTC)


class Machine:
    """A machine whose clocks a test moves."""

    def __init__(self) -> None:
        self.wall = START
        self.mono = 50.0
        self.clock = SystemClock(lambda: self.wall, lambda: self.mono)

    def run(self, seconds: float, *, wall: float | None = None) -> tuple[float, float]:
        """Let time pass; return wall and monotonic seconds since the start as the server sees them."""
        self.mono += seconds
        self.wall += timedelta(seconds=seconds if wall is None else wall)
        now = self.clock.read()
        return (now.wall - START).total_seconds(), now.mono - 50.0


def test_drift_up_to_two_seconds_is_followed_but_never_backwards() -> None:
    machine = Machine()
    assert machine.run(10) == (10, 10)
    assert machine.run(10, wall=11.5) == (21.5, 20)
    assert machine.run(1, wall=0.1) == (21.6, 21)
    assert machine.run(1, wall=-0.5) == (21.6, 22)
    assert machine.clock.take_step() is None


def test_an_hour_forward_is_adopted_after_sixty_seconds_of_agreement_and_told_once() -> None:
    machine = Machine()
    assert machine.run(10, wall=3610) == (10, 10)
    assert machine.run(59) == (69, 69)
    assert machine.clock.take_step() is None
    assert machine.run(1) == (3670, 70)
    assert machine.clock.take_step() == timedelta(hours=1)
    assert machine.clock.take_step() is None


def test_a_step_that_is_taken_back_within_the_minute_changes_nothing() -> None:
    machine = Machine()
    machine.run(10, wall=-600)
    assert machine.run(30, wall=640) == (40, 40)
    assert machine.run(100) == (140, 140)
    assert machine.clock.take_step() is None


def test_an_hour_back_is_adopted_like_an_hour_forward() -> None:
    machine = Machine()
    machine.run(1, wall=-3599)
    assert machine.run(60) == (-3539, 61)
    assert machine.clock.take_step() == timedelta(hours=-1)
