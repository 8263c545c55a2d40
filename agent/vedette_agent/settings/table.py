"""Typed reads from one table of the configuration: what is wrong is noted, and reading goes on.

One idea: a person who fixes a file wants all its problems at once. So a bad value is noted with its place
and a default is returned instead; `Problems` decides at the end. A key that nobody read is unknown, and says
what it may have meant.
"""

import difflib
import re
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from vedette_agent.errors import ConfigError
from vedette_agent.settings.source import Document, KeyPath, dotted
from vedette_agent.text import visible

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?(?:(\d+)ms)?")
_SIZE = re.compile(r"(\d+)\s*([KMGT]i?B|B)?")
_SIZE_UNITS: dict[str | None, int] = {
    None: 1,
    "B": 1,
    **{f"{letter}B": 1000**power for power, letter in enumerate("KMGT", start=1)},
    **{f"{letter}iB": 1024**power for power, letter in enumerate("KMGT", start=1)},
}


class Problems:
    """Everything wrong that was found so far."""

    def __init__(self) -> None:
        self._lines: list[tuple[str, int, str]] = []

    def add(self, document: Document, path: KeyPath, text: str) -> None:
        """Note that the value at `path` is wrong."""
        place = document.place(path)
        key = f" {dotted(path)}:" if path else ""
        self._lines.append((place.file, place.line, f"{place}:{key} {text}"))

    def raise_if_any(self) -> None:
        """Report everything noted, in the order of the files.

        Raises:
            ConfigError: something was noted.
        """
        if self._lines:
            raise ConfigError([text for _, _, text in sorted(self._lines)])


