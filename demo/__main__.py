"""`python -m demo`: the whole of Vedette on this machine, with a terminal or without one."""

import asyncio
import signal
import sys
from argparse import ArgumentParser


def main() -> int:
    """Run the demo that the command line asks for; return the exit code."""
    arguments = ArgumentParser(
        prog="python -m demo",
        description="Start the server, a product suite of real processes, a real agent, simulated agents of"
        " other customers and the console, in a temporary folder that is gone afterwards.",
    )
    arguments.add_argument(
        "--headless",
        action="store_true",
        help="play the story without a terminal: one JSON line per fact, exit code 0 when all came true",
    )
    options = arguments.parse_args()
    if not options.headless and not (sys.stdin.isatty() and sys.stdout.isatty()):
        arguments.error("the console needs a terminal; use --headless without one")
    try:
        return asyncio.run(_run(headless=options.headless))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 128 + signal.SIGINT


async def _run(*, headless: bool) -> int:
    """Run one of the two, and end it in order when the process is told to end."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - asyncio.run runs this in one
    for number in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    if headless:
        from demo.headless import play as play_headless  # noqa: PLC0415 - one of the two is needed

        return await play_headless()
    from demo.app import play as play_console  # noqa: PLC0415 - Textual is not needed without a terminal

    return await play_console()


if __name__ == "__main__":
    sys.exit(main())
