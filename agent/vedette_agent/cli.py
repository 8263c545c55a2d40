"""Command line of the agent: `vedette-agent run | test | status | config check | config sample`.

Each command imports what it needs when it runs, so that the program starts fast. Errors are sentences on
standard error, and each kind has its exit code.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import click

DEFAULT_CONFIG = "/etc/vedette/agent.toml"

_EXIT_CODES = """\b
Exit codes:
  0  done
  1  failed; the error is on standard error
  2  wrong usage
  3  the configuration is wrong; one line a problem
  4  another agent uses the state folder
  5  the server refused this agent for good
"""


@contextmanager
def _errors_as_sentences() -> Iterator[None]:
    from vedette_agent.errors import AgentError
    from vedette_agent.text import visible

    try:
        yield
    except AgentError as error:
        for line in str(error).splitlines():
            click.echo(f"vedette-agent: {visible(line)}", err=True)
        sys.exit(error.exit_code)


def _command(function: Callable[..., None]) -> Callable[..., None]:
    @wraps(function)
    def guarded(*args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - whatever click passes
        with _errors_as_sentences():
            function(*args, **kwargs)

    return guarded


def _show_version(context: click.Context, _option: click.Parameter, wanted: bool) -> None:  # noqa: FBT001
    if wanted and not context.resilient_parsing:
        from vedette_agent.version import version

        click.echo(f"vedette-agent {version()}")
        context.exit()


@click.group(epilog=_EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    envvar="VEDETTE_AGENT_CONFIG",
    default=DEFAULT_CONFIG,
    show_default=True,
    help="Configuration file; also VEDETTE_AGENT_CONFIG.",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)
@click.pass_context
def main(context: click.Context, config: Path) -> None:
    """Watch this node of a product installation and report its health to the vendor."""
    context.obj = config


@main.command()
@click.pass_obj
@_command
def run(config: Path) -> None:
    """Watch and report until told to stop (SIGTERM, Ctrl-C)."""
    import asyncio
    import os

    # gRPC reads this once, when it is imported. What it would write of itself is no line of our log.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from vedette_agent import log
    from vedette_agent.main import run_until_signalled
    from vedette_agent.settings import loader

    settings = loader.load(config)
    loader.check_token(settings)
    log.configure(settings.log_level, settings.log_format)
    asyncio.run(run_until_signalled(settings))


@main.command()
@click.option("--show-payload", is_flag=True, help="Print as JSON exactly what would leave this machine.")
@click.pass_obj
@_command
def test(config: Path, *, show_payload: bool) -> None:
    """Measure once, show what was found, send nothing. Exits with 1 if a collector failed."""
    import asyncio

    from vedette_agent import dry_run
    from vedette_agent.clock import SystemClock
    from vedette_agent.collectors.catalog import collectors_of
    from vedette_agent.main import node_of
    from vedette_agent.settings import loader
    from vedette_agent.shown import measured_table, payload_text

    settings = loader.load(config)
    clock = SystemClock()
    node = node_of(settings)
    collectors = collectors_of(settings, clock=clock, boot_id=node.boot_id)
    measured = asyncio.run(dry_run.measure(collectors, clock))
    if show_payload:
        frames = dry_run.payload(measured, node, settings.link.heartbeat_interval, clock.now_us())
        click.echo(payload_text(frames, settings.link.server))
    else:
        click.echo(measured_table(measured))
    click.echo("nothing was sent", err=True)
    sys.exit(1 if any(one.failed for one in measured) else 0)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print the state as JSON.")
@click.pass_obj
@_command
def status(config: Path, *, as_json: bool) -> None:
    """Show the state of the agent that runs on this machine. Exits with 1 if none does."""
    from vedette_agent import status as state
    from vedette_agent.clock import SystemClock
    from vedette_agent.settings import loader
    from vedette_agent.shown import status_json, status_text

    settings = loader.load(config)
    observed = state.read(settings.state_dir, SystemClock())
    click.echo(status_json(observed) if as_json else status_text(observed, settings.state_dir))
    sys.exit(0 if observed.is_current else 1)


@main.group()
def config() -> None:
    """Check the configuration, or print a sample of it."""


@config.command()
@click.pass_obj
@_command
def check(config: Path) -> None:
    """Say everything that is wrong with the configuration."""
    from vedette_agent.settings import loader

    settings = loader.load(config)
    loader.check_token(settings)
    click.echo(f"{config}: good")


@config.command()
def sample() -> None:
    """Print a commented configuration file."""
    from importlib import resources

    click.echo(resources.files("vedette_agent").joinpath("sample.toml").read_text("utf-8"), nl=False)
