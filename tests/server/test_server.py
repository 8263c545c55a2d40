"""The server as a process: start, signals, exit codes, files; and the HTTP endpoint beside it."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.server.api.callers import POLICY, SETTINGS, Running, running
from vedette_server.errors import CannotGoOn, ExitCode

T = TypeVar("T")

#: Longest wait for a process to do what it should, in seconds.
PATIENCE_S = 20.0


def folder_of(tmp_path: Path, more: str = "") -> Path:
    (tmp_path / "customers.yaml").write_text(POLICY, "utf-8")
    (tmp_path / "server.yaml").write_text(SETTINGS + more, "utf-8")
    return tmp_path


def command(folder: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "vedette_server.cli", "--config", str(folder / "server.yaml"), *arguments]


def once(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(folder, *arguments), capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )


class Process:
    """A running server process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._log = (folder / "log").open("wb")
        self._process = subprocess.Popen(
            command(folder, "run"), stdout=subprocess.PIPE, stderr=self._log, text=True
        )
        self.facts: dict[str, Any] = {}

    def wait_until_ready(self) -> None:
        ready = self.folder / "data" / "server.json"
        deadline = time.monotonic() + PATIENCE_S
        while not ready.exists():
            assert self._process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.02)
        self.facts = json.loads(ready.read_text("utf-8"))

    def wait_for_log(self, words: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while words not in self.log():
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.02)

    def log(self) -> str:
        return (self.folder / "log").read_text("utf-8")

    def send(self, number: signal.Signals) -> None:
        os.kill(self._process.pid, number)

    def end(self) -> tuple[int, str]:
        """Stop it with SIGTERM; return exit code and what it said on stdout."""
        self._process.terminate()
        stdout, _ = self._process.communicate(timeout=PATIENCE_S)
        return self._process.returncode, stdout

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()
        self._log.close()


@contextmanager
def started(folder: Path) -> Iterator[Process]:
    process = Process(folder)
    try:
        process.wait_until_ready()
        yield process
    finally:
        process.kill()


