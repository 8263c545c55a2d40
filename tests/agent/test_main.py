"""A whole agent: state folder, how it stopped, status, and everything together."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.agent.support.collecting import Hang, Scripted
from tests.agent.support.facts import Ledger, event
from tests.agent.support.server import AgentServer, serving
from tests.agent.support.waiting import until
from vedette.agent.v1 import agent_pb2
from vedette_agent import status
from vedette_agent.clock import SystemClock
from vedette_agent.collectors.collector import Collector, Reading
from vedette_agent.errors import AlreadyRunning
from vedette_agent.facts import gauge
from vedette_agent.main import Agent
from vedette_agent.settings.model import LinkSettings, Settings


@pytest.fixture
async def server() -> AsyncIterator[AgentServer]:
    async with serving() as one:
        yield one


def settings_for(server: AgentServer, folder: Path) -> Settings:
    token = folder / "token"
    token.write_text("secret\n")
    link = LinkSettings(server=server.address, token_file=token, reconnect_initial=timedelta(milliseconds=20))
    return Settings(link=link, state_dir=folder / "state", product_version="2020.Winter.1", ha_role="active")


def level(interval: float = 0.1) -> Scripted:
    return Scripted("level", Reading(samples=((gauge("level", "1"), 1.0),)), interval=interval)


async def run_until_facts(
    server: AgentServer, settings: Settings, count: int, *collectors: Collector, ledger: Ledger | None = None
) -> None:
    agent = Agent(settings, collectors=collectors or (level(),), observer=ledger)
    task = asyncio.create_task(agent.run())
    await server.until(lambda: len(server.facts) >= count)
    agent.stop()
    await asyncio.wait_for(task, 5)


async def test_an_agent_measures_reports_and_says_how_it_stopped(server: AgentServer, tmp_path: Path) -> None:
    settings = settings_for(server, tmp_path)
    ledger = Ledger()
    await run_until_facts(server, settings, 3, ledger=ledger)
    await run_until_facts(server, settings, 6)
    first, second = (stream.hello for stream in server.streams)
    assert first.previous_stop == agent_pb2.STOP_REASON_UNSPECIFIED
    assert second.previous_stop == agent_pb2.STOP_REASON_REQUESTED
    assert first.boot_id == second.boot_id
    assert first.start_id != second.start_id
    assert first.outbox_id == second.outbox_id
    assert (first.product_version, first.ha_role) == ("2020.Winter.1", agent_pb2.HA_ROLE_ACTIVE)
    assert all(stream.goodbye is not None for stream in server.streams)
    # What was acknowledged was appended, and what the server has is what was appended.
    appended = {(id_, record.seq): record.payload for id_, record in ledger.appended_facts}
    for key, frame in server.facts.items():
        if key in appended:
            assert frame == agent_pb2.ConnectRequest.FromString(appended[key])
    assert max(watermark for _, watermark in ledger.watermarks) <= len(appended)


async def test_an_agent_that_was_killed_says_so_next_time(server: AgentServer, tmp_path: Path) -> None:
    settings = settings_for(server, tmp_path)
    task = asyncio.create_task(Agent(settings, collectors=(level(),)).run())
    await server.until(lambda: len(server.facts) >= 2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    before = len(server.facts)
    await run_until_facts(server, settings, before + 2)
    assert server.streams[-1].hello.previous_stop == agent_pb2.STOP_REASON_CRASHED
    assert server.streams[0].goodbye is None


async def test_two_agents_cannot_use_one_state_folder(server: AgentServer, tmp_path: Path) -> None:
    settings = settings_for(server, tmp_path)
    agent = Agent(settings, collectors=(level(),))
    task = asyncio.create_task(agent.run())
    await server.until(lambda: len(server.streams) == 1)
    with pytest.raises(AlreadyRunning, match="another agent uses this state folder"):
        await Agent(settings, collectors=(level(),)).run()
    agent.stop()
    await asyncio.wait_for(task, 5)


async def test_the_status_file_says_how_the_agent_is(server: AgentServer, tmp_path: Path) -> None:
    settings = settings_for(server, tmp_path)
    agent = Agent(settings, collectors=(level(),))
    task = asyncio.create_task(agent.run())
    await server.until(lambda: len(server.facts) >= 2)
    await until((settings.state_dir / "status.json").exists)
    observed = status.read(settings.state_dir, SystemClock())
    assert observed.is_running is True
    assert observed.is_current
    agent.stop()
    await asyncio.wait_for(task, 5)
    after = status.read(settings.state_dir, SystemClock())
    assert after.is_running is False
    assert not after.is_current
    assert after.content is not None
    assert after.content["link"]["state"] == "stopped"
    assert after.content["link"]["agent"] == "customer/installation/node"
    assert after.content["outbox"]["fact_count"] == 0
    assert after.content["collectors"][0]["name"] == "level"
    assert json.loads((settings.state_dir / "status.json").read_text()) == after.content


async def test_a_hung_collector_delays_neither_heartbeats_nor_the_stop(
    server: AgentServer, tmp_path: Path
) -> None:
    server.behaviour.heartbeat = 0.1
    hang = Hang()
    agent = Agent(settings_for(server, tmp_path), collectors=(Scripted("nfs", hang, timeout=30),))
    task = asyncio.create_task(agent.run())
    await server.until(lambda: bool(server.streams) and server.streams[0].heartbeats >= 3)
    agent.stop()
    await asyncio.wait_for(task, 3)
    hang.let_go()


async def test_facts_found_while_the_server_is_away_arrive_later(tmp_path: Path) -> None:
    async with serving() as first:
        settings = settings_for(first, tmp_path)
        port = first.port
    ledger = Ledger()
    found = [Reading(events=(event(f"e{number}"),)) for number in range(5)]
    scripted = Scripted("log", *found, Reading(), interval=0.1)
    agent = Agent(settings, collectors=(scripted,), observer=ledger)
    task = asyncio.create_task(agent.run())
    await until(lambda: len(ledger.appended_facts) == 5)
    async with serving(port=port) as second:
        await second.until(lambda: len(second.facts) == 5)
        agent.stop()
        await asyncio.wait_for(task, 5)
    codes = [frame.events.events[0].code for frame in second.taken(second.streams[0].hello.outbox_id)]
    assert codes == ["e0", "e1", "e2", "e3", "e4"]


async def test_an_agent_with_nothing_to_measure_is_still_there(server: AgentServer, tmp_path: Path) -> None:
    server.behaviour.heartbeat = 0.1
    agent = Agent(settings_for(server, tmp_path), collectors=())
    task = asyncio.create_task(agent.run())
    await server.until(lambda: bool(server.streams) and server.streams[0].heartbeats >= 2)
    agent.stop()
    await asyncio.wait_for(task, 5)
