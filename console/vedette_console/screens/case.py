"""One case: what is wrong, what was promised, the evidence drawn, and all that happened, live."""

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll

from vedette_console.client.errors import SupportError
from vedette_console.model.brief import (
    alarm_line,
    case_brief,
    case_headline,
    case_promise,
    evidence_words,
    field,
    text,
    timeline_lines,
)
from vedette_console.model.cell import Line, Tone
from vedette_console.model.resources import Alarm, Case, TimelineEntry
from vedette_console.model.rows import WIDE
from vedette_console.screens.case_actions import CaseActions
from vedette_console.screens.context import Context
from vedette_console.screens.evidence import fetch_evidence
from vedette_console.widgets.chart import Chart
from vedette_console.widgets.prose import Prose

#: The chart is fetched again after this many seconds.
CHART_PERIOD = 10.0


class CaseScreen(CaseActions):
    """The detail of one case."""

    BINDINGS = [
        Binding("escape,backspace", "app.pop_screen", "Back"),
        Binding("j", "scroll_body(1)", "Down", show=False),
        Binding("k", "scroll_body(-1)", "Up", show=False),
        Binding("g", "scroll_far(-1)", "Top", show=False),
        Binding("G", "scroll_far(1)", "Bottom", show=False),
    ]

    def __init__(self, context: Context, case_id: str) -> None:
        """Make the screen of a case; it may not be on the desk."""
        super().__init__(context)
        self._case_id = case_id
        self._on_desk = context.desk.cases.get(case_id)
        self._case = self._on_desk
        self._alarms: tuple[Alarm, ...] = ()
        self._timeline: tuple[TimelineEntry, ...] = ()
        self._problem = ""
        self._scroll = VerticalScroll(id="case")
        self._headline = Prose(id="case-headline")
        self._brief = Prose(id="case-brief")
        self._promise = Prose(id="case-promise")
        self._promise_below = Prose(id="case-promise-below")
        self._alarm_list = Prose(id="case-alarms")
        self._chart = Chart(id="case-chart")
        self._timeline_list = Prose(id="case-timeline")

    def body(self) -> ComposeResult:
        """Yield the parts: beside each other where there is room, else below each other."""
        yield self._headline
        with self._scroll, Vertical(id="case-columns"):
            with Vertical(classes="case-column"):
                yield self._brief
                yield self._promise
                yield self._alarm_list
            with Vertical(classes="case-column"):
                yield self._chart
                yield self._timeline_list
                yield self._promise_below

    def on_mount(self) -> None:
        """Fetch what the desk does not hold."""
        self._scroll.focus()
        self.fetch()
        self.set_interval(CHART_PERIOD, self.fetch_chart)

    def case_in_hand(self) -> Case | None:
        """Return the case of this screen."""
        return self._case

    def show_desk(self) -> None:
        """Draw the case as it is now; fetch its timeline when it changed or left the desk."""
        on_desk = self.context.desk.cases.get(self._case_id)
        if on_desk != self._on_desk:
            self._on_desk = on_desk
            self._case = on_desk or self._case
            self.fetch()
        self._draw()

    @work(exclusive=True, group="case")
    async def fetch(self) -> None:
        """Fetch timeline and alarms, and the case itself when the desk does not have it."""
        support = self.context.support
        try:
            if self.context.desk.cases.get(self._case_id) is None:
                self._case = await support.get_case(self._case_id)
            self._timeline = await support.list_timeline(self._case_id)
            self._alarms = await support.list_alarms(case_id=self._case_id, show_closed=True)
            self._problem = ""
        except SupportError as error:
            self._problem = str(error)
        self._draw()
        self.fetch_chart()

    @work(exclusive=True, group="chart")
    async def fetch_chart(self) -> None:
        """Draw the evidence of the alarm that matters most."""
        alarm = self._charted()
        evidence = None if alarm is None else alarm.evidence
        if evidence is None or not evidence.series:
            self._chart.display = False
            return
        try:
            drawn = await fetch_evidence(self.context.support, evidence, self.context.now)
        except SupportError as error:
            self._chart.say((text(str(error), Tone.BAD),))
            return
        self._chart.display = True
        self._chart.draw(drawn.caption, drawn.points, drawn.frame, self.context.zone)

    def action_scroll_body(self, lines: int) -> None:
        """Scroll the page."""
        self._scroll.scroll_relative(y=lines, animate=False)

    def action_scroll_far(self, direction: int) -> None:
        """Scroll to the top or the bottom."""
        if direction < 0:
            self._scroll.scroll_home(animate=False)
        else:
            self._scroll.scroll_end(animate=False)

    def _charted(self) -> Alarm | None:
        """Return the alarm whose evidence is drawn: the most urgent one that has a series."""
        ranked = sorted(
            self._alarms,
            key=lambda alarm: (
                alarm.evidence is None or not alarm.evidence.series,
                alarm.close_time is not None,
                alarm.priority,
            ),
        )
        return ranked[0] if ranked else None

    def _draw(self) -> None:
        case, now, zone = self._case, self.context.now, self.context.zone
        if case is None:
            words = self._problem or f"loading {self._case_id}…"
            self._headline.show((text(words, Tone.BAD if self._problem else Tone.DIM),))
            return
        self._headline.show((text(f"{case.id}  ", Tone.ACCENT), *case_headline(case)))
        self._brief.show(*case_brief(case, now, zone))
        promise = case_promise(case, now, zone)
        # On a narrow screen the measurements and what happened are not to be below the fold. A case opened by
        # hand has none: what was reported is in the promise.
        is_last = self.app.size.width < WIDE and bool(case.alarms)
        self._promise.show(*(() if is_last else promise))
        self._promise_below.show(*(promise if is_last else ()))
        self._alarm_list.show(*self._alarm_lines())
        self._timeline_list.show(*self._timeline_lines())

    def _alarm_lines(self) -> tuple[Line, ...]:
        now = self.context.now
        live = {alarm.id: alarm for alarm in self._alarms}
        for alarm in self.context.desk.alarms:
            if alarm.case_id == self._case_id:
                live[alarm.id] = alarm
        lines: list[Line] = []
        for alarm in live.values():
            lines.append(alarm_line(alarm, now))
            if alarm.evidence is not None:
                lines.append(field("", text(evidence_words(alarm.evidence), Tone.DIM)))
            if alarm.clear_cause:
                lines.append(field("", text(f"cleared: {alarm.clear_cause}", Tone.GOOD)))
        return tuple(lines) or ((text("no alarm: opened by hand", Tone.DIM),),)

    def _timeline_lines(self) -> tuple[Line, ...]:
        if self._problem:
            return ((text(self._problem, Tone.BAD),),)
        if not self._timeline:
            return ((text("loading…", Tone.DIM),),)
        return timeline_lines(self._timeline, self.context.now, self.context.zone)
