"""From configuration to settings, continued: what the collectors of the machine and of the product measure.

The rules that a single value cannot show are here: a component is recognised in exactly one way, a limit
comes from somewhere, a pattern says which event it is.
"""

import re
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from vedette_agent.facts import Severity
from vedette_agent.settings import model
from vedette_agent.settings.table import Table

_SHORTEST = timedelta(milliseconds=100)
_LONGEST = timedelta(hours=1)
_SEVERITIES = {severity.name.lower(): severity for severity in Severity}
#: Bytes that a label value and an event code may take in the protocol.
_MAX_LABEL = 256
_MAX_CODE = 64
#: Groups of a log pattern that fill fields of the event itself.
FIELD_GROUPS = frozenset({"code", "component", "severity", "message"})
_MAX_ATTRIBUTES = 16

COLLECTORS = (
    "cpu",
    "memory",
    "load",
    "filesystem",
    "disk",
    "network",
    "process",
    "database",
    "prometheus",
    "log",
)


# --- the machine --------------------------------------------------------------------------------------------


def host(collectors: Table) -> model.HostSettings:
    """Return what is measured of the machine."""
    default = model.HostSettings()
    filesystem, filesystems = _selecting(collectors, "filesystem", default.filesystems)
    disk, disks = _selecting(collectors, "disk", default.disks)
    network, interfaces = _selecting(collectors, "network", default.interfaces)
    return model.HostSettings(
        cpu=_collector(collectors, "cpu"),
        memory=_collector(collectors, "memory"),
        load=_collector(collectors, "load"),
        filesystem=filesystem,
        filesystems=filesystems,
        disk=disk,
        disks=disks,
        network=network,
        interfaces=interfaces,
    )


def _collector(
    collectors: Table, key: str, default: model.CollectorSettings | None = None
) -> model.CollectorSettings:
    table = collectors.table(key)
    settings = _schedule(table, default or model.CollectorSettings())
    table.finish()
    return settings


def _schedule(table: Table, default: model.CollectorSettings) -> model.CollectorSettings:
    return model.CollectorSettings(
        enabled=table.flag("enabled", default=default.enabled),
        interval=table.duration("interval", default.interval, least=_SHORTEST, most=_LONGEST),
        timeout=table.duration("timeout", default.timeout, least=_SHORTEST, most=_LONGEST),
    )


def _selecting(
    collectors: Table, key: str, default: model.Selection
) -> tuple[model.CollectorSettings, model.Selection]:
    table = collectors.table(key)
    settings = _schedule(table, model.CollectorSettings())
    include, exclude = table.patterns("include"), table.patterns("exclude")
    table.finish()
    return settings, model.Selection(
        include=default.include if include is None else include,
        exclude=default.exclude if exclude is None else exclude,
    )


# --- the product --------------------------------------------------------------------------------------------


def product(root: Table, base: Path) -> model.ProductSettings:
    """Return what is measured of the product; relative paths are taken from `base`."""
    default = model.ProductSettings()
    collectors = root.table("collectors")
    components = root.tables("component")
    databases = root.tables("database")
    scrapes = root.tables("prometheus")
    logs = root.tables("log")
    settings = model.ProductSettings(
        process=_collector(collectors, "process"),
        components=tuple(_component(table) for table in components),
        database=_collector(collectors, "database"),
        databases=tuple(_database(table, base) for table in databases),
        prometheus=_collector(collectors, "prometheus"),
        scrapes=tuple(_scrape(table) for table in scrapes),
        log=_collector(collectors, "log", default.log),
        logs=tuple(_log(table, base) for table in logs),
    )
    _refuse_repeats("name", components, [component.name for component in settings.components])
    _refuse_repeats("name", databases, [database.name for database in settings.databases])
    _refuse_repeats("url", scrapes, [scrape.url for scrape in settings.scrapes])
    _refuse_repeats("path", logs, [str(log.path) for log in settings.logs])
    return settings


