"""Driving the app in tests: wait for what is to be seen, never for time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from textual.pilot import Pilot

from tests.console.fake import FakeSupport, StillClock
from vedette_console.app import ExtraAction, VedetteApp

#: Rounds of the event loop after which something that has not happened will not.
PATIENCE = 300
#: Pause between two attempts to connect, seconds.
RETRY = 0.05


@asynccontextmanager
async def console(
    support: FakeSupport,
    *,
    size: tuple[int, int] = (120, 40),
    clock: StillClock | None = None,
    extra_actions: tuple[ExtraAction, ...] = (),
) -> AsyncIterator["Driver"]:
    """Run the console on a fake service; yields once the first list is shown, or the service is down."""
    app = VedetteApp(
        support,
        clock or StillClock(),
        title="fake:1",
        extra_actions=extra_actions,
        extra_title="faults",
        draw=lambda _: RETRY,
    )
    async with app.run_test(size=size) as pilot:
        driver = Driver(app, pilot, support)
        await driver.until(lambda: app.desk.loaded or support.is_down or bool(app.desk.link.problem))
        yield driver


class Driver:
    """Keys in, text out."""

    def __init__(self, app: VedetteApp, pilot: Pilot[None], support: FakeSupport) -> None:
        self.app = app
        self.pilot = pilot
        self.support = support

    async def until(self, holds: Callable[[], bool]) -> None:
        """Let the app run until something holds."""
        for _ in range(PATIENCE):
            await self.pilot.pause()
            if holds():
                return
            await asyncio.sleep(0.005)
        raise AssertionError(f"it never came:\n{self.text()}")

    async def press(self, *keys: str) -> None:
        """Press keys, and let the app act on them."""
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        """Type a text."""
        await self.press(*("space" if character == " " else character for character in text))

    async def shows(self, *words: str) -> None:
        """Wait until all these words are on the screen."""
        await self.until(lambda: all(word in self.text() for word in words))

    async def hides(self, *words: str) -> None:
        """Wait until none of these words is on the screen."""
        await self.until(lambda: not any(word in self.text() for word in words))

    async def called(self, name: str) -> dict[str, object]:
        """Wait until the service was asked for something; return the arguments of the newest such call."""
        await self.until(lambda: any(call == name for call, _ in self.support.calls))
        return [arguments for call, arguments in self.support.calls if call == name][-1]

    def text(self) -> str:
        """Return what is on the screen."""
        width, height = self.app.size
        lines = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip) for strip in lines[:height])[
            : (width + 1) * height * 2
        ]
