"""Commands as programs: output, exit codes, and what is imported to give them."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.console.server import TOKEN, Script, case_message, changed, serving
from vedette.support.v1 import case_pb2
from vedette_console.cli import COMMANDS, main
from vedette_console.commands.choices import Duration, LabelPair

COMMAND = "from vedette_console.cli import main; main()"


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a program ended."""

    code: int
    out: str
    err: str


class Shell:
    """Runs `vedette` against a server."""

    def __init__(self, address: str, home: Path) -> None:
        self.env = {
            "PATH": "",
            "TZ": "UTC",
            "LANG": "C.UTF-8",
            "XDG_CONFIG_HOME": str(home),
            "VEDETTE_SERVER": address,
            "VEDETTE_TOKEN": TOKEN,
        }

    async def __call__(self, *arguments: str, **env: str) -> Ended:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            COMMAND,
            *arguments,
            env={**self.env, **env},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        return Ended(code=process.returncode or 0, out=out.decode(), err=err.decode())


@pytest.fixture
def script() -> Script:
    return Script(cases={"C-1": case_message(1), "C-2": case_message(2, owner="omar")})


@pytest.fixture
async def vedette(script: Script, tmp_path: Path) -> AsyncIterator[Shell]:
    async with serving(script) as address:
        yield Shell(address, tmp_path)


async def test_a_list_is_a_table_for_people_without_a_control_character(vedette: Shell) -> None:
    ended = await vedette("cases", "list")
    assert (ended.code, ended.err) == (0, "")
    title, first, second = ended.out.splitlines()
    assert title.split() == ["PRIORITY", "TO", "BREACH", "CASE", "CUSTOMER", "STATE", "OWNER", "AGE", "WHAT"]
    assert first.startswith("P1")
    assert first.endswith("VoIP stack ␛[31mcrashed")
    assert "omar" in second
    assert "\x1b" not in ended.out


async def test_json_is_one_array_and_jsonl_one_object_a_line(vedette: Shell) -> None:
    whole, lines = await asyncio.gather(
        vedette("cases", "list", "-o", "json"), vedette("cases", "list", "-o", "jsonl")
    )
    found = json.loads(whole.out)
    assert [case["id"] for case in found] == ["C-1", "C-2"]
    assert found[0]["title"] == "VoIP stack \x1b[31mcrashed"
    assert "\x1b" not in whole.out
    assert [json.loads(line) for line in lines.out.splitlines()] == found


async def test_acknowledging_says_so_and_twice_is_refused(vedette: Shell, script: Script) -> None:
    first = await vedette("cases", "acknowledge", "1")
    assert (first.code, first.out) == (0, "C-1 is yours: Acme Bank, VoIP stack ␛[31mcrashed\n")
    second = await vedette("cases", "acknowledge", "C-1")
    assert (second.code, second.out) == (1, "")
    assert second.err == "vedette: case C-1 was already acknowledged by lena\n"
    assert script.cases["C-1"].state == case_pb2.Case.STATE_ACKNOWLEDGED


async def test_each_kind_of_failure_has_its_exit_code(vedette: Shell) -> None:
    missing, stale, stranger, nobody, remote, usage = await asyncio.gather(
        vedette("cases", "show", "C-404"),
        vedette("cases", "acknowledge", "C-1", "--etag", "0"),
        vedette("cases", "list", VEDETTE_TOKEN="wrong"),
        vedette("cases", "list", VEDETTE_SERVER="127.0.0.1:1"),
        vedette("--server", "192.0.2.1:7443", "cases", "list"),
        vedette("cases", "list", "-o", "xml"),
    )
    assert (missing.code, missing.err) == (1, "vedette: there is no case C-404\n")
    assert (stale.code, stale.err) == (
        5,
        "vedette: case C-1 has changed since you looked; look again and repeat\n",
    )
    assert (stranger.code, stranger.err) == (
        4,
        "vedette: the server does not know this token; it may be revoked\n",
    )
    assert (nobody.code, nobody.err) == (4, "vedette: no connection to 127.0.0.1:1: connection refused\n")
    assert (remote.code, usage.code) == (3, 2)
    assert "plaintext is for this machine only" in remote.err


