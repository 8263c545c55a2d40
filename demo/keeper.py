"""The keeper: cleans up behind a demo that could not do so itself.

The demo stops what it started. Should it be killed instead, its end of the pipe closes, and the keeper, a
process of its own session, ends every process group it was told to hold and removes the demo's folder.

    python -m demo.keeper FOLDER        reads lines "hold GROUP" and "free GROUP" from its standard input
"""

import os
import shutil
import signal
import sys
import time
from collections.abc import Iterable

#: How long the groups may take to end by themselves, in seconds.
PATIENCE = 3.0


def groups_left(lines: Iterable[str]) -> list[int]:
    """Return the groups that were held and not freed, in the order of holding."""
    held: dict[int, None] = {}
    for line in lines:
        word, _, group = line.partition(" ")
        if word == "hold":
            held[int(group)] = None
        else:
            held.pop(int(group), None)
    return list(held)


def alive(group: int) -> bool:
    """Tell whether a process group has a member."""
    return signal_group(group, 0)


def signal_group(group: int, number: int) -> bool:
    """Signal a process group; tell whether it has a member."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    return True


def end(groups: Iterable[int]) -> None:
    """End the groups: politely, then not."""
    left = [group for group in groups if signal_group(group, signal.SIGTERM)]
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and any(alive(group) for group in left):
        time.sleep(0.05)
    for group in left:
        signal_group(group, signal.SIGKILL)


if __name__ == "__main__":
    end(groups_left(sys.stdin))
    shutil.rmtree(sys.argv[1], ignore_errors=True)
