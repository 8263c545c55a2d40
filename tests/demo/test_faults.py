"""The faults change what an agent would find, and healing undoes them."""

import pytest

from demo.app import fault_keys
from demo.faults import Faults
from demo.relay import Relay
from demo.suite import control
from demo.suite.home import Home
from demo.waiting import until
from tests.demo.suites import Suite
from vedette_console.app import VedetteApp
from vedette_console.screens.case import CaseScreen
from vedette_console.screens.queue import QueueScreen


async def database_ratio(home: Home) -> float:
    figures = await control.metrics(home, "database-writer")
    return figures["database_writer_size_bytes"] / figures["database_writer_limit_bytes"]


async def fills_to(home: Home, least: float, most: float) -> None:
    async def full() -> bool:
        return least <= await database_ratio(home) < most

    await until(full, what=f"the database is {least:.0%} full", patience=10)


async def test_the_database_is_filled_step_by_step_and_drained(suite: Suite) -> None:
    async with Relay(1) as relay:
        faults = Faults(suite=suite.home, relay=relay)
        assert await faults.fill_database() == "database filled to 85% of its quota"
        await fills_to(suite.home, 0.85, 0.90)
        assert await faults.fill_database() == "database filled to 95% of its quota"
        await fills_to(suite.home, 0.95, 0.99)
        assert await faults.fill_database() == "database filled to 95% of its quota"
        await faults.heal()
        await fills_to(suite.home, 0.20, 0.75)
        assert await faults.fill_database() == "database filled to 85% of its quota"


async def test_capacities_are_exhausted_and_freed(suite: Suite) -> None:
    async with Relay(1) as relay:
        faults = Faults(suite=suite.home, relay=relay)
        await faults.exhaust_channels()
        await faults.overrun_licence()
        channels = await control.metrics(suite.home, "call-recording")
        users = await control.metrics(suite.home, "queue-manager")
        assert channels["call_recording_channels_used"] == channels["call_recording_channels_limit"]
        assert users["queue_manager_licensed_users_used"] > users["queue_manager_licensed_users_limit"]
        await faults.heal()
        channels = await control.metrics(suite.home, "call-recording")
        users = await control.metrics(suite.home, "queue-manager")
        assert channels["call_recording_channels_used"] < channels["call_recording_channels_limit"]
        assert users["queue_manager_licensed_users_used"] < users["queue_manager_licensed_users_limit"]


async def test_the_same_key_cuts_the_agent_off_and_lets_it_back(suite: Suite) -> None:
    async with Relay(1) as relay:
        faults = Faults(suite=suite.home, relay=relay)
        assert await faults.cut_or_mend_agent() == "agent's network cut: no packet passes, nobody is told"
        assert relay.is_cut
        assert await faults.cut_or_mend_agent() == "agent's network mended"
        assert not relay.is_cut


@pytest.mark.parametrize("part", [VedetteApp, QueueScreen, CaseScreen])
async def test_no_key_of_the_demo_is_one_of_the_console(
    part: type[VedetteApp | QueueScreen | CaseScreen],
) -> None:
    async with Relay(1) as relay:
        keys = [action.key for action in fault_keys(Faults(suite=Home.__new__(Home), relay=relay))]
    assert keys == ["K", "U", "D", "C", "L", "X", "H"]
    taken = {key for binding in part.BINDINGS for key in binding_keys(binding)}
    assert taken.isdisjoint(keys)


def binding_keys(binding: object) -> list[str]:
    keys = binding[0] if isinstance(binding, tuple) else getattr(binding, "key", "")
    return [key.strip() for key in str(keys).split(",")]
