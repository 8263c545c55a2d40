"""The picture in the README: the console as it really looks over a stage where several things went wrong.

    python -m demo.screenshot [FILE]       docs/console.svg by default

The times in it are those of the moment; what is seen is the same each time.
"""

import asyncio
import re
import sys
from pathlib import Path

import grpc.aio

from demo.api import Api
from demo.app import console, support_of
from demo.programs import REPOSITORY
from demo.stage import Stage, staged
from demo.waiting import until

DEFAULT_FILE = REPOSITORY / "docs" / "console.svg"
#: Columns and rows of the terminal.
SIZE = (120, 40)
#: How long a fault may take to become a case, in seconds; a full disk takes 30 s.
PATIENCE = 60.0
#: The picture must not fetch fonts from anywhere: every viewer has a monospaced one.
_REMOTE_FONT = re.compile(r",?\s*url\([^)]*\)\s*format\([^)]*\)")


async def take() -> str:
    """Bring up the stage, let things go wrong, and return the picture as SVG."""
    async with staged() as stage, grpc.aio.insecure_channel(stage.server) as channel:
        await stage.start_agents()
        api = Api(channel, stage.credential)
        await _trouble(stage, api)
        async with support_of(stage) as support:
            app = console(stage, support)
            async with app.run_test(size=SIZE) as pilot:
                count = len(await api.cases())
                await until(
                    lambda: len(app.desk.cases) == count, what="the queue is shown", patience=PATIENCE
                )
                await pilot.press("g")
                await pilot.pause()
                return _REMOTE_FONT.sub("", app.export_screenshot(title="vedette"))


async def _trouble(stage: Stage, api: Api) -> None:
    """Let everything go wrong that the picture shows, the worst last; one case is already taken."""
    faults = stage.faults
    for fault, code in (
        (faults.fill_database, "database_space"),
        (faults.fill_database, "database_space"),
        (faults.exhaust_channels, "channels_exhausted"),
    ):
        await fault()
        await _case(api, "nordwind", code)
    await _case(api, "delta-freight", "disk_space")
    await api.acknowledge(
        await _case(api, "jasmine-telecom", "license_overrun"), note="asked for more licences"
    )
    await faults.kill_voip_stack()
    await _case(api, "nordwind", "voip_stack_crash")


async def _case(api: Api, customer: str, code: str) -> str:
    """Return the id of a customer's case about an alarm, once it is there."""
    found: list[str] = []

    async def look() -> bool:
        cases = await api.cases()
        found.extend(case.id for case in cases if (case.customer, case.alarm_code) == (customer, code))
        return bool(found)

    await until(look, what=f"a case of {customer} about {code}", patience=PATIENCE)
    return found[0]


if __name__ == "__main__":
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_FILE
    file.write_text(asyncio.run(take()), encoding="utf-8")
