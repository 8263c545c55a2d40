"""A board on a screen: its table, its filter, and a panel that tells more about the row under the cursor."""

from typing import Generic

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.widgets import Input, Label

from vedette_console.model.board import Board, T
from vedette_console.model.cell import Cell, Line, Tone
from vedette_console.model.columns import Column
from vedette_console.model.filter import LENGTH_LIMIT, Filter, parse
from vedette_console.model.rows import Row
from vedette_console.model.safe import safe
from vedette_console.screens.context import Context
from vedette_console.screens.frame import DeskScreen
from vedette_console.screens.source import BoardSource
from vedette_console.widgets.bars import LineBar
from vedette_console.widgets.prose import Prose
from vedette_console.widgets.table import RowTable


class BoardScreen(DeskScreen, Generic[T]):
    """A table over one board of the desk."""

    BINDINGS = [
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("escape", "clear_filter", "Clear filter", show=False),
    ]

    def __init__(self, context: Context, board: Board[T], columns: tuple[Column, ...]) -> None:
        """Make a screen over a board."""
        super().__init__(context)
        self.board: Board[T] = board
        self._filter = Filter()
        self._table = RowTable(columns, BoardSource(board, self.row_of), nothing=self._nothing, id="table")
        self._preview = Prose(id="preview")
        self._filter_input = Input(
            placeholder="words, field:value, -not", max_length=LENGTH_LIMIT, compact=True, id="filter"
        )
        self._filter_bar = Horizontal(Label("/", markup=False), self._filter_input, id="filter-bar")
        self._filter_line = LineBar(id="filter-line")

    def row_of(self, item: T) -> Row:
        """Return the row of a resource as it is now."""
        raise NotImplementedError

    def preview_of(self, item: T) -> tuple[Line, ...]:
        """Return what the panel tells about a resource."""
        raise NotImplementedError

    def fields_of(self, item: T) -> dict[str, str]:
        """Return the texts in which the filter looks."""
        raise NotImplementedError

    def in_view(self, item: T) -> bool:
        """Return whether a resource is shown when no filter is set."""
        return item is not None

    def nothing(self) -> tuple[Line, ...]:
        """Return what is shown when there is nothing, and that is true."""
        raise NotImplementedError

    def body(self) -> ComposeResult:
        """Yield table, panel and filter."""
        yield self._table
        yield self._preview
        yield self._filter_line
        yield self._filter_bar

    def on_mount(self) -> None:
        """Hide the filter until it is asked for."""
        self._filter_bar.display = False
        self.apply_view()
        self._table.focus()

    def show_desk(self) -> None:
        """Draw the rows and the panel anew."""
        self._table.show_changes()
        self._show_preview()
        self._show_filter_line()

    def apply_view(self) -> None:
        """Show what filter and view let through."""
        wanted = self._filter
        if wanted.terms:
            self.board.show_only(lambda item: self.in_view(item) and wanted.matches(self.fields_of(item)))
        else:
            self.board.show_only(self.in_view)
        self.show_desk()

    def action_filter(self) -> None:
        """Let the person type a filter."""
        self._filter_bar.display = True
        self._filter_input.focus()

    def action_clear_filter(self) -> None:
        """Show everything again."""
        self._filter_input.value = ""
        self._close_filter()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while the person types."""
        self._filter = parse(event.value)
        self.apply_view()

    def on_input_submitted(self, _: Input.Submitted) -> None:
        """Keep the filter and go back to the table."""
        self._close_filter()

    def on_row_table_moved(self, _: RowTable.Moved) -> None:
        """Tell about the row that the cursor is on now."""
        self._show_preview()

    def _close_filter(self) -> None:
        self._filter_bar.display = False
        self._table.focus()
        self._show_filter_line()

    def _show_preview(self) -> None:
        item = self.board.selected
        self._preview.show(*(() if item is None else self.preview_of(item)))

    def _show_filter_line(self) -> None:
        if not self._filter.terms or self._filter_bar.display:
            self._filter_line.show()
            return
        shown = f" filter: {self._filter_input.value}  ·  {len(self.board)} of {self.board.total}"
        unknown, _ = self._fields()
        problem = f"  no field {', '.join(unknown)}, looked for as text" if unknown else ""
        self._filter_line.show(
            (
                Cell(text=safe(shown), tone=Tone.ACCENT),
                Cell(text=safe(problem), tone=Tone.WARNING),
                Cell(text=safe("  Esc clears"), tone=Tone.DIM),
            )
        )

    def _fields(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the fields that the filter names and nothing has, and those there are."""
        item = next(iter(self.board), None)
        known = () if item is None else tuple(self.fields_of(item))
        return (self._filter.unknown_fields(known) if known else ()), known

    def _nothing_matches(self) -> tuple[Line, ...]:
        unknown, known = self._fields()
        words = f"nothing matches the filter; {self.board.total} hidden"
        lines: list[Line] = [(Cell(text=safe(words), tone=Tone.DIM),)]
        if unknown:
            lines += [
                (Cell(text=safe(f"no field {', '.join(unknown)}; there are"), tone=Tone.WARNING),),
                (Cell(text=safe(" ".join(known)), tone=Tone.WARNING),),
            ]
        return (*lines, (Cell(text=safe("Esc clears it"), tone=Tone.DIM),))

    def _nothing(self) -> tuple[Line, ...]:
        desk = self.context.desk
        if not desk.loaded:
            waiting = desk.link.problem or f"connecting to {self.context.title}"
            return ((Cell(text=safe(waiting), tone=Tone.WARNING if desk.link.problem else Tone.DIM),),)
        if self._filter.terms:
            return self._nothing_matches()
        return self.nothing()
