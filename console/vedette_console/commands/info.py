"""`vedette info`: every path and setting in force, and where each came from. No secret is shown."""

import json
import os

import click

from vedette_console.commands.choices import output_option
from vedette_console.commands.exits import Exit
from vedette_console.commands.output import Format, write, write_table
from vedette_console.model.safe import safe
from vedette_console.settings import ConfigError, Options, load, target


@click.command()
@output_option
@click.pass_obj
def info(options: Options, output: Format) -> None:
    """Show the settings in force, and where they came from."""
    from importlib.metadata import version

    try:
        settings = load(options, os.environ)
    except ConfigError as error:
        click.echo(f"vedette: {error}", err=True)
        raise SystemExit(Exit.CONFIG) from error
    try:
        target(settings, os.environ)
        usable = "yes"
    except ConfigError as error:
        usable = f"no: {error}"
    token = {"VEDETTE_TOKEN": "set"}.get(settings.token_from, str(settings.token_file or "none"))
    rows = (
        ("version", version("vedette-console"), ""),
        ("config", str(settings.config_file), "exists" if settings.config_exists else "does not exist"),
        ("server", settings.server, settings.server_from),
        ("token", token, settings.token_from),
        ("ca_file", str(settings.ca_file or "none"), settings.ca_from),
        ("usable", usable, ""),
    )
    if output is Format.TABLE:
        write_table(("SETTING", "VALUE", "FROM"), [tuple(map(safe, row)) for row in rows])
    else:
        write(json.dumps({name: {"value": value, "from": source} for name, value, source in rows}))
