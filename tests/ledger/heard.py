"""Heard: which agents the server has acknowledged something to, found in their ledgers as they grow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


class Heard:
    """Which agents have had something acknowledged since the last `mark`, by their ledgers."""

    def __init__(self, ledgers: Sequence[Path]) -> None:
        """Take the ledgers; they need not exist yet."""
        self._read = dict.fromkeys(ledgers, 0)
        self._silent = set(ledgers)

    def mark(self) -> None:
        """Begin anew: nobody has."""
        self._read = {path: path.stat().st_size if path.exists() else 0 for path in self._read}
        self._silent = set(self._read)

    def some(self) -> bool:
        """Tell whether one has."""
        self._look()
        return len(self._silent) < len(self._read)

    def all(self) -> bool:
        """Tell whether all have."""
        self._look()
        return not self._silent

    def _look(self) -> None:
        for path in tuple(self._silent):
            if path.exists():
                with path.open("rb") as file:
                    file.seek(self._read[path])
                    if b'"ack":' in file.read():
                        self._silent.remove(path)
