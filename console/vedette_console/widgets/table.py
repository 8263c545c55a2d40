"""The table: a list of rows of which only the visible ones are ever made.

Ten thousand rows cost nothing until they are on the screen: a line is asked for when it is drawn, so a tick
of the clock or a burst of changes costs one screenful. The first line holds the titles and does not scroll.
The cursor is the source's, not the table's: it stays on its resource whatever happens (see `model.board`).
"""

from collections.abc import Callable
from typing import ClassVar, Protocol

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from vedette_console.model.cell import Cell, Line, Tone
from vedette_console.model.columns import GAP, Column, fit
from vedette_console.model.rows import Row
from vedette_console.model.safe import safe
from vedette_console.widgets.paint import segment

_TITLE_LINES = 1


class RowSource(Protocol):
    """Where a table gets its rows and its cursor from."""

    def __len__(self) -> int:
        """Return how many rows there are."""
        ...

    @property
    def cursor(self) -> int:
        """Row under the cursor; 0 without rows."""
        ...

    def move_to(self, line: int) -> None:
        """Put the cursor on a row, or the nearest there is."""
        ...

    def row(self, line: int) -> Row:
        """Return the cells of a row as they are now."""
        ...


class RowTable(ScrollView, can_focus=True, inherit_bindings=False):
    """A table with a cursor that draws itself line by line."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "table--title",
        "table--cursor",
        *(f"tone--{tone.value}" for tone in Tone),
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown,space", "page(1)", "Page down", show=False),
        Binding("home,g", "to_end(-1)", "First", show=False),
        Binding("end,G", "to_end(1)", "Last", show=False),
        Binding("enter", "open", "Open", show=False),
    ]

    class Opened(Message):
        """A person opened the row under the cursor."""

        def __init__(self, key: str) -> None:
            """Say which row: its key."""
            self.key = key
            super().__init__()

    class Moved(Message):
        """The cursor may stand on another row."""

    def __init__(
        self,
        columns: tuple[Column, ...],
        source: RowSource,
        *,
        nothing: Callable[[], tuple[Line, ...]],
        id: str | None = None,  # noqa: A002 - as every widget of Textual names it
    ) -> None:
        """Make a table.

        Args:
            columns: its columns, aligned with the cells of the rows.
            source: rows and cursor.
            nothing: returns what is shown when there is no row.
            id: id of the widget.
        """
        super().__init__(id=id)
        self._columns = columns
        self._source = source
        self._nothing = nothing

    def show_changes(self) -> None:
        """Draw again after rows came, went, moved or changed."""
        self.virtual_size = Size(self.size.width, len(self._source) + _TITLE_LINES)
        self._keep_cursor_visible()
        self.refresh()

    def on_mount(self) -> None:
        """Take in what is already there."""
        self.show_changes()

    def on_resize(self, _: events.Resize) -> None:
        """Fit the columns anew."""
        self.show_changes()

    def render_line(self, y: int) -> Strip:
        """Return one line: the titles, a row, or a line of what is shown when there is nothing."""
        width = self.size.width
        if y < _TITLE_LINES:
            return self._title_strip(width)
        line = self.scroll_offset.y + y - _TITLE_LINES
        if line < len(self._source):
            return self._row_strip(line, width)
        return self._nothing_strip(y - _TITLE_LINES, width)

    def action_move(self, lines: int) -> None:
        """Move the cursor."""
        self._go_to(self._source.cursor + lines)

    def action_page(self, pages: int) -> None:
        """Move the cursor by screenfuls."""
        self._go_to(self._source.cursor + pages * max(1, self.size.height - _TITLE_LINES - 1))

    def action_to_end(self, direction: int) -> None:
        """Move the cursor to the first or the last row."""
        self._go_to(0 if direction < 0 else len(self._source) - 1)

    def action_open(self) -> None:
        """Open the row under the cursor."""
        if len(self._source):
            # What a person opens, they mean: coming back, the cursor is still on it.
            self._source.move_to(self._source.cursor)
            self.post_message(self.Opened(self._source.row(self._source.cursor).key))

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the mouse is; open the row that has it already."""
        line = event.y - _TITLE_LINES + self.scroll_offset.y
        if event.y < _TITLE_LINES or line >= len(self._source):
            return
        if line == self._source.cursor:
            self.action_open()
        else:
            self._go_to(line)

    def _go_to(self, line: int) -> None:
        self._source.move_to(line)
        self._keep_cursor_visible()
        self.refresh()
        self.post_message(self.Moved())

    def _keep_cursor_visible(self) -> None:
        rows = max(1, self.size.height - _TITLE_LINES)
        top = self.scroll_offset.y
        cursor = self._source.cursor
        if cursor < top:
            self.scroll_to(y=cursor, animate=False, force=True, immediate=True)
        elif cursor >= top + rows:
            self.scroll_to(y=cursor - rows + 1, animate=False, force=True, immediate=True)

    def _title_strip(self, width: int) -> Strip:
        style = self.get_component_rich_style("table--title")
        segments = []
        for placed in fit(self._columns, width):
            title = Cell(text=safe(placed.title))
            segments += [Segment(" " * GAP, style), segment(title, placed.width, style, right=placed.right)]
        return Strip(segments).adjust_cell_length(width, style)

    def _row_strip(self, line: int, width: int) -> Strip:
        row = self._source.row(line)
        back = self.get_component_rich_style("table--cursor") if line == self._source.cursor else Style()
        base = self.rich_style + back
        segments = []
        for placed in fit(self._columns, width):
            cell = row.cells[placed.index]
            style = self._tone_style(row.tone if cell.tone is Tone.NORMAL else cell.tone, back)
            if cell.tone is Tone.CRITICAL:
                segments += self._badge(cell, placed.width, style, base)
            else:
                text = segment(cell, placed.width, style, right=placed.right, keep_end=placed.keep_end)
                segments += [Segment(" " * GAP, base), text]
        return Strip(segments).adjust_cell_length(width, base)

    def _badge(self, cell: Cell, width: int, style: Style, base: Style) -> list[Segment]:
        """Return a cell whose background ends with its text, so that it reads as a badge, not as a bar."""
        text = segment(cell, width, style, right=False).text.rstrip()
        padding = width - Segment(text).cell_length
        return [Segment(" " * GAP, base), Segment(text, style), Segment(" " * padding, base)]

    def _tone_style(self, tone: Tone, back: Style) -> Style:
        style = self.get_component_rich_style(f"tone--{tone.value}")
        return style if tone is Tone.CRITICAL else style + back

    def _nothing_strip(self, y: int, width: int) -> Strip:
        if len(self._source):
            return Strip.blank(width, self.rich_style)
        lines = self._nothing()
        first = max(0, (self.size.height - _TITLE_LINES - len(lines)) // 3)
        index = y - first
        if not 0 <= index < len(lines):
            return Strip.blank(width, self.rich_style)
        cells = [Segment(cell.text, self._tone_style(cell.tone, Style())) for cell in lines[index]]
        left = max(0, (width - sum(part.cell_length for part in cells)) // 2)
        strip = Strip([Segment(" " * left, self.rich_style), *cells])
        return strip.adjust_cell_length(width, self.rich_style)
