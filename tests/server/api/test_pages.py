"""Page tokens: they continue the list they came from, and nothing else."""

import base64
from typing import NamedTuple

import pytest

from vedette.support.v1 import case_pb2
from vedette_server.api import pages
from vedette_server.api.errors import ApiError
from vedette_server.api.pages import cursor_of, page_token


class Cursor(NamedTuple):
    number: int
    id: str


ACME = case_pb2.ListCasesRequest(customer="acme")


def continued(request: case_pb2.ListCasesRequest, token: str) -> case_pb2.ListCasesRequest:
    again = case_pb2.ListCasesRequest()
    again.CopyFrom(request)
    again.page_token = token
    return again


def refusal(request: case_pb2.ListCasesRequest) -> ApiError:
    with pytest.raises(ApiError) as caught:
        cursor_of(request, Cursor)
    return caught.value


def test_a_token_gives_back_its_cursor() -> None:
    token = page_token(ACME, (7, "C-42"))
    assert cursor_of(continued(ACME, token), Cursor) == (7, "C-42")


def test_the_first_page_has_no_cursor_and_the_last_no_token() -> None:
    assert cursor_of(ACME, Cursor) is None
    assert page_token(ACME, None) == ""


def test_the_size_of_the_page_may_change_on_the_way() -> None:
    again = continued(ACME, page_token(ACME, (7, "C-42")))
    again.page_size = 3
    assert cursor_of(again, Cursor) == (7, "C-42")


def test_another_filter_makes_a_token_invalid() -> None:
    again = continued(ACME, page_token(ACME, (7, "C-42")))
    again.customer = "globex"
    assert refusal(again).reason == "PAGE_TOKEN_INVALID"


def test_a_token_of_another_list_is_invalid() -> None:
    other = page_token(case_pb2.ListCaseTimelineRequest(), (7, "C-42"))
    assert refusal(continued(case_pb2.ListCasesRequest(), other)).reason == "PAGE_TOKEN_INVALID"


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "!!!!",
        "ümlaut",
        base64.urlsafe_b64encode(b"\xff" * 20).decode(),
        page_token(ACME, ("C-42", 7)),
        page_token(ACME, (7,)),
        page_token(ACME, (7, "C-42")) + "A" * 3000,
    ],
)
def test_a_token_that_is_none_of_ours_is_refused_and_nothing_else_happens(token: str) -> None:
    assert refusal(continued(ACME, token)).reason == "PAGE_TOKEN_INVALID"


@pytest.mark.parametrize(("number", "is_taken"), [(2**63 - 1, True), (2**63, False), (2**64 - 1, False)])
def test_a_forged_cursor_with_a_number_that_no_store_can_look_for_is_refused(
    number: int, is_taken: bool
) -> None:
    token = page_token(ACME, (number, "C-42"))
    if is_taken:
        assert cursor_of(continued(ACME, token), Cursor) == (number, "C-42")
    else:
        assert refusal(continued(ACME, token)).reason == "PAGE_TOKEN_INVALID"


def test_a_forged_cursor_that_is_a_bare_number_is_held_to_the_same() -> None:
    with pytest.raises(ApiError) as caught:
        cursor_of(continued(ACME, page_token(ACME, 2**64 - 1)), int)
    assert caught.value.reason == "PAGE_TOKEN_INVALID"


@pytest.mark.parametrize("cursor", [True, 7.0, None, b"7", [7], {"7": 7}, "7"])
def test_a_forged_cursor_of_another_type_is_refused(cursor: object) -> None:
    token = page_token(ACME, (cursor, "C-42"))
    assert refusal(continued(ACME, token)).reason == "PAGE_TOKEN_INVALID"


def test_a_token_that_nests_without_end_is_refused() -> None:
    nested = b"\x93\x01" + b"\x91" * 1500
    token = base64.urlsafe_b64encode(nested).rstrip(b"=").decode()
    assert len(token) <= pages.MAX_TOKEN_CHARS
    assert refusal(continued(ACME, token)).reason == "PAGE_TOKEN_INVALID"
    nested = b"\x93\x01\xc4\x01x" + b"\x91" * 1500 + b"\xc0"
    token = base64.urlsafe_b64encode(nested).rstrip(b"=").decode()
    assert refusal(continued(ACME, token)).reason == "PAGE_TOKEN_INVALID"


def test_a_page_ends_before_it_is_too_large_and_never_before_its_first_item(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pages, "MAX_PAGE_BYTES", 100)
    small, large = case_pb2.Case(title="x" * 38), case_pb2.Case(title="x" * 200)
    assert small.ByteSize() == 40
    assert pages.fitting([small, small]) == 2
    assert pages.fitting([small, small, small]) == 2
    assert pages.fitting([large, small]) == 1
    assert pages.fitting([]) == 0
