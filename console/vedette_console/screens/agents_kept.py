"""Screens that show agents ask for them again and again: no change is sent for a mere sign of life.

The watch tells when an agent comes, goes or is late, and that is at once on every screen. When it was last
seen, how far its watermark is and how many series it has move with every batch; only who looks needs them.
"""

import asyncio

from textual import work

from vedette_console.client.errors import SupportError
from vedette_console.screens.frame import DeskScreen

#: Agents are listed again after this many seconds while they are shown.
PERIOD = 4.0


class AgentsKept(DeskScreen):
    """Keeps the agents of the desk fresh while this screen is in front."""

    def on_screen_resume(self) -> None:
        """Ask at once, and then from time to time."""
        self.keep_agents()

    def on_screen_suspend(self) -> None:
        """Ask no more: nobody looks."""
        self.workers.cancel_group(self, "agents")

    @work(exclusive=True, group="agents")
    async def keep_agents(self) -> None:
        """List the agents until the screen goes away; that a server does not answer, the banner says."""
        desk, support = self.context.desk, self.context.support
        while True:
            before = {agent.id: agent for agent in desk.agents}
            try:
                desk.renew_agents(await support.list_agents(), before=before)
            except SupportError:
                pass
            else:
                self.show_everything()
            await asyncio.sleep(PERIOD)
