"""The headless demo: the story without a terminal, one JSON line per fact, and the exit code as its outcome.

Standard output carries facts only. What went wrong goes to standard error, with the end of every log.
"""

import asyncio
import json
import sys
import time
from datetime import UTC, datetime

import grpc.aio

from demo.api import Api
from demo.chronicle import Chronicle, Fact
from demo.programs import Troupe
from demo.stage import Stage, staged
from demo.story import Story, Wrong
from demo.waiting import Missing

#: The whole story, from start to the last process gone, ends within this time or is stopped, in seconds.
STORY_TIMEOUT = 100.0


async def play() -> int:
    """Play the story on a stage of its own; return the exit code."""
    started = time.monotonic()
    troupe = None
    try:
        async with asyncio.timeout(STORY_TIMEOUT), staged() as stage:
            troupe = stage.troupe
            await _play_on(stage)
    except (Missing, Wrong) as failure:
        print(f"demo: {failure}", file=sys.stderr)
        return 1
    except TimeoutError:
        print(f"demo: the story took longer than {STORY_TIMEOUT:g} s", file=sys.stderr)
        return 1
    return _end(troupe, elapsed=time.monotonic() - started)


def _end(troupe: Troupe, *, elapsed: float) -> int:
    left = troupe.leftovers()
    if left:
        print("demo: these processes were left behind:", *left, sep="\n  ", file=sys.stderr)
        return 1
    _say({"kind": "done", "elapsed_seconds": round(elapsed, 1)})
    return 0


async def _play_on(stage: Stage) -> None:
    try:
        async with grpc.aio.insecure_channel(stage.server) as channel:
            chronicle = Chronicle(channel, stage.credential, _tell_fact)
            story = Story(
                faults=stage.faults,
                chronicle=chronicle,
                api=Api(channel, stage.credential),
                tell=lambda text: _say({"kind": "fault", "text": text}),
            )
            following = asyncio.create_task(chronicle.follow())
            playing = asyncio.create_task(story.play())
            await _either(following, playing)
    except BaseException:
        for program in stage.troupe.programs:
            print(f"--- {program.name}\n{program.tail()}", file=sys.stderr)
        raise


async def _either(following: asyncio.Task[None], playing: asyncio.Task[None]) -> None:
    """Return when the play has ended; the following never ends but by an error, which is ours then."""
    try:
        await asyncio.wait([following, playing], return_when=asyncio.FIRST_COMPLETED)
        await (playing if playing.done() else following)
    finally:
        for task in (following, playing):
            task.cancel()
        await asyncio.gather(following, playing, return_exceptions=True)


def _tell_fact(fact: Fact) -> None:
    _say(fact.as_json())


def _say(fact: dict[str, object]) -> None:
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    print(json.dumps({"time": now, **fact}, ensure_ascii=False), flush=True)
