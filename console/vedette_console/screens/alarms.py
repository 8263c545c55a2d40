"""The alarms: every condition that holds, or that went away and nobody has taken yet."""

from vedette_console.client.request_id import new_request_id
from vedette_console.model.brief import alarm_brief
from vedette_console.model.cell import Cell, Line, Tone
from vedette_console.model.filter import alarm_fields
from vedette_console.model.intents import AcknowledgeAlarm
from vedette_console.model.resources import Alarm, Case
from vedette_console.model.rows import ALARM_COLUMNS, Row, alarm_row
from vedette_console.model.safe import safe
from vedette_console.screens.alarm import AlarmScreen
from vedette_console.screens.board_screen import BoardScreen
from vedette_console.screens.case import CaseScreen
from vedette_console.screens.case_actions import CaseActions
from vedette_console.screens.context import Context
from vedette_console.screens.wanted import Wanted
from vedette_console.widgets.table import RowTable


class AlarmsScreen(BoardScreen[Alarm], CaseActions):
    """The live table of alarms."""

    TAB = "alarms"

    def __init__(self, context: Context) -> None:
        """Make the table."""
        super().__init__(context, context.desk.alarms, ALARM_COLUMNS)

    def row_of(self, item: Alarm) -> Row:
        """Return the row of an alarm."""
        return alarm_row(item, self.context.now)

    def preview_of(self, item: Alarm) -> tuple[Line, ...]:
        """Return an alarm with its evidence."""
        return alarm_brief(item, self.context.now, self.context.zone)

    def fields_of(self, item: Alarm) -> dict[str, str]:
        """Return the texts in which the filter looks."""
        return alarm_fields(item)

    def nothing(self) -> tuple[Line, ...]:
        """Return the good news."""
        return ((Cell(text=safe("✓ no alarm holds, none waits for a human"), tone=Tone.GOOD),),)

    def case_in_hand(self) -> Case | None:
        """Return the case of the alarm under the cursor, which sticks to it from now on."""
        alarm = self.board.take()
        return None if alarm is None else self.context.desk.cases.get(alarm.case_id)

    def action_acknowledge(self) -> None:
        """Take the alarm, and its case with it."""
        alarm = self.board.take()
        if alarm is None:
            self.complain("there is no alarm here to acknowledge")
        elif alarm.acknowledged:
            self.complain(
                f"alarm {alarm.id} was already acknowledged by {alarm.acknowledged_by or 'somebody'}"
            )
        else:
            self.post_message(Wanted(AcknowledgeAlarm(id=alarm.id, request_id=new_request_id())))

    def on_row_table_opened(self, event: RowTable.Opened) -> None:
        """Show the case of the alarm, or the alarm itself when it has none."""
        alarm = self.board.get(event.key)
        if alarm is not None:
            context = self.context
            has_case = bool(alarm.case_id)
            self.app.push_screen(
                CaseScreen(context, alarm.case_id) if has_case else AlarmScreen(context, alarm)
            )
