"""What the suite's components count, and how a command changes it: no process, no clock."""

from pathlib import Path

import pytest

from demo.suite.database import PAGE_BYTES, DatabaseWork
from demo.suite.work import SWING_PERIOD, Capacity, SettingRefused


def channels(**changes: int) -> Capacity:
    return Capacity(**{"name": "channels", "limit": 30, "usual": 12, "swing": 4, **changes})  # type: ignore[arg-type]


def figures(work: Capacity | DatabaseWork, now: float = 0.0) -> dict[str, float]:
    return {gauge.name: gauge.value for gauge in work.gauges(now)}


@pytest.mark.parametrize(("now", "used"), [(0.0, 12), (SWING_PERIOD / 4, 16), (SWING_PERIOD * 3 / 4, 8)])
def test_everyday_load_swings_around_the_usual(now: float, used: int) -> None:
    assert figures(channels(), now) == {"channels_used": used, "channels_limit": 30}


@pytest.mark.parametrize(
    ("setting", "value", "said", "used", "limit"),
    [
        ("channels_used", "29", "capacity.changed 29 of 30 channels in use", 29, 30),
        ("channels_used", "30", "capacity.exhausted 30 of 30 channels in use", 30, 30),
        ("channels_used", "auto", "capacity.normal channels back to everyday load, limit 30", 12, 30),
        ("channels_limit", "0", "capacity.normal channels back to everyday load, limit 0", 12, 0),
    ],
)
def test_a_command_changes_what_is_counted_and_says_so(
    setting: str, value: str, said: str, used: int, limit: int
) -> None:
    work = channels()
    assert work.change(setting, value) == said
    assert figures(work) == {"channels_used": used, "channels_limit": limit}


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("channels_used", "-1", 'channels_used must be a whole number, 0 or more, got "-1"'),
        ("channels_used", "", 'channels_used must be a whole number, 0 or more, got ""'),
        ("chanels_used", "1", 'unknown setting "chanels_used"; known: channels_used, channels_limit'),
    ],
)
def test_a_wrong_command_is_refused_and_changes_nothing(setting: str, value: str, message: str) -> None:
    work = channels()
    with pytest.raises(SettingRefused) as refused:
        work.change(setting, value)
    assert str(refused.value) == message
    assert figures(work) == {"channels_used": 12, "channels_limit": 30}


def fill(work: DatabaseWork) -> None:
    while work.step() < 0.1:
        pass


def test_the_database_grows_to_what_is_asked_and_no_further(tmp_path: Path) -> None:
    limit = 256 * PAGE_BYTES
    work = DatabaseWork(tmp_path / "recordings.db", limit=limit)
    fill(work)
    assert 0.30 <= work.ratio < 0.34
    for ratio in (0.85, 0.95):
        work.change("fill_ratio", str(ratio))
        fill(work)
        assert ratio <= work.ratio < ratio + 0.04
        assert figures(work)["size_bytes"] == (tmp_path / "recordings.db").stat().st_size
        assert figures(work)["limit_bytes"] == limit


def test_a_drained_database_gives_the_space_back(tmp_path: Path) -> None:
    work = DatabaseWork(tmp_path / "recordings.db", limit=256 * PAGE_BYTES)
    work.change("fill_ratio", "0.9")
    fill(work)
    work.change("fill_ratio", "0.4")
    assert 0.3 < work.ratio <= 0.42


@pytest.mark.parametrize("value", ["0.04", "1", "much", "nan"])
def test_a_ratio_that_the_quota_cannot_hold_is_refused(tmp_path: Path, value: str) -> None:
    work = DatabaseWork(tmp_path / "recordings.db", limit=256 * PAGE_BYTES)
    with pytest.raises(SettingRefused, match=r"fill_ratio must be between 0.05 and 0.99, got "):
        work.change("fill_ratio", value)
