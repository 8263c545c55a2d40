"""The outside of the suite: give its components commands, kill one, ask whether they are up.

Used by the demo and its tests; the suite's own processes do not import it.
"""

import asyncio
import os
import signal
from collections.abc import Mapping
from urllib.parse import urlencode

from demo.suite.home import Home
from demo.suite.supervisor import COMPONENTS


class CommandRefused(Exception):
    """A component did not do what it was told, or could not be reached."""


async def command(home: Home, component: str, settings: Mapping[str, str | float]) -> None:
    """Change a component's state through its own port.

    Raises:
        CommandRefused: it is not up, or refused the setting.
    """
    status, body = await _request(home, component, "POST", f"/control?{urlencode(settings)}")
    if status != 200:
        raise CommandRefused(f"{component}: {body.strip()}")


async def metrics(home: Home, component: str) -> dict[str, float]:
    """Return a component's figures by their exposed names.

    Raises:
        CommandRefused: it is not up.
    """
    _, body = await _request(home, component, "GET", "/metrics")
    samples = (line.split(" ") for line in body.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in samples}


def kill(home: Home, component: str) -> int:
    """Kill a component's process as the kernel would (SIGKILL); return its process id.

    Raises:
        CommandRefused: it is not running.
    """
    return _signal(home, component, signal.SIGKILL)


def stop(home: Home, component: str) -> int:
    """Ask a component to stop, as an upgrade does (SIGTERM); return its process id.

    Raises:
        CommandRefused: it is not running.
    """
    return _signal(home, component, signal.SIGTERM)


def _signal(home: Home, component: str, number: signal.Signals) -> int:
    pid = home.pid(component)
    if pid is None:
        raise CommandRefused(f"{component} was never started")
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        raise CommandRefused(f"{component} is down already") from None
    return pid


async def answers(home: Home, component: str) -> bool:
    """Tell whether a component is up and answers."""
    try:
        status, _ = await _request(home, component, "GET", "/")
    except CommandRefused:
        return False
    return status == 200


async def all_answer(home: Home) -> bool:
    """Tell whether every component of the suite is up and answers."""
    return all([await answers(home, component) for component in COMPONENTS])


async def _request(home: Home, component: str, method: str, target: str) -> tuple[int, str]:
    port = home.port(component)
    if port is None:
        raise CommandRefused(f"{component} was never started")
    try:
        async with asyncio.timeout(5):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
                answer = (await reader.read()).decode()
            finally:
                writer.close()
    except OSError as error:
        raise CommandRefused(f"{component} does not answer on port {port}: {error}") from None
    head, _, body = answer.partition("\r\n\r\n")
    if not head:
        raise CommandRefused(f"{component} closed the connection without an answer")
    return int(head.split(" ")[1]), body
