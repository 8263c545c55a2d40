"""YAML with line numbers: what is read, and how each mistake is told."""

from __future__ import annotations

from datetime import date, timedelta
from enum import IntEnum, StrEnum
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette_server.yamlfile import (
    SLUG,
    Mapping,
    Problems,
    YamlError,
    format_duration,
    load,
    loads,
    parse_duration,
)


class Color(StrEnum):
    RED = "red"
    DARK_BLUE = "dark-blue"


class Level(IntEnum):
    L1 = 1
    L2 = 2


class Read:
    """A text, its tree, and the problems that reading it has found."""

    def __init__(self, text: str) -> None:
        self.problems = Problems(YamlError)
        self.tree: Mapping = loads(text, "f.yaml", self.problems)

    def found(self) -> list[str]:
        try:
            self.problems.raise_if_any()
        except YamlError as error:
            return str(error).splitlines()
        return []


def test_every_kind_of_value_is_read() -> None:
    read = Read(
        "name: Acme\ncount: 3\nratio: 0.5\non: true\nhold: 1h30m\nday: 2026-12-31\n"
        "color: dark-blue\nlevel: L2\ntags: [a, b]\nlevels: [L1]\ndays: [2026-01-01]\nsub: {x: 1}\n"
    )
    tree = read.tree
    assert tree.text("name") == "Acme"
    assert tree.integer("count") == 3
    assert tree.number("ratio") == 0.5
    assert tree.boolean("on") is True
    assert tree.duration("hold") == timedelta(minutes=90)
    assert tree.day("day") == date(2026, 12, 31)
    assert tree.enum("color", Color) is Color.DARK_BLUE
    assert tree.enum("level", Level) is Level.L2
    assert tree.texts("tags") == ("a", "b")
    assert tree.enums("levels", Level) == (Level.L1,)
    assert tree.days("days") == (date(2026, 1, 1),)
    assert tree.mapping("sub").integer("x") == 1
    tree.mapping("sub").reject_unknown()
    assert read.found() == ["f.yaml:12: sub.x: unknown key"]


def test_scalars_are_taken_as_they_are_written() -> None:
    read = Read("country: NO\nversion: 2020.10\nhours: 12:30\nday: 2026-01-01\nquoted: '  x '\n")
    names = ("country", "version", "hours", "day", "quoted")
    assert [read.tree.text(name) for name in names] == ["NO", "2020.10", "12:30", "2026-01-01", "x"]


def test_what_is_optional_and_absent_or_empty_is_the_default() -> None:
    read = Read("empty:\n")
    assert read.tree.text("empty", default=None) is None
    assert read.tree.duration("absent", default=timedelta(5)) == timedelta(5)
    assert read.tree.mapping("absent", default=None) is None
    read.tree.reject_unknown()
    assert read.found() == []


def test_what_is_missing_is_told_at_its_own_line_or_at_the_mapping() -> None:
    read = Read("a:\n  b:\n  c: 1\n")
    a = read.tree.mapping("a")
    assert (a.text("b"), a.text("d")) == ("", "")
    assert read.found() == ["f.yaml:2: a.b: is missing", "f.yaml:2: a.d: is missing"]


@pytest.mark.parametrize(
    ("value", "reader", "problem"),
    [
        ("[1]", "text", "must be text, got a list"),
        ("''", "text", "must have 1 to 4000 characters, got nothing"),
        ('"a\\x1bb"', "text", 'must be one line of printable text, got "a�b"'),
        ("yes", "boolean", 'must be true or false, got "yes"'),
        ("1.5", "integer", 'must be a whole number, got "1.5"'),
        (".inf", "number", 'must be a number, got ".inf"'),
        ("nan", "number", 'must be a number, got "nan"'),
        ("3d", "duration", 'must be a duration such as 30s, 5m or 1h30m, got "3d"'),
        ("30m1h", "duration", 'must be a duration such as 30s, 5m or 1h30m, got "30m1h"'),
        ("10", "duration", 'must be a duration such as 30s, 5m or 1h30m, got "10"'),
        (
            "2026-02-30",
            "day",
            'must be a date such as 2026-12-31, from 1970-01-01 to 2999-12-31, got "2026-02-30"',
        ),
        ("{a: 1}", "values", "must be a list, got a mapping"),
        ("x", "mapping", 'must be a mapping of keys to values, got "x"'),
    ],
)
def test_a_wrong_value_is_told_with_file_line_key_rule_and_value(
    value: str, reader: str, problem: str
) -> None:
    read = Read(f"\n\nkey: {value}\n")
    getattr(read.tree, reader)("key")
    assert read.found() == [f"f.yaml:3: key: {problem}"]


@pytest.mark.parametrize(("value", "fine"), [("59s", False), ("1m", True), ("1h", True), ("1h1s", False)])
def test_bounds_are_inclusive(value: str, fine: bool) -> None:
    read = Read(f"key: {value}\n")
    read.tree.duration("key", minimum=timedelta(minutes=1), maximum=timedelta(hours=1))
    expected = f'f.yaml:1: key: must be a duration such as 30s, 5m or 1h30m between 1m and 1h, got "{value}"'
    assert read.found() == ([] if fine else [expected])


def test_one_sided_bounds_are_told() -> None:
    read = Read("a: -1\nb: 2.5\n")
    read.tree.integer("a", minimum=0)
    read.tree.number("b", maximum=1.0)
    assert read.found() == [
        'f.yaml:1: a: must be a whole number of at least 0, got "-1"',
        'f.yaml:2: b: must be a number of at most 1.0, got "2.5"',
    ]


