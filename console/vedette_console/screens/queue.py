"""The queue: every open case of every customer, the one whose promise breaks first at the top."""

from textual.binding import Binding

from vedette_console.model.brief import alarm_line, case_brief, case_headline, case_promise
from vedette_console.model.cell import Cell, Line, Tone
from vedette_console.model.filter import case_fields
from vedette_console.model.resources import OPEN_STATES, Case
from vedette_console.model.rows import QUEUE_COLUMNS, Row, queue_row
from vedette_console.model.safe import safe
from vedette_console.screens.board_screen import BoardScreen
from vedette_console.screens.case import CaseScreen
from vedette_console.screens.case_actions import CaseActions
from vedette_console.screens.context import Context
from vedette_console.widgets.table import RowTable


class QueueScreen(BoardScreen[Case], CaseActions):
    """The live table of cases."""

    TAB = "queue"
    BINDINGS = [
        Binding("v", "toggle_resolved", "Show or hide resolved cases", show=False),
    ]

    def __init__(self, context: Context) -> None:
        """Make the queue."""
        super().__init__(context, context.desk.cases, QUEUE_COLUMNS)
        self._shows_resolved = False

    def row_of(self, item: Case) -> Row:
        """Return the row of a case."""
        return queue_row(item, self.context.now, self.context.zone)

    def preview_of(self, item: Case) -> tuple[Line, ...]:
        """Return a case in a few lines."""
        now, zone = self.context.now, self.context.zone
        return (
            case_headline(item),
            *case_brief(item, now, zone),
            *case_promise(item, now, zone),
            *(alarm_line(alarm, now) for alarm in self.context.desk.alarms_of(item)),
        )

    def fields_of(self, item: Case) -> dict[str, str]:
        """Return the texts in which the filter looks."""
        return case_fields(item)

    def in_view(self, item: Case) -> bool:
        """Return whether a case is open, or resolved ones are shown too."""
        return self._shows_resolved or item.state in OPEN_STATES

    def nothing(self) -> tuple[Line, ...]:
        """Return the good news."""
        counts = self.context.desk.counts(self.context.now)
        watched = f"{counts.connected} of {counts.agents} agents reach us"
        return (
            (Cell(text=safe("✓ no open case"), tone=Tone.GOOD),),
            (Cell(text=safe(watched), tone=Tone.DIM),),
            (Cell(text=safe("n opens a case by hand · v shows resolved ones"), tone=Tone.DIM),),
        )

    def case_in_hand(self) -> Case | None:
        """Return the case under the cursor, which sticks to it from now on."""
        return self.board.take()

    def action_toggle_resolved(self) -> None:
        """Show or hide resolved cases."""
        self._shows_resolved = not self._shows_resolved
        self.apply_view()

    def on_row_table_opened(self, event: RowTable.Opened) -> None:
        """Show the case on a screen of its own."""
        self.app.push_screen(CaseScreen(self.context, event.key))
