"""A process that dies while it commits: what it called durable is there, and nothing is there in part."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT
from tests.server.store import samples
from vedette_server.engine.changes import Counter, Kind
from vedette_server.store.audit import audit
from vedette_server.store.reader import Reader
from vedette_server.store.sql import Store

#: Commits turns, each with a counter and as many batches, and says on stdout which ones are durable.
WRITER = """
import asyncio, sys
from pathlib import Path
from tests.server.store import samples
from vedette_server.engine.changes import Counter, Kind
from vedette_server.store.sql import Store

async def main():
    store = await Store.open(Path(sys.argv[1]))
    while True:
        number = store.position.turn + 1
        changes = [(Kind.COUNTER, "A", Counter(id="A", value=number))]
        batches = samples.batches(20, raw=number.to_bytes(4, "big") * 500)
        await store.commit(samples.turn(store.position, changes, batches=batches))
        print(number, flush=True)

asyncio.run(main())
"""


def write_until_killed(folder: Path, failpoints: str = "", *, lines: int = 0) -> list[int]:
    """Run the writer until it is killed (by us after `lines`); return the turns it called durable."""
    environment = {**os.environ, "VEDETTE_FAILPOINTS": failpoints, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", WRITER, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as child:
        assert child.stdout is not None
        told = []
        for line in child.stdout:
            told.append(int(line))
            if lines and len(told) >= lines:
                child.kill()
        child.wait(timeout=30)
    assert child.returncode == -signal.SIGKILL
    return told


async def durable_turns(folder: Path) -> int:
    """Return the last turn that is there, after checking that it and all before are there whole."""
    store = await Store.open(folder)
    reader = await Reader.open(folder)
    try:
        turn = store.position.turn
        assert (await audit(folder)).sound
        values = [entry.image() for entry in await reader.journal_of(Kind.COUNTER, ("A",), limit=10_000)]
        assert values == [Counter(id="A", value=number) for number in range(1, turn + 1)]
        stored = [row async for row in reader.batches(samples.AGENT_ID, 0, 2**62)]
        assert len(stored) == 20 * turn
        return turn
    finally:
        await reader.close()
        await store.close()


@pytest.mark.parametrize(
    ("failpoint", "told", "durable"),
    [
        ("before_commit=kill@1", [], 0),
        ("before_commit=kill@4", [1, 2, 3], 3),
        ("after_commit_before_ack=kill@1", [], 1),
        ("after_commit_before_ack=kill@4", [1, 2, 3], 4),
    ],
)
async def test_a_turn_is_there_whole_or_not_at_all(
    tmp_path: Path, failpoint: str, told: list[int], durable: int
) -> None:
    assert write_until_killed(tmp_path, failpoint) == told
    assert await durable_turns(tmp_path) == durable


async def test_whatever_was_called_durable_survives_being_killed_at_any_time(tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)
    for _life in range(3):
        told = write_until_killed(tmp_path, lines=chance.randint(1, 40))
        assert await durable_turns(tmp_path) in {told[-1], told[-1] + 1}