def get(address: str, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://{address}{path}", timeout=PATIENCE_S) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_a_server_starts_administers_reloads_and_stops(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    with started(folder) as server:
        assert sorted(server.facts) == ["admin", "grpc", "http", "pid"]
        assert server.facts["admin"] == f"unix:{folder}/data/admin.sock"
        made = once(folder, "tokens", "create-agent", "acme/hq/n1", "--output", str(folder / "n1.token"))
        assert (made.returncode, made.stdout, made.stderr) == (0, "", "")
        assert (folder / "n1.token").read_text("utf-8").startswith("vdt_")
        assert (folder / "n1.token").stat().st_mode & 0o777 == 0o600
        api = once(folder, "tokens", "create-api", "ann", "--role", "viewer")
        assert api.stdout.startswith("vdt_")
        listed = [line.split() for line in once(folder, "tokens", "list").stdout.splitlines()]
        assert [(line[0], line[1], line[-1]) for line in listed] == [
            ("T-1", "admin", "bootstrap"),
            ("T-2", "agent", "acme/hq/n1"),
            ("T-3", "viewer", "ann"),
        ]
        assert once(folder, "tokens", "revoke", "T-3").returncode == 0
        missing = once(folder, "tokens", "revoke", "T-9")
        assert (missing.returncode, missing.stderr) == (1, "vedette-server: token T-9 does not exist\n")
        status = json.loads(once(folder, "status", "--json").stdout)
        assert (status["server_version"], status["connected_agents"]) == ("0.1.0", 0)

        (folder / "customers.yaml").write_text(POLICY + "more: 1\n", "utf-8")
        refused = once(folder, "reload")
        assert refused.returncode == ExitCode.CONFIGURATION
        assert "customers.yaml:34: more: unknown key" in refused.stderr
        server.send(signal.SIGHUP)
        server.wait_for_log("reload refused")
        (folder / "customers.yaml").write_text(POLICY.replace("Acme Corp", "Ajax Corp"), "utf-8")
        server.send(signal.SIGHUP)
        server.wait_for_log('"event": "reloaded"')

        second = once(folder, "run")
        assert second.returncode == ExitCode.DATA_FOLDER_IN_USE
        assert f"is in use by process {server.facts['pid']}" in second.stderr
        code, stdout = server.end()
    assert code == 0, server.log()
    assert stdout.startswith("vdt_")
    assert stdout.count("\n") == 1
    assert sorted(path.name for path in (folder / "data").iterdir()) == ["lock", "vedette.db"]
    assert (folder / "data" / "vedette.db").stat().st_mode & 0o077 == 0
    for line in server.log().splitlines():
        assert json.loads(line)["level"] in {"info", "error"}
    replayed = once(folder, "replay")
    assert (replayed.returncode, replayed.stderr) == (0, "")


def test_a_second_start_prints_no_token_and_nothing_is_lost_by_a_kill(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    with started(folder):
        assert once(folder, "tokens", "create-api", "ann", "--role", "viewer").returncode == 0
    (folder / "data" / "server.json").unlink()
    with started(folder) as server:
        assert "ann" in once(folder, "tokens", "list").stdout
        assert server.end() == (0, "")


@pytest.mark.parametrize("key", ["listen", "http"])
def test_a_port_in_use_ends_the_start_with_exit_code_5(tmp_path: Path, key: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        folder = folder_of(tmp_path)
        text = SETTINGS.replace(f"{key}: 127.0.0.1:0", f"{key}: {address}")
        (folder / "server.yaml").write_text(text, "utf-8")
        result = once(folder, "run")
    assert result.returncode == ExitCode.PORT_IN_USE
    assert f"vedette-server: cannot listen on {address}" in result.stderr
    assert not (folder / "data" / "server.json").exists()


def test_a_wrong_policy_ends_the_start_with_exit_code_3_and_makes_no_data(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    (folder / "customers.yaml").write_text("customers: 1\n", "utf-8")
    result = once(folder, "run")
    assert (result.returncode, result.stdout) == (ExitCode.CONFIGURATION, "")
    assert "customers.yaml:1: customers: must be a mapping" in result.stderr
    assert not (folder / "data").exists()


def test_an_upgrade_of_a_current_folder_changes_nothing(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    (folder / "data").mkdir()
    assert once(folder, "db", "upgrade").returncode == 0
    again = once(folder, "db", "upgrade")
    assert (again.returncode, again.stdout) == (0, "schema 0001 -> 0001\n")


async def test_http_answers_metrics_and_probes(tmp_path: Path) -> None:
    async with running(tmp_path) as around:
        address = f"127.0.0.1:{around.server.http_port}"
        await around.agent("acme/hq/n1")
        metrics = await in_thread(get, address, "/metrics")
        assert await in_thread(get, address, "/-/healthy") == (200, "ok\n")
        assert await in_thread(get, address, "/-/ready") == (200, "ok\n")
        around.server.ready = False
        assert await in_thread(get, address, "/-/ready") == (503, "starting or stopping\n")
        around.server._loop.tally.disk_full = True
        assert await in_thread(get, address, "/-/ready") == (503, "the disk is full\n")
        around.server._loop.tally.disk_full = False
    lines = metrics[1].splitlines()
    assert 'vedette_agents{state="connected"} 1.0' in lines
    assert "vedette_agent_streams 1.0" in lines
    assert any(line.startswith("vedette_journal_head_info{hash=") for line in lines)
    assert any(line.startswith('vedette_turn_seconds_total{stage="commit"}') for line in lines)


async def test_a_stopping_server_asks_its_agents_to_come_back(tmp_path: Path) -> None:
    async with running(tmp_path) as around:
        agent = await around.agent("acme/hq/n1")
        stopping = asyncio.create_task(around.server.stop())
        assert await agent.last_word() == "reconnect"
        await stopping


async def test_two_servers_share_no_admin_socket(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    shared = f"admin_socket: {tmp_path}/admin.sock\n"
    async with running(tmp_path / "a", shared):
        with pytest.raises(CannotGoOn, match="another server answers at the admin socket") as caught:
            async with running(tmp_path / "b", shared):
                pass
        assert caught.value.exit_code is ExitCode.PORT_IN_USE
        assert (tmp_path / "admin.sock").is_socket()


async def test_a_socket_that_a_killed_server_left_behind_is_replaced(tmp_path: Path) -> None:
    left = tmp_path / "admin.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(left))
    async with running(tmp_path, f"admin_socket: {left}\n") as around:
        assert isinstance(around, Running)
    assert not left.exists()


async def test_a_file_in_the_way_of_the_admin_socket_is_left_alone(tmp_path: Path) -> None:
    precious = tmp_path / "notes.txt"
    precious.write_text("mine", "utf-8")
    with pytest.raises(CannotGoOn, match="is in the way of the admin socket"):
        async with running(tmp_path, f"admin_socket: {precious}\n"):
            pass
    assert precious.read_text("utf-8") == "mine"


async def in_thread(function: Callable[..., T], *arguments: object) -> T:
    return await asyncio.to_thread(function, *arguments)
