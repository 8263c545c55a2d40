"""Prose: lines of cells, wrapped so that a field's value stays in its column."""

from textual.app import RenderResult
from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from vedette_console.model.cell import Line
from vedette_console.widgets.paint import wrapped


class Prose(Widget):
    """Some lines, as high as they are when wrapped."""

    def __init__(self, *lines: Line, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        """Make a widget that shows these lines; `id` and `classes` as every widget of Textual has them."""
        super().__init__(id=id, classes=classes)
        self._lines = lines

    def show(self, *lines: Line) -> None:
        """Show these lines from now on."""
        if lines != self._lines:
            self._lines = lines
            self.refresh(layout=True)

    def render(self) -> RenderResult:
        """Return the lines, wrapped to the present width."""
        return Content("\n").join(self._wrapped(self.content_size.width))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002 - Textual's
        """Return how many lines there are at a width."""
        return len(self._wrapped(width))

    def _wrapped(self, width: int) -> list[Content]:
        return [part for line in self._lines for part in wrapped(line, max(1, width))]
