"""The files that the demo writes are what the programs accept, to the letter."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from demo.configuration import AGENT, FLEET, POLICY, Folder, write_agent, write_server
from demo.suite.supervisor import COMPONENTS
from vedette_agent.settings.loader import load
from vedette_server.policy import load_policy
from vedette_server.settings import load_settings


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path)
    folder.agent.mkdir()
    folder.suite.create()
    for port, component in enumerate(COMPONENTS, start=5001):
        folder.suite.publish(component, port=port, pid=1)
    return folder


def test_the_server_takes_its_settings(folder: Folder) -> None:
    settings = load_settings(write_server(folder))
    assert settings.data_dir == folder.server / "data"
    assert (settings.heartbeat_interval, settings.overdue_after, settings.lost_after) == (
        timedelta(seconds=1),
        timedelta(seconds=2),
        timedelta(seconds=5),
    )


def test_the_policy_knows_every_agent_of_the_demo() -> None:
    policy = load_policy(POLICY, now=datetime.now(UTC))
    nodes = {
        f"{installation.customer}/{installation.id}/{node.id}"
        for installation in policy.installations
        for node in installation.nodes
    }
    assert nodes == {AGENT, *FLEET}


def test_the_real_agent_watches_every_component_and_capacity(folder: Folder) -> None:
    settings = load(write_agent(folder, port=7443, database_limit=8 * 1024 * 1024))
    product = settings.product
    assert settings.link.server == "127.0.0.1:7443"
    assert {component.name for component in product.components} == set(COMPONENTS)
    assert {(scrape.component, scrape.capacities[0].resource) for scrape in product.scrapes} == {
        ("voip-stack", "call"),
        ("call-recording", "channel"),
        ("queue-manager", "licensed_user"),
        ("ivr", "licensed_user"),
    }
    assert [(database.path, database.limit) for database in product.databases] == [
        (folder.suite.database, 8 * 1024 * 1024)
    ]


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_component_is_recognised_by_its_own_command_line_alone(folder: Folder, component: str) -> None:
    settings = load(write_agent(folder, port=7443, database_limit=1024))
    line = f"/usr/bin/python3 -m demo.suite.{COMPONENTS[component]} --home {folder.suite.root}"
    matching = [one.name for one in settings.product.components if one.command and one.command.search(line)]
    assert matching == [component]


def test_a_planned_stop_is_told_from_every_other_line(folder: Folder) -> None:
    settings = load(write_agent(folder, port=7443, database_limit=1024))
    (pattern,) = settings.product.logs[0].patterns
    folder.suite.append("INFO", "ivr", "component.stop_planned stopping as asked")
    folder.suite.append("INFO", "ivr", "component.ready serving on port 1")
    folder.suite.append("ERROR", "supervisor", "component.crashed ivr was killed by signal 9")
    found = [pattern.match.search(line) for line in folder.suite.log.read_text().splitlines()]
    assert [match and match.groupdict() for match in found] == [
        {"component": "ivr", "message": "stopping as asked"},
        None,
        None,
    ]
