"""From configuration files to settings."""

import os
from datetime import timedelta
from importlib import resources
from pathlib import Path

import pytest

from vedette_agent.errors import ConfigError
from vedette_agent.facts import Severity
from vedette_agent.settings import loader
from vedette_agent.settings.address import is_loopback
from vedette_agent.settings.model import Settings

SERVER = 'server = "127.0.0.1:7443"\n'

FULL = """\
server = "vendor.example:7443"
token_file = "secrets/token"
state_dir = "state"
product_version = "2020.Winter.1"
ha_role = "active"
claimed_agent = "acme/berlin/node-1"
heartbeat_interval = "2s"
log_level = "debug"
log_format = "json"
[tls]
ca_file = "ca.pem"
[reconnect]
initial = "200ms"
max = "1m"
[outbox]
max_size = "64MiB"
[collectors.cpu]
enabled = false
[collectors.filesystem]
interval = "1h"
include = ['^/data']
[collectors.log]
interval = "500ms"
[[component]]
name = "voip-stack"
command = 'voip_stack'
[[component]]
name = "web"
process_name = "nginx"
[[database]]
name = "recordings"
path = "data/recordings.db"
limit = "8MiB"
[[database]]
name = "other"
path = "/var/other.db"
limit_from = "filesystem"
[[prometheus]]
url = "http://127.0.0.1:9100/metrics"
component = "ivr"
timeout = "1500ms"
include = ['^queue_']
[[prometheus.capacity]]
resource = "channel"
used = "used"
limit = "limit"
labels = { site = "main" }
[[log]]
path = "log/suite.log"
from = "start"
[[log.pattern]]
match = '(?P<component>\\S+) (?P<code>\\S+)'
severity = "warning"
"""


def load(folder: Path, text: str) -> Settings:
    path = folder / "agent.toml"
    path.write_text(text)
    return loader.load(path)


def problems(folder: Path, text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load(folder, text)
    return caught.value.problems


def test_everything_that_can_be_set_is_read(tmp_path: Path) -> None:
    settings = load(tmp_path, FULL)
    assert settings.link.server == "vendor.example:7443"
    assert settings.link.token_file == tmp_path / "secrets/token"
    assert settings.link.ca_file == tmp_path / "ca.pem"
    assert settings.link.heartbeat_interval == timedelta(seconds=2)
    assert settings.link.reconnect_initial == timedelta(milliseconds=200)
    assert settings.link.reconnect_max == timedelta(minutes=1)
    assert settings.state_dir == tmp_path / "state"
    assert settings.outbox_max_size == 64 * 1024 * 1024
    assert not settings.host.cpu.enabled
    assert settings.host.memory.enabled
    assert settings.host.filesystem.interval == timedelta(hours=1)
    assert settings.host.filesystems.takes("/data/x")
    assert not settings.host.filesystems.takes("/")
    assert [one.name for one in settings.product.components] == ["voip-stack", "web"]
    assert [one.limit for one in settings.product.databases] == [8 * 1024 * 1024, None]
    scrape = settings.product.scrapes[0]
    assert scrape.timeout == timedelta(seconds=1.5)
    assert scrape.capacities[0].labels == (("site", "main"),)
    log = settings.product.logs[0]
    assert log.from_start
    assert log.patterns[0].severity is Severity.WARNING


def test_little_is_needed(tmp_path: Path) -> None:
    settings = load(tmp_path, SERVER)
    assert settings.state_dir == Path("/var/lib/vedette-agent")
    assert settings.link.token_file == tmp_path / "token"
    assert settings.host.cpu.interval == timedelta(seconds=10)
    assert settings.host.cpu.timeout == timedelta(seconds=5)
    assert settings.product.log.interval == timedelta(seconds=1)
    assert not settings.host.interfaces.takes("lo")
    assert settings.host.interfaces.takes("eth0")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "agent.toml:1: server: is missing; it must be set"),
        (
            SERVER + '[collectors.filesystem]\nintervall = "1s"',
            'agent.toml:3: collectors.filesystem.intervall: unknown key; did you mean "interval"?',
        ),
        (SERVER + "[collectors.gpu]", "agent.toml:2: collectors.gpu: unknown key; did you mean"),
        (SERVER + "ha_role = 'both'", 'agent.toml:2: ha_role: must be one of active, standby, got "both"'),
        (SERVER + "product_version = 7", "agent.toml:2: product_version: must be a text in quotes, got 7"),
        ('server = "vendor"', 'agent.toml:1: server: must be "host:port", got "vendor"'),
        ('server = "vendor:99999"', 'agent.toml:1: server: must be "host:port", got "vendor:99999"'),
        (
            'server = "vendor:7443"',
            'agent.toml:1: server: must be on this machine without encryption, got "vendor:7443"; set',
        ),
        (SERVER + 'heartbeat_interval = "0s"', "must be between 100ms and 5m"),
        (SERVER + 'heartbeat_interval = "ten"', 'must be a length of time such as "10s"'),
        (
            SERVER + '[outbox]\nmax_size = "1KiB"',
            "agent.toml:3: outbox.max_size: must be at least 1048576 bytes",
        ),
        (SERVER + '[outbox]\nmax_size = "big"', 'must be a size such as "256MiB"'),
        (
            SERVER + '[reconnect]\ninitial = "10s"\nmax = "5s"',
            "agent.toml:4: reconnect.max: must not be shorter",
        ),
        (SERVER + '[[component]]\nname = "a"', "agent.toml:3: component[1].name: needs either command"),
        (
            SERVER + "[[component]]\nname = 'a'\ncommand = '('",
            "agent.toml:4: component[1].command: is no regular expression: missing )",
        ),
        (
            SERVER + "[[component]]\nname = 'a'\ncommand = 'x'\n[[component]]\nname = 'a'\ncommand = 'y'",
            'agent.toml:6: component[2].name: is taken by another of the same kind, got "a"',
        ),
        (
            SERVER + "component = 3",
            "agent.toml:2: component: must be an array of tables, written [[component]]",
        ),
        (SERVER + "[[database]]\nname = 'a'\npath = 'x'", "database[1].name: needs either limit"),
        (
            SERVER + "[[prometheus]]\nurl = 'file:///etc/passwd'\ncomponent = 'a'\ninclude = ['x']",
            "agent.toml:3: prometheus[1].url: must be an http or https address",
        ),
        (
            SERVER + "[[prometheus]]\nurl = 'http://u:p@h/'\ncomponent = 'a'\ninclude = ['x']",
            "must hold no user and password",
        ),
        (
            SERVER + "[[prometheus]]\nurl = 'http://h/'\ncomponent = 'a'",
            "prometheus[1].url: is scraped for nothing",
        ),
        (SERVER + "[[log]]\npath = 'x'", "log[1].path: is read for nothing; add [[log.pattern]]"),
        (
            SERVER + "[[log]]\npath = 'x'\n[[log.pattern]]\nmatch = 'x'",
            "agent.toml:5: log[1].pattern[1].match: says no event",
        ),
        (
            SERVER + "[[log]]\npath = 'x'\n[[log.pattern]]\ncode = 'x'",
            "log[1].pattern[1].match: is missing",
        ),
    ],
)
def test_what_is_wrong_is_said_with_file_line_and_key(tmp_path: Path, text: str, expected: str) -> None:
    assert any(expected in problem for problem in problems(tmp_path, text)), problems(tmp_path, text)


