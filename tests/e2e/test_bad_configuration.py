"""Configuration that cannot be: each program says file, line and key, and ends with its code."""

from __future__ import annotations

import asyncio
import shutil
import socket
from pathlib import Path

import pytest

from tests.e2e.stage import AGENT, Stage
from tests.e2e.terminal import Said, run
from tests.support.programs import INSTALLED, write_server_files
from vedette_server.catalog import loader

CONFIGURATION, DATA_FOLDER_IN_USE, PORT_IN_USE = 3, 4, 5


async def server_run(folder: Path) -> Said:
    return await run(INSTALLED / "vedette-server", "--config", folder / "server.yaml", "run")


def replace_in(file: Path, old: str, new: str) -> int:
    """Replace a text that occurs once; return its line."""
    text = file.read_text("utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), "utf-8")
    return text[: text.index(old)].count("\n") + 1


def server_folder(tmp_path: Path) -> Path:
    """Return a folder with everything that a server needs, its own catalog too."""
    write_server_files(tmp_path, agents=[AGENT], catalog="catalog.yaml")
    shutil.copy(Path(loader.__file__).with_name("catalog.yaml"), tmp_path / "catalog.yaml")
    (tmp_path / "data").rmdir()
    return tmp_path


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        (
            "server.yaml",
            "heartbeat_interval: 1s",
            "heartbeat_intervall: 1s",
            'heartbeat_intervall: unknown key, did you mean "heartbeat_interval"?',
        ),
        ("server.yaml", "listen: 127.0.0.1:0", "listen: 0.0.0.0:0", "listen: must be a loopback address"),
        ("server.yaml", "http: 127.0.0.1:0", "http: '[::]:0'", "http: must be a loopback address"),
        ("server.yaml", "lost_after: 60s", "lost_after: soon", "lost_after: must be a duration"),
        ("customers.yaml", "plan: platinum", "plan: platinium", "plan: "),
        ("customers.yaml", "zone: Europe/Berlin", "zone: Europe/Atlantis", "zone: "),
        (
            "catalog.yaml",
            "    clear_below: 0.80\n",
            "    clear_bellow: 0.80\n",
            'clear_bellow: unknown key, did you mean "clear_below"?',
        ),
    ],
)
async def test_a_wrong_value_ends_the_server_with_code_3_and_its_place(
    tmp_path: Path, name: str, old: str, new: str, words: str
) -> None:
    folder = server_folder(tmp_path)
    line = replace_in(folder / name, old, new)
    said = await server_run(folder)
    assert (said.code, said.stdout) == (CONFIGURATION, "")
    assert f"{folder / name}:{line}: " in said.stderr
    assert words in said.stderr
    assert not (folder / "data").exists()


async def test_all_mistakes_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    folder = server_folder(tmp_path)
    for old, new in (("listen: 127.0.0.1:0", "listen: 7443"), ("overdue_after: 2s", "overdue: 2s")):
        replace_in(folder / "server.yaml", old, new)
    said = await server_run(folder)
    assert said.code == CONFIGURATION
    assert [line.rpartition("server.yaml:")[2].split(": ")[1] for line in said.stderr.splitlines()] == [
        "listen",
        "overdue",
    ]


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("server.yaml", "missing"),
        ("server.yaml", "folder"),
        ("server.yaml", "bytes"),
        ("customers.yaml", "missing"),
        ("catalog.yaml", "bytes"),
    ],
)
async def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, how: str) -> None:
    folder = server_folder(tmp_path)
    spoil(folder / name, how)
    said = await server_run(folder)
    assert (said.code, said.stdout) == (CONFIGURATION, "")
    assert str(folder / name) in said.stderr
    assert "Traceback" not in said.stderr
    assert not (folder / "data").exists()


def spoil(file: Path, how: str) -> None:
    file.unlink()
    if how == "folder":
        file.mkdir()
    elif how == "bytes":
        file.write_bytes(b"\xff\xfe\x00")


AGENT_TOML = """\
server = "127.0.0.1:7443"
token_file = "token"
state_dir = "state"

[collectors.filesystem]
interval = "10s"
"""


def agent_folder(tmp_path: Path, text: str = AGENT_TOML) -> Path:
    (tmp_path / "agent.toml").write_text(text, "utf-8")
    (tmp_path / "token").touch(mode=0o600)
    (tmp_path / "token").write_text("vdt_x", "utf-8")
    return tmp_path


