"""One call from the command line: settings, connection, answer, exit code."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from typing import NoReturn, TypeVar

from vedette_console.client.errors import SupportError
from vedette_console.client.remote import RemoteSupport
from vedette_console.clock import Clock, SystemClock
from vedette_console.commands.exits import OF_ERROR, Exit
from vedette_console.settings import ConfigError, Options, load, target

Answer = TypeVar("Answer")


def call(options: Options, work: Callable[[RemoteSupport, Clock], Awaitable[Answer]]) -> Answer:
    """Return what `work` returns; end the program with a sentence and an exit code when that fails."""
    clock = SystemClock()
    try:
        where = target(load(options, os.environ), os.environ)
    except ConfigError as error:
        fail(str(error), Exit.CONFIG)

    async def connected() -> Answer:
        async with RemoteSupport(where, clock) as support:
            return await work(support, clock)

    try:
        return asyncio.run(connected())
    except SupportError as error:
        fail(str(error), OF_ERROR[error.kind])


def fail(sentence: str, code: Exit) -> NoReturn:
    """End the program with a sentence on standard error."""
    sys.stderr.write(f"vedette: {sentence}\n")
    sys.exit(code)
