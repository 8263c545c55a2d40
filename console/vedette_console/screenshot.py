"""Pictures of the console: any app, at any size, as SVG, without a terminal."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from textual.pilot import Pilot

from vedette_console.app import VedetteApp

#: Columns and lines of the picture in the README.
SIZE = (120, 40)


async def export(
    app: VedetteApp,
    path: Path,
    *,
    size: tuple[int, int] = SIZE,
    prepare: Callable[[Pilot[None]], Awaitable[None]] | None = None,
) -> None:
    """Run an app without a terminal, and write what it shows as SVG.

    Args:
        app: not running yet; its support decides what there is to see.
        path: file to write.
        size: columns and lines.
        prepare: presses keys or waits for cases before the picture is taken.
    """
    async with app.run_test(size=size) as pilot:
        if prepare is not None:
            await prepare(pilot)
        await pilot.pause()
        picture = app.export_screenshot(title="Vedette")
    await asyncio.to_thread(path.write_text, picture, "utf-8")