async def agent_run(folder: Path) -> Said:
    return await run(INSTALLED / "vedette-agent", "--config", folder / "agent.toml", "run")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            'interval = "10s"',
            'intervall = "10s"',
            'collectors.filesystem.intervall: unknown key; did you mean "interval"?',
        ),
        ("127.0.0.1:7443", "192.0.2.1:7443", "server: must be on this machine without encryption"),
        ('interval = "10s"', 'interval = "often"', "collectors.filesystem.interval: "),
        ('token_file = "token"', "token_file = 7", "token_file: "),
    ],
)
async def test_a_wrong_value_ends_the_agent_with_code_3_and_its_place(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    folder = agent_folder(tmp_path)
    line = replace_in(folder / "agent.toml", old, new)
    said = await agent_run(folder)
    assert (said.code, said.stdout) == (CONFIGURATION, "")
    assert f"agent.toml:{line}: {words}" in said.stderr
    assert not (folder / "state").exists()


@pytest.mark.parametrize(
    ("name", "how"),
    [("agent.toml", "folder"), ("agent.toml", "bytes"), ("token", "missing"), ("token", "bytes")],
)
async def test_a_file_that_the_agent_cannot_read_is_named(tmp_path: Path, name: str, how: str) -> None:
    folder = agent_folder(tmp_path)
    spoil(folder / name, how)
    said = await agent_run(folder)
    assert (said.code, said.stdout) == (CONFIGURATION, "")
    assert f"{name}: " in said.stderr
    assert "Traceback" not in said.stderr


async def test_a_token_that_others_can_read_is_refused(tmp_path: Path) -> None:
    folder = agent_folder(tmp_path)
    (folder / "token").chmod(0o644)
    said = await agent_run(folder)
    assert said.code == CONFIGURATION
    assert f"chmod 600 {folder / 'token'}" in said.stderr


async def test_the_console_sends_no_token_in_plain_text_beyond_this_machine(tmp_path: Path) -> None:
    folder = agent_folder(tmp_path)
    command: list[str | Path] = [
        INSTALLED / "vedette",
        "--server",
        "192.0.2.1:7443",
        "--token-file",
        folder / "token",
    ]
    said = await run(*command, "cases", "list")
    assert (said.code, said.stdout) == (CONFIGURATION, "")
    assert "192.0.2.1:7443" in said.stderr


@pytest.mark.parametrize("key", ["listen", "http"])
async def test_a_port_in_use_ends_the_server_with_code_5(tmp_path: Path, key: str) -> None:
    folder = server_folder(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        replace_in(folder / "server.yaml", f"{key}: 127.0.0.1:0", f"{key}: {address}")
        said = await server_run(folder)
    assert said.code == PORT_IN_USE
    assert f"cannot listen on {address}" in said.stderr
    assert not (folder / "data" / "server.json").exists()


async def test_a_second_server_on_one_data_folder_is_refused_and_the_first_goes_on(stage: Stage) -> None:
    server = await stage.server(listen="127.0.0.1:0", calm=True)
    agent = await stage.agent(server)
    said = await server_run(server.folder)
    assert (said.code, said.stdout) == (DATA_FOLDER_IN_USE, "")
    assert f"is in use by process {server.pid}" in said.stderr
    await agent.tell(agent.batch())
    assert server.addresses is not None
    # What was killed holds nothing.
    await server.kill()
    await server.start()


async def test_a_second_agent_on_one_state_folder_is_refused_and_the_first_goes_on(stage: Stage) -> None:
    server = await stage.server()
    ann = await stage.person(server, "ann")
    changes = await stage.follow(server, ann)
    node = await stage.node(server)
    await changes.reason("AGENT_CONNECTED")
    said = await run(INSTALLED / "vedette-agent", "--config", node.config, "run")
    assert said.code == 4
    assert str(node.state_dir) in said.stderr
    assert node.agent.running


async def test_an_agent_with_a_credential_of_the_wrong_kind_gives_up_and_with_an_unknown_one_tries_on(
    stage: Stage,
) -> None:
    server = await stage.server()
    node = await stage.node(server, start=False)
    node.write_token(await server.api_token("ann", "admin"))
    await node.agent.start()
    assert await node.agent.ended() == 5
    assert "enrol this agent anew" in node.agent.tail()

    node.write_token("vdt_" + "x" * 43)
    await node.agent.start()
    while len(node.logged("link.ended")) < 3:  # noqa: ASYNC110 - another process sets no event
        await asyncio.sleep(0.05)
    assert node.agent.running
    # Its token is replaced, and it needs no restart for that.
    node.write_token(await server.agent_token(AGENT))
    while not node.logged("link.connected"):  # noqa: ASYNC110 - as above
        await asyncio.sleep(0.05)
