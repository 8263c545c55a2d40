"""Typed readers of YAML nodes: `Value` for one value, `Mapping` for one mapping.

A reader never raises and always returns its type; how to use it stands in the package's header.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Final, TypeVar

import yaml

from vedette_server.yamlfile.durations import format_duration, parse_duration
from vedette_server.yamlfile.problems import Problem, Problems, YamlError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable

#: Longest text value, in characters.
MAX_TEXT_CHARS: Final = 4000
#: Bounds of a date; within them every local midnight is an instant that can be computed with.
FIRST_DAY: Final = date(1970, 1, 1)
LAST_DAY: Final = date(2999, 12, 31)
#: Longest piece of a wrong value that a message repeats, in characters.
MAX_QUOTED_CHARS: Final = 80

_NULL: Final = "tag:yaml.org,2002:null"
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_INTEGER: Final = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_NUMBER: Final = re.compile(r"[+-]?\d{1,30}(?:\.\d{1,30})?(?:[eE][+-]?\d{1,3})?", re.ASCII)


class Required(Enum):
    """The type of `REQUIRED`; needed only to type the default of a reader."""

    REQUIRED = "required"


#: The default of every reader's `default`: the key must be there.
REQUIRED: Final = Required.REQUIRED

D = TypeVar("D")
T = TypeVar("T")
E = TypeVar("E", bound=Enum)
C = TypeVar("C", int, float, timedelta)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a text must look like: a pattern for the program and words for the author."""

    #: The whole text must match.
    pattern: re.Pattern[str]
    #: Completes "must be …".
    words: str


#: Ids of customers, installations, nodes, components.
SLUG: Final = Shape(
    pattern=re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII),
    words="a slug of at most 63 lower-case letters, digits and dashes",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One value of the file, and where it stands. Readers never raise; see the module's header."""

    node: yaml.Node
    #: Dotted path, such as `theaters.emea.zone` or `plans.gold.services[0]`.
    key: str
    file: str
    problems: Problems

    @property
    def line(self) -> int:
        """Line of the value in its file, from 1."""
        return int(self.node.start_mark.line) + 1

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing is written here (`key:` or `key: null`)."""
        return isinstance(self.node, yaml.ScalarNode) and self.node.tag == _NULL

    def problem(self, what: str, *, hint: str = "") -> None:
        """Note that this value is wrong: `what` (a rule, lower case), then the value, then `hint`."""
        self.note(f"{what}, got {quote(self.node)}{hint}")

    def note(self, text: str) -> None:
        """Note a problem at this line without repeating the value."""
        self.problems.add(Problem(file=self.file, line=self.line, key=self.key, text=text))

    def text(self, *, shape: Shape | None = None, multiline: bool = False) -> str:
        """Read one line of printable text (or several with `multiline`), stripped, not empty."""
        raw = self._scalar()
        if raw is None:
            self.problem(f"must be {shape.words if shape else 'text'}")
            return ""
        text = raw.strip()
        if not text or len(text) > MAX_TEXT_CHARS:
            self.problem(f"must have 1 to {MAX_TEXT_CHARS} characters")
        elif not all(char.isprintable() or (multiline and char == "\n") for char in text):
            self.problem("must be " + ("printable text" if multiline else "one line of printable text"))
        elif shape is not None and not shape.pattern.fullmatch(text):
            self.problem(f"must be {shape.words}")
        return text

    def boolean(self) -> bool:
        """Read `true` or `false`; YAML 1.1's yes, no, on and off are refused."""
        raw = self._scalar()
        if raw not in {"true", "false"}:
            self.problem("must be true or false")
        return raw == "true"

    def integer(self, *, minimum: int | None = None, maximum: int | None = None) -> int:
        """Read a whole number within the inclusive bounds."""
        raw = self._scalar()
        number = int(raw) if raw is not None and _INTEGER.fullmatch(raw) else None
        if number is None or not _within(number, minimum, maximum):
            self.problem("must be a whole number" + _bounds(minimum, maximum, str))
        return number or 0

    def number(self, *, minimum: float | None = None, maximum: float | None = None) -> float:
        """Read a finite number within the inclusive bounds."""
        raw = self._scalar()
        number = float(raw) if raw is not None and _NUMBER.fullmatch(raw) else None
        if number is None or not math.isfinite(number) or not _within(number, minimum, maximum):
            self.problem("must be a number" + _bounds(minimum, maximum, repr))
        return number or 0.0

    def duration(self, *, minimum: timedelta | None = None, maximum: timedelta | None = None) -> timedelta:
        """Read a duration such as `30s`, `5m`, `2h` or `1h30m` within the inclusive bounds."""
        raw = self._scalar()
        duration = parse_duration(raw) if raw is not None else None
        if duration is None or not _within(duration, minimum, maximum):
            bounds = _bounds(minimum, maximum, format_duration)
            self.problem(f"must be a duration such as 30s, 5m or 1h30m{bounds}")
        return duration or timedelta(0)

    def day(self) -> date:
        """Read a date written as `2026-12-31`, between `FIRST_DAY` and `LAST_DAY`."""
        raw = self._scalar()
        try:
            if raw is not None and _DAY.fullmatch(raw) and FIRST_DAY <= date.fromisoformat(raw) <= LAST_DAY:
                return date.fromisoformat(raw)
        except ValueError:
            pass  # looks like a date and is none, such as 2026-02-30: reported like any other text
        self.problem(f"must be a date such as 2026-12-31, from {FIRST_DAY} to {LAST_DAY}")
        return FIRST_DAY

    def enum(self, kind: type[E]) -> E:
        """Read one member of `kind`: by value where values are texts, else by name."""
        choices = {str(m.value) if isinstance(m.value, str) else m.name: m for m in kind}
        raw = self._scalar() or ""
        if raw in choices:
            return choices[raw]
        self.problem(f"must be one of {', '.join(choices)}", hint=did_you_mean(raw, choices))
        return next(iter(kind))

    def values(self) -> tuple[Value, ...]:
        """Read a list; each element is a value of its own."""
        if not isinstance(self.node, yaml.SequenceNode):
            self.problem("must be a list")
            return ()
        return tuple(
            replace(self, node=node, key=f"{self.key}[{index}]") for index, node in enumerate(self.node.value)
        )

    def mapping(self) -> Mapping:
        """Read a mapping. One that is none reads as if every key were there, to spare follow-up problems."""
        if isinstance(self.node, yaml.MappingNode):
            return Mapping(self)
        self.problem("must be a mapping of keys to values")
        return Mapping(_nothing(self))

    def _scalar(self) -> str | None:
        """Return the text as written, or None for a list, a mapping or an empty value."""
        if isinstance(self.node, yaml.ScalarNode) and not self.is_empty:
            return str(self.node.value)
        return None


