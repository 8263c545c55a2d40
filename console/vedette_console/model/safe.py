"""Safe text: the one gate through which everything from outside reaches a terminal.

Agents, customers and colleagues write what they like: escape sequences, bidirectional overrides, characters
that have no width. A terminal would obey them. `safe` turns each into something visible that does nothing;
widgets and tables take only `Safe`, so the type checker finds a text that went round the gate.

What stays: letters of every script, with at most a few combining marks each. Nothing here crops or pads.
"""

import unicodedata
from itertools import chain
from typing import NewType

#: Text that a terminal may be given: no control, format, bidirectional or invisible character in it.
Safe = NewType("Safe", str)

#: Stands for what must not be shown.
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
#: Combining marks that one letter may carry; more is decoration that climbs over the lines around it.
MARKS_PER_LETTER = 4
#: Categories that never reach a terminal: control, format, surrogate, private use, unassigned, separators.
_REFUSED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
#: Letters and marks that are drawn as nothing (Unicode's Default_Ignorable_Code_Point beyond category Cf).
_INVISIBLE = frozenset(
    chain(
        (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180F, 0x2800, 0x3164, 0xFFA0),
        range(0x180B, 0x180E),
        range(0xFE00, 0xFE10),
        range(0xE0100, 0xE01F0),
    )
)
_DELETE = 0x7F
_FIRST_PRINTABLE = 0x20
_CONTROL_PICTURES = 0x2400


def safe(text: str) -> Safe:
    """Return the text as one line that does nothing to a terminal. Idempotent.

    A C0 control becomes its picture (ESC is shown as "␛", a line break as "␊"), every other refused character
    becomes "�", each kind of space becomes a space.
    """
    if text.isascii() and text.isprintable():
        return Safe(text)
    return Safe(_limit_marks(unicodedata.normalize("NFC", "".join(map(_visible, text)))))


def safe_lines(text: str) -> tuple[Safe, ...]:
    """Return the lines of a text that may have several; tabs become spaces, each line is `safe`."""
    normal = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", "    ")
    return tuple(safe(line) for line in normal.split("\n"))


def _visible(character: str) -> str:
    code = ord(character)
    if code < _FIRST_PRINTABLE:
        return chr(_CONTROL_PICTURES + code)
    if code == _DELETE:
        return "\N{SYMBOL FOR DELETE}"
    category = unicodedata.category(character)
    if category in _REFUSED_CATEGORIES or code in _INVISIBLE:
        return REPLACEMENT
    return " " if category == "Zs" else character


def _limit_marks(text: str) -> str:
    kept: list[str] = []
    run = 0
    for character in text:
        run = run + 1 if unicodedata.combining(character) else 0
        if run <= MARKS_PER_LETTER:
            kept.append(character)
        elif kept[-1] != REPLACEMENT:
            kept.append(REPLACEMENT)
    return "".join(kept)
