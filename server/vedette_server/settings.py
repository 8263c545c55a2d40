"""Settings: `server.yaml` as one immutable value, with every mistake of the file told at once.

One idea: what is not said has a safe default, and what is not known is an error. Plaintext is for loopback
only; an address that others can reach needs `tls`.

Nothing here opens a port or a data folder.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from datetime import timedelta
from importlib import resources
from pathlib import Path
from typing import Final

from vedette_server.yamlfile import Mapping, Problems, Shape, YamlError, format_duration, load

#: Longest path that a unix socket can have, in bytes (`sun_path` less its terminating zero).
MAX_SOCKET_PATH_BYTES: Final = 107
#: Shortest heartbeat interval: the file's durations are whole seconds.
MIN_HEARTBEAT: Final = timedelta(seconds=1)
#: Longest of the three intervals.
MAX_INTERVAL: Final = timedelta(hours=24)

_ADDRESS: Final = Shape(
    pattern=re.compile(r"(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):\d{1,5}", re.ASCII),
    words="an address such as 127.0.0.1:7443 or [::1]:7443",
)


class SettingsError(YamlError):
    """The settings file holds mistakes; `problems` lists every one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where to listen. Port 0 takes a free one."""

    #: Name or number, without the brackets of IPv6.
    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Tell whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        """Return it as it is written in the file."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Certificate chain and key in PEM."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings of a server. Paths are absolute."""

    #: The file that was read; reload reads policy and catalog again, not this.
    file: Path
    data_dir: Path
    #: gRPC, for agents and the API.
    listen: Address
    #: Metrics and probes.
    http: Address
    #: Customers, contracts, theaters.
    policy: Path
    #: Detection rules; None for those that ship.
    catalog: Path | None
    #: An agent says something within each such interval.
    heartbeat_interval: timedelta
    #: Silence after which an agent is shown as overdue.
    overdue_after: timedelta
    #: Silence after which an agent is lost: an alarm.
    lost_after: timedelta
    admin_socket: Path
    tls: Tls | None

    @property
    def ready_file(self) -> Path:
        """Return where a ready server says how to reach it."""
        return self.data_dir / "server.json"


def load_settings(file: Path) -> Settings:
    """Read the settings.

    Raises:
        SettingsError: with every mistake, each as `file:line: key: what, got value`.
    """
    problems = Problems(SettingsError)
    tree = load(file, problems)
    folder = file.absolute().parent
    data_dir = _path(tree, "data_dir", folder) or folder
    settings = Settings(
        file=file.absolute(),
        data_dir=data_dir,
        listen=_address(tree, "listen", "127.0.0.1:7443"),
        http=_address(tree, "http", "127.0.0.1:7480"),
        policy=_path(tree, "policy", folder) or folder,
        catalog=_path(tree, "catalog", folder, optional=True),
        heartbeat_interval=_interval(tree, "heartbeat_interval", timedelta(seconds=10)),
        overdue_after=_interval(tree, "overdue_after", timedelta(seconds=20)),
        lost_after=_interval(tree, "lost_after", timedelta(seconds=120)),
        admin_socket=_path(tree, "admin_socket", folder, optional=True) or data_dir / "admin.sock",
        tls=_tls(tree, folder),
    )
    _check_intervals(tree, settings)
    _check_plaintext(tree, settings)
    _check_socket(tree, settings)
    tree.reject_unknown()
    problems.raise_if_any()
    return settings


def sample() -> str:
    """Return a commented settings file that `load_settings` accepts."""
    return resources.files("vedette_server").joinpath("server.sample.yaml").read_text("utf-8")


def _path(tree: Mapping, name: str, folder: Path, *, optional: bool = False) -> Path | None:
    """Read a path; a relative one is relative to the settings file."""
    text = tree.text(name, default=None) if optional else tree.text(name)
    return folder / text if text else None


def _address(tree: Mapping, name: str, default: str) -> Address:
    text = tree.text(name, default=default, shape=_ADDRESS)
    host, _, port = (text if _ADDRESS.pattern.fullmatch(text) else default).rpartition(":")
    if int(port) > 65_535:  # noqa: PLR2004 -- the last port there is
        tree.problem(name, "port must be at most 65535")
    return Address(host=host.strip("[]"), port=int(port))


def _interval(tree: Mapping, name: str, default: timedelta) -> timedelta:
    return tree.duration(name, default=default, minimum=MIN_HEARTBEAT, maximum=MAX_INTERVAL)


def _tls(tree: Mapping, folder: Path) -> Tls | None:
    section = tree.mapping("tls", default=None)
    if section is None:
        return None
    tls = Tls(
        certificate=_path(section, "certificate", folder) or folder,
        key=_path(section, "key", folder) or folder,
    )
    section.reject_unknown()
    return tls


def _check_intervals(tree: Mapping, settings: Settings) -> None:
    """Refuse limits that an agent which keeps to its heartbeat would exceed."""
    intervals = (settings.heartbeat_interval, settings.overdue_after, settings.lost_after)
    if min(intervals) < MIN_HEARTBEAT:
        return  # one of them is wrong by itself, which has been told
    if settings.overdue_after < 2 * settings.heartbeat_interval:
        least = format_duration(2 * settings.heartbeat_interval)
        tree.problem("overdue_after", f"must be at least two heartbeat intervals ({least})")
    if settings.lost_after <= settings.overdue_after:
        tree.problem(
            "lost_after", f"must be longer than overdue_after ({format_duration(settings.overdue_after)})"
        )


def _check_plaintext(tree: Mapping, settings: Settings) -> None:
    if settings.tls is not None:
        return
    for name, address in (("listen", settings.listen), ("http", settings.http)):
        if not address.loopback:
            tree.problem(name, "must be a loopback address unless tls is configured", hint=_TLS_HINT)


_TLS_HINT: Final = "; listen on 127.0.0.1, or give tls a certificate and a key"


def _check_socket(tree: Mapping, settings: Settings) -> None:
    length = len(str(settings.admin_socket).encode())
    if length > MAX_SOCKET_PATH_BYTES:
        tree.problem(
            "admin_socket",
            f"path of the admin socket must have at most {MAX_SOCKET_PATH_BYTES} bytes, "
            f"{settings.admin_socket} has {length}; name a shorter one",
        )
