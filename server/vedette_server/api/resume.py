"""Resume tokens: where a watcher goes on after a broken stream, opaque to it.

A token is a position in the journal of one partition of one store. A token that is none, or of another
store, is refused; one that lies outside what the journal still holds has expired, and the watcher lists
again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import grpc
import msgspec

from vedette_server.api.errors import ApiError

#: Version of the form below; a token of another version is refused.
VERSION: Final = 1
#: Longest token that is looked at, in bytes.
MAX_TOKEN_BYTES: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A place in a journal: everything up to `sequence` has been seen."""

    store_id: str
    partition: int
    sequence: int


def encode(position: Position) -> bytes:
    """Return the token of a position."""
    return msgspec.msgpack.encode((VERSION, position.store_id, position.partition, position.sequence))


def decode(token: bytes, *, store_id: str, partition: int) -> Position:
    """Return the position of a token that was made for this partition of this store.

    Raises:
        ApiError: RESUME_TOKEN_INVALID.
    """
    try:
        if len(token) > MAX_TOKEN_BYTES:
            raise ValueError("too long")
        version, store, number, sequence = msgspec.msgpack.decode(token, type=tuple[int, str, int, int])
        if (version, store, number) != (VERSION, store_id, partition):
            raise ValueError("of another store")
    except (ValueError, msgspec.DecodeError) as error:
        raise ApiError(
            grpc.StatusCode.INVALID_ARGUMENT,
            "RESUME_TOKEN_INVALID",
            "resume_token is none of this server's; watch with an empty one, then list",
        ) from error
    return Position(store_id=store_id, partition=partition, sequence=sequence)


def expired(position: Position) -> ApiError:
    """Return the error for a position that the journal does not hold."""
    return ApiError(
        grpc.StatusCode.OUT_OF_RANGE,
        "RESUME_TOKEN_EXPIRED",
        f"the journal does not go on from {position.sequence}; watch with an empty resume_token, then list",
        sequence=str(position.sequence),
    )
