"""Options and arguments that several commands share."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import click

from vedette_console.commands.output import Format

Command = TypeVar("Command", bound=Callable[..., object])
_DURATION = re.compile(r"(\d+)([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Duration(click.ParamType[timedelta]):
    """A span such as 90s, 15m, 1h30m or 2d."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Return the span that a text means."""
        if isinstance(value, timedelta):
            return value
        text = str(value)
        if not re.fullmatch(rf"(?:{_DURATION.pattern})+", text):
            self.fail(f'must be a span such as 15m or 1h30m, got "{text}"', param, ctx)
        span = timedelta(seconds=sum(int(count) * _SECONDS[unit] for count, unit in _DURATION.findall(text)))
        if not span:
            self.fail("must be longer than nothing", param, ctx)
        return span


class LabelPair(click.ParamType[tuple[str, str]]):
    """A label such as mountpoint=/var."""

    name = "label"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Return name and value of a label."""
        if isinstance(value, tuple):
            return value
        name, equals, content = str(value).partition("=")
        if not equals or not name:
            self.fail(f'must be NAME=VALUE, got "{value}"', param, ctx)
        return name, content


class CaseId(click.ParamType[str]):
    """The id of a case: C-42, or 42 for short."""

    name = "case"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ARG002 - click's
        """Return the id in full."""
        return _in_full(str(value), "C")


class AlarmId(click.ParamType[str]):
    """The id of an alarm: A-7, or 7 for short."""

    name = "alarm"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ARG002 - click's
        """Return the id in full."""
        return _in_full(str(value), "A")


def output_option(command: Command) -> Command:
    """Give a command `-o`."""
    option = click.option(
        "-o",
        "--output",
        type=click.Choice(Format, case_sensitive=False),
        default=Format.TABLE,
        help="How to write the answer.",
    )
    return option(command)


def etag_option(command: Command) -> Command:
    """Give a command `--etag`."""
    return click.option("--etag", default="", help="Do it only if this is still the version.")(command)


def _in_full(text: str, letter: str) -> str:
    return f"{letter}-{text}" if text.isascii() and text.isdigit() else text.upper()
