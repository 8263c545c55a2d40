"""Terminal: a command as somebody at a terminal runs it, and what it said."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: How long a command may take, in seconds.
PATIENCE = 40.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """How a command ended."""

    code: int
    stdout: str
    stderr: str

    def json(self) -> Any:
        """Return what it printed as JSON; it must have succeeded."""
        assert (self.code, self.stderr) == (0, ""), self
        return json.loads(self.stdout)

    def json_lines(self) -> list[Any]:
        """Return what it printed, a JSON value a line; it must have succeeded."""
        assert (self.code, self.stderr) == (0, ""), self
        return [json.loads(line) for line in self.stdout.splitlines()]


async def run(*command: str | Path, environment: Mapping[str, str] | None = None) -> Said:
    """Run a command to its end, with nothing to read."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "", "LC_ALL": "C.UTF-8", **(environment or {})},
    )
    try:
        async with asyncio.timeout(PATIENCE):
            stdout, stderr = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Said(code=process.returncode or 0, stdout=stdout.decode(), stderr=stderr.decode())
