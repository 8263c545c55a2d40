"""Programs: the processes that the demo starts, each a session of its own, and their end.

One idea: whatever is started here is known to three parties: the demo, which stops it; the keeper, which does
if the demo cannot; and a marker in its environment, by which `leftovers` finds what both missed.
"""

import asyncio
import contextlib
import os
import secrets
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil

from demo import keeper

#: Name of the environment variable that marks every process of one demo.
MARKER = "VEDETTE_DEMO_RUN"
#: Folder in which `python -m demo…` finds itself.
REPOSITORY = Path(__file__).resolve().parent.parent
#: How long a program may take to stop when asked, in seconds.
STOP_PATIENCE = 6.0


class ProgramFailed(Exception):
    """A program that had to succeed did not."""


@dataclass(slots=True, kw_only=True)
class Program:
    """One started program; its process group has its process id."""

    name: str
    process: asyncio.subprocess.Process
    log: Path

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.process.returncode is None

    def tail(self, lines: int = 15) -> str:
        """Return the last lines of what it wrote."""
        text = self.log.read_text(errors="replace").splitlines()
        return "\n".join(text[-lines:])


class Troupe:
    """Every program of one demo; an async context manager that leaves none behind.

    Args:
        folder: the demo's folder; removed in the end whatever happens.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._run_id = secrets.token_hex(8)
        self._keeper: asyncio.subprocess.Process | None = None
        self.programs: list[Program] = []

    @property
    def environment(self) -> dict[str, str]:
        """What the programs get as their environment."""
        return {**os.environ, MARKER: self._run_id, "PYTHONUNBUFFERED": "1"}

    async def __aenter__(self) -> Self:
        """Start the keeper."""
        self._keeper = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "demo.keeper",
            str(self._folder),
            stdin=asyncio.subprocess.PIPE,
            cwd=REPOSITORY,
            env=self.environment,
            start_new_session=True,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop what still runs, the last started first, and dismiss the keeper."""
        for program in reversed(self.programs):
            await self.stop(program)
        assert self._keeper is not None  # noqa: S101 - entered before it is left
        self._pipe.close()
        await self._keeper.wait()

    async def start(self, name: str, command: Sequence[str | Path]) -> Program:
        """Start a program; what it writes goes to a file of its own."""
        log = self._folder / f"{name}.log"
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=REPOSITORY,
                env=self.environment,
                start_new_session=True,
            )
        self._tell_keeper("hold", process.pid)
        program = Program(name=name, process=process, log=log)
        self.programs.append(program)
        return program

    async def run(self, command: Sequence[str | Path]) -> str:
        """Run a program to its end and return what it printed.

        Raises:
            ProgramFailed: it ended with another code than 0.
        """
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=REPOSITORY,
            env=self.environment,
        )
        output, errors = await process.communicate()
        if process.returncode != 0:
            said = errors.decode(errors="replace").strip()
            raise ProgramFailed(f"{' '.join(map(str, command))}: exit code {process.returncode}: {said}")
        return output.decode().strip()

    async def stop(self, program: Program) -> None:
        """Ask a program to stop, insist after a while, and end what it left in its group."""
        if program.running:
            with contextlib.suppress(ProcessLookupError):
                program.process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(STOP_PATIENCE):
                    await program.process.wait()
            except TimeoutError:
                program.process.kill()
                await program.process.wait()
        keeper.signal_group(program.process.pid, signal.SIGKILL)
        self._tell_keeper("free", program.process.pid)
        if program in self.programs:
            self.programs.remove(program)

    async def stop_named(self, name: str) -> None:
        """Stop the program of that name, if one was started."""
        for program in [one for one in self.programs if one.name == name]:
            await self.stop(program)

    def leftovers(self) -> list[str]:
        """Return what still runs of this demo, one "pid command line" each, this process excepted."""
        return [
            f"{process.pid} {' '.join(process.info['cmdline'] or [])}"
            for process in psutil.process_iter(["cmdline", "environ"])
            if (process.info["environ"] or {}).get(MARKER) == self._run_id
        ]

    def _tell_keeper(self, word: str, group: int) -> None:
        self._pipe.write(f"{word} {group}\n".encode())

    @property
    def _pipe(self) -> asyncio.StreamWriter:
        assert self._keeper is not None  # noqa: S101 - the keeper starts before any program
        assert self._keeper.stdin is not None  # noqa: S101 - it was given a pipe
        return self._keeper.stdin
