"""The fleet: every agent, those in trouble first."""

from vedette_console.model.brief import agent_brief
from vedette_console.model.cell import Cell, Line, Tone
from vedette_console.model.filter import agent_fields
from vedette_console.model.resources import Agent
from vedette_console.model.rows import FLEET_COLUMNS, Row, agent_row
from vedette_console.model.safe import safe
from vedette_console.screens.agent import AgentScreen
from vedette_console.screens.agents_kept import AgentsKept
from vedette_console.screens.board_screen import BoardScreen
from vedette_console.screens.context import Context
from vedette_console.widgets.table import RowTable


class FleetScreen(BoardScreen[Agent], AgentsKept):
    """The live table of agents."""

    TAB = "fleet"

    def __init__(self, context: Context) -> None:
        """Make the table."""
        super().__init__(context, context.desk.agents, FLEET_COLUMNS)

    def row_of(self, item: Agent) -> Row:
        """Return the row of an agent."""
        return agent_row(item, self.context.now)

    def preview_of(self, item: Agent) -> tuple[Line, ...]:
        """Return an agent in a few lines."""
        return agent_brief(item, self.context.now, self.context.zone)

    def fields_of(self, item: Agent) -> dict[str, str]:
        """Return the texts in which the filter looks."""
        return agent_fields(item)

    def nothing(self) -> tuple[Line, ...]:
        """Return how a first agent comes to be here."""
        return (
            (Cell(text=safe("no agent is enrolled"), tone=Tone.DIM),),
            (Cell(text=safe("an administrator makes its token on the server"), tone=Tone.DIM),),
        )

    def on_row_table_opened(self, event: RowTable.Opened) -> None:
        """Show the agent with what it measures."""
        self.app.push_screen(AgentScreen(self.context, event.key))
