"""Errors: status, reason, words and facts, small enough to travel as headers."""

import base64
from urllib.parse import quote

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from vedette_server.api.errors import ApiError, field_invalid, from_refused, not_found
from vedette_server.engine.refusal import Refused, Status


def details(error: ApiError) -> tuple[status_pb2.Status, error_details_pb2.ErrorInfo]:
    ((key, value),) = error.trailing_metadata()
    assert key == "grpc-status-details-bin"
    status = status_pb2.Status.FromString(value)
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    return status, info


def test_a_refusal_becomes_a_status_with_reason_and_facts() -> None:
    refused = Refused(Status.FAILED_PRECONDITION, "CASE_NOT_OPEN", "case C-4 is resolved", case="C-4")
    error = from_refused(refused)
    assert error.code is grpc.StatusCode.FAILED_PRECONDITION
    status, info = details(error)
    assert (status.code, status.message) == (9, "case C-4 is resolved")
    assert (info.domain, info.reason, dict(info.metadata)) == ("vedette", "CASE_NOT_OPEN", {"case": "C-4"})


def test_every_family_of_refusals_has_its_status() -> None:
    codes = {from_refused(Refused(status, "R", "m")).code.name for status in Status}
    assert codes == {status.value for status in Status}


def test_a_wrong_field_is_named_with_its_value() -> None:
    error = field_invalid("title", "must have 1 to 200 characters", "")
    assert error.message == 'title must have 1 to 200 characters, got ""'
    assert error.metadata == {"field": "title", "value": ""}


def test_what_is_not_found_has_a_reason_of_its_kind() -> None:
    assert not_found("case", "C-9").reason == "CASE_NOT_FOUND"


@pytest.mark.parametrize("char", ["x", "é", "🚒"])
def test_a_long_message_still_fits_into_the_headers_that_clients_take(char: str) -> None:
    long = char * 100_000
    error = ApiError(grpc.StatusCode.FAILED_PRECONDITION, "R", long, one=long, two=long, three=long)
    ((_key, value),) = error.trailing_metadata()
    assert len(quote(error.message)) + len(base64.b64encode(value)) < 8000
    assert error.message.endswith("…")
