"""One alarm that has no case: what it found, and why nobody is asked to act."""

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll

from vedette_console.client.errors import SupportError
from vedette_console.model.brief import alarm_brief, text
from vedette_console.model.cell import Tone
from vedette_console.model.resources import Alarm
from vedette_console.screens.context import Context
from vedette_console.screens.evidence import caption_without_series, fetch_evidence
from vedette_console.screens.frame import DeskScreen
from vedette_console.widgets.chart import Chart
from vedette_console.widgets.prose import Prose


class AlarmScreen(DeskScreen):
    """The detail of one alarm."""

    TAB = "alarms"
    BINDINGS = [
        Binding("escape,backspace", "app.pop_screen", "Back"),
    ]

    def __init__(self, context: Context, alarm: Alarm) -> None:
        """Make the screen of an alarm."""
        super().__init__(context)
        self._alarm = alarm
        self._brief = Prose(id="alarm-brief")
        self._chart = Chart(id="alarm-chart")

    def body(self) -> ComposeResult:
        """Yield words and chart."""
        with VerticalScroll():
            yield self._brief
            yield self._chart

    def on_mount(self) -> None:
        """Fetch the evidence."""
        self.fetch_chart()

    def show_desk(self) -> None:
        """Draw the alarm as it is now."""
        self._alarm = self.context.desk.alarms.get(self._alarm.id) or self._alarm
        self._brief.show(*alarm_brief(self._alarm, self.context.now, self.context.zone))

    @work(exclusive=True)
    async def fetch_chart(self) -> None:
        """Draw the evidence."""
        evidence = self._alarm.evidence
        if evidence is None or not evidence.series:
            self._chart.say(caption_without_series(evidence))
            return
        try:
            drawn = await fetch_evidence(self.context.support, evidence, self.context.now)
        except SupportError as error:
            self._chart.say((text(str(error), Tone.BAD),))
            return
        self._chart.draw(drawn.caption, drawn.points, drawn.frame, self.context.zone)
