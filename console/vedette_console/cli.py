"""The command line: global options, and commands that are imported only when they are asked for.

`vedette cases list` must start in the time gRPC needs; it imports no Textual. `vedette` alone opens the
console.
"""

import os
from importlib import import_module

import click

from vedette_console.settings import Options

# gRPC reads this once, when a command imports it. What it would write of itself belongs on no terminal.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

#: Command names, and where each is defined.
COMMANDS = {
    "agents": "vedette_console.commands.agents:agents",
    "alarms": "vedette_console.commands.alarms:alarms",
    "cases": "vedette_console.commands.cases:cases",
    "info": "vedette_console.commands.info:info",
    "installations": "vedette_console.commands.installations:installations",
    "series": "vedette_console.commands.series:series",
    "watch": "vedette_console.commands.watch:watch",
}
EPILOG = """\b
Exit codes:
  0  done
  1  the server said no
  2  the command line is wrong
  3  the configuration is wrong
  4  no server, no answer, or the token is not accepted
  5  somebody else changed it first (--etag)

\b
Environment: VEDETTE_SERVER, VEDETTE_TOKEN, VEDETTE_TOKEN_FILE.
"""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        """Return the names of all commands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        """Return a command, importing it."""
        where = COMMANDS.get(cmd_name)
        if where is None:
            return None
        module, _, name = where.partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option("--server", metavar="HOST:PORT", help="Server, or unix:PATH.  [default: 127.0.0.1:7443]")
@click.option("--token-file", metavar="FILE", help="File that holds the API token; only you may read it.")
@click.option("--ca-file", metavar="FILE", help="PEM authorities to trust; without it only this machine.")
@click.version_option(package_name="vedette-console", prog_name="vedette")
@click.pass_context
def main(ctx: click.Context, server: str | None, token_file: str | None, ca_file: str | None) -> None:
    """Work the cases of every customer: the live console, or one command."""
    ctx.obj = Options(server=server, token_file=token_file, ca_file=ca_file)
    if ctx.invoked_subcommand is None:
        from vedette_console.commands.console import run

        run(ctx.obj)
