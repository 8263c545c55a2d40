"""Watchdog: when the event loop has been blocked for five seconds, the stacks of all threads go to stderr.

One idea: the alarm is set outside Python (faulthandler's own thread, which needs no lock of the interpreter)
and pushed back by the loop each second, so it goes off exactly when the loop does not come round.

It only tells; agents notice a blocked server by the acks that do not come.
"""

from __future__ import annotations

import asyncio
import faulthandler
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from typing import TextIO

#: The loop is blocked when it has not come round for so long.
BLOCKED_AFTER_S: Final = 5.0
_PUSH_BACK_EVERY_S: Final = 1.0


async def watch_event_loop(*, blocked_after_s: float = BLOCKED_AFTER_S, stream: TextIO | None = None) -> None:
    """Watch the running loop until cancelled. One at a time in a process: faulthandler has one alarm."""
    output = stream or sys.stderr
    try:
        while True:
            faulthandler.dump_traceback_later(blocked_after_s, file=output)
            await asyncio.sleep(min(_PUSH_BACK_EVERY_S, blocked_after_s / 2))
    finally:
        faulthandler.cancel_dump_traceback_later()
