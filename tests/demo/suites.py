"""The product suite as processes, for tests."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from demo.programs import REPOSITORY
from demo.suite import control
from demo.suite.home import Home
from demo.waiting import until


@dataclass(frozen=True)
class Suite:
    home: Home
    supervisor: asyncio.subprocess.Process

    def processes(self) -> list[int]:
        """Process ids of what lives of this suite."""
        marks = ("--home", str(self.home.root))
        found = []
        for process in psutil.process_iter(["cmdline", "status"]):
            line = process.info["cmdline"] or []
            if all(mark in line for mark in marks) and process.info["status"] != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
        return found


@asynccontextmanager
async def running_suite(folder: Path) -> AsyncIterator[Suite]:
    """Bring a suite up, and see that nothing of it stays."""
    command = [sys.executable, "-m", "demo.suite.supervisor", "--home", str(folder)]
    supervisor = await asyncio.create_subprocess_exec(*command, "--restart-delay", "0.2", cwd=REPOSITORY)
    suite = Suite(home=Home(folder), supervisor=supervisor)
    try:
        await until(lambda: control.all_answer(suite.home), what="the suite is up", patience=20)
        yield suite
    finally:
        if supervisor.returncode is None:
            supervisor.terminate()
        await asyncio.wait_for(supervisor.wait(), 10)
        assert suite.processes() == []