async def test_watch_prints_changes_across_a_broken_stream(vedette: Shell, script: Script) -> None:
    script.streams = [[changed(b"t1", case_message(7))], [changed(b"t2", case_message(8))]]
    ended = await vedette("watch", "--kind", "case", "--count", "2", "-o", "jsonl")
    found = [json.loads(line) for line in ended.out.splitlines()]
    assert [(change["kind"], change["resource"]["id"]) for change in found] == [
        ("case", "C-7"),
        ("case", "C-8"),
    ]
    assert script.resumed == [b"", b"t1"]
    assert "watching again" in ended.err
    assert ended.code == 0


async def test_a_series_is_drawn(vedette: Shell) -> None:
    ended = await vedette(
        "series", "query", "acme/hq/node-1", "system.cpu", "--label", "mountpoint=/", "--since", "30m"
    )
    caption, *plot = ended.out.splitlines()
    assert caption == "system.cpu{mountpoint=/}  last 99%, least 0%, most 99%"
    assert len(plot) == 10
    assert plot[0].startswith("100%┤")


async def test_without_a_terminal_the_console_says_what_it_needs(vedette: Shell) -> None:
    ended = await vedette()
    assert (ended.code, ended.err) == (
        2,
        "vedette: the console needs a terminal; `vedette --help` lists the commands for scripts\n",
    )


async def test_a_command_imports_no_textual(vedette: Shell) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-X",
        "importtime",
        "-c",
        COMMAND,
        "cases",
        "list",
        "-o",
        "json",
        env=vedette.env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await process.communicate()
    imported = {line.rpartition("|")[2].strip() for line in err.decode().splitlines()}
    assert "grpc" in imported
    assert [
        name for name in imported if name.partition(".")[0] in {"textual", "rich", "asyncpg", "sqlalchemy"}
    ] == []


def test_info_shows_where_things_come_from_and_no_secret(tmp_path: Path) -> None:
    env = {"XDG_CONFIG_HOME": str(tmp_path), "VEDETTE_TOKEN": "vdt-secret", "VEDETTE_SERVER": "localhost:9"}
    ended = CliRunner(env=env).invoke(main, ["info", "-o", "json"])
    found = json.loads(ended.output)
    assert found["server"] == {"value": "localhost:9", "from": "VEDETTE_SERVER"}
    assert found["token"] == {"value": "set", "from": "VEDETTE_TOKEN"}
    assert found["config"]["value"] == str(tmp_path / "vedette" / "config.toml")
    assert "vdt-secret" not in ended.output


def test_a_wrong_configuration_ends_with_three(tmp_path: Path) -> None:
    folder = tmp_path / "vedette"
    folder.mkdir()
    (folder / "config.toml").write_text('sever = "x"\n', "utf-8")
    ended = CliRunner(env={"XDG_CONFIG_HOME": str(tmp_path)}).invoke(main, ["cases", "list"])
    assert ended.exit_code == 3
    assert ended.stderr == f'vedette: {folder}/config.toml:1: sever: unknown key; did you mean "server"?\n'


def test_assign_wants_an_owner_or_nobody() -> None:
    assert CliRunner().invoke(main, ["cases", "assign", "1"]).exit_code == 2
    assert CliRunner().invoke(main, ["cases", "assign", "1", "omar", "--nobody"]).exit_code == 2


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_explains_itself(command: str) -> None:
    ended = CliRunner().invoke(main, [command, "--help"])
    assert ended.exit_code == 0
    assert ended.output.startswith("Usage: ")


def test_the_help_names_every_exit_code() -> None:
    from vedette_console.commands.exits import Exit

    text = CliRunner().invoke(main, ["--help"]).output
    for code in Exit:
        assert f"\n    {code.value}  " in text


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("15m", 900), ("1h30m", 5400), ("2d", 172800), ("1h", 3600)]
)
def test_a_span_is_read(text: str, seconds: int) -> None:
    assert Duration().convert(text, None, None).total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "5", "5x", "h", "-5m", "0s", "1h 5m"])
def test_a_span_that_is_none_is_a_usage_error(text: str) -> None:
    import click

    with pytest.raises(click.BadParameter):
        Duration().convert(text, None, None)


def test_a_label_is_read() -> None:
    assert LabelPair().convert("a=b=c", None, None) == ("a", "b=c")
