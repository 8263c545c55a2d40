"""The watchdog: it barks when the loop is blocked, and only then."""

import asyncio
import time
from pathlib import Path

from vedette_server.watchdog import watch_event_loop


async def test_a_blocked_loop_is_told_with_its_stack(tmp_path: Path) -> None:
    with (tmp_path / "stderr").open("w+", encoding="utf-8") as stream:
        watching = asyncio.create_task(watch_event_loop(blocked_after_s=0.1, stream=stream))
        await asyncio.sleep(0)
        time.sleep(0.3)  # noqa: ASYNC251 -- blocking the loop is the point
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    told = (tmp_path / "stderr").read_text("utf-8")
    assert "Timeout" in told
    assert "test_a_blocked_loop_is_told_with_its_stack" in told


async def test_a_loop_that_comes_round_is_left_alone(tmp_path: Path) -> None:
    with (tmp_path / "stderr").open("w+", encoding="utf-8") as stream:
        watching = asyncio.create_task(watch_event_loop(blocked_after_s=0.2, stream=stream))
        for _ in range(6):
            await asyncio.sleep(0.05)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    assert (tmp_path / "stderr").read_text("utf-8") == ""
