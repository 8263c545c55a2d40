"""`vedette watch`: every change as it happens, across lost links, until it is interrupted."""

import asyncio
import random
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from datetime import tzinfo

import click

from vedette_console.client.errors import ErrorKind, SupportError
from vedette_console.client.support import Kind, Support
from vedette_console.clock import Clock
from vedette_console.commands.call import call
from vedette_console.commands.output import Format, write, write_json_line
from vedette_console.model.format import full_time
from vedette_console.model.resources import Change
from vedette_console.model.safe import safe
from vedette_console.settings import Options

#: Bound of the random pause before watching again, seconds.
PAUSE_MAX = 5.0
#: The server no longer has the changes since the token.
_EXPIRED = "RESUME_TOKEN_EXPIRED"
_FORMATS = [Format.TABLE.value, Format.JSONL.value]


@click.command()
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice(Kind, case_sensitive=False),
    help="Only this; repeatable.",
)
@click.option("--customer", default="", help="Only this customer id.")
@click.option("--count", type=click.IntRange(min=1), help="End after so many changes.")
@click.option("-o", "--output", type=click.Choice(_FORMATS), default=Format.TABLE.value)
@click.pass_obj
def watch(options: Options, kinds: tuple[Kind, ...], customer: str, count: int | None, output: str) -> None:
    """Print every change as it happens, from now on; Ctrl-C ends it.

    A lost link is taken up where it broke, so that no change is missed. When the server has more changes
    than it kept, that is said on standard error: list again.
    """

    async def work(support: Support, clock: Clock) -> None:
        shows: Callable[[Change], None] = (
            write_json_line if output == Format.JSONL else lambda change: _write_line(change, clock.zone())
        )
        left = count
        async with aclosing(_changes(support, kinds, customer)) as changes:
            async for change in changes:
                shows(change)
                left = None if left is None else left - 1
                if left == 0:
                    return

    try:
        call(options, work)
    except KeyboardInterrupt:
        sys.exit(0)


async def _changes(support: Support, kinds: tuple[Kind, ...], customer: str) -> AsyncGenerator[Change, None]:
    """Yield changes across lost links; a link that never was is an error."""
    token = b""
    while True:
        try:
            frames = support.watch(resume_token=token, kinds=kinds, customer=customer)
            async with aclosing(frames):
                async for frame in frames:
                    token = frame.resume_token
                    if frame.resync:
                        _tell("changes were skipped; list again")
                    if frame.change is not None:
                        yield frame.change
        except SupportError as error:
            if not token or (error.kind is not ErrorKind.UNREACHABLE and error.reason != _EXPIRED):
                raise
            if error.reason == _EXPIRED:
                token = b""
            _tell(f"{error}; watching again")
        await asyncio.sleep(random.uniform(0, PAUSE_MAX))  # noqa: S311 - jitter


def _tell(sentence: str) -> None:
    sys.stderr.write(f"vedette: {safe(sentence)}\n")


def _write_line(change: Change, zone: tzinfo) -> None:
    about = "-" if change.resource is None else change.resource.id
    texts = (full_time(change.time, zone), about, change.reason, change.actor, change.text)
    write("  ".join(map(safe, texts)))
    sys.stdout.flush()
