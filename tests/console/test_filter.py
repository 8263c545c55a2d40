"""The filter line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.console.fake import agent_of, alarm_of, case_of
from vedette_console.model.filter import agent_fields, alarm_fields, case_fields, parse


@pytest.mark.parametrize(
    ("line", "matches"),
    [
        ("", True),
        ("voip", True),
        ("VOIP acme", True),
        ("voip helios", False),
        ("customer:acme", True),
        ("customer:voip", False),
        ("-acme", False),
        ("-helios", True),
        ("state:new", True),
        ("-state:new", False),
        ("priority:p1", True),
        ("owner:", False),
        ("nofield:acme", False),
        ("-", True),
        ("c-7", True),
    ],
)
def test_words_narrow_fields_aim_and_minus_inverts(line: str, matches: bool) -> None:
    assert parse(line).matches(case_fields(case_of(7))) is matches


def test_a_field_that_rows_do_not_have_is_told() -> None:
    known = case_fields(case_of(7))
    assert parse("foo:bar owner:omar -baz:1 foo:2 word").unknown_fields(known) == ("foo", "baz")
    assert parse("customer:acme").unknown_fields(known) == ()


@given(st.text(max_size=300))
def test_no_line_is_an_error(line: str) -> None:
    wanted = parse(line)
    wanted.matches(case_fields(case_of(1)))
    wanted.matches(alarm_fields(alarm_of(1)))
    wanted.matches(agent_fields(agent_of("a/b/c")))