class Table:
    """One table; each key is read at most once, `finish` reports those that were not."""

    def __init__(self, document: Document, path: KeyPath, values: dict[str, Any], problems: Problems) -> None:
        self._document = document
        self._path = path
        self._values = values
        self._problems = problems
        self._known: list[str] = []

    def problem(self, key: str, text: str) -> None:
        """Note that the value of `key` is wrong."""
        self._problems.add(self._document, (*self._path, key), text)

    def has(self, key: str) -> bool:
        """Say whether `key` was written, without reading it."""
        self._known.append(key)
        return key in self._values

    def text(self, key: str, default: str | None = None, *, max_bytes: int = 4096) -> str:
        """Return a text; without a default it must be there and not be empty."""
        value = self._take(key, str, "a text in quotes")
        if value is None:
            if default is None and key not in self._values:
                self._problems.add(self._document, (*self._path, key), "is missing; it must be set")
            return default or ""
        if default is None and not value.strip():
            self.problem(key, "must not be empty")
        if len(value.encode()) > max_bytes:
            self.problem(key, f"must take at most {max_bytes} bytes, takes {len(value.encode())}")
        return str(value)

    def flag(self, key: str, *, default: bool) -> bool:
        """Return true or false."""
        value = self._take(key, bool, "true or false")
        return default if value is None else bool(value)

    def choice(self, key: str, options: Sequence[str], default: str) -> str:
        """Return one of `options`."""
        value = self._take(key, str, "a text in quotes")
        if value is None or value in options:
            return default if value is None else str(value)
        self.problem(key, f"must be one of {', '.join(options)}, got {_shown(value)}")
        return default

    def duration(self, key: str, default: timedelta, *, least: timedelta, most: timedelta) -> timedelta:
        """Return a length of time such as "10s", "500ms" or "1h30m"."""
        value = self._take(key, str, 'a text such as "10s"')
        if value is None:
            return default
        found = _DURATION.fullmatch(value)
        if not found or not any(found.groups()):
            self.problem(
                key, f'must be a length of time such as "10s", "500ms" or "1h30m", got {_shown(value)}'
            )
            return default
        hours, minutes, seconds, millis = (float(part or 0) for part in found.groups())
        span = timedelta(hours=hours, minutes=minutes, seconds=seconds, milliseconds=millis)
        if not least <= span <= most:
            self.problem(key, f"must be between {written(least)} and {written(most)}, got {_shown(value)}")
            return default
        return span

    def size(self, key: str, default: int | None, *, least: int = 1) -> int | None:
        """Return a number of bytes: a whole number, or a text such as "256MiB"."""
        self._known.append(key)
        value = self._values.get(key)
        if value is None:
            return default
        found = (
            _SIZE.fullmatch(str(value))
            if isinstance(value, str | int) and not isinstance(value, bool)
            else None
        )
        if found is None:
            self.problem(key, f'must be a size such as "256MiB" or a number of bytes, got {_shown(value)}')
            return default
        size: int = int(found.group(1)) * _SIZE_UNITS[found.group(2)]
        if size < least:
            self.problem(key, f"must be at least {least} bytes, got {_shown(value)}")
            return default
        return size

    def path(self, key: str, base: Path, default: str | None = None) -> Path:
        """Return a path; a relative one is taken from `base`."""
        return base / self.text(key, default)

    def pattern(self, key: str) -> re.Pattern[str] | None:
        """Return a regular expression, or None if there is none or a wrong one."""
        value = self._take(key, str, "a regular expression in quotes")
        return None if value is None else self._compiled(key, value)

    def patterns(self, key: str) -> tuple[re.Pattern[str], ...] | None:
        """Return a list of regular expressions, or None if there is no such key."""
        values = self._take(key, list, "a list of regular expressions")
        if values is None:
            return None
        compiled = [self._compiled(key, value) for value in values]
        return tuple(pattern for pattern in compiled if pattern is not None)

    def pairs(self, key: str) -> tuple[tuple[str, str], ...]:
        """Return a table of texts, sorted by key."""
        values = self._take(key, dict, "a table of texts") or {}
        for name, value in values.items():
            if not isinstance(value, str):
                self.problem(key, f"{visible(name)} must be a text in quotes, got {_shown(value)}")
        return tuple(sorted((name, value) for name, value in values.items() if isinstance(value, str)))

    def table(self, key: str) -> "Table":
        """Return the table at `key`, empty if there is none."""
        values = self._take(key, dict, f"a table, written [{dotted((*self._path, key))}]") or {}
        return Table(self._document, (*self._path, key), values, self._problems)

    def tables(self, key: str) -> list["Table"]:
        """Return the array of tables at `key`, empty if there is none."""
        header = f"[[{'.'.join(str(part) for part in (*self._path, key) if isinstance(part, str))}]]"
        values = self._take(key, list, f"an array of tables, written {header}") or []
        if not all(isinstance(value, dict) for value in values):
            self.problem(key, f"must be an array of tables, written {header}")
            return []
        return [
            Table(self._document, (*self._path, key, index), value, self._problems)
            for index, value in enumerate(values)
        ]

    def finish(self, known: Iterable[str] = ()) -> None:
        """Note every key that was never read; `known` names keys that are read elsewhere."""
        expected = [*self._known, *known]
        for key in self._values:
            if key not in expected:
                near = difflib.get_close_matches(key, expected, n=1)
                hint = (
                    f'; did you mean "{near[0]}"?'
                    if near
                    else f"; known here: {', '.join(sorted(set(expected)))}"
                )
                self.problem(key, f"unknown key{hint}")

    def _take(self, key: str, expected: type, wanted: str) -> Any:  # noqa: ANN401 - TOML values are of any type
        self._known.append(key)
        value = self._values.get(key)
        if value is None or isinstance(value, expected):
            return value
        self.problem(key, f"must be {wanted}, got {_shown(value)}")
        return None

    def _compiled(self, key: str, value: object) -> re.Pattern[str] | None:
        if not isinstance(value, str):
            self.problem(key, f"must be a regular expression in quotes, got {_shown(value)}")
            return None
        try:
            return re.compile(value)
        except re.error as error:
            self.problem(key, f"is no regular expression: {error}, got {_shown(value)}")
            return None


def written(span: timedelta) -> str:
    """Return a length of time as it is written in the configuration."""
    millis = span // timedelta(milliseconds=1)
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if millis >= size and millis % size == 0:
            return f"{millis // size}{unit}"
    return f"{millis}ms"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{visible(value)}"' if isinstance(value, str) else visible(str(value))
