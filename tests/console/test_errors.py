"""Errors: a sentence advises only what there is to do."""

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from vedette_console.client.errors import SupportError, from_rpc_error


def refusal(reason: str, **metadata: str) -> SupportError:
    detail = any_pb2.Any()
    detail.Pack(error_details_pb2.ErrorInfo(reason=reason, metadata=metadata))
    status = status_pb2.Status(details=[detail]).SerializeToString()
    error = grpc.aio.AioRpcError(
        grpc.StatusCode.FAILED_PRECONDITION,
        initial_metadata=grpc.aio.Metadata(),
        trailing_metadata=grpc.aio.Metadata(("grpc-status-details-bin", status)),
        details="the server's own words",
    )
    return from_rpc_error(error, server="fake:1")


def test_a_case_that_is_over_is_said_to_be_over_and_no_command_is_invented() -> None:
    said = refusal("CASE_NOT_OPEN", case="C-9", state="resolved")
    assert str(said) == "case C-9 is already resolved; this needs an open case"


def test_a_server_that_says_less_than_expected_still_says_something() -> None:
    assert str(refusal("CASE_NOT_OPEN", case="C-9")) == "the server's own words"
