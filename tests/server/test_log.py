"""Log lines: one fact each, and no byte in them that could steer a terminal."""

import io
import json
import logging
import warnings
from collections.abc import Iterator

import pytest
import structlog

from vedette_server import log

HOSTILE = "agent\x1b]0;owned\x07\r\n\x9b31m\u202e"


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    logging.root.handlers[:], logging.root.level = handlers, level
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def test_a_line_is_json_with_time_level_logger_event_and_facts() -> None:
    stream = io.StringIO()
    log.configure(stream=stream)
    log.get("vedette_server.x").warning("bad frame", agent="acme/hq/node-1", seq=7)
    line = json.loads(stream.getvalue())
    assert line.pop("time").endswith("Z")
    assert line == {
        "event": "bad frame",
        "agent": "acme/hq/node-1",
        "seq": 7,
        "level": "warning",
        "logger": "vedette_server.x",
    }


def test_hostile_text_is_escaped_for_machines() -> None:
    stream = io.StringIO()
    log.configure(stream=stream)
    log.get("vedette_server.x").info("hello", agent=HOSTILE)
    text = stream.getvalue()
    assert text.endswith("\n")
    assert text.removesuffix("\n").isascii()
    assert text.removesuffix("\n").isprintable()
    assert json.loads(text)["agent"] == HOSTILE


def test_hostile_text_is_replaced_on_a_terminal() -> None:
    stream = Terminal()
    log.configure(stream=stream)
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        log.get("vedette_server.x").exception("hello", agent=HOSTILE, more=[HOSTILE])
    for byte in ("\x1b]", "\x07", "\r", "\x9b", "\u202e"):
        assert byte not in stream.getvalue()


def test_libraries_and_warnings_go_the_same_way() -> None:
    stream = io.StringIO()
    log.configure(stream=stream)
    logging.getLogger("grpc").error("lost %s", "it")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        log.configure(stream=stream)
        warnings.warn("old", UserWarning, stacklevel=1)
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert (events[0]["event"], events[0]["logger"]) == ("lost it", "grpc")
    assert events[1]["logger"] == "py.warnings"


def test_what_is_below_the_level_is_not_written() -> None:
    stream = io.StringIO()
    log.configure(stream=stream)
    log.get("vedette_server.x").debug("detail")
    assert stream.getvalue() == ""


def test_a_peer_that_is_gone_is_no_error_and_other_words_of_grpc_are() -> None:
    stream = io.StringIO()
    log.configure(stream=stream)
    grpc_log = logging.getLogger("grpc._cython.cygrpc")
    grpc_log.error("ExecuteBatchError raised in core by servicer method [%s]", "/a/Connect")
    grpc_log.error("Unexpected [%s] raised by servicer method [%s]", "KeyError", "/a/Connect")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == [
        "Unexpected [KeyError] raised by servicer method [/a/Connect]"
    ]
