"""The command line, as a process."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.agent.support.server import serving
from vedette_agent.link import frames

ENV = {**os.environ, "PYTHONWARNINGS": "error"}
ENV.pop("VEDETTE_AGENT_CONFIG", None)
GOOD = 'server = "127.0.0.1:{port}"\nstate_dir = "state"\nheartbeat_interval = "1s"\n'


def agent(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vedette_agent", *arguments],
        capture_output=True,
        text=True,
        env={**ENV, **(env or {})},
        timeout=20,
        check=False,
    )


def config(folder: Path, text: str = "", *, port: int = 7443) -> str:
    path = folder / "agent.toml"
    path.write_text(GOOD.format(port=port) + text)
    token = folder / "token"
    token.write_text("secret\n")
    token.chmod(0o600)
    return str(path)


def test_version_and_help_say_what_there_is() -> None:
    assert agent("--version").stdout == "vedette-agent 0.1.0\n"
    text = agent("--help").stdout
    assert "Exit codes:" in text
    for code in ("3  the configuration is wrong", "4  another agent uses", "5  the server refused"):
        assert code in text


def test_wrong_usage_is_2() -> None:
    assert agent("fly").returncode == 2


def test_config_check_says_every_problem_with_file_and_line(tmp_path: Path) -> None:
    path = config(tmp_path, '[collectors.filesystem]\nintervall = "1s"\n[[log]]\npath = "x"\n')
    result = agent("--config", path, "config", "check")
    assert result.returncode == 3
    assert result.stderr.splitlines() == [
        'vedette-agent: agent.toml:5: collectors.filesystem.intervall: unknown key; did you mean "interval"?',
        "vedette-agent: agent.toml:7: log[1].path: is read for nothing; add [[log.pattern]]",
    ]


@pytest.mark.parametrize("command", [["run"], ["test"], ["status"], ["config", "check"]])
def test_every_command_refuses_a_bad_configuration(tmp_path: Path, command: list[str]) -> None:
    result = agent("--config", str(tmp_path / "none.toml"), *command)
    assert result.returncode == 3
    assert "none.toml: cannot be read: no such file or directory" in result.stderr


def test_config_check_finds_a_token_that_others_can_read(tmp_path: Path) -> None:
    path = config(tmp_path)
    assert agent("config", "check", env={"VEDETTE_AGENT_CONFIG": path}).returncode == 0
    (tmp_path / "token").chmod(0o644)
    result = agent("--config", path, "config", "check")
    assert (result.returncode, "chmod 600" in result.stderr) == (3, True)


def test_config_sample_is_what_config_check_accepts(tmp_path: Path) -> None:
    path = config(tmp_path)
    Path(path).write_text(agent("config", "sample").stdout)
    assert agent("--config", path, "config", "check").returncode == 0


def test_test_measures_and_writes_nothing(tmp_path: Path) -> None:
    result = agent("--config", config(tmp_path), "test")
    assert result.returncode == 0
    assert "system.memory.usage" in result.stdout
    assert "system.cpu.utilization" in result.stdout
    assert result.stderr == "nothing was sent\n"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["agent.toml", "token"]


def test_test_fails_when_a_collector_fails(tmp_path: Path) -> None:
    result = agent(
        "--config", config(tmp_path, '[[database]]\nname = "d"\npath = "gone.db"\nlimit = 1\n'), "test"
    )
    assert result.returncode == 1
    assert "gone.db: No such file or directory" in result.stdout


def test_show_payload_prints_the_frames_that_would_leave(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"x" * 4321)
    text = '[[database]]\nname = "d"\npath = "x.db"\nlimit = "1MiB"\n'
    result = agent("--config", config(tmp_path, text), "test", "--show-payload")
    assert result.returncode == 0
    document = json.loads(result.stdout)
    assert "nothing was sent" in document["note"]
    kinds = [next(iter(frame)) for frame in document["frames"]]
    assert kinds == ["hello", "series", "batch", "heartbeat"]
    hello, series, batch, _ = (next(iter(frame.values())) for frame in document["frames"])
    assert hello["protocol_version"] == frames.PROTOCOL_VERSION
    numbers = {one["name"]: one["number"] for one in series["descriptors"] if one["name"].startswith("data")}
    values = {one["series_number"]: one["value"] for one in batch["samples"]}
    assert values[numbers["database.usage"]] == 4321
    assert values[numbers["database.limit"]] == 1024 * 1024


def test_status_says_when_no_agent_runs(tmp_path: Path) -> None:
    result = agent("--config", config(tmp_path), "status")
    assert result.returncode == 1
    assert result.stdout.startswith("not running: no agent uses ")


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
async def test_run_connects_reports_and_stops_cleanly_when_told(tmp_path: Path) -> None:
    async with serving() as server:
        server.behaviour.heartbeat = 1.0
        path = config(tmp_path, port=server.port)
        with subprocess.Popen(  # noqa: ASYNC220 - starting it is quick
            [sys.executable, "-m", "vedette_agent", "--config", path, "run"],
            stderr=subprocess.PIPE,
            text=True,
            env=ENV,
        ) as process:
            try:
                await server.until(lambda: len(server.facts) >= 1)
                # In a thread, so that the server in this process goes on answering.
                second = await asyncio.to_thread(agent, "--config", path, "run")
                assert second.returncode == 4
                assert "another agent uses this state folder" in second.stderr
                told = await asyncio.to_thread(agent, "--config", path, "status", "--json")
                assert (told.returncode, json.loads(told.stdout)["running"]) == (0, True)
                process.send_signal(signal.SIGTERM)
                await server.until(lambda: server.streams[0].goodbye is not None)
                assert process.wait(5) == 0
            finally:
                process.kill()
            assert process.stderr is not None
            log = process.stderr.read()
        assert "info link.connected" in log
        assert "info agent.stopped waiting_facts=0" in log
        assert "Traceback" not in log
