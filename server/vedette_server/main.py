"""Main: runs one server in this process, from start to signal; what `vedette-server run` calls.

SIGTERM and SIGINT stop it in order, SIGHUP reloads policy and catalog. What the server is made of is in
`server.py`.
"""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from vedette_server import log
from vedette_server.replay import replay
from vedette_server.server import Server, store_errors
from vedette_server.store.upgrade import upgrade
from vedette_server.watchdog import watch_event_loop
from vedette_server.yamlfile import YamlError

if TYPE_CHECKING:
    from vedette_server.replay import Report
    from vedette_server.settings import Settings


async def serve(settings: Settings) -> None:
    """Run a server until SIGTERM or SIGINT; SIGHUP reloads.

    Raises:
        CannotGoOn: it cannot start, or cannot go on.
        YamlError: policy or catalog hold mistakes.
    """
    server = Server(settings)
    stop = asyncio.Event()
    reloads: set[asyncio.Task[None]] = set()

    def reload() -> None:
        if not server.ready:
            return
        task = asyncio.create_task(_reload_quietly(server))
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGINT, stop.set)
    loop.add_signal_handler(signal.SIGHUP, reload)
    await server.start()
    watchdog = asyncio.create_task(watch_event_loop())
    stopping = asyncio.create_task(stop.wait())
    failing = asyncio.create_task(server.until_failed())
    await asyncio.wait((stopping, failing), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    watchdog.cancel()
    await server.stop()
    if failing.done():
        failing.result()
    failing.cancel()


def run_server(settings: Settings) -> None:
    """Run a server in this process until it is told to stop. Raises as `serve` does."""
    log.configure()
    # What customers' machines report is for this user's eyes, whoever made the data folder.
    os.umask(0o077)
    asyncio.run(serve(settings))


def upgrade_store(settings: Settings) -> tuple[str, str]:
    """Bring the data folder to the schema of this version; return the revision before and after.

    Raises:
        CannotGoOn: it is in use, newer than this version, or damaged.
    """
    with store_errors():
        return asyncio.run(upgrade(settings.data_dir))


def replay_store(folder: Path) -> Report:
    """Decide everything in a data folder again, in a scratch folder that is removed; return how it compares.

    Raises:
        CannotGoOn: the folder cannot be read.
    """
    with store_errors(), TemporaryDirectory(prefix="vedette-replay-") as scratch:
        return asyncio.run(replay(folder, Path(scratch)))


async def _reload_quietly(server: Server) -> None:
    """Reload on a signal; a refusal has been logged with every mistake."""
    with suppress(YamlError):
        await server.reload()
