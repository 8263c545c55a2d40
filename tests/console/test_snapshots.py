"""What each screen looks like, to the cell, at the two sizes an engineer has: 80x24 by ssh, 120x40 at a desk.

A changed picture fails; look at the report that pytest names, and accept it with `pytest --snapshot-update`.
"""

from collections.abc import Awaitable, Callable

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from tests.console.driving import Driver
from tests.console.fake import FakeSupport, StillClock, night
from vedette_console.app import ExtraAction, VedetteApp

Compare = Callable[..., bool]
Prepare = Callable[[Driver], Awaitable[None]]


async def queue(seen: Driver) -> None:
    await seen.shows("BREACHED")


async def case(seen: Driver) -> None:
    seen.app.desk.cases.select("C-22")
    await seen.press("enter")
    await seen.shows("capacity.usage / capacity.limit", "100%")


async def alarms(seen: Driver) -> None:
    await seen.press("2")
    await seen.shows("[2 Alarms]")


async def fleet(seen: Driver) -> None:
    await seen.press("3")
    await seen.shows("[3 Fleet]")


async def agent(seen: Driver) -> None:
    await fleet(seen)
    seen.app.desk.agents.select("acme/hq/node-1")
    await seen.press("enter")
    await seen.shows("system.memory.usage")
    await seen.press("j")


async def resolve(seen: Driver) -> None:
    await seen.press("j", "r")
    await seen.type("restarted")
    await seen.shows("resolve C-21")
    for field in seen.app.screen.query(Input):
        # A blinking cursor would make the picture depend on the moment.
        field.cursor_blink = False


async def help_page(seen: Driver) -> None:
    await seen.press("question_mark")
    await seen.shows("Keys")


async def disconnected(seen: Driver) -> None:
    seen.support.is_down = True
    seen.support.cut()
    await seen.shows("DISCONNECTED")


SCREENS = {
    "queue": queue,
    "case": case,
    "alarms": alarms,
    "fleet": fleet,
    "agent": agent,
    "resolve": resolve,
    "help": help_page,
    "disconnected": disconnected,
}


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
@pytest.mark.parametrize("screen", SCREENS)
def test_a_screen_looks_as_it_did(snap_compare: Compare, screen: str, size: tuple[int, int]) -> None:
    assert snap_compare(*taken(night(), SCREENS[screen], size))


@pytest.mark.parametrize("size", [(80, 24)], ids=["80x24"])
def test_an_empty_queue_looks_as_it_did(snap_compare: Compare, size: tuple[int, int]) -> None:
    async def empty(seen: Driver) -> None:
        await seen.shows("no open case")

    support = night()
    support.cases.clear()
    assert snap_compare(*taken(support, empty, size))


@pytest.mark.parametrize("size", [(80, 24)], ids=["80x24"])
def test_an_embedded_console_looks_as_it_did(snap_compare: Compare, size: tuple[int, int]) -> None:
    async def nothing() -> str:
        return ""

    actions = tuple(
        ExtraAction(key=key, label=label, callback=nothing)
        for key, label in (("K", "kill VoIP"), ("D", "fill database"), ("X", "cut the agent"), ("H", "heal"))
    )
    assert snap_compare(*taken(night(), queue, size, actions))


def test_without_color_the_queue_still_says_everything(
    snap_compare: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(*taken(night(), queue, (80, 24)))


def taken(
    support: FakeSupport, prepare: Prepare, size: tuple[int, int], actions: tuple[ExtraAction, ...] = ()
) -> tuple[VedetteApp, tuple[str, ...], tuple[int, int], Callable[[Pilot[None]], Awaitable[None]]]:
    """Return the arguments with which a picture is compared."""
    app = VedetteApp(
        support,
        StillClock(),
        title="fake:1",
        extra_actions=actions,
        extra_title="faults",
        # Longer than a picture takes, so that a lost link is not taken up meanwhile.
        draw=lambda _: 5.0,
    )

    async def run_before(pilot: Pilot[None]) -> None:
        seen = Driver(app, pilot, support)
        await seen.until(lambda: app.desk.loaded)
        await prepare(seen)
        await pilot.pause()

    return app, (), size, run_before
