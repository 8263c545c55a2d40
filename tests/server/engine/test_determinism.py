"""Nothing depends on the layout of memory: one past gives one journal under any hash seed."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server.engine.test_turn import NODE, crash, running
from tests.support.manual_clock import ManualClock
from tests.support.stage import TUESDAY
from vedette_server.contracts.policy import Policy
from vedette_server.fleet.session import Welcome


@pytest.mark.parametrize("seed", ["1", "4242"])
async def test_replay_is_equal_under_any_hash_seed(tmp_path: Path, policy: Policy, seed: str) -> None:
    clock = ManualClock(TUESDAY)
    async with running(tmp_path, policy, clock) as server:
        token = await server.enrol()
        stream, ear = await server.hello(token)
        await ear.until(Welcome(agent=NODE, watermark=0))
        for seq in range(1, 6):
            await server.loop.offer(stream, crash(stream, seq, clock.wall))
        await ear.until(5)
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "vedette_server.cli", "replay", "--data-dir", str(tmp_path)],
        env=os.environ | {"PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(" journal entries are equal\n")
