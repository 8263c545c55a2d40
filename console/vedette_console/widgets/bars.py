"""The bars at the top and the bottom of every screen: where am I, is it true, what can I do.

They take lines and show them; what the lines say is decided in `model.header` and by the app.
"""

from textual.app import RenderResult
from textual.widgets import Static

from vedette_console.model.cell import Cell, Line
from vedette_console.model.header import Header
from vedette_console.model.safe import safe
from vedette_console.widgets.paint import content, spread


class HeaderBar(Static):
    """Two lines: program, server, link and time; tabs and figures."""

    def __init__(self) -> None:
        """Make an empty bar."""
        super().__init__()
        self._header = Header()

    def show(self, header: Header) -> None:
        """Show these lines from now on."""
        if header != self._header:
            self._header = header
            self.refresh()

    def render(self) -> RenderResult:
        """Return both lines, spread over the width."""
        width = self.content_size.width
        header = self._header
        fits = content(header.bottom_left + header.bottom_right).cell_length < width
        figures = header.bottom_right if fits else header.bottom_right_short
        top = spread(header.top_left, header.top_right, width)
        return top + "\n" + spread(header.bottom_left, figures, width)


class LineBar(Static):
    """A bar that is there only while it has something to say."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        """Make a hidden bar; `id` and `classes` as every widget of Textual has them."""
        super().__init__(id=id, classes=classes)
        self._lines: tuple[Line, ...] = ()
        self.display = False

    def show(self, *lines: Line) -> None:
        """Show these lines; none hides the bar."""
        if lines != self._lines:
            # An update lays the whole screen out anew: not each second for nothing.
            self._lines = lines
            self.display = bool(lines)
            self.update(content(*lines))

    def say(self, cell: Cell | None) -> None:
        """Show one cell; None hides the bar."""
        self.show(*(() if cell is None else ((Cell(text=safe(" ")), cell),)))
