"""Figures: spread, percentiles, verdicts on both sides of a bound, and the table."""

from __future__ import annotations

import pytest

from bench.figures import Target, Verdict, figure, percentile, ratios, table

HUNDRED = [float(number) for number in range(1, 101)]


@pytest.mark.parametrize(
    ("share", "value"), [(0.0, 1.0), (0.01, 1.0), (0.07, 7.0), (0.5, 50.0), (0.99, 99.0), (1.0, 100.0)]
)
def test_a_percentile_is_a_value_that_was_measured(share: float, value: float) -> None:
    assert percentile(HUNDRED, share) == value


def test_the_percentiles_of_one_value_are_that_value() -> None:
    assert [percentile([3.0], share) for share in (0.0, 0.5, 0.99)] == [3.0, 3.0, 3.0]


@pytest.mark.parametrize(
    ("values", "at_least", "verdict"),
    [
        ([0.2, 0.3, 0.9], True, Verdict.PASS),
        ([0.2, 0.29, 0.9], True, Verdict.MISS),
        ([0.2, 0.3, 0.9], False, Verdict.PASS),
        ([0.2, 0.31, 0.9], False, Verdict.MISS),
    ],
)
def test_the_median_is_judged_and_the_bound_itself_passes(
    values: list[float], at_least: bool, verdict: Verdict
) -> None:
    judged = figure("share", values, "x", target=Target(bound=0.3, at_least=at_least))
    assert judged.verdict is verdict


def test_each_value_is_held_against_the_rival_beside_it() -> None:
    assert ratios([1.0, 3.0], [2.0, 4.0]) == [0.5, 0.75]
    with pytest.raises(ValueError, match="zip"):
        ratios([1.0], [1.0, 2.0])


def test_the_table_shows_spread_count_target_and_verdict() -> None:
    shown = table(
        [
            figure("ingest", [1.5, 2.5, 0.5], "M/s"),
            figure(
                "share",
                [0.5],
                "x",
                per_repetition=400,
                target=Target(bound=0.3, at_least=True),
                beside="echo",
            ),
        ]
    )
    assert [line.split() for line in shown.splitlines()[2:]] == [
        ["ingest", "3", "0.50", "1.50", "2.50", "M/s"],
        ["share", "1x400", "0.50", "0.50", "0.50", "x", ">=", "0.30", "PASS", "echo"],
    ]
