"""The gate: whatever comes in, nothing that a terminal would obey comes out."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette_console.model.safe import MARKS_PER_LETTER, safe, safe_lines

#: Every character there is, with those a terminal cares about often.
HOSTILE = st.text(
    st.one_of(
        st.sampled_from("\x1b\x07\x9b\x90\x9d\u202e\u2066\u200b\u200d\ufeff\u0301\x00\r\n\t\x7f[]/"),
        st.characters(),
    )
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, [b]no markup[/b]", "plain text, [b]no markup[/b]"),
        ("Lübeck 東京 مرحبا", "Lübeck 東京 مرحبا"),
        ("\x1b[31mred\x1b[0m", "␛[31mred␛[0m"),
        ("\x1b]52;c;aGk=\x07", "␛]52;c;aGk=␇"),
        ("a\x9b31mb", "a\ufffd31mb"),
        ("two\nlines\r\n", "two␊lines␍␊"),
        ("tab\there", "tab␉here"),
        ("del\x7f", "del␡"),
        ("user\u202egnp.exe", "user\ufffdgnp.exe"),
        ("zero\u200bwidth", "zero\ufffdwidth"),
        ("no\u00a0break", "no break"),
        ("private \ue0b0", "private \ufffd"),
        ("half \ud800 pair", "half \ufffd pair"),
        ("hangul \u3164 filler", "hangul \ufffd filler"),
        ("e\u0301", "é"),
    ],
)
def test_a_dangerous_character_becomes_a_visible_one(text: str, shown: str) -> None:
    assert safe(text) == shown


def test_marks_that_climb_over_the_lines_around_are_cut() -> None:
    shown = safe("x" + "\u0316" * 50)
    assert sum(map(unicodedata.combining, shown)) > 0
    assert len(shown) == 1 + MARKS_PER_LETTER + 1


@given(HOSTILE)
def test_no_text_keeps_a_character_that_a_terminal_obeys(text: str) -> None:
    for character in safe(text):
        assert unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@given(HOSTILE)
def test_what_is_safe_stays_as_it_is(text: str) -> None:
    assert safe(safe(text)) == safe(text)


@given(HOSTILE)
def test_lines_are_safe_each(text: str) -> None:
    for line in safe_lines(text):
        assert line == safe(line)


def test_lines_are_split_where_a_person_would() -> None:
    assert safe_lines("a\r\nb\rc\n\td") == ("a", "b", "c", "    d")
