"""Refusal: the typed no that a command gets, the same in decide, in the API and in tests.

Nothing here does I/O.
"""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """Family of a refusal; names are those of gRPC status codes."""

    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    NOT_FOUND = "NOT_FOUND"
    FAILED_PRECONDITION = "FAILED_PRECONDITION"
    ABORTED = "ABORTED"
    RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED"
    UNAVAILABLE = "UNAVAILABLE"
    INTERNAL = "INTERNAL"


class Refused(Exception):
    """A command was refused and changed nothing.

    Args:
        status: family of the refusal.
        reason: UPPER_SNAKE code, e.g. "CASE_NOT_OPEN".
        message: what is wrong, with the value, and what to do.
        metadata: facts for programs, e.g. {"case": "C-42", "state": "resolved"}.
    """

    def __init__(self, status: Status, reason: str, message: str, **metadata: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.metadata = metadata
