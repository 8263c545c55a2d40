"""A chart that fits itself into the room it gets."""

from datetime import tzinfo

from textual.app import RenderResult
from textual.widget import Widget

from vedette_console.model.cell import Line
from vedette_console.model.plot import Frame, chart
from vedette_console.model.resources import Point
from vedette_console.widgets.paint import content


class Chart(Widget):
    """Points within a frame, or a few words where there is nothing to draw."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - as every widget of Textual names it
        """Make an empty chart."""
        super().__init__(id=id)
        self._caption: Line = ()
        self._drawn: tuple[tuple[Point, ...], Frame, tzinfo] | None = None

    def draw(self, caption: Line, points: tuple[Point, ...], frame: Frame, zone: tzinfo) -> None:
        """Draw these points below a caption."""
        self._caption, self._drawn = caption, (points, frame, zone)
        self.refresh()

    def say(self, caption: Line) -> None:
        """Show words instead of a drawing."""
        self._caption, self._drawn = caption, None
        self.refresh()

    def render(self) -> RenderResult:
        """Return caption and drawing for the present size."""
        size = self.content_size
        caption = content(self._caption)
        if self._drawn is None:
            return caption
        points, frame, zone = self._drawn
        lines = chart(points, frame, width=size.width, height=size.height - 1, zone=zone)
        return caption.truncate(size.width, ellipsis=True) + "\n" + content(*lines)
