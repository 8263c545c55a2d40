"""From configuration files to settings: every key that exists, what it may be, and how keys go together.

`load` reports all problems at once, each as `file:line: key: what is wrong`. It opens no connection and
writes nothing.
"""

from datetime import timedelta
from pathlib import Path

from vedette_agent import platform
from vedette_agent.errors import ConfigError
from vedette_agent.settings import collecting, model, source
from vedette_agent.settings.address import is_loopback
from vedette_agent.settings.table import Problems, Table

_SHORTEST = timedelta(milliseconds=100)
_LONGEST = timedelta(hours=1)
#: An outbox smaller than this could not hold an hour.
_LEAST_OUTBOX = 1024 * 1024


def load(path: Path) -> model.Settings:
    """Return the settings of `path` and of `conf.d/*.toml` beside it.

    Raises:
        ConfigError: something is wrong; says everything that is.
    """
    document = source.read(path)
    problems = Problems()
    base = path.absolute().parent
    root = Table(document, (), document.values, problems)
    settings = model.Settings(
        link=_link(root, base),
        state_dir=root.path("state_dir", base, "/var/lib/vedette-agent"),
        product_version=root.text("product_version", "", max_bytes=64),
        ha_role=root.choice("ha_role", ("active", "standby"), ""),
        claimed_agent=root.text("claimed_agent", "", max_bytes=192),
        outbox_max_size=_outbox(root.table("outbox")),
        log_level=root.choice("log_level", ("debug", "info", "warning", "error"), "info"),
        log_format=root.choice("log_format", ("text", "json"), "text"),
        host=collecting.host(root.table("collectors")),
        product=collecting.product(root, base),
    )
    root.table("collectors").finish(collecting.COLLECTORS)
    root.finish()
    problems.raise_if_any()
    return settings


def check_token(settings: model.Settings) -> None:
    """See that the agent's token is there and nobody else's to read.

    Raises:
        ConfigError: it is missing, empty, or readable by others.
    """
    path = settings.link.token_file
    try:
        token = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "is not UTF-8 text"
        raise ConfigError([f"{path}: token_file cannot be read: {reason.lower()}"]) from error
    if not token or any(char.isspace() or not char.isprintable() for char in token):
        raise ConfigError([f"{path}: token_file must hold one token and nothing else"])
    if not platform.is_private(path):
        raise ConfigError([f"{path}: token_file is readable by others; run: chmod 600 {path}"])


# --- the server ---------------------------------------------------------------------------------------------


def _link(root: Table, base: Path) -> model.LinkSettings:
    server = root.text("server")
    tls = root.table("tls")
    ca_file = tls.path("ca_file", base) if tls.has("ca_file") else None
    tls.finish()
    if server:
        _check_address(root, server, encrypted=ca_file is not None)
    reconnect = root.table("reconnect")
    link = model.LinkSettings(
        server=server,
        token_file=root.path("token_file", base, "token"),
        ca_file=ca_file,
        heartbeat_interval=root.duration(
            "heartbeat_interval", timedelta(seconds=10), least=_SHORTEST, most=timedelta(minutes=5)
        ),
        reconnect_initial=reconnect.duration("initial", timedelta(seconds=5), least=_SHORTEST, most=_LONGEST),
        reconnect_max=reconnect.duration("max", timedelta(seconds=60), least=_SHORTEST, most=_LONGEST),
    )
    if link.reconnect_max < link.reconnect_initial:
        reconnect.problem("max", "must not be shorter than reconnect.initial")
    reconnect.finish()
    return link


def _check_address(root: Table, server: str, *, encrypted: bool) -> None:
    if server.startswith("unix:"):
        return
    host, _, port = server.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:  # noqa: PLR2004 - TCP's ports
        root.problem("server", f'must be "host:port", got "{server}"')
    elif not encrypted and not is_loopback(server):
        root.problem(
            "server",
            f'must be on this machine without encryption, got "{server}"; set tls.ca_file to encrypt',
        )


def _outbox(table: Table) -> int:
    size = table.size("max_size", 256 * 1024 * 1024, least=_LEAST_OUTBOX)
    table.finish()
    return size or _LEAST_OUTBOX
