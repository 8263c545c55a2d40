"""Settings as the rest of the agent sees them: frozen values with units and defaults.

Nothing here reads a file; `loader.py` does. An embedding program builds these directly.
"""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from vedette_agent.facts import Severity

#: How often a collector runs unless told otherwise.
DEFAULT_INTERVAL = timedelta(seconds=10)
#: How long a collector may take unless told otherwise.
DEFAULT_TIMEOUT = timedelta(seconds=5)
#: Logs are looked at more often: it costs one stat, and an event is worth more when it is fresh.
DEFAULT_LOG_INTERVAL = timedelta(seconds=1)
#: Devices that say nothing about the machine: loop and memory disks, loopback and virtual interfaces.
DEFAULT_DISK_EXCLUDE = re.compile(r"^(loop|ram|zram|sr|fd)\d+$")
DEFAULT_NETWORK_EXCLUDE = re.compile(r"^(lo\d*|veth.*|docker\d+|br-.*|virbr.*|ifb\d+|cali.*|flannel.*)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorSettings:
    """Whether, how often and how long a collector runs."""

    enabled: bool = True
    interval: timedelta = DEFAULT_INTERVAL
    timeout: timedelta = DEFAULT_TIMEOUT


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which of several things of a kind are measured: those included and not excluded."""

    #: Matches anywhere in the name; empty includes what the collector finds by itself.
    include: tuple[re.Pattern[str], ...] = ()
    exclude: tuple[re.Pattern[str], ...] = ()

    def takes(self, name: str) -> bool:
        """Say whether `name` is measured."""
        if any(pattern.search(name) for pattern in self.exclude):
            return False
        return not self.include or any(pattern.search(name) for pattern in self.include)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentSettings:
    """A component of the product, recognised by its processes; exactly one of the two is set."""

    name: str
    #: Searched in the command line, arguments joined by blanks.
    command: re.Pattern[str] | None = None
    #: Equal to the process's name.
    process_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSettings:
    """A SQLite database file and how large it may become."""

    name: str
    path: Path
    #: Bytes; None to take what its file system can still give it.
    limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacitySettings:
    """A resource whose use and limit are two metrics of one scrape."""

    resource: str
    used: str
    limit: str
    #: Only samples with these labels count; several matching samples are added up.
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScrapeSettings:
    """A page of metrics in Prometheus's text format that the product serves."""

    url: str
    component: str
    timeout: timedelta = DEFAULT_TIMEOUT
    capacities: tuple[CapacitySettings, ...] = ()
    #: Metrics passed on under their own name.
    include: tuple[re.Pattern[str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPatternSettings:
    """A kind of line in a log, and the event it is.

    Named groups of `match` become attributes, except that groups named component, code, severity and message
    fill the event's own fields where the settings leave them open.
    """

    match: re.Pattern[str]
    #: None to take the group `code`.
    code: str | None = None
    severity: Severity | None = None
    component: str | None = None
    #: Text with `{group}` replaced; None for the group `message` or else the line.
    message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """A log file of the product."""

    path: Path
    component: str = ""
    #: Read what is already there on first sight, instead of only what comes.
    from_start: bool = False
    patterns: tuple[LogPatternSettings, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSettings:
    """The collectors of the machine itself."""

    cpu: CollectorSettings = CollectorSettings()
    memory: CollectorSettings = CollectorSettings()
    load: CollectorSettings = CollectorSettings()
    filesystem: CollectorSettings = CollectorSettings()
    filesystems: Selection = Selection()
    disk: CollectorSettings = CollectorSettings()
    disks: Selection = Selection(exclude=(DEFAULT_DISK_EXCLUDE,))
    network: CollectorSettings = CollectorSettings()
    interfaces: Selection = Selection(exclude=(DEFAULT_NETWORK_EXCLUDE,))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductSettings:
    """The collectors of the product: its processes, databases, metrics and logs."""

    process: CollectorSettings = CollectorSettings()
    components: tuple[ComponentSettings, ...] = ()
    database: CollectorSettings = CollectorSettings()
    databases: tuple[DatabaseSettings, ...] = ()
    prometheus: CollectorSettings = CollectorSettings()
    scrapes: tuple[ScrapeSettings, ...] = ()
    log: CollectorSettings = CollectorSettings(interval=DEFAULT_LOG_INTERVAL)
    logs: tuple[LogSettings, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSettings:
    """Where the server is, and how to reach it and come back."""

    #: "host:port" or "unix:/path".
    server: str
    #: Read anew for each connection, so that a replaced token needs no restart.
    token_file: Path
    #: Certificates that the server's may be signed by; None for plaintext, to loopback only.
    ca_file: Path | None = None
    #: What the agent wishes; the server decides.
    heartbeat_interval: timedelta = timedelta(seconds=10)
    #: First window of the random wait before coming back; doubles up to `reconnect_max`.
    reconnect_initial: timedelta = timedelta(seconds=5)
    reconnect_max: timedelta = timedelta(seconds=60)
    #: How long the server may take to answer a hello, connecting included.
    welcome_timeout: timedelta = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that the configuration says."""

    link: LinkSettings
    state_dir: Path
    product_version: str = ""
    #: "", "active" or "standby".
    ha_role: str = ""
    #: "customer/installation/node", checked by the server against the token; empty to leave it to the token.
    claimed_agent: str = ""
    #: Bytes of facts kept while the server cannot be reached.
    outbox_max_size: int = 256 * 1024 * 1024
    log_level: str = "info"
    log_format: str = "text"
    host: HostSettings = field(default_factory=HostSettings)
    product: ProductSettings = field(default_factory=ProductSettings)
