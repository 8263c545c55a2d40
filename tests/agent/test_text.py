"""Text from outside, made harmless."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette_agent import log
from vedette_agent.text import clipped, visible


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("größe ✓", "größe ✓"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\nb\tc\rd", "a\\nb\\tc\\rd"),
        ("\x9b31m", "\\x9b31m"),
        ("\u202eevil", "\\u202eevil"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("\x7f", "\\x7f"),
    ],
)
def test_what_a_terminal_would_obey_is_written_out(text: str, expected: str) -> None:
    assert visible(text) == expected


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    shown = visible(text)
    assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 for char in shown)
    assert visible(shown) == shown


@given(st.text(), st.integers(0, 20))
def test_clipped_text_fits_and_is_a_prefix(text: str, limit: int) -> None:
    cut = clipped(text, limit)
    assert len(cut.encode()) <= limit
    assert text.startswith(cut) or "?" in cut


def test_a_log_line_holds_no_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("info", "text")
    try:
        log.Logger("test").info("link.ended", text='\x1b]0;evil\x07 "quoted"', seconds=1.5)
    finally:
        logging.getLogger("vedette_agent").handlers.clear()
    line = capsys.readouterr().err
    assert "info link.ended" in line
    assert "seconds=1.500" in line
    assert "\\x1b]0;evil\\x07" in line
    assert "\x1b" not in line


def test_a_json_log_line_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    import json

    log.configure("info", "json")
    try:
        log.Logger("test").warning("collector.stuck", collector="cpu", seconds=5)
    finally:
        logging.getLogger("vedette_agent").handlers.clear()
    line = json.loads(capsys.readouterr().err)
    assert (line["level"], line["event"], line["collector"]) == ("warning", "collector.stuck", "cpu")
