"""Reload: a good file is in force at once, a bad one changes nothing and is told with file and line."""

from __future__ import annotations

import asyncio
import json
import signal

from tests.e2e.stage import AGENT, Stage, reasons
from tests.e2e.terminal import run
from tests.support.programs import INSTALLED, Server, policy_text, until
from vedette.support.v1 import case_pb2, common_pb2, fleet_pb2


def logged(server: Server, event: str) -> list[dict[str, object]]:
    """Return what a server's log says about one kind of event."""
    lines = [line for line in server.log.read_text("utf-8").splitlines() if line.startswith("{")]
    return [said for said in map(json.loads, lines) if said["event"] == event]


async def test_a_bad_policy_is_refused_on_sighup_and_a_good_one_is_adopted(stage: Stage) -> None:
    stage.expected_errors = {"reload refused"}
    server = await stage.server(calm=True)
    ann = await stage.person(server, "ann")
    agent = await stage.agent(server)
    file = server.folder / "customers.yaml"
    good = file.read_text("utf-8")
    customer = case_pb2.CreateCaseRequest(
        request_id="1", customer="acme", priority=common_pb2.PRIORITY_P1, title="before"
    )
    before = (await ann.ask(ann.cases.CreateCase, customer)).case

    bad = good.replace("plan: platinum", "plan: platinium").replace("consent: true", "concent: true")
    file.write_text(bad, "utf-8")
    server.signal(signal.SIGHUP)
    await until(lambda: logged(server, "reload refused"), "the refusal is logged")
    problems = logged(server, "reload refused")[0]["problems"]
    assert isinstance(problems, list)
    for word in ("plan: platinium", "concent: true"):
        line = bad[: bad.index(word)].count("\n") + 1
        assert any(str(problem).startswith(f"{file}:{line}: ") for problem in problems), problems
    said = await run(INSTALLED / "vedette-server", "--config", server.config, "reload")
    assert said.code == 3
    assert f"{file}:" in said.stderr

    # The old one is still in force, and whoever was connected has noticed nothing.
    await agent.tell(agent.batch())
    customer.request_id = "2"
    same = (await ann.ask(ann.cases.CreateCase, customer)).case
    assert (same.plan, same.response_clock.target.seconds) == ("platinum", 3600)
    assert reasons(server.data_dir, "policy") == ["POLICY_LOADED"]

    file.write_text(policy_text([AGENT, "bolt/plant/node-1"], plan="gold"), "utf-8")
    server.signal(signal.SIGHUP)
    await until(lambda: logged(server, "reloaded"), "the reload is logged")
    customer.request_id = "3"
    after = (await ann.ask(ann.cases.CreateCase, customer)).case
    assert (after.plan, after.response_clock.calendar) == ("gold", "emea/extended")
    kept = (await ann.ask(ann.cases.GetCase, case_pb2.GetCaseRequest(id=before.id))).case
    assert (kept.plan, kept.response_clock.due_time) == ("platinum", before.response_clock.due_time)
    assert await server.agent_token("bolt/plant/node-1")
    listed = await ann.ask(ann.fleet.ListInstallations, fleet_pb2.ListInstallationsRequest())
    assert [one.customer for one in listed.installations] == ["acme", "bolt"]
    assert reasons(server.data_dir, "policy") == ["POLICY_LOADED", "POLICY_LOADED"]


async def test_a_catalog_that_is_reloaded_judges_the_next_sample(stage: Stage) -> None:
    stage.expected_errors = {"reload refused"}
    said = await run(INSTALLED / "vedette-server", "config", "sample", "--catalog")
    file = stage.folder / "catalog.yaml"
    file.write_text(said.stdout, "utf-8")
    server = await stage.server(catalog=file, calm=True)
    ann = await stage.person(server, "ann")
    changes = await stage.follow(server, ann)
    agent = await stage.agent(server)
    await agent.tell(agent.batch([70.0, 100.0]))
    assert said.stdout.count("{at: 0.80, priority: P4}") == 1

    file.write_text(said.stdout.replace("{at: 0.80, priority: P4}", "{at: lots, priority: P4}"), "utf-8")
    server.signal(signal.SIGHUP)
    await until(lambda: logged(server, "reload refused"), "the refusal is logged")
    lowered = said.stdout.replace("{at: 0.80, priority: P4}", "{at: 0.60, priority: P4}")
    file.write_text(lowered.replace("clear_below: 0.75", "clear_below: 0.55"), "utf-8")
    reloaded = await run(INSTALLED / "vedette-server", "--config", server.config, "reload")
    assert reloaded.code == 0, reloaded
    assert reasons(server.data_dir, "alarm") == []
    await agent.tell(agent.batch([70.0, 100.0]))
    alarm = await changes.alarm("database_space", priority=common_pb2.PRIORITY_P4)
    assert alarm.evidence.threshold == 0.6


async def test_many_signals_at_once_are_no_trouble(stage: Stage) -> None:
    server = await stage.server(calm=True)
    for _ in range(20):
        server.signal(signal.SIGHUP)
        await asyncio.sleep(0)
    await until(lambda: logged(server, "reloaded"), "the reload is logged")
    ann = await stage.person(server, "ann")
    assert (await ann.ask(ann.cases.ListCases, case_pb2.ListCasesRequest())).cases == []