def test_all_problems_are_said_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    found = problems(tmp_path, 'sever = "x"\nlog_level = "loud"\n[tls]\nkey = 1\n')
    assert [problem.split(": ")[0] for problem in found] == [
        "agent.toml:1",
        "agent.toml:1",
        "agent.toml:2",
        "agent.toml:4",
    ]


@pytest.mark.parametrize(
    ("server", "loopback"),
    [
        ("127.0.0.1:1", True),
        ("127.8.8.8:1", True),
        ("localhost:1", True),
        ("[::1]:1", True),
        ("unix:/run/x.sock", True),
        ("10.0.0.1:1", False),
        ("localhost.evil.example:1", False),
        ("0.0.0.0:1", False),
    ],
)
def test_plaintext_is_for_this_machine_only(server: str, loopback: bool) -> None:
    assert is_loopback(server) is loopback


def test_the_sample_is_a_good_configuration_also_with_everything_in_it_switched_on(tmp_path: Path) -> None:
    text = resources.files("vedette_agent").joinpath("sample.toml").read_text("utf-8")
    load(tmp_path, text)
    lines = text.splitlines()
    prose = (
        *("# Configuration of", "# Files named", "# After a", "# Where the", "# What is"),
        *("# The product's", "# SQLite databases", "# Capacity metrics", "# Events in"),
    )
    switched_on = [line.removeprefix("# ") if not line.startswith(prose) else line for line in lines]
    settings = load(tmp_path, "\n".join(switched_on))
    assert [len(settings.product.components), len(settings.product.logs)] == [2, 1]


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_a_token_that_others_can_read_is_refused(tmp_path: Path) -> None:
    settings = load(tmp_path, SERVER)
    token = tmp_path / "token"
    token.write_text("secret\n")
    token.chmod(0o600)
    loader.check_token(settings)
    token.chmod(0o640)
    with pytest.raises(ConfigError, match="readable by others; run: chmod 600"):
        loader.check_token(settings)


def test_a_missing_or_odd_token_is_refused(tmp_path: Path) -> None:
    settings = load(tmp_path, SERVER)
    with pytest.raises(ConfigError, match="token_file cannot be read: no such file"):
        loader.check_token(settings)
    (tmp_path / "token").write_text("two words\n")
    with pytest.raises(ConfigError, match="must hold one token and nothing else"):
        loader.check_token(settings)
