"""Fields of requests: both sides of each limit."""

from collections.abc import Callable
from functools import partial

import pytest

from vedette_server.api import fields
from vedette_server.api.errors import ApiError
from vedette_server.contracts.priority import Priority


def refusal(read: Callable[[], object]) -> str:
    with pytest.raises(ApiError) as caught:
        read()
    assert caught.value.reason == "FIELD_INVALID"
    return caught.value.message


@pytest.mark.parametrize("value", ["r", "r" * 64, "é" * 32])
def test_a_request_id_of_1_to_64_bytes_is_taken(value: str) -> None:
    assert fields.request_id(value) == value


@pytest.mark.parametrize("value", ["", "r" * 65, "é" * 33])
def test_a_request_id_of_another_length_is_refused(value: str) -> None:
    assert refusal(lambda: fields.request_id(value)).startswith("request_id must have 1 to 64 bytes")


@pytest.mark.parametrize(("given", "expected"), [("a", "a"), (" a b ", "a b"), ("x" * 200, "x" * 200)])
def test_a_line_is_stripped(given: str, expected: str) -> None:
    assert fields.line("title", given, maximum=200) == expected


@pytest.mark.parametrize("value", ["", "  ", "x" * 201, "a\nb", "a\tb", "a\x1b[31m", "a\x9b", "a\x7f"])
def test_a_line_with_a_wrong_length_or_control_characters_is_refused(value: str) -> None:
    assert refusal(lambda: fields.line("title", value, maximum=200)).startswith("title must ")


def test_prose_keeps_line_breaks_tabs_and_foreign_scripts() -> None:
    assert fields.prose("text", " a\r\nb\t\u05e9\u200f!\n") == "a\nb\t\u05e9\u200f!"


@pytest.mark.parametrize("value", ["x" * 8001, "a\x00b", "a\x1bb"])
def test_prose_that_is_too_long_or_holds_control_characters_is_refused(value: str) -> None:
    assert refusal(lambda: fields.prose("text", value)).startswith("text must ")


def test_prose_may_be_required() -> None:
    assert refusal(lambda: fields.prose("text", "  ", minimum=1)) == (
        'text must have 1 to 8000 characters, got "  "'
    )


@pytest.mark.parametrize(("given", "expected"), [(0, 100), (1, 1), (1000, 1000), (1001, 1000)])
def test_a_page_size_is_bounded(given: int, expected: int) -> None:
    assert fields.page_size(given) == expected


def test_a_negative_page_size_is_refused() -> None:
    assert refusal(lambda: fields.page_size(-1)) == 'page_size must not be negative, got "-1"'


def test_a_priority_must_be_one_of_four() -> None:
    assert fields.priority(1) is Priority.P1
    assert fields.priority(4) is Priority.P4
    assert refusal(lambda: fields.priority(0)) == 'priority must be PRIORITY_P1 to PRIORITY_P4, got "0"'
    assert "5" in refusal(lambda: fields.priority(5))


def test_a_slug_is_what_policy_calls_one() -> None:
    assert fields.slug("node", "n" * 63) == "n" * 63
    assert fields.optional_slug("installation", "") == ""
    for value in ("", "-a", "A", "a/b", "n" * 64, "a\n"):
        assert refusal(partial(fields.slug, "node", value)).startswith("node must be a slug")


def test_an_enumeration_keeps_its_order_and_drops_repeats() -> None:
    known = {1: "one", 2: "two"}
    assert fields.members("states", [2, 1, 2], known) == ("two", "one")
    assert refusal(lambda: fields.members("states", [3], known)) == (
        'states must be one of the values 1, 2, got "3"'
    )
