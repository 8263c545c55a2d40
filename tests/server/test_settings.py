"""Settings: what is accepted, what is refused, and with which words."""

from datetime import timedelta
from pathlib import Path

import pytest

from vedette_server.settings import Address, Settings, SettingsError, load_settings, sample

DURATION = "must be a duration such as 30s, 5m or 1h30m between 1s and 24h"
KEYS = (
    "admin_socket, catalog, data_dir, heartbeat_interval, http, listen, lost_after, "
    "overdue_after, policy, tls"
)
LOOPBACK = "must be a loopback address unless tls is configured"
TLS = "; listen on 127.0.0.1, or give tls a certificate and a key"
MINIMAL = "data_dir: data\npolicy: customers.yaml\n"


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "server.yaml"
    file.write_text(text, "utf-8")
    return file


def loaded(tmp_path: Path, text: str) -> Settings:
    return load_settings(written(tmp_path, text))


def problems(tmp_path: Path, text: str) -> list[str]:
    file = written(tmp_path, text)
    with pytest.raises(SettingsError) as caught:
        load_settings(file)
    return [str(problem).removeprefix(f"{tmp_path}/") for problem in caught.value.problems]


def test_a_minimal_file_gets_safe_defaults_and_paths_relative_to_itself(tmp_path: Path) -> None:
    settings = loaded(tmp_path, MINIMAL)
    assert settings == Settings(
        file=tmp_path / "server.yaml",
        data_dir=tmp_path / "data",
        listen=Address(host="127.0.0.1", port=7443),
        http=Address(host="127.0.0.1", port=7480),
        policy=tmp_path / "customers.yaml",
        catalog=None,
        heartbeat_interval=timedelta(seconds=10),
        overdue_after=timedelta(seconds=20),
        lost_after=timedelta(seconds=120),
        admin_socket=tmp_path / "data" / "admin.sock",
        tls=None,
    )
    assert settings.ready_file == tmp_path / "data" / "server.json"


def test_the_sample_is_accepted_and_says_the_defaults(tmp_path: Path) -> None:
    assert loaded(tmp_path, sample()) == loaded(
        tmp_path, f"data_dir: /var/lib/vedette\npolicy: {tmp_path}/customers.yaml\n"
    )


def test_everything_can_be_said(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        MINIMAL
        + 'listen: "[::1]:0"\n'
        + "http: localhost:0\n"
        + "catalog: /etc/vedette/catalog.yaml\n"
        + "heartbeat_interval: 1s\noverdue_after: 2s\nlost_after: 5s\n"
        + "admin_socket: run/a.sock\n"
        + "tls: {certificate: server.crt, key: server.key}\n",
    )
    assert str(settings.listen) == "[::1]:0"
    assert settings.http.loopback
    assert settings.catalog == Path("/etc/vedette/catalog.yaml")
    assert settings.lost_after == timedelta(seconds=5)
    assert settings.admin_socket == tmp_path / "run" / "a.sock"
    assert settings.tls is not None
    assert settings.tls.key == tmp_path / "server.key"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("listne: 127.0.0.1:1\n", 'server.yaml:3: listne: unknown key, did you mean "listen"?'),
        (
            "listen: here\n",
            'server.yaml:3: listen: must be an address such as 127.0.0.1:7443 or [::1]:7443, got "here"',
        ),
        ("http: 127.0.0.1:65536\n", 'server.yaml:3: http: port must be at most 65535, got "127.0.0.1:65536"'),
        (
            "listen: 0.0.0.0:7443\n",
            f'server.yaml:3: listen: {LOOPBACK}, got "0.0.0.0:7443"{TLS}',
        ),
        (
            "http: example.com:80\n",
            f'server.yaml:3: http: {LOOPBACK}, got "example.com:80"{TLS}',
        ),
        (
            "overdue_after: 19s\n",
            'server.yaml:3: overdue_after: must be at least two heartbeat intervals (20s), got "19s"',
        ),
        (
            "lost_after: 20s\n",
            'server.yaml:3: lost_after: must be longer than overdue_after (20s), got "20s"',
        ),
        ("tls: {certificate: a.crt}\n", "server.yaml:3: tls.key: is missing"),
    ],
)
def test_a_mistake_is_named_with_file_line_key_and_value(tmp_path: Path, text: str, expected: str) -> None:
    assert problems(tmp_path, MINIMAL + text) == [expected]


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    assert problems(tmp_path, "heartbeat_interval: 0s\nlost_after: never\nextra: 1\n") == [
        "server.yaml:1: data_dir: is missing",
        "server.yaml:1: policy: is missing",
        f'server.yaml:1: heartbeat_interval: {DURATION}, got "0s"',
        f'server.yaml:2: lost_after: {DURATION}, got "never"',
        f"server.yaml:3: extra: unknown key; known here: {KEYS}",
    ]


def test_an_address_others_can_reach_is_fine_with_tls(tmp_path: Path) -> None:
    text = MINIMAL + "listen: 0.0.0.0:7443\ntls: {certificate: a.crt, key: a.key}\n"
    assert str(loaded(tmp_path, text).listen) == "0.0.0.0:7443"


def test_a_socket_path_of_107_bytes_is_fine_and_of_108_is_refused(tmp_path: Path) -> None:
    fits = "/" + "s" * 106
    assert str(loaded(tmp_path, MINIMAL + f"admin_socket: {fits}\n").admin_socket) == fits
    (problem,) = problems(tmp_path, MINIMAL + f"admin_socket: {fits}s\n")
    assert problem.startswith(
        "server.yaml:3: admin_socket: path of the admin socket must have at most 107 bytes, "
    )
    assert "has 108; name a shorter one" in problem


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"server\.yaml: cannot be read: No such file or directory"):
        load_settings(tmp_path / "server.yaml")
