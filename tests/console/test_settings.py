"""Settings: who wins, what is refused, and with which words."""

from pathlib import Path

import pytest

from vedette_console.client.target import Target, TargetInvalid, check, split_host_port
from vedette_console.settings import ConfigError, Options, load, target


def environ(tmp_path: Path, config: str | None = None, **more: str) -> dict[str, str]:
    if config is not None:
        folder = tmp_path / "vedette"
        folder.mkdir()
        (folder / "config.toml").write_text(config, "utf-8")
    return {"XDG_CONFIG_HOME": str(tmp_path), **more}


def secret(path: Path, text: str = "vdt-secret\n", mode: int = 0o600) -> Path:
    path.write_text(text, "utf-8")
    path.chmod(mode)
    return path


def test_without_anything_it_is_this_machine_without_a_token(tmp_path: Path) -> None:
    settings = load(Options(), environ(tmp_path))
    assert (settings.server, settings.server_from, settings.token_from) == (
        "127.0.0.1:7443",
        "default",
        "none",
    )
    assert settings.config_file == tmp_path / "vedette" / "config.toml"


def test_options_win_over_environment_and_environment_over_the_file(tmp_path: Path) -> None:
    env = environ(tmp_path, 'server = "localhost:1"\ntoken_file = "t"\n', VEDETTE_SERVER="localhost:2")
    assert load(Options(), env).server == "localhost:2"
    assert load(Options(server="localhost:3"), env).server == "localhost:3"
    assert load(Options(), {**env, "VEDETTE_SERVER": ""}).server == "localhost:1"


def test_a_token_file_is_relative_to_the_configuration(tmp_path: Path) -> None:
    env = environ(tmp_path, 'token_file = "token"\n')
    secret(tmp_path / "vedette" / "token")
    assert target(load(Options(), env), env).token == "vdt-secret"


def test_a_token_in_the_environment_wins_over_files(tmp_path: Path) -> None:
    env = environ(tmp_path, VEDETTE_TOKEN="direct", VEDETTE_TOKEN_FILE="/nowhere")
    assert target(load(Options(), env), env).token == "direct"
    given = secret(tmp_path / "given", "named\n")
    assert target(load(Options(token_file=str(given)), env), env).token == "named"


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        (
            'server = "localhost:1"\n\ntokenfile = "x"\n',
            'config.toml:3: tokenfile: unknown key; did you mean "token_file"?',
        ),
        ("[zzz]\na = 1\n", "config.toml:1: zzz: unknown key; known are server, token_file, ca_file"),
        ("server = 7\n", "config.toml:1: server: must be a text that is not empty, got 7"),
        ('ca_file = ""\n', "config.toml:1: ca_file: must be a text that is not empty, got ''"),
        ("server = \n", "config.toml: not valid TOML: Invalid value (at line 1, column 10)"),
    ],
)
def test_a_mistake_in_the_file_is_told_with_its_line(tmp_path: Path, config: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(Options(), environ(tmp_path, config))
    assert str(caught.value).endswith(problem)


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(Options(), environ(tmp_path, "servr = 1\nserver = 2\n"))
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_token_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = secret(tmp_path / "token", mode=mode)
    env = environ(tmp_path, VEDETTE_TOKEN_FILE=str(path))
    with pytest.raises(ConfigError, match="can be read by others; chmod 600 it"):
        target(load(Options(), env), env)


def test_a_missing_an_empty_and_a_strange_token_are_refused(tmp_path: Path) -> None:
    for path, problem in (
        (tmp_path / "none", "No such file"),
        (secret(tmp_path / "empty", "\n"), "is empty"),
        (secret(tmp_path / "two", "two words"), "must be one word of plain characters"),
    ):
        env = environ(tmp_path, VEDETTE_TOKEN_FILE=str(path))
        with pytest.raises(ConfigError, match=problem):
            target(load(Options(), env), env)


@pytest.mark.parametrize(
    ("server", "fine"),
    [
        ("127.0.0.1:7443", True),
        ("127.9.9.9:1", True),
        ("localhost:7443", True),
        ("[::1]:7443", True),
        ("unix:/run/vedette.sock", True),
        ("10.0.0.1:7443", False),
        ("vedette.example:7443", False),
        ("localhost.example:7443", False),
        ("[2001:db8::1]:7443", False),
    ],
)
def test_plaintext_stays_on_this_machine(server: str, fine: bool) -> None:
    if fine:
        check(Target(server=server))
    else:
        with pytest.raises(TargetInvalid, match="plaintext is for this machine only"):
            check(Target(server=server))
    check(Target(server=server, ca=b"pem"))


@pytest.mark.parametrize(
    "server", ["", "host", "host:", ":1", "host:0", "host:65536", "host:x", "::1:7443", "host:٣"]
)
def test_an_address_that_is_none_is_refused(server: str) -> None:
    with pytest.raises(TargetInvalid):
        split_host_port(server)


def test_a_target_does_not_show_its_secrets() -> None:
    assert repr(Target(server="localhost:1", token="vdt-secret", ca=b"pem")) == "Target(server='localhost:1')"
