"""The faults that the demo can inject, all real: each changes what the agent then finds by itself.

Both the keys of the interactive demo and the headless story call these; every one returns a line for people.
"""

from dataclasses import dataclass

from demo.relay import Relay
from demo.suite import control
from demo.suite.home import Home

#: How full the database gets, step by step: P4 from 80 %, P3 from 90 %.
FILL_STEPS = (0.85, 0.95)
#: How full it is when all is well.
HEALTHY_RATIO = 0.30
#: Every channel of call recording.
ALL_CHANNELS = 30
#: Users of the queue manager, of which 50 are licensed.
TOO_MANY_USERS = 53


@dataclass(slots=True, kw_only=True)
class Faults:
    """What may go wrong on one stage."""

    suite: Home
    relay: Relay
    #: Steps of filling done so far.
    fill_step: int = 0

    async def kill_voip_stack(self) -> str:
        """Kill the VoIP stack; its supervisor starts it again."""
        pid = control.kill(self.suite, "voip-stack")
        return f"kill -9 of voip-stack, process {pid}"

    async def stop_ivr(self) -> str:
        """Stop the voice menus as an upgrade does, which is no fault; their supervisor starts them again."""
        pid = control.stop(self.suite, "ivr")
        return f"planned stop of ivr, process {pid}: announced in its log, so no crash"

    async def fill_database(self) -> str:
        """Fill the database to the next step; the last one stays."""
        ratio = FILL_STEPS[min(self.fill_step, len(FILL_STEPS) - 1)]
        self.fill_step = min(self.fill_step + 1, len(FILL_STEPS))
        await control.command(self.suite, "database-writer", {"fill_ratio": ratio})
        return f"database filled to {ratio:.0%} of its quota"

    async def exhaust_channels(self) -> str:
        """Use every channel of call recording."""
        await control.command(self.suite, "call-recording", {"channels_used": ALL_CHANNELS})
        return f"all {ALL_CHANNELS} channels of call-recording in use"

    async def overrun_licence(self) -> str:
        """Let more users into the queue manager than are licensed."""
        await control.command(self.suite, "queue-manager", {"licensed_users_used": TOO_MANY_USERS})
        return f"{TOO_MANY_USERS} users of queue-manager, 50 are licensed"

    async def cut_or_mend_agent(self) -> str:
        """Cut the agent off the server, or let it back when it is cut off."""
        if self.relay.is_cut:
            self.relay.mend()
            return "agent's network mended"
        self.relay.cut()
        return "agent's network cut: no packet passes, nobody is told"

    async def heal(self) -> str:
        """Undo everything that does not heal by itself."""
        self.relay.mend()
        self.fill_step = 0
        await control.command(self.suite, "database-writer", {"fill_ratio": HEALTHY_RATIO})
        await control.command(self.suite, "call-recording", {"channels_used": "auto"})
        await control.command(self.suite, "queue-manager", {"licensed_users_used": "auto"})
        return "database drained, channels and licence freed, network mended"
