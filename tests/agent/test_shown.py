"""What the commands print."""

from pathlib import Path
from typing import Any

import pytest

from vedette_agent.dry_run import Measured
from vedette_agent.facts import gauge
from vedette_agent.shown import measured_table, status_text
from vedette_agent.status import Observed

CONTENT: dict[str, Any] = {
    "link": {
        "state": "waiting",
        "since": "2026-01-01T10:00:00.000Z",
        "agent": "acme/berlin/node-1",
        "last_ack_age_seconds": 3.25,
        "clock_skew_seconds": -0.05,
        "last_error": "UNAVAILABLE: \x1b[31mred",
    },
    "outbox": {"fact_count": 7, "size_bytes": 2048, "watermark": 41, "oldest_age_seconds": 12.0},
    "collectors": [{"name": "cpu", "state": "idle", "last_duration": 0.001, "problem": ""}],
}


@pytest.mark.parametrize(
    ("content", "running", "age", "first_line"),
    [
        (CONTENT, True, 1.0, "running"),
        (CONTENT, None, 1.0, "running"),
        (CONTENT, True, 15.0, "running"),
        (CONTENT, True, 15.1, "running, but its status is stale: written 15 s ago"),
        (CONTENT, False, 1.0, "not running; this was its state 1 s ago"),
        (None, False, None, "not running: no agent uses state"),
        (None, True, None, "unknown: there is no readable status.json in state"),
    ],
)
def test_status_says_first_whether_to_believe_it(
    content: dict[str, Any] | None, running: bool | None, age: float | None, first_line: str
) -> None:
    observed = Observed(content=content, is_running=running, age=age)
    assert status_text(observed, Path("state")).splitlines()[0] == first_line


def test_status_shows_link_outbox_and_collectors_without_control_characters() -> None:
    text = status_text(Observed(content=CONTENT, is_running=True, age=0.0), Path("state"))
    for shown in ("acme/berlin/node-1", "3.2 s ago", "-50 ms", "7 facts, 2.0 KiB", "watermark   41", "cpu"):
        assert shown in text
    assert "\\x1b[31mred" in text
    assert "\x1b" not in text


def test_status_says_clearly_that_the_disk_takes_no_facts() -> None:
    refusal = {
        "since": "2026-01-01T10:00:00.000Z",
        "error": "database or disk is full",
        "waiting_event_count": 12,
        "dropped_fact_count": 340,
    }
    content = {**CONTENT, "outbox": {**CONTENT["outbox"], "refusal": refusal}}
    lines = status_text(Observed(content=content, is_running=True, age=0.0), Path("state")).splitlines()
    assert lines[:3] == [
        "running",
        "DISK        takes no facts since 2026-01-01T10:00:00.000Z: database or disk is full",
        "            12 events wait in memory, 340 metrics and other facts were dropped",
    ]
    well = {**CONTENT, "outbox": {**CONTENT["outbox"], "refusal": None}}
    assert "DISK" not in status_text(Observed(content=well, is_running=True, age=0.0), Path("state"))


def test_a_measurement_is_shown_with_its_unit_and_hostile_labels_are_harmless() -> None:
    measured = Measured(
        name="filesystem",
        samples=(
            (gauge("system.filesystem.usage", "By", mountpoint="/a\x1b]0;x\x07"), 1536.0),
            (gauge("ratio", "1"), 0.25),
            (gauge("cpus", "{cpu}"), 2.0),
        ),
        events=(),
        problems=("/b: no\nway",),
        failed=False,
        duration=0.0123,
    )
    lines = measured_table([measured]).splitlines()
    assert lines[0] == "filesystem: ok in 12 ms"
    assert lines[1].split() == ["system.filesystem.usage{mountpoint=/a\\x1b]0;x\\x07}", "1.5", "KiB"]
    assert lines[2].split() == ["ratio", "0.250"]
    assert lines[3].split() == ["cpus", "2", "{cpu}"]
    assert lines[4] == "  problem: /b: no\\nway"
