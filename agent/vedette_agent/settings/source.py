"""Configuration files as one document that still knows where each key was written.

`tomllib` gives values without lines, so a small scan of our own finds the line of each key. Files beside the
main one (`conf.d/*.toml`, in the order of their names) are merged into it: tables merge, arrays of tables
append, and the same value in two files is an error that names both, because a silent winner is what nobody
finds at night.

This module knows TOML and files; which keys mean what is `loader.py`'s.
"""

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vedette_agent.errors import ConfigError
from vedette_agent.text import visible

#: Way from the root to a value: table keys and indexes of arrays of tables.
KeyPath = tuple[str | int, ...]

_KEY = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')"""
_ASSIGNMENT = re.compile(rf"\s*({_KEY}(?:\s*\.\s*{_KEY})*)\s*=")
_HEADER = re.compile(rf"\s*(\[\[?)\s*({_KEY}(?:\s*\.\s*{_KEY})*)\s*\]")
_KEYS = re.compile(_KEY)
#: What decides whether a value goes on in the next line: strings, comments and brackets.
_TOKEN = re.compile(r'"""|\'\'\'|"(?:[^"\\]|\\.)*"|\'[^\']*\'|#.*|[\[\]{}]')


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a key was written."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(slots=True, kw_only=True)
class Document:
    """Values of all files together, and the place of each key."""

    root: str
    values: dict[str, Any] = field(default_factory=dict)
    places: dict[KeyPath, Place] = field(default_factory=dict)

    def place(self, path: KeyPath) -> Place:
        """Return where `path` was written, or the nearest table around it."""
        for length in range(len(path), 0, -1):
            if found := self.places.get(path[:length]):
                return found
        return Place(file=self.root, line=1)


def read(path: Path) -> Document:
    """Return `path` merged with `conf.d/*.toml` beside it.

    Raises:
        ConfigError: a file cannot be read, is no TOML, or repeats a value of another.
    """
    document = Document(root=path.name)
    problems: list[str] = []
    for file in (path, *sorted((path.parent / "conf.d").glob("*.toml"))):
        name = file.relative_to(path.parent).as_posix()
        try:
            text = file.read_bytes().decode("utf-8")
            values = tomllib.loads(text)
        except OSError as error:
            where = str(file) if file == path else name
            problems.append(f"{where}: cannot be read: {(error.strerror or str(error)).lower()}")
        except UnicodeDecodeError:
            problems.append(f"{name}: is not UTF-8 text")
        except tomllib.TOMLDecodeError as error:
            problems.append(_syntax_problem(name, str(error)))
        else:
            added = Document(
                root=name,
                values=values,
                places={key: Place(file=name, line=line) for key, line in key_lines(text).items()},
            )
            problems += _merge(document, (), document.values, added, added.values)
    if problems:
        raise ConfigError(problems)
    return document


def _syntax_problem(name: str, message: str) -> str:
    text, _, rest = message.partition(" (at line ")
    line = rest.partition(",")[0] if rest else ""
    where = f"{name}:{line}" if line.isdigit() else name
    return f"{where}: not valid TOML: {visible(text[:1].lower() + text[1:])}"


def _merge(
    into: Document, path: KeyPath, target: dict[str, Any], added: Document, source: dict[str, Any]
) -> list[str]:
    """Merge `source` into `target`, both tables at `path`, and return what is set twice."""
    problems: list[str] = []
    for key, value in source.items():
        here = (*path, key)
        present = target.get(key)
        if present is None:
            target[key] = value
            _copy_places(into, here, added, here)
        elif isinstance(present, dict) and isinstance(value, dict):
            problems += _merge(into, here, present, added, value)
        elif _is_tables(present) and _is_tables(value):
            for index, table in enumerate(value):
                _copy_places(into, (*here, len(present)), added, (*here, index))
                present.append(table)
        else:
            problems.append(
                f"{added.place(here)}: {dotted(here)}: already set in {into.place(here)}; keep one of the two"
            )
    return problems


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def _copy_places(into: Document, to: KeyPath, added: Document, fro: KeyPath) -> None:
    for path, place in added.places.items():
        if path[: len(fro)] == fro:
            into.places[to + path[len(fro) :]] = place


def dotted(path: KeyPath) -> str:
    """Return a key path as people write it: `component[2].name`, counted from 1."""
    text = ""
    for part in path:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{visible(part)}"
    return text.removeprefix(".")


def key_lines(text: str) -> dict[KeyPath, int]:
    """Return the line (from 1) of every key and table header of a valid TOML text.

    Keys inside an inline table have the line of the key that holds it.
    """
    lines: dict[KeyPath, int] = {}
    arrays: dict[KeyPath, int] = {}
    table: KeyPath = ()
    open_value = _OpenValue()
    for number, line in enumerate(text.splitlines(), start=1):
        if open_value.is_open:
            open_value.scan(line)
        elif header := _HEADER.match(line):
            keys = _split(header.group(2))
            table = _header_path(keys, arrays, starts_item=header.group(1) == "[[")
            lines.setdefault(table, number)
        elif assignment := _ASSIGNMENT.match(line):
            keys = _split(assignment.group(1))
            for length in range(1, len(keys) + 1):
                lines.setdefault((*table, *keys[:length]), number)
            open_value.scan(line[assignment.end() :])
    return lines


class _OpenValue:
    """Whether a value that began on an earlier line is still going on."""

    def __init__(self) -> None:
        self._depth = 0
        self._quote = ""

    @property
    def is_open(self) -> bool:
        return self._depth > 0 or bool(self._quote)

    def scan(self, line: str) -> None:
        position = 0
        while position < len(line):
            if self._quote:
                end = line.find(self._quote, position)
                if end < 0:
                    return
                position, self._quote = end + len(self._quote), ""
                continue
            token = _TOKEN.search(line, position)
            if token is None:
                return
            position = token.end()
            match token.group()[0:3]:
                case '"""' | "'''" as quote:
                    self._quote = quote
                case "[" | "{":
                    self._depth += 1
                case "]" | "}":
                    self._depth -= 1
                case _:
                    pass


def _split(keys: str) -> tuple[str, ...]:
    return tuple(
        key[1:-1] if key[0] in "\"'" else key for key in (found.group() for found in _KEYS.finditer(keys))
    )


def _header_path(keys: tuple[str, ...], arrays: dict[KeyPath, int], *, starts_item: bool) -> KeyPath:
    """Return the path of a table header; a key that names an array of tables means its latest item."""
    path: KeyPath = ()
    for position, key in enumerate(keys):
        path = (*path, key)
        if starts_item and position == len(keys) - 1:
            arrays[path] = arrays.get(path, -1) + 1
        if path in arrays:
            path = (*path, arrays[path])
    return path
