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
