"""The commands of `vedette` against a real server, as a script uses them: JSON and exit codes."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.e2e.stage import AGENT, Stage, eventually
from tests.e2e.terminal import Said, run
from tests.support.programs import INSTALLED, Server

REFUSED, CONFIGURATION, UNREACHABLE, CONFLICT = 1, 3, 4, 5


class Vedette:
    """The console's command line with one token."""

    def __init__(self, server: Server, token: Path) -> None:
        self._front: list[str | Path] = [INSTALLED / "vedette", "--server", server.target]
        self._front += ["--token-file", token]

    async def __call__(self, *words: str) -> Said:
        return await run(*self._front, *words)


async def test_a_script_works_a_case_from_open_to_closed(stage: Stage) -> None:
    server = await stage.server(calm=True)
    vedette = Vedette(server, await stage.token_file(server, name="ann"))
    create = ("cases", "create", "--customer", "acme", "--installation", "hq", "--priority", "P2")
    opened = (await vedette(*create, "--title", "no dial tone", "-o", "json")).json()
    assert (opened["id"], opened["state"], opened["priority"]) == ("C-1", "new", "P2")
    assert opened["response_clock"]["calendar"] == "emea/business"
    taken = (await vedette("cases", "acknowledge", "1", "--etag", opened["etag"], "-o", "json")).json()
    assert (taken["state"], taken["owner"]) == ("acknowledged", "ann")
    stale = await vedette("cases", "assign", "C-1", "bob", "--etag", opened["etag"], "-o", "json")
    assert (stale.code, stale.stdout) == (CONFLICT, "")
    assert "C-1 has changed since you looked" in stale.stderr

    # What is done next needs no order among itself.
    comment, assigned = await asyncio.gather(
        vedette("cases", "comment", "C-1", "a fuse blew", "-o", "json"),
        vedette("cases", "assign", "C-1", "bob", "-o", "json"),
    )
    assert comment.code == 0
    assert assigned.json()["owner"] == "bob"
    resolved = (await vedette("cases", "resolve", "C-1", "--resolution", "new fuse", "-o", "json")).json()
    assert (resolved["state"], resolved["resolution"]) == ("resolved", "new fuse")
    assert (await vedette("cases", "close", "C-1", "-o", "json")).json()["state"] == "closed"
    again = await vedette("cases", "acknowledge", "C-1")
    assert (again.code, again.stdout) == (REFUSED, "")
    assert again.stderr.startswith("vedette: case C-1 is already closed")

    shown, timeline, listed, closed = await asyncio.gather(
        vedette("cases", "show", "C-1", "-o", "json"),
        vedette("cases", "timeline", "C-1", "-o", "jsonl"),
        vedette("cases", "list", "-o", "json"),
        vedette("cases", "list", "--state", "closed", "-o", "jsonl"),
    )
    assert shown.json()["state"] == "closed"
    reasons = [entry["reason"] for entry in timeline.json_lines()]
    assert reasons[:2] == ["CASE_OPENED", "CASE_ACKNOWLEDGED"]
    assert reasons[-2:] == ["CASE_RESOLVED", "CASE_CLOSED"]
    assert listed.json() == []
    assert [case["id"] for case in closed.json_lines()] == ["C-1"]


async def test_alarms_agents_installations_and_series_are_listed_and_changes_are_watched(
    stage: Stage,
) -> None:
    server = await stage.server(calm=True)
    token = await stage.token_file(server)
    vedette = Vedette(server, token)
    agent = await stage.agent(server)
    watching = asyncio.create_task(vedette("watch", "--kind", "alarm", "--count", "2", "-o", "jsonl"))
    await eventually(lambda: stage.metric(server, "vedette_watch_subscribers"), "it watches")
    await agent.tell(agent.batch([85.0, 100.0]))

    alarms = (await vedette("alarms", "list", "-o", "json")).json()
    assert [(alarm["id"], alarm["code"], alarm["priority"]) for alarm in alarms] == [
        ("A-1", "database_space", "P4")
    ]
    taken = (await vedette("alarms", "acknowledge", "A-1", "--note", "seen", "-o", "json")).json()
    assert (taken["acknowledged"], taken["acknowledged_by"]) == (True, "ann")
    changes = (await watching).json_lines()
    assert [change["reason"] for change in changes] == ["ALARM_RAISED", "ALARM_ACKNOWLEDGED"]

    agents, installations, series, samples, table = await asyncio.gather(
        vedette("agents", "list", "-o", "json"),
        vedette("installations", "list", "-o", "json"),
        vedette("series", "list", AGENT, "-o", "json"),
        vedette("series", "query", AGENT, "database.usage", "-o", "json"),
        vedette("cases", "list"),
    )
    assert [(one["id"], one["state"], one["watermark"]) for one in agents.json()] == [(AGENT, "connected", 1)]
    assert [(one["customer"], one["id"], one["plan"]) for one in installations.json()] == [
        ("acme", "hq", "platinum")
    ]
    assert {one["name"] for one in series.json()} == {"database.usage", "database.limit"}
    assert [point["value"] for one in samples.json() for point in one["points"]] == [85.0]
    assert "Database main is 85% full" in table.stdout


async def test_what_cannot_be_done_says_why_and_has_its_exit_code(stage: Stage) -> None:
    server = await stage.server(calm=True)
    viewer = Vedette(server, await stage.token_file(server, "viewer", "vera"))
    wrong = stage.folder / "wrong.token"
    wrong.touch(mode=0o600)
    wrong.write_text("vdt_" + "x" * 43, "utf-8")
    create = ("cases", "create", "--customer", "acme", "--priority", "P3", "--title", "x")
    missing, forbidden, unknown, usage = await asyncio.gather(
        viewer("cases", "show", "C-9"),
        viewer(*create),
        Vedette(server, wrong)("cases", "list"),
        viewer("cases", "list", "--state", "asleep"),
    )
    assert (missing.code, missing.stderr) == (REFUSED, "vedette: there is no case C-9\n")
    assert forbidden.code == REFUSED
    assert "responder" in forbidden.stderr
    assert (unknown.code, unknown.stdout) == (UNREACHABLE, "")
    assert "does not know this token" in unknown.stderr
    assert usage.code == 2
    readable = stage.folder / "readable.token"
    readable.write_text(wrong.read_text("utf-8"), "utf-8")
    readable.chmod(0o644)
    await server.stop()
    gone, loose = await asyncio.gather(
        run(INSTALLED / "vedette", "--server", "127.0.0.1:1", "--token-file", wrong, "cases", "list"),
        run(INSTALLED / "vedette", "--server", "127.0.0.1:1", "--token-file", readable, "cases", "list"),
    )
    assert gone.code == UNREACHABLE
    assert gone.stderr.startswith("vedette: no connection to 127.0.0.1:1")
    assert loose.code == CONFIGURATION
    assert "chmod 600" in loose.stderr
