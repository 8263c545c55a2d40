"""The interactive demo: the console on top of the stage, with keys that inject the faults.

The console is the one that ships; the keys are added from outside and call what the story calls.
"""

import sys

from demo.faults import Faults
from demo.stage import ENGINEER, Stage, staged
from demo.waiting import Missing
from vedette_console.app import ExtraAction, VedetteApp
from vedette_console.client.remote import RemoteSupport
from vedette_console.client.target import Target
from vedette_console.clock import SystemClock

#: What the header shows as the server.
TITLE = "demo"


def fault_keys(faults: Faults) -> list[ExtraAction]:
    """Return the keys of the demo, as they are shown at the bottom of every screen."""
    return [
        ExtraAction(key="K", label="kill VoIP", callback=faults.kill_voip_stack),
        ExtraAction(key="D", label="fill database", callback=faults.fill_database),
        ExtraAction(key="C", label="exhaust channels", callback=faults.exhaust_channels),
        ExtraAction(key="L", label="overrun licence", callback=faults.overrun_licence),
        ExtraAction(key="X", label="cut agent off/on", callback=faults.cut_or_mend_agent),
        ExtraAction(key="H", label="heal", callback=faults.heal),
    ]


def support_of(stage: Stage) -> RemoteSupport:
    """Return the console's client of the stage's server."""
    return RemoteSupport(Target(server=stage.server, token=stage.api_token), SystemClock())


async def play() -> int:
    """Show the console until its user quits; return the exit code."""
    print(f"starting the server, a product suite and its agents, for {ENGINEER}…", file=sys.stderr)
    try:
        async with staged() as stage, support_of(stage) as support:
            app = VedetteApp(
                support,
                SystemClock(),
                title=TITLE,
                extra_actions=fault_keys(stage.faults),
                extra_title="faults",
            )
            await app.run_async()
    except Missing as missing:
        print(f"demo: {missing}", file=sys.stderr)
        return 1
    left = stage.troupe.leftovers()
    if left:
        print("demo: these processes were left behind:", *left, sep="\n  ", file=sys.stderr)
    return 1 if left else app.return_code or 0
