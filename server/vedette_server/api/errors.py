"""Errors of the API: each is a gRPC status with a `google.rpc.ErrorInfo` that names its reason for programs.

One idea: whatever a service raises ends here, so every error of every call has an UPPER_SNAKE reason, a
sentence for people, and the facts as metadata. What was not foreseen is INTERNAL and tells nothing about the
inside.
"""

from __future__ import annotations

from typing import Final

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from vedette_server.engine.refusal import Refused, Status

#: Namespace of the reasons.
DOMAIN: Final = "vedette"
#: Longest sentence, in bytes: it travels twice as headers, once percent-encoded, and clients take 8 KiB in
#: all.
MAX_MESSAGE_BYTES: Final = 1500
#: Longest piece of a wrong value that an error repeats, in characters.
MAX_VALUE_CHARS: Final = 80
#: Key under which gRPC carries a `google.rpc.Status`.
DETAILS_KEY: Final = "grpc-status-details-bin"

_CODES: Final = {status: grpc.StatusCode[status.value] for status in Status}


class ApiError(Exception):
    """A call ends with `code` and changed nothing.

    Args:
        code: status of the call.
        reason: UPPER_SNAKE code, e.g. "FIELD_INVALID".
        message: what is wrong, with the value, and what to do.
        metadata: facts for programs.
    """

    def __init__(self, code: grpc.StatusCode, reason: str, message: str, **metadata: str) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = _cut_bytes(message, MAX_MESSAGE_BYTES)
        self.metadata = {name: cut(value, MAX_VALUE_CHARS) for name, value in metadata.items()}

    def trailing_metadata(self) -> tuple[tuple[str, bytes], ...]:
        """Return the trailing metadata that carry the details."""
        info = error_details_pb2.ErrorInfo(reason=self.reason, domain=DOMAIN, metadata=self.metadata)
        detail = any_pb2.Any()
        detail.Pack(info)
        number, _text = self.code.value
        status = status_pb2.Status(code=number, message=self.message, details=[detail])
        return ((DETAILS_KEY, status.SerializeToString()),)


def from_refused(refused: Refused) -> ApiError:
    """Return the error of a refusal."""
    return ApiError(_CODES[refused.status], refused.reason, refused.message, **refused.metadata)


def internal() -> ApiError:
    """Return the error for what was not foreseen; the log has the rest."""
    words = "the server made a mistake; its log says more"
    return ApiError(grpc.StatusCode.INTERNAL, "INTERNAL", words)


def field_invalid(field: str, what: str, value: object) -> ApiError:
    """Return the error for a field of a request: `what` completes "field …"."""
    shown = cut(str(value), MAX_VALUE_CHARS)
    return ApiError(
        grpc.StatusCode.INVALID_ARGUMENT,
        "FIELD_INVALID",
        f'{field} {what}, got "{shown}"',
        field=field,
        value=shown,
    )


def not_found(kind: str, id_: str) -> ApiError:
    """Return the error for an identity that does not exist; `kind` in words, e.g. "case"."""
    return ApiError(
        grpc.StatusCode.NOT_FOUND,
        f"{kind.upper()}_NOT_FOUND",
        f'there is no {kind} "{cut(id_, MAX_VALUE_CHARS)}"',
        **{kind: id_},
    )


def cut(text: str, limit: int) -> str:
    """Return `text`, shortened to `limit` characters with an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _cut_bytes(text: str, limit: int) -> str:
    raw = text.encode()
    return text if len(raw) <= limit else raw[: limit - len("…".encode())].decode(errors="ignore") + "…"