class Mapping:
    """One mapping of the file; it remembers which keys were asked for, so `reject_unknown` needs no list."""

    def __init__(self, value: Value) -> None:
        """Wrap `value`; anything but a mapping reads as one without keys."""
        self.value = value
        self._asked: set[str] = set()
        self._entries: dict[str, tuple[Value, Value]] = {}
        if isinstance(value.node, yaml.MappingNode):
            self._index(value.node)

    # Readers of one key. With a `default` the key is optional; the default is returned as it is.

    def text(
        self,
        name: str,
        *,
        default: D | Required = REQUIRED,
        shape: Shape | None = None,
        multiline: bool = False,
    ) -> str | D:
        """Read the text under `name`; see `Value.text`."""
        return self._read(name, default, lambda value: value.text(shape=shape, multiline=multiline))

    def boolean(self, name: str, *, default: D | Required = REQUIRED) -> bool | D:
        """Read the truth value under `name`; see `Value.boolean`."""
        return self._read(name, default, Value.boolean)

    def integer(
        self,
        name: str,
        *,
        default: D | Required = REQUIRED,
        minimum: int | None = None,
        maximum: int | None = None,
    ) -> int | D:
        """Read the whole number under `name`; see `Value.integer`."""
        return self._read(name, default, lambda value: value.integer(minimum=minimum, maximum=maximum))

    def number(
        self,
        name: str,
        *,
        default: D | Required = REQUIRED,
        minimum: float | None = None,
        maximum: float | None = None,
    ) -> float | D:
        """Read the number under `name`; see `Value.number`."""
        return self._read(name, default, lambda value: value.number(minimum=minimum, maximum=maximum))

    def duration(
        self,
        name: str,
        *,
        default: D | Required = REQUIRED,
        minimum: timedelta | None = None,
        maximum: timedelta | None = None,
    ) -> timedelta | D:
        """Read the duration under `name`; see `Value.duration`."""
        return self._read(name, default, lambda value: value.duration(minimum=minimum, maximum=maximum))

    def day(self, name: str, *, default: D | Required = REQUIRED) -> date | D:
        """Read the date under `name`; see `Value.day`."""
        return self._read(name, default, Value.day)

    def enum(self, name: str, kind: type[E], *, default: D | Required = REQUIRED) -> E | D:
        """Read the member of `kind` under `name`; see `Value.enum`."""
        return self._read(name, default, lambda value: value.enum(kind))

    def texts(
        self, name: str, *, default: D | Required = REQUIRED, shape: Shape | None = None
    ) -> tuple[str, ...] | D:
        """Read the list of different texts under `name`, in file order."""
        return self._read(name, default, lambda value: _distinct(value, lambda item: item.text(shape=shape)))

    def enums(self, name: str, kind: type[E], *, default: D | Required = REQUIRED) -> tuple[E, ...] | D:
        """Read the list of different members of `kind` under `name`, in file order."""
        return self._read(name, default, lambda value: _distinct(value, lambda item: item.enum(kind)))

    def days(self, name: str, *, default: D | Required = REQUIRED) -> tuple[date, ...] | D:
        """Read the list of different dates under `name`, in file order."""
        return self._read(name, default, lambda value: _distinct(value, Value.day))

    def values(self, name: str, *, default: D | Required = REQUIRED) -> tuple[Value, ...] | D:
        """Read the list under `name`."""
        return self._read(name, default, Value.values)

    def mapping(self, name: str, *, default: D | Required = REQUIRED) -> Mapping | D:
        """Read the mapping under `name`."""
        return self._read(name, default, Value.mapping)

    # The mapping as a whole.

    def get(self, name: str) -> Value | None:
        """Return what stands under `name`, or None when it is absent or empty."""
        self._asked.add(name)
        value = self._entries[name][1] if name in self._entries else None
        return None if value is None or value.is_empty else value

    def entries(self) -> tuple[tuple[Value, Value], ...]:
        """Read all keys, for a mapping whose keys are ids: (key, value) pairs in file order."""
        self._asked.update(self._entries)
        return tuple(self._entries.values())

    def over(self, base: Mapping) -> Mapping:
        """Return this mapping with the keys that it leaves out (or leaves empty) taken from `base`."""
        merged = Mapping(self.value)
        own = {n: e for n, e in self._entries.items() if n not in base._entries or not e[1].is_empty}
        merged._entries = base._entries | own
        return merged

    def reject_unknown(self) -> None:
        """Note a problem for each key that no reader asked for. Call it after all reads."""
        known = f"; known here: {', '.join(sorted(self._asked))}" if self._asked else ""
        for name, (key, _value) in self._entries.items():
            if name not in self._asked:
                key.note(f"unknown key{did_you_mean(name, self._asked) or known}")

    def problem(self, name: str, what: str, *, hint: str = "") -> None:
        """Note that the value under `name` is wrong; at the mapping itself when nothing is written there."""
        value = self.get(name)
        if value is None:
            self._place(name).note(what)
        else:
            value.problem(what, hint=hint)

    def _read(self, name: str, default: D | Required, read: Callable[[Value], T]) -> T | D:
        value = self.get(name)
        if value is not None:
            return read(value)
        if not isinstance(default, Required):
            return default
        self._place(name).note("is missing")
        return read(_nothing(self.value))

    def _place(self, name: str) -> Value:
        """Return where a missing value belongs: its own line when `name:` is written, else the mapping's."""
        node = self._entries[name][1].node if name in self._entries else self.value.node
        return replace(self.value, node=node, key=_join(self.value.key, name))

    def _index(self, node: yaml.MappingNode) -> None:
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                replace(self.value, node=key_node).problem("a key must be text")
                continue
            name = str(key_node.value)
            path = _join(self.value.key, name)
            key = replace(self.value, node=key_node, key=path)
            if name in self._entries:
                key.note(f"is given twice, first on line {self._entries[name][0].line}")
            else:
                self._entries[name] = (key, replace(self.value, node=value_node, key=path))


