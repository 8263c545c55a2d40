"""The suite's folder: where its processes leave ports, process ids, data and the common log.

One idea: files are the only thing the processes share, so each may be killed and started again alone.
"""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Home:
    """Paths under one folder; nothing exists until `create`."""

    root: Path

    @property
    def log(self) -> Path:
        """The common log, one line an event: time, level, component, text."""
        return self.root / "log" / "suite.log"

    @property
    def database(self) -> Path:
        """The SQLite database that the database writer fills."""
        return self.root / "data" / "recordings.db"

    def create(self) -> None:
        """Make the folders; a second call changes nothing."""
        for folder in ("ports", "run", "log", "data"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)

    def port(self, component: str) -> int | None:
        """Return the loopback port on which a component serves, or None before it first did."""
        return _read_number(self.root / "ports" / f"{component}.port")

    def pid(self, component: str) -> int | None:
        """Return the process id of a component's latest process, or None before the first."""
        return _read_number(self.root / "run" / f"{component}.pid")

    def publish(self, component: str, *, port: int | None = None, pid: int) -> None:
        """Tell the others where a component is; readers never see half a number."""
        if port is not None:
            _write_number(self.root / "ports" / f"{component}.port", port)
        _write_number(self.root / "run" / f"{component}.pid", pid)

    def append(self, level: str, component: str, text: str) -> None:
        """Append one line to the common log; lines of several processes never mix."""
        stamp = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = f"{stamp} {level} {component} {text}\n".encode()
        descriptor = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(descriptor, line)
        finally:
            os.close(descriptor)


def _read_number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (FileNotFoundError, ValueError):
        return None


def _write_number(path: Path, number: int) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(str(number))
    partial.replace(path)
