"""Waiting for a condition, never for a time: every wait has a deadline and says what it waited for."""

import asyncio
import inspect
from collections.abc import Callable

#: Holds when it returns something true.
Condition = Callable[[], object]
#: How often a condition is looked at, in seconds.
LOOK_INTERVAL = 0.05


class Missing(Exception):
    """Something that should have happened did not in time."""


async def until(condition: Condition, *, what: str, patience: float) -> None:
    """Return as soon as the condition holds.

    Args:
        what: what is waited for, for people: "the server is ready".
        patience: seconds.

    Raises:
        Missing: it did not hold in time.
    """
    try:
        async with asyncio.timeout(patience):
            while not await holds(condition):  # noqa: ASYNC110 - other processes set no asyncio.Event
                await asyncio.sleep(LOOK_INTERVAL)
    except TimeoutError:
        raise Missing(f"{what}: not within {patience:g} s") from None


async def holds(condition: Condition) -> bool:
    """Tell whether a condition, asynchronous or not, holds now."""
    result = condition()
    return bool(await result if inspect.isawaitable(result) else result)