def _nothing(value: Value) -> Value:
    """Return an empty value whose problems nobody hears: reading it yields each type's placeholder."""
    node = yaml.ScalarNode(tag=_NULL, value="", start_mark=value.node.start_mark)
    return replace(value, node=node, problems=Problems(YamlError))


def _distinct(value: Value, read: Callable[[Value], T]) -> tuple[T, ...]:
    """Return the items of a list in order; each repetition is a problem."""
    seen: list[T] = []
    for item in value.values():
        read_item = read(item)
        if read_item in seen:
            item.problem("must not repeat")
        else:
            seen.append(read_item)
    return tuple(seen)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def quote(node: yaml.Node) -> str:
    """Return the value as a message shows it."""
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    if isinstance(node, yaml.MappingNode):
        return "a mapping"
    text = str(node.value)
    if not text:
        return "nothing"
    shown = text if len(text) <= MAX_QUOTED_CHARS else text[: MAX_QUOTED_CHARS - 1] + "…"
    return '"' + "".join(char if char.isprintable() else "�" for char in shown) + '"'


def _within(value: C, minimum: C | None, maximum: C | None) -> bool:
    return (minimum is None or minimum <= value) and (maximum is None or value <= maximum)


def _bounds(minimum: C | None, maximum: C | None, show: Callable[[C], str]) -> str:
    """Return the inclusive bounds as the tail of a "must be …" message."""
    if minimum is not None and maximum is not None:
        return f" between {show(minimum)} and {show(maximum)}"
    if minimum is not None:
        return f" of at least {show(minimum)}"
    return f" of at most {show(maximum)}" if maximum is not None else ""