def test_a_near_miss_is_suggested() -> None:
    read = Read("color: dark-blu\nname: Acme\nnmae: Acme\n")
    read.tree.enum("color", Color)
    read.tree.text("name")
    read.tree.reject_unknown()
    assert read.found() == [
        'f.yaml:1: color: must be one of red, dark-blue, got "dark-blu", did you mean "dark-blue"?',
        'f.yaml:3: nmae: unknown key, did you mean "name"?',
    ]


def test_a_key_that_is_given_twice_is_told_with_both_lines() -> None:
    assert Read("a: 1\nb: 2\na: 3\n").found() == ["f.yaml:3: a: is given twice, first on line 1"]


def test_a_mapping_of_ids_is_read_in_file_order() -> None:
    read = Read("b: 1\nTwo Words: 2\na: 3\n")
    entries = [(key.text(shape=SLUG), value.integer()) for key, value in read.tree.entries()]
    assert entries == [("b", 1), ("Two Words", 2), ("a", 3)]
    read.tree.reject_unknown()
    assert read.found() == [f'f.yaml:2: Two Words: must be {SLUG.words}, got "Two Words"']


def test_items_of_a_list_have_places_of_their_own_and_must_differ() -> None:
    read = Read("tags:\n  - a\n  - [x]\n  - a\n")
    read.tree.texts("tags")
    assert read.found() == [
        "f.yaml:3: tags[1]: must be text, got a list",
        'f.yaml:4: tags[2]: must not repeat, got "a"',
    ]


def test_inside_a_value_that_is_no_mapping_there_are_no_follow_up_problems() -> None:
    read = Read("a: 5\n")
    a = read.tree.mapping("a")
    assert (a.text("x"), a.mapping("y").enum("z", Color), a.entries()) == ("", Color.RED, ())
    a.reject_unknown()
    assert read.found() == ['f.yaml:1: a: must be a mapping of keys to values, got "5"']


def test_one_mapping_may_lie_over_another() -> None:
    base = Read("a: 1\nb: 2\n")
    read = Read("\n\nb: 3\na:\nc: 4\n")
    merged = read.tree.over(base.tree)
    assert (merged.integer("a"), merged.integer("b")) == (1, 3)
    merged.reject_unknown()
    assert read.found() == ["f.yaml:5: c: unknown key; known here: a, b"]


def test_text_of_several_lines_must_be_asked_for() -> None:
    read = Read("a: |\n  one\n  two\n")
    assert read.tree.text("a", multiline=True) == "one\ntwo"
    assert read.found() == []
    read.tree.text("a")
    assert len(read.found()) == 1


def test_anchors_work_and_merge_keys_do_not() -> None:
    read = Read("a: &x {n: 1}\nb: *x\nc: {<<: *x}\n")
    assert read.tree.mapping("b").integer("n") == 1
    c = read.tree.mapping("c")
    c.integer("n", default=0)
    c.reject_unknown()
    assert read.found() == ["f.yaml:3: c.<<: unknown key; known here: n"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "f.yaml: is empty"),
        ("# nothing\n", "f.yaml: is empty"),
        ("- a\n", "f.yaml: must be a mapping of keys to values, got a list"),
        ("a: 1\nb: [1\n", "f.yaml:3: is not YAML: did not find expected ',' or ']'"),
        ("a: 1\n\tb: 2\n", "f.yaml:2: is not YAML: found a tab character that violates indentation"),
        ("a: *nowhere\n", "f.yaml:1: is not YAML: found undefined alias"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2: is not YAML: but found another document"),
        ("a: " + "[" * 100_000, "f.yaml:1: nests more than 32 levels deep"),
        ("a: \x00", "f.yaml: is not YAML: unacceptable character #x0000: control characters are not allowed"),
    ],
    ids=["nothing", "comment", "list", "bracket", "tab", "alias", "documents", "depth", "control"],
)
def test_what_is_no_yaml_mapping_ends_the_reading_at_once(text: str, problem: str) -> None:
    with pytest.raises(YamlError) as caught:
        loads(text, "f.yaml", Problems(YamlError))
    assert str(caught.value).startswith(problem)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "missing.yaml"
    with pytest.raises(YamlError, match=r"missing\.yaml: cannot be read: No such file or directory"):
        load(missing, Problems(YamlError))
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"a: \xff\n")
    with pytest.raises(YamlError, match=r"binary\.yaml: is not UTF-8 text \(byte 3\)"):
        load(binary, Problems(YamlError))
    large = tmp_path / "large.yaml"
    with large.open("wb") as file:
        file.truncate(16 * 1024 * 1024 + 1)
    with pytest.raises(YamlError, match=r"large\.yaml: is larger than 16777216 bytes"):
        load(large, Problems(YamlError))


def test_a_problem_carries_its_parts() -> None:
    read = Read("\na: {b: maybe}\n")
    read.tree.mapping("a").boolean("b")
    with pytest.raises(YamlError) as caught:
        read.problems.raise_if_any()
    (problem,) = caught.value.problems
    assert (problem.file, problem.line, problem.key) == ("f.yaml", 2, "a.b")


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("30s", timedelta(seconds=30)),
        ("5m", timedelta(minutes=5)),
        ("2h", timedelta(hours=2)),
        ("1h30m", timedelta(minutes=90)),
        ("0s", timedelta(0)),
        ("", None),
        ("5", None),
        ("m", None),
        ("-5m", None),
        ("1.5h", None),
        ("5 m", None),
    ],
)
def test_durations_are_hours_minutes_and_seconds(text: str, duration: timedelta | None) -> None:
    assert parse_duration(text) == duration


@given(st.integers(min_value=0, max_value=10**8).map(lambda seconds: timedelta(seconds=seconds)))
def test_a_duration_reads_back_as_it_was_written(duration: timedelta) -> None:
    assert parse_duration(format_duration(duration)) == duration
