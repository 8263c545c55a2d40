"""Whatever the demo starts ends with it, however the demo ends."""

import asyncio
import signal
import sys
from pathlib import Path

import psutil
import pytest

from demo import keeper
from demo.programs import REPOSITORY, ProgramFailed, Troupe
from demo.waiting import until

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]
DEAF = f"""
import signal, subprocess, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen({SLEEPER!r})
print("deaf", flush=True)
time.sleep(600)
"""
STUBBORN = [sys.executable, "-c", DEAF]


@pytest.mark.parametrize(
    ("lines", "left"),
    [
        ([], []),
        (["hold 10\n"], [10]),
        (["hold 10\n", "hold 11\n", "free 10\n"], [11]),
        (["hold 10\n", "free 10\n", "hold 12\n", "hold 10\n"], [12, 10]),
    ],
)
def test_the_keeper_holds_what_was_not_freed(lines: list[str], left: list[int]) -> None:
    assert keeper.groups_left(lines) == left


async def test_a_program_is_stopped_with_everything_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("demo.programs.STOP_PATIENCE", 0.2)
    folder = tmp_path / "demo"
    folder.mkdir()
    async with Troupe(folder) as troupe:
        await troupe.start("sleeper", SLEEPER)
        stubborn = await troupe.start("stubborn", STUBBORN)
        await until(lambda: stubborn.tail() == "deaf", what="it ignores SIGTERM", patience=10)
        assert len(troupe.leftovers()) == 4  # the keeper, both programs, and the child of one
    assert troupe.leftovers() == []
    assert not folder.exists()


async def test_a_program_that_fails_is_told_with_its_own_words(tmp_path: Path) -> None:
    async with Troupe(tmp_path / "none") as troupe:
        assert await troupe.run([sys.executable, "-c", "print('fine')"]) == "fine"
        with pytest.raises(ProgramFailed, match="exit code 3: no such thing"):
            await troupe.run(
                [sys.executable, "-c", "import sys; print('no such thing', file=sys.stderr); exit(3)"]
            )


KILLED_DEMO = """
import asyncio, sys
from pathlib import Path
from demo.programs import Troupe

async def main():
    async with Troupe(Path(sys.argv[1])) as troupe:
        program = await troupe.start("sleeper", [sys.executable, "-c", "import time; time.sleep(600)"])
        print(program.process.pid, flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


async def test_the_keeper_cleans_up_behind_a_killed_demo(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    folder.mkdir()
    demo = await asyncio.create_subprocess_exec(
        *[sys.executable, "-c", KILLED_DEMO, str(folder)], cwd=REPOSITORY, stdout=asyncio.subprocess.PIPE
    )
    assert demo.stdout is not None
    sleeper = int(await demo.stdout.readline())
    assert psutil.pid_exists(sleeper)
    demo.send_signal(signal.SIGKILL)
    await demo.wait()
    await until(lambda: not folder.exists(), what="the folder is gone", patience=10)
    await until(lambda: not keeper.alive(sleeper), what="the program is gone", patience=10)
