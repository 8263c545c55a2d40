"""Errors: what a server's refusal, or its silence, means in one sentence.

The API says what went wrong with a status and an `ErrorInfo` (a reason and its metadata). Reasons that the
console knows get a sentence that names the thing and says what to do; for others the server's own words are
shown. Commands turn the kind into an exit code.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from vedette_console.model.safe import safe

#: Trailing metadata in which gRPC carries `google.rpc.Status`.
_DETAILS_KEY = "grpc-status-details-bin"


class ErrorKind(StrEnum):
    """What a caller can do about an error."""

    #: The server understood and said no.
    REFUSED = "refused"
    #: Somebody else changed the thing first.
    CONFLICT = "conflict"
    #: No server, or no answer in time.
    UNREACHABLE = "unreachable"
    #: The credential is missing, unknown or not allowed to do this.
    UNAUTHENTICATED = "unauthenticated"


class SupportError(Exception):
    """A call that did not do what was asked; `str()` is one sentence for people, safe for a terminal."""

    def __init__(
        self,
        sentence: str,
        *,
        kind: ErrorKind,
        reason: str = "",
        metadata: Mapping[str, str] | None = None,
        transient: bool = False,
    ) -> None:
        """Make an error.

        Args:
            sentence: what went wrong and what to do, from anywhere; it is made safe here.
            kind: what a caller can do about it.
            reason: the API's reason code, e.g. "CASE_NOT_OPEN"; empty when the server gave none.
            metadata: what the reason is about, e.g. {"case": "C-42", "state": "resolved"}.
            transient: whether the same call may well succeed in a moment.
        """
        super().__init__(safe(sentence))
        self.kind = kind
        self.reason = reason
        self.metadata = dict(metadata or {})
        self.transient = transient


def from_rpc_error(error: grpc.RpcError, *, server: str) -> SupportError:
    """Return what a failed call means.

    Args:
        error: as grpc.aio raises it.
        server: the address that was called, for the sentence.
    """
    if not isinstance(error, grpc.aio.AioRpcError):
        return SupportError(f"the call failed: {error}", kind=ErrorKind.UNREACHABLE)
    status = error.code()
    said = error.details() or ""
    reason, metadata = _error_info(error)
    return SupportError(
        _sentence(status, reason, metadata, said, server),
        kind=_KINDS.get(status, ErrorKind.REFUSED),
        reason=reason,
        metadata=metadata,
        transient=status is grpc.StatusCode.UNAVAILABLE or reason == "SERVER_BUSY",
    )


_KINDS = {
    grpc.StatusCode.ABORTED: ErrorKind.CONFLICT,
    grpc.StatusCode.UNAVAILABLE: ErrorKind.UNREACHABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED: ErrorKind.UNREACHABLE,
    grpc.StatusCode.CANCELLED: ErrorKind.UNREACHABLE,
    grpc.StatusCode.UNAUTHENTICATED: ErrorKind.UNAUTHENTICATED,
}


def _case_not_open(info: Mapping[str, str]) -> str:
    return f"case {info['case']} is already {info['state']}; this needs an open case"


def _already_acknowledged(info: Mapping[str, str]) -> str:
    return f"case {info['case']} was already acknowledged{_by(info)}"


def _by(info: Mapping[str, str]) -> str:
    name = info.get("acknowledged_by")
    return f" by {name}" if name else ""


#: Sentence of each reason the console knows, from the reason's metadata.
_SENTENCES: dict[str, Callable[[Mapping[str, str]], str]] = {
    "CASE_NOT_FOUND": lambda info: f"there is no case {info['case']}",
    "CASE_NOT_OPEN": _case_not_open,
    "CASE_ALREADY_ACKNOWLEDGED": _already_acknowledged,
    "CASE_NOT_RESOLVED": lambda info: (
        f"case {info['case']} is {info['state']}; resolve it before you close it"
    ),
    "CASE_ETAG_MISMATCH": lambda info: (
        f"case {info['case']} has changed since you looked; look again and repeat"
    ),
    "ALARM_NOT_FOUND": lambda info: f"there is no alarm {info['alarm']}",
    "ALARM_NOT_OPEN": lambda info: f"alarm {info['alarm']} is over; there is nothing to acknowledge",
    "ALARM_ALREADY_ACKNOWLEDGED": lambda info: f"alarm {info['alarm']} was already acknowledged{_by(info)}",
    "ALARM_ETAG_MISMATCH": lambda info: (
        f"alarm {info['alarm']} has changed since you looked; look again and repeat"
    ),
    "AGENT_NOT_FOUND": lambda info: f"there is no agent {info['agent']}; ids read customer/installation/node",
    "CUSTOMER_NOT_FOUND": lambda info: f"there is no customer {info['customer']}",
    "INSTALLATION_NOT_FOUND": lambda info: f"there is no installation {info['installation']}",
    "TOKEN_MISSING": lambda _: "the server wants a token; set VEDETTE_TOKEN_FILE or token_file",
    "TOKEN_UNKNOWN": lambda _: "the server does not know this token; it may be revoked",
    "ROLE_REQUIRED": lambda info: f"your token may not do this; it needs the role {info['needed']}",
    "SERVER_BUSY": lambda _: "the server has too much to do; try again in a moment",
    "RESUME_TOKEN_EXPIRED": lambda _: "the server no longer has the changes since then; list again",
}


def _sentence(
    status: grpc.StatusCode, reason: str, metadata: Mapping[str, str], said: str, server: str
) -> str:
    known = _SENTENCES.get(reason)
    if known is not None:
        try:
            return known(metadata)
        except KeyError:
            # A server that says less than this console expects still says something.
            return said or reason.lower().replace("_", " ")
    match status:
        case grpc.StatusCode.UNAVAILABLE:
            return f"no connection to {server}: {_cause(said)}"
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            return f"no answer from {server} in time"
        case grpc.StatusCode.UNIMPLEMENTED:
            return f"the server at {server} does not offer this; it may be older than this console"
        case _:
            return said or f"{server} answered {status.name.lower().replace('_', ' ')}"


def _cause(said: str) -> str:
    """Return the end of gRPC's chain of causes, which is what a person can act on."""
    if said.startswith("failed to connect to all addresses"):
        return said.rpartition(": ")[2].lower()
    return said or "unavailable"


def _error_info(error: grpc.aio.AioRpcError) -> tuple[str, dict[str, str]]:
    """Return reason and metadata of the `ErrorInfo` an error carries; empty when it carries none."""
    for key, value in error.trailing_metadata() or ():
        if key != _DETAILS_KEY or not isinstance(value, bytes):
            continue
        try:
            details = status_pb2.Status.FromString(value).details
        except DecodeError:
            return "", {}
        for detail in details:
            info = error_details_pb2.ErrorInfo()
            if detail.Unpack(info):
                return info.reason, dict(info.metadata)
    return "", {}
