"""Settings: which server, which token, which authority; from options, environment and file, in this order.

The file is `$XDG_CONFIG_HOME/vedette/config.toml`. A key that is not known is an error with its line,
because a mistyped `token_file` must not silently mean "no token". The token itself is never in the file: a
file that holds one belongs to one person and may be read by that person only.
"""

import difflib
import os
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vedette_console.client.target import Target, TargetInvalid, check

DEFAULT_SERVER = "127.0.0.1:7443"
#: Keys of the file.
KEYS = ("server", "token_file", "ca_file")
#: Largest token or certificate file that is read, bytes.
FILE_LIMIT = 1_000_000
#: Similarity from which on another key is suggested.
_SUGGEST_FROM = 0.6


class ConfigError(Exception):
    """The configuration cannot be used; the text is one line for each problem."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was said on the command line; None where nothing was."""

    server: str | None = None
    token_file: str | None = None
    ca_file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What is in force, and where each value came from. Holds no secret."""

    server: str
    server_from: str
    #: None when the token stands in the environment, or there is none.
    token_file: Path | None
    token_from: str
    ca_file: Path | None
    ca_from: str
    config_file: Path
    config_exists: bool


def load(options: Options, environ: Mapping[str, str]) -> Settings:
    """Return the settings in force.

    Raises:
        ConfigError: the file cannot be read, or says something that it cannot say.
    """
    path = config_path(environ)
    values = _read_file(path)
    server, server_from = _first(
        (options.server, "--server"),
        (environ.get("VEDETTE_SERVER"), "VEDETTE_SERVER"),
        (values.get("server"), str(path)),
    )
    in_file = values.get("token_file")
    token_file, token_from = _first(
        (options.token_file, "--token-file"),
        ("" if environ.get("VEDETTE_TOKEN") else None, "VEDETTE_TOKEN"),
        (environ.get("VEDETTE_TOKEN_FILE"), "VEDETTE_TOKEN_FILE"),
        (str(path.parent / Path(in_file).expanduser()) if in_file else None, str(path)),
    )
    in_file = values.get("ca_file")
    ca_file, ca_from = _first(
        (options.ca_file, "--ca-file"),
        (str(path.parent / Path(in_file).expanduser()) if in_file else None, str(path)),
    )
    return Settings(
        server=server or DEFAULT_SERVER,
        server_from=server_from or "default",
        token_file=Path(token_file) if token_file else None,
        token_from=token_from or "none",
        ca_file=Path(ca_file) if ca_file else None,
        ca_from=ca_from or "none",
        config_file=path,
        config_exists=path.exists(),
    )


def target(settings: Settings, environ: Mapping[str, str]) -> Target:
    """Return the server to talk to with the secrets that the settings point at.

    Raises:
        ConfigError: a file is missing or may be read by others, or the address cannot be used.
    """
    token = ""
    if settings.token_from == "VEDETTE_TOKEN":  # noqa: S105 - the name of a variable
        token = environ["VEDETTE_TOKEN"].strip()
    elif settings.token_file is not None:
        token = _read_token(settings.token_file)
    if not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigError(f"token from {settings.token_from}: must be one word of plain characters")
    found = Target(
        server=settings.server,
        token=token,
        ca=None if settings.ca_file is None else _read_bytes(settings.ca_file, "ca_file"),
    )
    try:
        check(found)
    except TargetInvalid as error:
        raise ConfigError(f"{error} (from {settings.server_from})") from error
    return found


def config_path(environ: Mapping[str, str]) -> Path:
    """Return where the configuration file is, or would be."""
    base = environ.get("XDG_CONFIG_HOME") or ""
    folder = Path(base) if Path(base).is_absolute() else Path.home() / ".config"
    return folder / "vedette" / "config.toml"


def _first(*candidates: tuple[str | None, str]) -> tuple[str | None, str]:
    """Return the first value that was given, and where; an empty text counts only where it is the value."""
    for value, source in candidates:
        if value is not None and (value or source == "VEDETTE_TOKEN"):
            return value, source
    return None, ""


def _read_file(path: Path) -> dict[str, str]:
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error
    problems = [problem for key, value in values.items() if (problem := _problem(path, text, key, value))]
    if problems:
        raise ConfigError("\n".join(problems))
    return values


def _problem(path: Path, text: str, key: str, value: object) -> str:
    where = f"{path}:{_line_of(text, key)}: {key}"
    if key not in KEYS:
        close = difflib.get_close_matches(key, KEYS, n=1, cutoff=_SUGGEST_FROM)
        hint = f'did you mean "{close[0]}"?' if close else f"known are {', '.join(KEYS)}"
        return f"{where}: unknown key; {hint}"
    if not isinstance(value, str) or not value:
        return f"{where}: must be a text that is not empty, got {value!r}"
    return ""


def _line_of(text: str, key: str) -> int:
    """Return the line on which a top-level key or table stands: tomllib does not tell."""
    pattern = re.compile(rf"""^\s*\[*\s*["']?{re.escape(key)}["']?\s*[=.\]]""")
    return next((number for number, line in enumerate(text.splitlines(), start=1) if pattern.match(line)), 1)


def _read_token(path: Path) -> str:
    content = _read_bytes(path, "token_file")
    # Windows has no such bits; there the folder's access list is what protects the file.
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise ConfigError(f"token_file {path}: can be read by others; chmod 600 it")
    token = content.decode("utf-8", "replace").strip()
    if not token:
        raise ConfigError(f"token_file {path}: is empty")
    return token


def _read_bytes(path: Path, what: str) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(FILE_LIMIT + 1)
    except OSError as error:
        raise ConfigError(f"{what} {path}: {error.strerror or error}") from error
    if len(content) > FILE_LIMIT:
        raise ConfigError(f"{what} {path}: is larger than {FILE_LIMIT} bytes")
    return content
