"""The feed against a fake that can be silent, which a real server is only when it hangs."""

from contextlib import aclosing
from datetime import timedelta

import pytest

from tests.console.fake import StillClock, night
from vedette_console.client import feed as feed_module
from vedette_console.client.feed import Feed, LinkChanged, Snapshot
from vedette_console.model.link import Phase


async def test_a_server_that_says_nothing_is_a_dead_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "FIRST_FRAME_LIMIT", timedelta(seconds=0.02))
    support = night()
    support.is_silent = True
    async with aclosing(Feed(support, StillClock(), draw=lambda _: 0.0).events()) as events:
        event = await anext(events)
    assert isinstance(event, LinkChanged)
    assert (event.link.phase, event.link.problem) == (
        Phase.RECONNECTING,
        "the server has said nothing for 0 s",
    )


async def test_pauses_grow_to_their_bound_and_shrink_after_a_success() -> None:
    support = night()
    support.is_down = True
    bounds: list[float] = []

    def draw(bound: float) -> float:
        bounds.append(bound)
        support.is_down = len(bounds) != 7
        return 0.0

    async with aclosing(Feed(support, StillClock(), draw=draw).events()) as events:
        async for event in events:
            if isinstance(event, Snapshot):
                support.cut()
            if len(bounds) == 8:
                break
    assert bounds == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0, 0.5]
