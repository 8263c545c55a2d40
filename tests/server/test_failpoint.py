"""Failpoints: what the variable may say, and when a place kills."""

import os
import signal
import subprocess
import sys

import pytest

from vedette_server import failpoint


def fired(text: str, name: str, times: int, *, seed: int = 0) -> list[int]:
    """Return at which times a place would kill, if one could die more than once."""
    trigger = failpoint.parse(text, seed)[name]
    return [time for time in range(1, times + 1) if trigger.fires()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("before_commit=kill@1", [1]),
        ("before_commit=kill@3", [3]),
        ("before_commit=kill:0", []),
        ("before_commit=kill:1", [1, 2, 3, 4, 5]),
        (" before_commit=kill@2 , after_commit_before_ack=kill:1", [2]),
    ],
)
def test_a_place_kills_at_its_count_or_by_its_probability(text: str, expected: list[int]) -> None:
    assert fired(text, "before_commit", 5) == expected


def test_the_same_seed_kills_at_the_same_times() -> None:
    text = "before_commit=kill:0.1,after_commit_before_ack=kill:0.1"
    for name in failpoint.NAMES:
        assert fired(text, name, 200, seed=7) == fired(text, name, 200, seed=7)
        assert fired(text, name, 200, seed=7) != fired(text, name, 200, seed=8)
    assert fired(text, failpoint.NAMES[0], 200) != fired(text, failpoint.NAMES[1], 200)


def test_without_the_variable_no_place_kills() -> None:
    assert failpoint.parse("", 0) == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("befor_commit=kill@1", 'unknown failpoint "befor_commit"; known: before_commit, after_commit'),
        ("before_commit", 'before_commit: must be kill@COUNT or kill:PROBABILITY, got ""'),
        ("before_commit=sleep:1", 'must be kill@COUNT or kill:PROBABILITY, got "sleep:1"'),
        ("before_commit=kill@x", 'must be kill@COUNT or kill:PROBABILITY, got "kill@x"'),
        ("before_commit=kill@0", 'must be kill@COUNT or kill:PROBABILITY, got "kill@0"'),
        ("before_commit=kill:2", 'must be kill@COUNT or kill:PROBABILITY, got "kill:2"'),
        ("before_commit=kill:nan", 'must be kill@COUNT or kill:PROBABILITY, got "kill:nan"'),
    ],
)
def test_a_mistake_in_the_variable_is_named(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words.replace("?", r"\?")):
        failpoint.parse(text, 0)


def test_a_process_dies_at_the_place_it_was_told() -> None:
    script = (
        "from vedette_server import failpoint\nprint(1, flush=True)\nfailpoint.hit('before_commit')\nprint(2)"
    )
    environment = {**os.environ, "VEDETTE_FAILPOINTS": "before_commit=kill@1"}
    died = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, check=False)
    assert (died.returncode, died.stdout) == (-signal.SIGKILL, b"1\n")
