"""The agent's log: one line a thing that happened, key=value or JSON, on standard error.

One idea: what happened is a fixed name (`link.connected`), everything that varies is a field, so that a log
can be searched without guessing at sentences. Every value is made harmless first: much of it came from
outside.
"""

import json
import logging
import sys
from typing import Final, TextIO

from vedette_agent.clock import rfc3339
from vedette_agent.text import visible

_ROOT: Final = "vedette_agent"
_FIELDS: Final = "vedette_fields"

# A program that embeds the agent and configures no log hears nothing from it.
logging.getLogger(_ROOT).addHandler(logging.NullHandler())

#: What may stand in a field.
Value = str | int | float | bool | None


class Logger:
    """Writes named happenings with fields; one for each part of the agent."""

    def __init__(self, part: str) -> None:
        self._logger = logging.getLogger(f"{_ROOT}.{part}")

    def debug(self, happening: str, **fields: Value) -> None:
        """Log what only someone looking for a fault wants."""
        self._write(logging.DEBUG, happening, fields)

    def info(self, happening: str, **fields: Value) -> None:
        """Log what an administrator expects to see."""
        self._write(logging.INFO, happening, fields)

    def warning(self, happening: str, **fields: Value) -> None:
        """Log what the agent copes with, but somebody should know."""
        self._write(logging.WARNING, happening, fields)

    def error(self, happening: str, **fields: Value) -> None:
        """Log what needs a person."""
        self._write(logging.ERROR, happening, fields)

    def _write(self, level: int, happening: str, fields: dict[str, Value]) -> None:
        if self._logger.isEnabledFor(level):
            self._logger.log(level, happening, extra={_FIELDS: fields})


def configure(level: str = "info", style: str = "text", stream: TextIO | None = None) -> None:
    """Send the agent's log to `stream` (standard error by default).

    Args:
        level: "debug", "info", "warning" or "error".
        style: "text" for key=value, "json" for one object a line.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_JsonLine() if style == "json" else _TextLine())
    root = logging.getLogger(_ROOT)
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    root.propagate = False


class _TextLine(logging.Formatter):
    """`2026-03-01T09:30:00.125Z info link.connected server=127.0.0.1:7443`."""

    def format(self, record: logging.LogRecord) -> str:
        words = [_when(record), record.levelname.lower(), visible(record.getMessage())]
        words += [f"{name}={_quoted(value)}" for name, value in _fields(record).items()]
        if record.exc_info:
            words.append(f"exception={_quoted(self.formatException(record.exc_info))}")
        return " ".join(words)


class _JsonLine(logging.Formatter):
    """The same as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Value] = {
            "time": _when(record),
            "level": record.levelname.lower(),
            "event": visible(record.getMessage()),
        }
        for name, value in _fields(record).items():
            line.setdefault(name, visible(value) if isinstance(value, str) else value)
        if record.exc_info:
            line["exception"] = visible(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)


def _when(record: logging.LogRecord) -> str:
    return rfc3339(round(record.created * 1_000_000))


def _fields(record: logging.LogRecord) -> dict[str, Value]:
    fields: dict[str, Value] = getattr(record, _FIELDS, {})
    return fields


def _quoted(value: Value) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    text = visible(str(value))
    return f'"{text}"' if not text or " " in text or "=" in text or '"' in text else text
