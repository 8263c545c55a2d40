"""The command line: words and exit codes, without a running server. With one: tests/server/test_server.py."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from vedette_server.cli import main
from vedette_server.errors import ExitCode


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return settings made of the samples, in a folder of their own."""
    file = tmp_path / "server.yaml"
    file.write_text(run("config", "sample").output.replace("/var/lib/vedette", "data"), "utf-8")
    (tmp_path / "customers.yaml").write_text(run("config", "sample", "--policy").output, "utf-8")
    return file


def test_the_samples_pass_the_check(config: Path) -> None:
    result = run("--config", config, "config", "check")
    assert (result.exit_code, result.output) == (ExitCode.OK, "")


def test_the_sample_catalog_passes_its_check(tmp_path: Path) -> None:
    file = tmp_path / "catalog.yaml"
    file.write_text(run("config", "sample", "--catalog").output, "utf-8")
    result = run("catalog", "check", file)
    assert (result.exit_code, result.output) == (ExitCode.OK, "")


def test_the_sample_policy_passes_its_check(config: Path) -> None:
    result = run("policy", "check", config.parent / "customers.yaml")
    assert (result.exit_code, result.output) == (ExitCode.OK, "")


def test_a_mistake_in_the_settings_is_told_on_stderr_with_exit_code_3(config: Path) -> None:
    config.write_text(config.read_text("utf-8") + "listne: 1\n", "utf-8")
    result = run("--config", config, "config", "check")
    assert result.exit_code == ExitCode.CONFIGURATION
    assert result.stdout == ""
    assert f"{config}:" in result.stderr
    assert 'listne: unknown key, did you mean "listen"?' in result.stderr


def test_mistakes_in_policy_and_catalog_are_told_together(config: Path) -> None:
    (config.parent / "customers.yaml").write_text("extra: 1\n", "utf-8")
    (config.parent / "catalog.yaml").write_text("extra: 1\n", "utf-8")
    config.write_text(config.read_text("utf-8") + "catalog: catalog.yaml\n", "utf-8")
    result = run("--config", config, "config", "check")
    assert result.exit_code == ExitCode.CONFIGURATION
    assert f"{config.parent}/customers.yaml:1: extra: unknown key" in result.stderr
    assert f"{config.parent}/catalog.yaml:1: extra: unknown key" in result.stderr


@pytest.mark.parametrize("command", ["run", "status", "reload", "replay"])
def test_settings_that_are_not_there_end_every_command_with_exit_code_3(tmp_path: Path, command: str) -> None:
    result = run("--config", tmp_path / "none.yaml", command)
    assert (result.exit_code, result.stderr) == (
        ExitCode.CONFIGURATION,
        f"{tmp_path}/none.yaml: cannot be read: No such file or directory\n",
    )


def test_the_settings_may_be_named_by_the_environment(tmp_path: Path) -> None:
    result = CliRunner(env={"VEDETTE_SERVER_CONFIG": f"{tmp_path}/other.yaml"}).invoke(main, ["status"])
    assert f"{tmp_path}/other.yaml: cannot be read" in result.stderr


@pytest.mark.parametrize("command", [("status",), ("reload",), ("tokens", "list")])
def test_administration_without_a_server_says_where_nobody_answers(
    config: Path, command: tuple[str, ...]
) -> None:
    result = run("--config", config, *command)
    assert (result.exit_code, result.stderr) == (
        ExitCode.FAILED,
        (
            f"vedette-server: no server answers at {config.parent}/data/admin.sock; is it running, "
            "and are you its user?\n"
        ),
    )


def test_no_secret_file_is_left_when_no_token_was_made(config: Path) -> None:
    output = config.parent / "agent.token"
    result = run("--config", config, "tokens", "create-agent", "a/b/c", "--output", output)
    assert result.exit_code == ExitCode.FAILED
    assert sorted(path.name for path in config.parent.iterdir()) == ["customers.yaml", "server.yaml"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("tokens", "create-agent", "acme/hq"), "must be CUSTOMER/INSTALLATION/NODE"),
        (("tokens", "create-api", "ann"), "Missing option '--role'"),
        (("tokens", "create-api", "ann", "--role", "agent"), "'agent' is not one of"),
        (("nonsense",), "No such command"),
    ],
)
def test_a_wrong_command_line_has_exit_code_2(arguments: tuple[str, ...], words: str) -> None:
    result = run(*arguments)
    assert result.exit_code == ExitCode.USAGE
    assert words in result.stderr


def test_help_tells_the_exit_codes() -> None:
    words = " ".join(run("run", "--help").output.split())
    assert "3 wrong configuration; 4 data folder in use; 5 address in use" in words


def test_the_command_line_itself_loads_no_heavy_library() -> None:
    program = (
        "import sys, vedette_server.cli\n"
        "print([name for name in ('grpc', 'google.protobuf', 'sqlalchemy', 'numpy', 'alembic')"
        " if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout == "[]\n"
