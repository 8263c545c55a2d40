"""The feed: everything a desk needs to stay true, across every break of the link.

The watch protocol in one loop. Take a resume token from the first frame, list, then apply the changes. After
a broken stream watch again with the last token, so that nothing is missed and nothing need be listed. List
again only when the server says so: on `resync`, or when the token is too old. A stream that says nothing for
two progress intervals is dead, whatever the transport thinks.

The feed says what it knows as events; it never raises for a lost link and runs until it is cancelled.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta

from vedette_console.client.errors import ErrorKind, SupportError
from vedette_console.client.support import Support, WatchFrame
from vedette_console.clock import Clock
from vedette_console.model.link import Link, Phase
from vedette_console.model.resources import Agent, Alarm, Case, CaseState, Change

#: The server sends a frame at least every 15 s; two missed ones are a dead stream.
SILENCE_LIMIT = timedelta(seconds=30)
#: The first frame comes at once; a call that waits for a free stream hangs without it.
FIRST_FRAME_LIMIT = timedelta(seconds=10)
#: First bound of the random pause before connecting again.
PAUSE_FIRST = timedelta(seconds=0.5)
#: Largest bound of that pause.
PAUSE_MAX = timedelta(seconds=10)
#: Pause after the server said no, e.g. to the token: trying sooner changes nothing.
PAUSE_REFUSED = timedelta(seconds=15)
#: Cases that a desk shows: everything but those closed for good.
DESK_STATES = (CaseState.NEW, CaseState.ACKNOWLEDGED, CaseState.WAITING, CaseState.RESOLVED)
#: Reasons after which the watch starts anew.
_TOKEN_IS_WORTHLESS = frozenset({"RESUME_TOKEN_EXPIRED", "RESUME_TOKEN_INVALID"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything, as listed just now; replaces what was known."""

    cases: tuple[Case, ...]
    alarms: tuple[Alarm, ...]
    agents: tuple[Agent, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkChanged:
    """How the link stands; also sent for each sign of life."""

    link: Link


#: What a feed says.
FeedEvent = Snapshot | Change | LinkChanged


class Feed:
    """One watch with its memory: the resume token, the link, the failures in a row."""

    def __init__(self, support: Support, clock: Clock, *, draw: Callable[[float], float]) -> None:
        """Make a feed that has heard nothing yet.

        Args:
            support: the server.
            clock: for the age of what was heard.
            draw: returns a random number between 0 and its argument; jitters the pauses.
        """
        self._support = support
        self._clock = clock
        self._draw = draw
        self._link = Link()
        self._token = b""
        self._must_list = True
        self._failures = 0

    async def events(self) -> AsyncGenerator[FeedEvent, None]:
        """Yield what happens, for ever."""
        while True:
            try:
                async with aclosing(self._one_stream()) as events:
                    async for event in events:
                        yield event
            except SupportError as error:
                pause = self._note_failure(error)
                yield LinkChanged(link=self._link)
                await asyncio.sleep(pause.total_seconds())

    async def _one_stream(self) -> AsyncGenerator[FeedEvent, None]:
        """Yield the events of one stream until it breaks."""
        async with aclosing(self._support.watch(resume_token=self._token)) as frames:
            limit = FIRST_FRAME_LIMIT
            while True:
                frame = await _next(frames, limit)
                limit = SILENCE_LIMIT
                self._must_list = self._must_list or frame.resync
                if self._must_list:
                    yield await _snapshot(self._support)
                    self._must_list = False
                self._note_frame(frame)
                yield LinkChanged(link=self._link)
                if frame.change is not None:
                    yield frame.change

    def _note_frame(self, frame: WatchFrame) -> None:
        now = self._clock.now()
        offset = self._link.offset if frame.server_time is None else frame.server_time - now
        self._link = Link(phase=Phase.LIVE, heard_at=now, offset=offset)
        self._token = frame.resume_token
        self._failures = 0

    def _note_failure(self, error: SupportError) -> timedelta:
        """Remember what a break means; return how long to wait before the next stream."""
        if error.reason in _TOKEN_IS_WORTHLESS:
            self._token, self._must_list = b"", True
        self._failures += 1
        refused = (
            error.kind in {ErrorKind.UNAUTHENTICATED, ErrorKind.REFUSED}
            and error.reason not in _TOKEN_IS_WORTHLESS
        )
        if refused:
            pause = PAUSE_REFUSED
        else:
            bound = min(PAUSE_MAX, PAUSE_FIRST * 2 ** min(self._failures - 1, 10))
            pause = timedelta(seconds=self._draw(bound.total_seconds()))
        self._link = Link(
            phase=Phase.REFUSED if refused else Phase.RECONNECTING,
            heard_at=self._link.heard_at,
            retry_at=self._clock.now() + pause,
            problem=str(error),
            offset=self._link.offset,
        )
        return pause


async def _next(frames: AsyncGenerator[WatchFrame, None], limit: timedelta) -> WatchFrame:
    try:
        async with asyncio.timeout(limit.total_seconds()):
            return await anext(frames)
    except TimeoutError as error:
        said = f"the server has said nothing for {limit.total_seconds():.0f} s"
        raise SupportError(said, kind=ErrorKind.UNREACHABLE, reason="SILENT") from error


async def _snapshot(support: Support) -> Snapshot:
    return Snapshot(
        cases=await support.list_cases(states=DESK_STATES),
        alarms=await support.list_alarms(),
        agents=await support.list_agents(),
    )
