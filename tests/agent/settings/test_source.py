"""Where each key of a configuration was written, and how files merge."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette_agent.errors import ConfigError
from vedette_agent.settings import source

TEXT = """\
server = "a:1"   # comment with [brackets] and = signs
motto = '''
fake = 1
[fake]
'''
[collectors.cpu]
interval = "10s"
"quoted key" = 1
dotted.key.here = 2
[[component]]
name = "one"
patterns = [
  "x = 1",  # ]
  "[[component]]",
]
[[component]]
name = "two"
[[component.part]]
size = 3
[component.extra]
inline = { a = 1, b = [1,
  2] }
after = true
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("server",), 1),
        (("motto",), 2),
        (("collectors", "cpu"), 6),
        (("collectors", "cpu", "interval"), 7),
        (("collectors", "cpu", "quoted key"), 8),
        (("collectors", "cpu", "dotted", "key", "here"), 9),
        (("component", 0), 10),
        (("component", 0, "name"), 11),
        (("component", 0, "patterns"), 12),
        (("component", 1), 16),
        (("component", 1, "name"), 17),
        (("component", 1, "part", 0, "size"), 19),
        (("component", 1, "extra", "inline"), 21),
        (("component", 1, "extra", "after"), 23),
    ],
)
def test_the_line_of_a_key_is_found(path: source.KeyPath, line: int) -> None:
    assert source.key_lines(TEXT)[path] == line


def test_nothing_but_keys_is_found() -> None:
    assert ("fake",) not in source.key_lines(TEXT)
    values = tomllib.loads(TEXT)
    for path in source.key_lines(TEXT):
        at: Any = values
        for part in path:
            at = at[part]


KEY = st.from_regex(r"\A[a-z][a-z0-9_-]{0,8}\Z")
SCALAR = st.one_of(
    st.integers(-5, 5).map(str), st.booleans().map(lambda one: str(one).lower()), st.just("'[x] = #'")
)


@given(st.dictionaries(KEY, SCALAR, max_size=5), st.dictionaries(KEY, SCALAR, min_size=1, max_size=5))
def test_every_key_of_a_plain_file_has_its_line(top: dict[str, str], table: dict[str, str]) -> None:
    lines = [f"{key} = {value}" for key, value in top.items()]
    lines += ["", "[some-table]", *(f"{key} = {value}" for key, value in table.items())]
    found = source.key_lines("\n".join(lines))
    for (*prefix, key), number in found.items():
        assert str(key) in lines[number - 1]
        assert prefix in ([], ["some-table"])
    assert len(found) == len(top) + 1 + len(table)


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return folder / "agent.toml"


def test_tables_merge_and_arrays_of_tables_append(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        {
            "agent.toml": '[collectors.cpu]\ninterval = "1s"\n[[component]]\nname = "a"\n',
            "conf.d/20-b.toml": '[[component]]\nname = "c"\n',
            "conf.d/10-a.toml": '[collectors.cpu]\ntimeout = "2s"\n[[component]]\nname = "b"\n',
            "conf.d/ignored.txt": "x = 1",
        },
    )
    document = source.read(path)
    assert document.values == {
        "collectors": {"cpu": {"interval": "1s", "timeout": "2s"}},
        "component": [{"name": "a"}, {"name": "b"}, {"name": "c"}],
    }
    assert str(document.place(("component", 2, "name"))) == "conf.d/20-b.toml:2"
    assert str(document.place(("collectors", "cpu", "timeout"))) == "conf.d/10-a.toml:2"
    assert str(document.place(("component", 1, "unwritten"))) == "conf.d/10-a.toml:3"


def test_the_same_value_in_two_files_is_an_error_that_names_both(tmp_path: Path) -> None:
    path = write(tmp_path, {"agent.toml": '\nserver = "a:1"\n', "conf.d/x.toml": '# why\nserver = "b:1"\n'})
    with pytest.raises(ConfigError) as caught:
        source.read(path)
    assert caught.value.problems == (
        "conf.d/x.toml:2: server: already set in agent.toml:2; keep one of the two",
    )


def test_a_syntax_error_has_file_and_line(tmp_path: Path) -> None:
    path = write(tmp_path, {"agent.toml": 'server = "a:1"\nnot toml\n'})
    with pytest.raises(ConfigError) as caught:
        source.read(path)
    assert caught.value.problems[0].startswith("agent.toml:2: not valid TOML: ")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        source.read(tmp_path / "agent.toml")
    assert caught.value.problems == (f"{tmp_path}/agent.toml: cannot be read: no such file or directory",)
