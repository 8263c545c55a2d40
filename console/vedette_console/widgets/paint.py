"""Paint: safe cells become what Textual draws. The one place where a tone gets a look.

Everything is built as `Content` or as segments, never through markup: text from outside could hold a tag.
Colors are names of the theme's variables, so that another theme changes them all.
"""

from rich.segment import Segment
from rich.style import Style
from textual.content import Content

from vedette_console.model.cell import Cell, Line, Tone

#: Look of each tone, in terms of the theme (see `theme.py`).
TONE_STYLES = {
    Tone.NORMAL: "",
    Tone.DIM: "$tone-dim",
    Tone.STRONG: "bold $tone-strong",
    Tone.ACCENT: "$tone-accent",
    Tone.GOOD: "$tone-good",
    Tone.WARNING: "$tone-warning",
    Tone.BAD: "bold $tone-bad",
    Tone.CRITICAL: "bold $tone-critical on $tone-critical-back",
}


def content(*lines: Line) -> Content:
    """Return lines of cells as content for a widget."""
    return Content("\n").join(Content.assemble(*map(_styled, line)) for line in lines)


def wrapped(line: Line, width: int) -> list[Content]:
    """Return a line as the lines it takes in `width` cells; continued below the end of its hanging cell."""
    whole = Content.assemble(*map(_styled, line))
    hang = 0
    for index, cell in enumerate(line, start=1):
        if cell.hang:
            hang = Content.assemble(*map(_styled, line[:index])).cell_length
    if whole.cell_length <= width or not 0 < hang < width:
        return whole.wrap(width) if whole.cell_length else [Content("")]
    head = whole.truncate(hang)
    first, *rest = whole[len(head.plain) :].wrap(width - hang)
    return [head + first, *(Content(" " * hang) + part for part in rest)]


def spread(left: Line, right: Line, width: int) -> Content:
    """Return one line with `left` at its left end and `right` at its right end; the left one is cut first."""
    right_content = Content.assemble(*map(_styled, right))
    room = max(0, width - right_content.cell_length - 1)
    left_content = Content.assemble(*map(_styled, left)).truncate(room, ellipsis=True, pad=True)
    return Content.assemble(left_content, " ", right_content)


def segment(cell: Cell, width: int, style: Style, *, right: bool, keep_end: bool = False) -> Segment:
    """Return a cell as exactly `width` terminal cells; an ellipsis stands where it was cut."""
    text = _end_of(cell.text, width) if keep_end else Content(cell.text).truncate(width, ellipsis=True)
    padding = " " * (width - text.cell_length)
    return Segment(f"{padding}{text.plain}" if right else f"{text.plain}{padding}", style)


def _end_of(text: str, width: int) -> Content:
    """Return the end of a text that fits into `width` terminal cells, behind an ellipsis if it was cut."""
    whole = Content(text)
    if whole.cell_length <= width:
        return whole
    room = max(0, width - 1)
    start = len(text)
    while start > 0 and Content(text[start - 1 :]).cell_length <= room:
        start -= 1
    return Content(f"…{text[start:]}")


def _styled(cell: Cell) -> tuple[str, str]:
    return cell.text, TONE_STYLES[cell.tone]
