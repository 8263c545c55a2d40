"""One agent of the ledger test: the real outbox and the real link, playing a score.

    [VEDETTE_LEDGER_DOOM=appended@3] python -m tests.ledger.agent FOLDER SERVER SEED NUMBER INTERVAL

It goes on with its score wherever its last process died: the step is remembered in the transaction of the
step's facts. When the file `curtain` appears beside its folder it produces no more, waits until everything is
acknowledged, writes that down and ends. It also ends when the process that started it is gone, and it kills
itself at the moment that its doom names.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import uuid
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

from tests.ledger.ledger import LedgerWriter
from tests.ledger.plan import Moment
from tests.ledger.score import SQUEEZED_OUTBOX_BYTES, Score
from vedette_agent import log
from vedette_agent.clock import SystemClock
from vedette_agent.link.link import Link, Node
from vedette_agent.outbox.outbox import DEFAULT_MAX_SIZE, Outbox
from vedette_agent.settings.model import LinkSettings

#: File in the folder of all agents that ends the production of facts.
CURTAIN = "curtain"
LEDGER = "ledger.jsonl"
TOKEN = "token"
#: Environment variable that names where the process kills itself: "appended@3", "acknowledged@1".
DOOM = "VEDETTE_LEDGER_DOOM"
#: Name under which the outbox remembers the next step.
_STEP = "step"
_PARENT = os.getppid()


async def play(folder: Path, server: str, score: Score, interval: float) -> None:
    """Play a score to its end.

    Args:
        folder: this agent's own; holds its token, outbox and ledger.
        server: "host:port".
        interval: seconds from step to step.
    """
    clock = SystemClock()
    ledger = LedgerWriter(folder / LEDGER, clock, _doom(os.environ.get(DOOM, "")))
    size = SQUEEZED_OUTBOX_BYTES if score.squeezed else DEFAULT_MAX_SIZE
    outbox = await Outbox.open(folder / "outbox.db", max_size_bytes=size, observer=ledger)
    await ledger.catch_up(outbox)
    link = Link(
        outbox,
        LinkSettings(
            server=server,
            token_file=folder / TOKEN,
            reconnect_initial=timedelta(milliseconds=400),
            reconnect_max=timedelta(seconds=1),
        ),
        Node(boot_id=f"boot-{score.number}", start_id=uuid.uuid4().hex, agent_version="0.1.0"),
        clock=clock,
    )
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(link.run())
            await _produce(outbox, folder.parent / CURTAIN, score, interval, clock)
            await _until(lambda: not outbox.fact_count)
            ledger.drained(outbox.outbox_id, outbox.next_seq - 1)
            link.stop()
    finally:
        await outbox.close()


def _doom(text: str) -> Callable[[Moment], None]:
    """Return what kills this process at the Nth time a moment comes; nothing does for an empty text."""
    name, _, number = text.partition("@")
    left = int(number or 0)

    def meet(moment: Moment) -> None:
        nonlocal left
        if moment == name:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return meet


async def _produce(outbox: Outbox, curtain: Path, score: Score, interval: float, clock: SystemClock) -> None:
    remembered = await outbox.memory(_STEP)
    step = int(remembered) if remembered else 0
    due = clock.monotonic()
    while not curtain.exists():
        facts = score.facts(step, clock.now_us())
        step += 1
        await outbox.append(facts, memory={_STEP: str(step).encode()})
        due = max(due + interval, clock.monotonic())
        await _until(partial(_passed, clock, due))


def _passed(clock: SystemClock, due: float) -> bool:
    return clock.monotonic() >= due


async def _until(condition: Callable[[], bool]) -> None:
    """Wait for something that nobody tells; give up when the process that started this one is gone."""
    while not condition():
        if os.getppid() != _PARENT:
            raise SystemExit(1)
        await asyncio.sleep(0.05)


def main() -> None:
    """Run the agent that the arguments name."""
    folder, server, seed, number, interval = sys.argv[1:]
    log.configure("warning")
    score = Score(seed=int(seed), number=int(number))
    asyncio.run(play(Path(folder), server, score, float(interval)))


if __name__ == "__main__":
    main()
