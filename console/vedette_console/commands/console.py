"""`vedette` without a command: the terminal console."""

import sys

from vedette_console.commands.call import call, fail
from vedette_console.commands.exits import Exit
from vedette_console.settings import Options


def run(options: Options) -> None:
    """Run the console until the person quits."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        fail("the console needs a terminal; `vedette --help` lists the commands for scripts", Exit.USAGE)
    from vedette_console.app import VedetteApp

    call(options, lambda support, clock: VedetteApp(support, clock, title=support.server).run_async())