def _refuse_repeats(key: str, tables: list[Table], names: list[str]) -> None:
    seen: list[str] = []
    for table, name in zip(tables, names, strict=True):
        if name and name in seen:
            table.problem(key, f'is taken by another of the same kind, got "{name}"')
        seen.append(name)


def _component(table: Table) -> model.ComponentSettings:
    settings = model.ComponentSettings(
        name=table.text("name", max_bytes=_MAX_LABEL),
        command=table.pattern("command"),
        process_name=table.text("process_name") if table.has("process_name") else None,
    )
    if table.has("command") == table.has("process_name"):
        table.problem("name", "needs either command or process_name beside it, to recognise its processes")
    table.finish()
    return settings


def _database(table: Table, base: Path) -> model.DatabaseSettings:
    name = table.text("name", max_bytes=_MAX_LABEL)
    limit = table.size("limit", None)
    limit_from = table.choice("limit_from", ("filesystem",), "")
    if table.has("limit") == bool(limit_from):
        table.problem("name", 'needs either limit = "2GiB" or limit_from = "filesystem" beside it')
    settings = model.DatabaseSettings(name=name, path=table.path("path", base), limit=limit)
    table.finish()
    return settings


def _scrape(table: Table) -> model.ScrapeSettings:
    url = table.text("url")
    parts = urlsplit(url)
    if url and (parts.scheme not in {"http", "https"} or not parts.hostname):
        table.problem("url", f'must be an http or https address, got "{url}"')
    if parts.username or parts.password:
        table.problem("url", "must hold no user and password: it appears in logs and events")
    settings = model.ScrapeSettings(
        url=url,
        component=table.text("component", max_bytes=_MAX_LABEL),
        timeout=table.duration("timeout", model.DEFAULT_TIMEOUT, least=_SHORTEST, most=_LONGEST),
        capacities=tuple(_capacity(capacity) for capacity in table.tables("capacity")),
        include=table.patterns("include") or (),
    )
    if url and not settings.capacities and not settings.include:
        table.problem("url", "is scraped for nothing; add [[prometheus.capacity]] or include")
    table.finish()
    return settings


def _capacity(table: Table) -> model.CapacitySettings:
    settings = model.CapacitySettings(
        resource=table.text("resource", max_bytes=30),
        used=table.text("used"),
        limit=table.text("limit"),
        labels=table.pairs("labels"),
    )
    if not re.fullmatch(r"[A-Za-z0-9_.-]*", settings.resource):
        table.problem(
            "resource", f'must hold only letters, digits, "_", "." and "-", got "{settings.resource}"'
        )
    table.finish()
    return settings


def _log(table: Table, base: Path) -> model.LogSettings:
    settings = model.LogSettings(
        path=table.path("path", base),
        component=table.text("component", "", max_bytes=_MAX_LABEL),
        from_start=table.choice("from", ("start", "end"), "end") == "start",
        patterns=tuple(_log_pattern(pattern) for pattern in table.tables("pattern")),
    )
    if not settings.patterns:
        table.problem("path", "is read for nothing; add [[log.pattern]]")
    table.finish()
    return settings


def _log_pattern(table: Table) -> model.LogPatternSettings:
    if not table.has("match"):
        table.text("match")
    match = table.pattern("match") or re.compile("(?!)")
    severity = table.choice("severity", tuple(_SEVERITIES), "")
    settings = model.LogPatternSettings(
        match=match,
        code=table.text("code", max_bytes=_MAX_CODE) if table.has("code") else None,
        severity=_SEVERITIES.get(severity),
        component=table.text("component", max_bytes=_MAX_LABEL) if table.has("component") else None,
        message=table.text("message", max_bytes=2048) if table.has("message") else None,
    )
    if table.has("match") and settings.code is None and "code" not in match.groupindex:
        table.problem("match", "says no event: set code, or name a group of match code")
    if len(set(match.groupindex) - FIELD_GROUPS) > _MAX_ATTRIBUTES:
        table.problem("match", f"names more than {_MAX_ATTRIBUTES} groups")
    table.finish()
    return settings
