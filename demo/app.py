"""The interactive demo: the console on top of the stage, with keys that inject the faults.

The console is the one that ships; the keys are added from outside and call what the story calls.
"""

import sys

from demo.faults import Faults
from demo.stage import Stage, staged
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
        ExtraAction(key="U", label="upgrade IVR", callback=faults.stop_ivr),
        ExtraAction(key="D", label="fill database", callback=faults.fill_database),
        ExtraAction(key="C", label="exhaust channels", callback=faults.exhaust_channels),
        ExtraAction(key="L", label="overrun licence", callback=faults.overrun_licence),
        ExtraAction(key="X", label="cut agent off/on", callback=faults.cut_or_mend_agent),
        ExtraAction(key="H", label="heal", callback=faults.heal),
    ]


def support_of(stage: Stage) -> RemoteSupport:
    """Return the console's client of the stage's server."""
    return RemoteSupport(Target(server=stage.server, token=stage.api_token), SystemClock())


def console(stage: Stage, support: RemoteSupport) -> VedetteApp:
    """Return the console with the keys of the demo."""
    return VedetteApp(
        support, SystemClock(), title=TITLE, extra_actions=fault_keys(stage.faults), extra_title="faults"
    )


async def play() -> int:
    """Show the console until its user quits; return the exit code."""
    print("starting the server, a product suite and its agents…", file=sys.stderr)
    try:
        async with staged() as stage, support_of(stage) as support:
            await stage.start_agents()
            app = console(stage, support)
            await app.run_async()
    except Missing as missing:
        print(f"demo: {missing}", file=sys.stderr)
        return 1
    if left := stage.troupe.leftovers():
        print("demo: these processes were left behind:", *left, sep="\n  ", file=sys.stderr)
        return 1
    return app.return_code or 0
