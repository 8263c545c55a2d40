"""A cell: a piece of safe text and its tone.

A tone says what a text means; the widgets' style sheet decides how that looks. No meaning rests on tone
alone: the text beside it says the same with a word or a glyph.
"""

from dataclasses import dataclass
from enum import StrEnum

from vedette_console.model.safe import Safe


class Tone(StrEnum):
    """What a piece of text means."""

    NORMAL = "normal"
    DIM = "dim"
    STRONG = "strong"
    ACCENT = "accent"
    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A piece of text with its tone."""

    text: Safe
    tone: Tone = Tone.NORMAL
    #: Whether a line that is too long goes on below the end of this cell.
    hang: bool = False


#: One line of a screen: cells that stand side by side without a gap.
Line = tuple[Cell, ...]
