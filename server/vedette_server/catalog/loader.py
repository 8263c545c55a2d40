"""Load the catalog: YAML to the rules of `detect/catalog.py`, with every mistake at its line.

What a rule means is not its business; that a rule means something (levels that rise, a title whose fields
exist) is.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Final

from vedette_server.content import content_hash
from vedette_server.contracts.priority import Priority
from vedette_server.detect.catalog import (
    AnyRule,
    Catalog,
    ConnectionRule,
    CrashRule,
    EventRule,
    IdentityRule,
    LabelMatch,
    Level,
    RatioRule,
)
from vedette_server.yamlfile import Mapping, Problems, Shape, YamlError, load
from vedette_server.yamlfile.values import Value

#: The catalog that ships; `vedette-server config sample --catalog` prints it.
SHIPPED_PATH: Final = Path(__file__).with_name("catalog.yaml")

_CODE: Final = Shape(
    pattern=re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII), words="lower-case letters, digits and underscores"
)
_METRIC: Final = Shape(
    pattern=re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:]{0,127}", re.ASCII),
    words="a metric name such as database.usage",
)
_EVENT: Final = Shape(
    pattern=re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.:-]{0,63}", re.ASCII),
    words="an event code such as component.exited",
)
_LONGEST: Final = timedelta(hours=24)

#: Fields that a title may use, by kind; a ratio rule also has every label of its series.
_FIELDS: Final = {
    "crash": {"component"},
    "event": {"component", "event"},
    "connection": {"agent", "node"},
    "identity": {"agent", "node"},
}


class CatalogError(YamlError):
    """The catalog holds mistakes; `problems` lists every one as `file:line: key: what, got value`."""


class _Kind(StrEnum):
    """What a rule judges."""

    RATIO = "ratio"
    CRASH = "crash"
    EVENT = "event"
    CONNECTION = "connection"
    IDENTITY = "identity"


class _Severity(StrEnum):
    """Severities as a catalog names them, least first; their places are the protocol's numbers."""

    UNSPECIFIED = "unspecified"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


def load_catalog(path: Path) -> Catalog:
    """Return the catalog in a file; its version depends on what the rules say, not on comments.

    Raises:
        CatalogError: the file cannot be read, or holds mistakes.
    """
    problems = Problems(CatalogError)
    tree = load(path, problems)
    rules: list[AnyRule] = []
    for key, value in tree.mapping("rules").entries():
        rules.append(_read_rule(key.text(shape=_CODE), value.mapping()))
    known_events = tree.texts("known_events", default=(), shape=_EVENT)
    tree.reject_unknown()
    problems.raise_if_any()
    catalog = Catalog(
        version="",
        ratios=tuple(rule for rule in rules if isinstance(rule, RatioRule)),
        crashes=tuple(rule for rule in rules if isinstance(rule, CrashRule)),
        events=tuple(rule for rule in rules if isinstance(rule, EventRule)),
        connections=tuple(rule for rule in rules if isinstance(rule, ConnectionRule)),
        identities=tuple(rule for rule in rules if isinstance(rule, IdentityRule)),
        known_events=known_events,
    )
    return replace(catalog, version=content_hash(catalog))


def shipped_catalog() -> Catalog:
    """Return the catalog that ships."""
    return load_catalog(SHIPPED_PATH)


def _read_rule(code: str, rule: Mapping) -> AnyRule:
    """Read one rule and reject the keys that its kind does not have."""
    kind = rule.enum("kind", _Kind)
    read = _READERS[kind](code, rule)
    _check_title(rule, read.title, kind)
    rule.reject_unknown()
    return read


def _read_connection(code: str, rule: Mapping) -> ConnectionRule:
    return ConnectionRule(code=code, priority=rule.enum("priority", Priority), **_words(rule))


def _read_identity(code: str, rule: Mapping) -> IdentityRule:
    return IdentityRule(code=code, priority=rule.enum("priority", Priority), **_words(rule))


def _words(rule: Mapping) -> dict[str, str]:
    """Read what every rule says to people."""
    return {
        "alarm_class": rule.text("class"),
        "title": rule.text("title"),
        "runbook": rule.text("runbook", default="", multiline=True),
    }


