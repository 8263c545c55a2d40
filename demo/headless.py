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
from demo.chronicle import Chronicle
from demo.stage import Stage, staged
from demo.story import Story, Wrong
from demo.waiting import Missing

#: How long all scenes together may take, in seconds; each has a shorter deadline of its own.
PATIENCE = 90.0


async def play() -> int:
    """Play the story on a stage of its own; return the exit code."""
    started = time.monotonic()
    try:
        async with staged() as stage:
            await _play_on(stage)
    except (Missing, Wrong) as failure:
        print(f"demo: {failure}", file=sys.stderr)
        return 1
    if left := stage.troupe.leftovers():
        print("demo: these processes were left behind:", *left, sep="\n  ", file=sys.stderr)
        return 1
    _say("done", elapsed_seconds=round(time.monotonic() - started, 1))
    return 0


async def _play_on(stage: Stage) -> None:
    async with grpc.aio.insecure_channel(stage.server) as channel:
        chronicle = Chronicle(channel, stage.credential, lambda fact: _print(fact.as_json()))
        story = Story(
            faults=stage.faults,
            chronicle=chronicle,
            api=Api(channel, stage.credential),
            produced=stage.produced,
            tell=lambda kind, text: _say(kind, text=text),
        )
        following = asyncio.create_task(chronicle.follow())
        playing = asyncio.create_task(_play(story, stage))
        try:
            async with asyncio.timeout(PATIENCE):
                await _either(following, playing)
        except TimeoutError:
            _show_logs(stage)
            raise Missing(f"the end of the story: not within {PATIENCE:g} s") from None
        except Exception:
            _show_logs(stage)
            raise


async def _play(story: Story, stage: Stage) -> None:
    """Let the agents in only when their coming is watched."""
    await story.chronicle.started.wait()
    await stage.start_agents()
    await story.play()


def _show_logs(stage: Stage) -> None:
    for program in stage.troupe.programs:
        print(f"--- {program.name}\n{program.tail()}", file=sys.stderr)


async def _either(following: asyncio.Task[None], playing: asyncio.Task[None]) -> None:
    """Return when the play has ended; the following never ends but by an error, which is ours then."""
    try:
        await asyncio.wait([following, playing], return_when=asyncio.FIRST_COMPLETED)
        await (playing if playing.done() else following)
    finally:
        for task in (following, playing):
            task.cancel()
        await asyncio.gather(following, playing, return_exceptions=True)


def _say(kind: str, **fact: object) -> None:
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    _print({"time": now, "kind": kind, **fact})


def _print(fact: dict[str, object]) -> None:
    print(json.dumps(fact, ensure_ascii=False), flush=True)
