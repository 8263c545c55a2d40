"""Command line of the server: run it, check its files, and administer it while it runs.

Commands that change something ask the running server through its admin socket, because a data folder has one
writer. Each command imports what it needs when it runs.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from vedette_server.errors import CannotGoOn, ExitCode
from vedette_server.yamlfile import YamlError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vedette_server.api.admin_client import AdminClient
    from vedette_server.settings import Settings

_EPILOG: Final = (
    "Exit codes: 0 done; 1 did not succeed; 2 wrong command line; 3 wrong configuration; "
    "4 data folder in use; 5 address in use; 6 data folder of another version."
)
_PATH: Final = click.Path(path_type=Path, dir_okay=False)


@click.group(epilog=_EPILOG)
@click.version_option(package_name="vedette-server", prog_name="vedette-server")
@click.option(
    "--config",
    "config",
    type=click.Path(path_type=Path),
    default="/etc/vedette/server.yaml",
    envvar="VEDETTE_SERVER_CONFIG",
    show_default=True,
    show_envvar=True,
    help="Settings of the server.",
)
@click.pass_context
def main(context: click.Context, config: Path) -> None:
    """Vedette server: detects trouble, opens cases, keeps the contract clock."""
    context.obj = config


@main.command(epilog=_EPILOG)
@click.pass_obj
def run(config: Path) -> None:
    """Run the server until SIGTERM. SIGHUP reloads policy and catalog."""
    with _told():
        settings = _settings(config)
        # gRPC reads this once, when it is imported. What it would write of itself is no line of our log.
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
        from vedette_server.main import run_server

        run_server(settings)


@main.group("config")
def config_group() -> None:
    """Check settings, or print samples."""


@config_group.command("check", epilog=_EPILOG)
@click.pass_obj
def config_check(config: Path) -> None:
    """List every mistake in settings, policy and catalog; silent when there is none."""
    from vedette_server.clock import SystemClock
    from vedette_server.configuration import load_configuration

    with _told():
        load_configuration(_settings(config), now=SystemClock().read().wall)


@config_group.command("sample")
@click.option("--policy", "which", flag_value="policy", help="Customers, contracts and calendars.")
@click.option("--catalog", "which", flag_value="catalog", help="Detection rules, as they ship.")
def config_sample(which: str | None) -> None:
    """Print commented settings to start from."""
    from importlib import resources

    package, name = {
        "policy": ("vedette_server.policy", "sample.yaml"),
        "catalog": ("vedette_server.catalog", "catalog.yaml"),
        None: ("vedette_server", "server.sample.yaml"),
    }[which]
    click.echo(resources.files(package).joinpath(name).read_text("utf-8"), nl=False)


@main.group("policy")
def policy_group() -> None:
    """Work on the file of customers, contracts and calendars."""


@policy_group.command("check", epilog=_EPILOG)
@click.argument("file", type=_PATH)
def policy_check(file: Path) -> None:
    """List every mistake in a policy file; silent when there is none."""
    from vedette_server.clock import SystemClock
    from vedette_server.policy import load_policy

    with _told():
        load_policy(file, now=SystemClock().read().wall)


@main.group("catalog")
def catalog_group() -> None:
    """Work on the file of detection rules."""


@catalog_group.command("check", epilog=_EPILOG)
@click.argument("file", type=_PATH)
def catalog_check(file: Path) -> None:
    """List every mistake in a catalog; silent when there is none."""
    from vedette_server.catalog import load_catalog

    with _told():
        load_catalog(file)


@main.group("db")
def db_group() -> None:
    """Work on the data folder; the server must not run."""


@db_group.command("upgrade", epilog=_EPILOG)
@click.pass_obj
def db_upgrade(config: Path) -> None:
    """Bring the data folder to the schema of this version. Safe to repeat after an interruption."""
    with _told():
        settings = _settings(config)
        from vedette_server.main import upgrade_store

        before, after = upgrade_store(settings)
    click.echo(f"schema {before or 'none'} -> {after}")


@main.command("replay", epilog=_EPILOG)
@click.option(
    "--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Instead of the settings'."
)
@click.pass_obj
def replay(config: Path, data_dir: Path | None) -> None:
    """Decide everything again from the stored inputs, and compare with the journal. Changes nothing."""
    with _told():
        folder = data_dir or _settings(config).data_dir
        from vedette_server.main import replay_store

        report = replay_store(folder)
    click.echo(
        f"{report.turns} turns with {report.inputs} inputs; {report.entries} journal entries are equal"
    )
    if report.difference is not None:
        click.echo(str(report.difference), err=True)
        sys.exit(ExitCode.FAILED)


@main.group("tokens")
def tokens_group() -> None:
    """Make, list and revoke credentials of the running server."""


@tokens_group.command("create-agent", epilog=_EPILOG)
@click.argument("node", metavar="CUSTOMER/INSTALLATION/NODE")
@click.option("--output", type=_PATH, help="Write the secret to this file, readable by its owner only.")
@click.pass_obj
def tokens_create_agent(config: Path, node: str, output: Path | None) -> None:
    """Enrol a node and print the secret of its agent; it is not shown again."""
    parts = node.split("/")
    if len(parts) != 3:  # noqa: PLR2004 -- customer, installation, node
        raise click.UsageError(f'must be CUSTOMER/INSTALLATION/NODE, got "{node}"')
    customer, installation, name = parts
    with _told(), _secret_file(output) as write, _admin(config) as admin:
        write(admin.create_agent_token(customer=customer, installation=installation, node=name))


@tokens_group.command("create-api", epilog=_EPILOG)
@click.argument("name")
@click.option("--role", type=click.Choice(["viewer", "responder", "admin"]), required=True)
@click.option("--output", type=_PATH, help="Write the secret to this file, readable by its owner only.")
@click.pass_obj
def tokens_create_api(config: Path, name: str, role: str, output: Path | None) -> None:
    """Make the credential of a person or an integration and print its secret; it is not shown again."""
    from vedette_server.access.token import Role

    with _told(), _secret_file(output) as write, _admin(config) as admin:
        write(admin.create_api_token(name=name, role=Role(role)))


@tokens_group.command("list", epilog=_EPILOG)
@click.pass_obj
def tokens_list(config: Path) -> None:
    """List credentials, oldest first, without their secrets."""
    from vedette_server.log import printable

    with _told(), _admin(config) as admin:
        for token in admin.tokens():
            state = f"revoked {token.revoked_at:%Y-%m-%d %H:%M}" if token.revoked_at else "good"
            created = f"{token.created_at:%Y-%m-%d %H:%M}"
            click.echo(f"{token.id:<8} {token.role:<10} {created}  {state:<24} {printable(token.name)}")


@tokens_group.command("revoke", epilog=_EPILOG)
@click.argument("token")
@click.pass_obj
def tokens_revoke(config: Path, token: str) -> None:
    """Make a credential worthless and close what was opened with it."""
    with _told(), _admin(config) as admin:
        admin.revoke_token(token)


@main.command("reload", epilog=_EPILOG)
@click.pass_obj
def reload_(config: Path) -> None:
    """Make the running server read policy and catalog again; on any mistake the old ones stay."""
    with _told(), _admin(config) as admin:
        policy, catalog = admin.reload()
    click.echo(f"policy {policy}\ncatalog {catalog}")


@main.command("status", epilog=_EPILOG)
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@click.pass_obj
def status(config: Path, as_json: bool) -> None:  # noqa: FBT001 -- an option of the command line
    """Tell what the running server says about itself."""
    with _told(), _admin(config) as admin:
        facts = asdict(admin.status())
    facts["started_at"] = f"{facts['started_at']:%Y-%m-%dT%H:%M:%SZ}"
    if as_json:
        import json

        click.echo(json.dumps(facts))
    else:
        for name, value in facts.items():
            click.echo(f"{name.replace('_', ' '):<18} {value}")


@contextmanager
def _told() -> Iterator[None]:
    """Tell what ends the command, and end it with the code for it."""
    try:
        yield
    except CannotGoOn as error:
        click.echo(f"vedette-server: {error}", err=True)
        sys.exit(error.exit_code)
    except YamlError as error:
        for problem in error.problems:
            click.echo(str(problem), err=True)
        sys.exit(ExitCode.CONFIGURATION)


def _settings(config: Path) -> Settings:
    from vedette_server.settings import load_settings

    return load_settings(config)


@contextmanager
def _admin(config: Path) -> Iterator[AdminClient]:
    from vedette_server.api.admin_client import AdminClient

    with AdminClient(_settings(config).admin_socket) as client:
        yield client


@contextmanager
def _secret_file(output: Path | None) -> Iterator[Callable[[str], None]]:
    """Give what takes a secret: stdout, or a private file that replaces an older one once it is whole."""
    if output is None:
        yield click.echo
        return
    draft = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        number = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise CannotGoOn(ExitCode.FAILED, f"{output} cannot be written: {error.strerror}") from error
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            yield lambda secret: click.echo(secret, file=file)
        draft.replace(output)
    finally:
        draft.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
