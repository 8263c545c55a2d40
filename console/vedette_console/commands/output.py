"""Output: the same answer as a table for people, or as JSON for programs.

A table shows local times and safe text, cut to nothing; JSON is the stable form (see `model.document`). JSON
is written in ASCII, so that a terminal has nothing to obey in it either.
"""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import TypeVar

from vedette_console.model.cell import Line
from vedette_console.model.document import Documented, Json, document
from vedette_console.model.safe import Safe, safe

Item = TypeVar("Item", bound=Documented)
_GAP = "  "


class Format(StrEnum):
    """How an answer is written."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"


def write_list(
    items: Sequence[Item], output: Format, titles: Sequence[str], row: Callable[[Item], Sequence[Safe]]
) -> None:
    """Write resources: a table with one row each, a JSON array, or a JSON object a line."""
    match output:
        case Format.TABLE:
            write_table(titles, [row(item) for item in items])
        case Format.JSON:
            write(_dump([document(item) for item in items], indent=2))
        case Format.JSONL:
            for item in items:
                write(_dump(document(item)))


def write_one(item: Documented, output: Format, lines: Callable[[], Iterable[Safe]]) -> None:
    """Write one resource: lines for people, or a JSON object."""
    match output:
        case Format.TABLE:
            for line in lines():
                write(line)
        case Format.JSON:
            write(_dump(document(item), indent=2))
        case Format.JSONL:
            write(_dump(document(item)))


def plain(line: Line) -> Safe:
    """Return a line of cells without tones."""
    return safe("".join(cell.text for cell in line).rstrip())


def write_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write a table; its columns are as wide as their widest text."""
    from rich.cells import cell_len

    table = [list(titles), *(list(row) for row in rows)]
    widths = [max(cell_len(row[index]) for row in table) for index in range(len(titles))]
    for row in table:
        cells = (f"{text}{' ' * (width - cell_len(text))}" for text, width in zip(row, widths, strict=True))
        write(_GAP.join(cells).rstrip())


def write_json_line(item: Documented) -> None:
    """Write one JSON object on a line of its own, at once."""
    write(_dump(document(item)))
    sys.stdout.flush()


def write(line: str) -> None:
    """Write one line to standard output."""
    sys.stdout.write(f"{line}\n")


def _dump(value: Json | Sequence[Json], indent: int | None = None) -> str:
    separators = None if indent else (",", ":")
    return json.dumps(value, ensure_ascii=True, indent=indent, separators=separators)
