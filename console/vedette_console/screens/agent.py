"""One agent: whether it reaches us, and everything it measures, each series with its last hour."""

from datetime import timedelta

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding

from vedette_console.client.errors import SupportError
from vedette_console.model.brief import agent_brief, text
from vedette_console.model.cell import Cell, Line, Tone
from vedette_console.model.plot import Frame
from vedette_console.model.resources import SeriesData
from vedette_console.model.rows import SERIES_COLUMNS, Row, series_name, series_row
from vedette_console.model.safe import safe
from vedette_console.model.series import as_age, moves, window
from vedette_console.screens.agents_kept import AgentsKept
from vedette_console.screens.context import Context
from vedette_console.widgets.chart import Chart
from vedette_console.widgets.prose import Prose
from vedette_console.widgets.table import RowTable

#: What the plots show before now.
LOOK_BACK = timedelta(hours=1)
#: Points of a series asked for.
POINT_COUNT = 400
#: The plots are fetched again after this many seconds.
PERIOD = 15.0


class SeriesSource:
    """The series of one agent as rows."""

    def __init__(self) -> None:
        """Make an empty source."""
        self.series: tuple[SeriesData, ...] = ()
        self._cursor = 0

    def __len__(self) -> int:
        """Return how many series there are."""
        return len(self.series)

    @property
    def cursor(self) -> int:
        """Row under the cursor."""
        return min(self._cursor, max(0, len(self.series) - 1))

    def move_to(self, line: int) -> None:
        """Put the cursor on a row."""
        self._cursor = min(max(line, 0), max(0, len(self.series) - 1))

    def row(self, line: int) -> Row:
        """Return a row."""
        return series_row(self.series[line])

    def show(self, series: tuple[SeriesData, ...]) -> None:
        """Hold these series; the first time the cursor goes to one that moves, which is one to look at."""
        if not self.series:
            self._cursor = next((line for line, data in enumerate(series) if moves(data)), 0)
        self.series = series

    @property
    def selected(self) -> SeriesData | None:
        """The series under the cursor."""
        return self.series[self.cursor] if self.series else None


class AgentScreen(AgentsKept):
    """The detail of one agent."""

    TAB = "fleet"
    BINDINGS = [
        Binding("escape,backspace", "app.pop_screen", "Back"),
    ]

    def __init__(self, context: Context, agent_id: str) -> None:
        """Make the screen of an agent on the desk."""
        super().__init__(context)
        self._agent_id = agent_id
        self._source = SeriesSource()
        self._state = "loading the series…"
        self._brief = Prose(id="agent-brief")
        self._table = RowTable(SERIES_COLUMNS, self._source, nothing=self._nothing, id="table")
        self._chart = Chart(id="agent-chart")

    def body(self) -> ComposeResult:
        """Yield facts, series and the chart of one of them."""
        yield self._brief
        yield self._table
        yield self._chart

    def on_mount(self) -> None:
        """Fetch the series, and again from time to time."""
        self._table.focus()
        self._chart.display = False
        self.fetch()
        self.set_interval(PERIOD, self.fetch)

    def show_desk(self) -> None:
        """Draw the facts as they are now."""
        agent = self.context.desk.agents.get(self._agent_id)
        if agent is None:
            self._brief.show((text(f"agent {self._agent_id} is not on the desk", Tone.DIM),))
            return
        self._brief.show(*agent_brief(agent, self.context.now, self.context.zone))

    @work(exclusive=True)
    async def fetch(self) -> None:
        """Fetch the last hour of every series, one call for each metric name."""
        support, now = self.context.support, self.context.now
        try:
            infos = await support.list_series(self._agent_id)
            found: list[SeriesData] = []
            for name in sorted({info.name for info in infos}):
                found += await support.query_series(
                    self._agent_id, name, start=now - LOOK_BACK, end=now, point_count=POINT_COUNT
                )
            self._source.show(tuple(map(as_age, found)))
            self._state = "this agent has measured nothing in the last hour"
        except SupportError as error:
            self._state = str(error)
        self._table.show_changes()
        self._draw_chart()

    def on_row_table_moved(self, _: RowTable.Moved) -> None:
        """Draw the series that the cursor is on now."""
        self._draw_chart()

    def _draw_chart(self) -> None:
        data = self._source.selected
        self._chart.display = data is not None
        if data is not None:
            now = self.context.now
            start = window(data.points, now - LOOK_BACK, now)
            frame = Frame(start=start, end=now, unit=data.info.unit)
            caption = (text(series_name(data.info.name, data.info.labels), Tone.DIM),)
            self._chart.draw(caption, data.points, frame, self.context.zone)

    def _nothing(self) -> tuple[Line, ...]:
        return ((Cell(text=safe(self._state), tone=Tone.DIM),),)
