"""Product releases: how they are written and ordered."""

from __future__ import annotations

import pytest

from vedette_server.contracts.release import (
    Release,
    Season,
    UnknownRelease,
    is_at_least,
    parse_release,
)


def test_releases_order_by_year_then_season_then_number() -> None:
    ordered = [
        "2019.Autumn.9",
        "2020.Winter.1",
        "2020.Winter.2",
        "2020.Winter.10",
        "2020.Spring.1",
        "2020.Summer.1",
        "2020.Autumn.1",
        "2021.Winter.0",
    ]
    assert sorted(sorted(ordered), key=parse_release) == ordered


def test_a_release_reads_as_it_is_written() -> None:
    release = parse_release("2020.Winter.1")
    assert release == Release(year=2020, season=Season.WINTER, number=1)
    assert str(release) == "2020.Winter.1"


@pytest.mark.parametrize(
    "text", ["", "2020", "2020.winter.1", "2020.Winter", "20.Winter.1", "2020.Fall.1", "2020.Winter.1 ", "v2"]
)
def test_another_form_is_no_release(text: str) -> None:
    with pytest.raises(UnknownRelease, match="must look like 2020"):
        parse_release(text)


@pytest.mark.parametrize(
    ("release", "answer"),
    [
        ("2020.Winter.1", True),
        ("2020.Winter.0", False),
        ("2019.Autumn.9", False),
        ("2020.Spring.1", True),
        ("nightly", None),
        (None, None),
    ],
)
def test_an_unknown_release_is_neither_old_nor_new(release: str | None, answer: bool | None) -> None:
    assert is_at_least(release, "2020.Winter.1") is answer
