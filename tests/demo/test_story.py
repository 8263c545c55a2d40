"""The headless demo as a newcomer runs it: it comes true, in time, and leaves nothing behind."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from demo.configuration import AGENT
from demo.programs import REPOSITORY

#: What `just demo --headless` promises, in seconds.
PROMISED = 60.0


def told(facts: list[dict[str, Any]], **wanted: object) -> list[dict[str, Any]]:
    return [fact for fact in facts if all(fact.get(key) == value for key, value in wanted.items())]


@pytest.mark.serial
async def test_the_story_comes_true_in_under_a_minute_and_leaves_nothing(tmp_path: Path) -> None:
    demo = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "demo", "--headless"],
        cwd=REPOSITORY,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await demo.communicate()
    assert demo.returncode == 0, errors.decode()
    facts = [json.loads(line) for line in output.splitlines()]

    (done,) = told(facts, kind="done")
    assert facts[-1] == done
    assert done["elapsed_seconds"] < PROMISED
    assert all(fact["time"] for fact in facts)

    opened = {
        fact["code"]: fact for fact in told(facts, kind="case", customer="nordwind", reason="CASE_OPENED")
    }
    assert {code: fact["priority"] for code, fact in opened.items()} == {
        "voip_stack_crash": "P1",
        "database_space": "P4",
        "channels_exhausted": "P3",
        "cloud_connection_lost": "P1",
    } | {code: fact["priority"] for code, fact in opened.items() if code == "disk_space"}
    assert all(fact["due_at"] and fact["clock"] == "running" for fact in opened.values())
    assert told(facts, kind="alarm", code="database_space", agent=AGENT, priority="P3", condition="active")
    (cleared,) = told(facts, kind="alarm", code="cloud_connection_lost", condition="cleared", agent=AGENT)
    assert cleared["cause"]
    assert told(facts, kind="case", reason="CASE_ACKNOWLEDGED", clock="met")
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - a test may block