def _read_ratio(code: str, rule: Mapping) -> RatioRule:
    levels = tuple(_read_level(value) for value in rule.values("levels"))
    clear_below = rule.number("clear_below", minimum=0.0)
    if not levels:
        rule.problem("levels", "must hold at least one level")
    for lower, higher in pairwise(levels):
        if higher.at <= lower.at or higher.priority >= lower.priority:
            rule.problem("levels", "must rise, and their priority with them (P4 before P3)")
    if levels and clear_below > levels[0].at:
        rule.problem("clear_below", f"must be at most the first level, {levels[0].at:g}")
    return RatioRule(
        code=code,
        usage=rule.text("usage", shape=_METRIC),
        limit=rule.text("limit", shape=_METRIC),
        where=(*_matches(rule, "where", negated=False), *_matches(rule, "except", negated=True)),
        levels=levels,
        strict=rule.boolean("strict", default=False),
        clear_below=clear_below,
        raise_after=rule.duration("raise_after", default=timedelta(0), maximum=_LONGEST),
        clear_after=rule.duration("clear_after", default=timedelta(0), maximum=_LONGEST),
        **_words(rule),
    )


def _read_level(value: Value) -> Level:
    level = value.mapping()
    read = Level(at=level.number("at", minimum=0.0), priority=level.enum("priority", Priority))
    level.reject_unknown()
    return read


def _matches(rule: Mapping, name: str, *, negated: bool) -> tuple[LabelMatch, ...]:
    """Read conditions on labels: `where: {resource: [channel, trunk]}`."""
    conditions = rule.mapping(name, default=None)
    if conditions is None:
        return ()
    return tuple(
        LabelMatch(name=key.text(), values=tuple(one.text() for one in value.values()), negated=negated)
        for key, value in conditions.entries()
    )


def _read_crash(code: str, rule: Mapping) -> CrashRule:
    return CrashRule(
        code=code,
        priority=rule.enum("priority", Priority),
        components=rule.texts("components", default=()),
        except_components=rule.texts("except_components", default=()),
        licensed_only=rule.boolean("licensed_only", default=False),
        planned_window=rule.duration("planned_window", default=timedelta(minutes=2), maximum=_LONGEST),
        clear_after=rule.duration("clear_after", maximum=_LONGEST),
        **_words(rule),
    )


def _read_event(code: str, rule: Mapping) -> EventRule:
    clear_events = rule.texts("clear_events", default=(), shape=_EVENT)
    quiet_for = rule.duration("quiet_for", default=None, minimum=timedelta(seconds=1), maximum=_LONGEST)
    if not clear_events and quiet_for is None:
        rule.problem("quiet_for", "or clear_events must say when the alarm clears")
    return EventRule(
        code=code,
        priority=rule.enum("priority", Priority),
        events=rule.texts("events", default=(), shape=_EVENT),
        clear_events=clear_events,
        severity_at_least=list(_Severity).index(
            rule.enum("severity", _Severity, default=_Severity.UNSPECIFIED)
        ),
        quiet_for=quiet_for,
        **_words(rule),
    )


_READERS: Final[dict[_Kind, Callable[[str, Mapping], AnyRule]]] = {
    _Kind.RATIO: _read_ratio,
    _Kind.CRASH: _read_crash,
    _Kind.EVENT: _read_event,
    _Kind.CONNECTION: _read_connection,
    _Kind.IDENTITY: _read_identity,
}


def _check_title(rule: Mapping, title: str, kind: _Kind) -> None:
    """Check that a title is a template whose fields are known; those of a ratio rule are labels and free."""
    try:
        parts = [part for part in string.Formatter().parse(title) if part[1] is not None]
    except ValueError:
        rule.problem("title", "has a brace that is not closed")
        return
    if any(spec or conversion for _text, _name, spec, conversion in parts):
        # A field is text; "{percent:d}" would fail when an alarm is raised, not here.
        rule.problem("title", "must name its fields without a format, such as {percent}")
        return
    known = _FIELDS.get(kind)
    fields = {name for _text, name, _spec, _conversion in parts if name is not None}
    for name in sorted(fields if known is None else fields - known):
        if known is None and name.isidentifier():
            continue
        words = ", ".join(f"{{{one}}}" for one in sorted(known)) if known else "label names"
        rule.problem("title", f"has the unknown field {{{name}}}; known: {words}")
