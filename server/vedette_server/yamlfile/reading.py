"""From a file on disk to the `Mapping` at its top, with every limit checked on the way.

What cannot be read at all ends the reading at once; what can be read and is wrong is left to the readers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import yaml

from vedette_server.yamlfile.problems import Problem, Problems
from vedette_server.yamlfile.values import Mapping, Value, quote

if TYPE_CHECKING:
    from pathlib import Path

#: Largest file that is read, in bytes: some ten thousand customers.
MAX_FILE_BYTES: Final = 16 * 1024 * 1024
#: Deepest nesting of lists and mappings; the schemas here use six.
MAX_DEPTH: Final = 32

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load(path: Path, problems: Problems) -> Mapping:
    """Read `path` as one YAML mapping.

    Raises:
        YamlError: (the subclass given to `problems`) at once, when the file cannot be read, is larger than
            `MAX_FILE_BYTES`, is not UTF-8, is not YAML, or is not a mapping.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        problems.stop(_whole(str(path), f"cannot be read: {error.strerror or error}"))
    if len(raw) > MAX_FILE_BYTES:
        problems.stop(_whole(str(path), f"is larger than {MAX_FILE_BYTES} bytes"))
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problems.stop(_whole(str(path), f"is not UTF-8 text (byte {error.start})"))
    return loads(text, str(path), problems)


def loads(text: str, file: str, problems: Problems) -> Mapping:
    """Read `text` as one YAML mapping; `file` is the name that problems show. Raises as `load` does."""
    try:
        deep = _too_deep(text)
        if deep is not None:
            words = f"nests more than {MAX_DEPTH} levels deep"
            problems.stop(Problem(file=file, line=deep, key="", text=words))
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        problems.stop(Problem(file=file, line=line, key="", text=f"is not YAML: {error.problem}"))
    except yaml.YAMLError as error:
        problems.stop(_whole(file, f"is not YAML: {' '.join(str(error).split())}"))
    if node is None:
        problems.stop(_whole(file, "is empty"))
    if not isinstance(node, yaml.MappingNode):
        problems.stop(_whole(file, f"must be a mapping of keys to values, got {quote(node)}"))
    return Value(node=node, key="", file=file, problems=problems).mapping()


def _too_deep(text: str) -> int | None:
    """Return the line that nests too deeply: libyaml's composer recurses and would crash the process."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                return event.start_mark.line + 1 if event.start_mark else 0
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
    return None


def _whole(file: str, text: str) -> Problem:
    return Problem(file=file, line=0, key="", text=text)
