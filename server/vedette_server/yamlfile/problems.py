"""What is wrong with a file: one `Problem` a mistake, all of them raised together.

Nothing here knows YAML; `values.py` finds the mistakes.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One mistake in one file."""

    #: The path as it was given to `load`.
    file: str
    #: Line of the value, from 1; 0 when the whole file is meant.
    line: int
    #: Dotted path of the key, such as `theaters.emea.zone`; empty when the whole file is meant.
    key: str
    #: What is wrong, and what was found.
    text: str

    def __str__(self) -> str:
        """Return `file:line: key: text`, without the parts that do not apply."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.key}: {self.text}" if self.key else f"{place}: {self.text}"


class YamlError(ValueError):
    """A file holds mistakes; `problems` lists every one, in the order of the file."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        """Keep the problems; the message has one line for each."""
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class Problems:
    """The mistakes found so far while reading one or more files."""

    def __init__(self, error: type[YamlError]) -> None:
        """Collect problems that will be raised as `error`."""
        self._error = error
        self._found: list[Problem] = []

    def add(self, problem: Problem) -> None:
        """Note one problem."""
        self._found.append(problem)

    def raise_if_any(self) -> None:
        """Raise the error with all problems, ordered by file and line, or return when there are none."""
        if self._found:
            raise self._error(tuple(sorted(self._found, key=lambda found: (found.file, found.line))))

    def stop(self, problem: Problem) -> NoReturn:
        """Raise at once: after this problem there is nothing left to read."""
        self._found.append(problem)
        raise self._error(tuple(self._found))


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """Return `, did you mean "…"?` with the closest of `choices`, or an empty string when none is close."""
    close = difflib.get_close_matches(word, sorted(choices), n=1)
    return f', did you mean "{close[0]}"?' if close else ""
