"""How values read: both sides of each unit's edge."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.console.fake import NOW, ZONE
from vedette_console.model import format as fmt


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (59.9, "59s"),
        (60, "1m 00s"),
        (724, "12m 04s"),
        (3599, "59m 59s"),
        (3600, "1h 00m"),
        (86399, "23h 59m"),
        (86400, "1d 00h"),
        (-190, "3m 10s"),
    ],
)
def test_a_span_shows_its_two_largest_units(seconds: float, text: str) -> None:
    assert fmt.span(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(-5, "0s"), (59, "59s"), (60, "1m"), (3599, "59m"), (3600, "1h"), (86400, "1d")]
)
def test_an_age_shows_its_largest_unit(seconds: float, text: str) -> None:
    assert fmt.age(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("minutes", "text"), [(30, "30 min"), (60, "60 min"), (90, "1 h 30 min"), (120, "2 h"), (480, "8 h")]
)
def test_a_target_reads_as_in_a_contract(minutes: int, text: str) -> None:
    assert fmt.target(timedelta(minutes=minutes)) == text


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (NOW + timedelta(hours=7, minutes=20), "10:20"),
        (NOW + timedelta(hours=20, minutes=59), "23:59"),
        (NOW + timedelta(hours=21), "Tue 00:00"),
        (NOW + timedelta(days=6), "Sun 03:00"),
        (NOW + timedelta(days=6, seconds=1), "8 Mar 03:00"),
    ],
)
def test_a_moment_names_the_day_only_when_needed(at: datetime, text: str) -> None:
    assert fmt.moment(at, NOW, ZONE) == text


def test_times_for_programs_are_utc_and_exact() -> None:
    assert fmt.rfc3339(datetime(2026, 3, 2, 3, 0, tzinfo=ZONE)) == "2026-03-02T02:00:00Z"
    assert fmt.rfc3339(datetime(2026, 3, 2, 2, 0, 0, 5, tzinfo=UTC)) == "2026-03-02T02:00:00.000005Z"


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.85, "1", "85%"),
        (0.042, "1", "4.2%"),
        (1.2, "1", "120%"),
        (0.0, "1", "0%"),
        (512, "By", "512 B"),
        (1023, "By", "1023 B"),
        (1024, "By", "1 KiB"),
        (2.5 * 1024**3, "By", "2.5 GiB"),
        (30, "{channel}", "30"),
        (1500, "{call}", "1.5k"),
        (0.25, "s", "0.25s"),
        (float("nan"), "1", "-"),
        (float("inf"), "By", "-"),
    ],
)
def test_a_quantity_reads_in_its_unit(value: float, unit: str, text: str) -> None:
    assert fmt.quantity(value, unit) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, ""), (1, ""), (2, "\N{MULTIPLICATION SIGN}2"), (1500, "\N{MULTIPLICATION SIGN}1.5k")],
)
def test_once_is_not_worth_a_word(count: int, text: str) -> None:
    assert fmt.times(count) == text
