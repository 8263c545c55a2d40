"""Logging: one fact a line on stderr, as JSON for machines or as text on a terminal.

One idea: whatever comes from outside may hold anything, so no control byte ever reaches a line. JSON escapes
do that for machines; on a terminal every character that is not printable is replaced.

Use `log.get(__name__)`, say what happened in a few lower-case words, and give the facts as keywords:
`_log.warning("bad frame", agent=agent, seq=seq)`. Secrets are never given.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any, TextIO

import structlog

if TYPE_CHECKING:
    from collections.abc import MutableMapping

#: Shown in place of a character that could steer a terminal.
REPLACEMENT = "�"


def get(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of one module."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def configure(*, level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Send all logging of the process, libraries included, to `stream` (stderr by default)."""
    stream = stream or sys.stderr
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        structlog.processors.StackInfoRenderer(),
    ]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_renderers(stream)],
        )
    )
    # Libraries speak up only when something is wrong; what happens here is told by ourselves.
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("grpc._cython.cygrpc").addFilter(_tells_news)
    logging.getLogger("vedette_server").setLevel(level)
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _tells_news(record: logging.LogRecord) -> bool:
    """Drop what gRPC writes, with a traceback, whenever a peer is gone before its stream was ended.

    That is how every lost agent looks from here; it is told by the agent's state, with the cause.
    """
    return not str(record.msg).startswith("ExecuteBatchError raised in core")


def printable(text: str) -> str:
    """Return `text` with what is not printable replaced: C0, C1, ESC, bidi controls, line breaks."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else REPLACEMENT for char in text)


def _renderers(stream: TextIO) -> list[Any]:
    """Return what makes a line of an event; tracebacks become text first, for their words are foreign too."""
    if stream.isatty():
        console = structlog.dev.ConsoleRenderer(timestamp_key="time")
        return [structlog.processors.format_exc_info, _sanitise, console]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]


def _sanitise(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Make each value safe for a terminal; only a traceback keeps its line breaks."""
    for key, value in event.items():
        if key in {"exception", "stack"}:
            event[key] = "\n".join(printable(line) for line in str(value).split("\n"))
        elif isinstance(value, str):
            event[key] = printable(value)
        elif not isinstance(value, int | float | bool | None):
            event[key] = printable(repr(value))
    return event
