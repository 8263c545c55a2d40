"""Page tokens: where the next page of a list begins, opaque to the caller.

A token holds the cursor of the store and a hash of the request that it continues, so that a token of another
list, or of the same list under another filter, is refused instead of giving wrong pages. It is no secret and
needs none: what it can reach, a list without a token reaches too.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING, Final, TypeVar

import grpc
import msgspec

from vedette_server.api.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.protobuf.message import Message

#: Version of the form below; a token of another version is refused.
VERSION: Final = 1
#: Longest token that is looked at, in characters.
MAX_TOKEN_CHARS: Final = 2048
#: Most bytes of the items of one page: with it an answer stays below the 4 MiB that clients take by default.
MAX_PAGE_BYTES: Final = 3 * 1024 * 1024
_HASH_BYTES: Final = 8
#: What the store compares with: integers of SQLite, and of most databases, have 64 bits with a sign.
_STORE_INTEGERS: Final = range(-(2**63), 2**63)
#: Fields that may differ between one page and the next.
_PAGE_FIELDS: Final = ("page_size", "page_token")

C = TypeVar("C")


def page_token(request: Message, cursor: object) -> str:
    """Return the token that continues `request` at `cursor`; empty when that is None: no further page."""
    if cursor is None:
        return ""
    raw = msgspec.msgpack.encode((VERSION, _fingerprint(request), cursor))
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def cursor_of(request: Message, kind: type[C]) -> C | None:
    """Return the cursor in the request's `page_token`, or None for the first page.

    Raises:
        ApiError: PAGE_TOKEN_INVALID, when the token is none of ours or continues another request.
    """
    token: str = getattr(request, "page_token")  # noqa: B009 -- every list request has one; their base class has none
    if not token:
        return None
    try:
        if len(token) > MAX_TOKEN_CHARS:
            raise ValueError("too long")
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        version, fingerprint, cursor = msgspec.msgpack.decode(raw, type=tuple[int, bytes, msgspec.Raw])
        if version != VERSION or fingerprint != _fingerprint(request):
            raise ValueError("of another request")
        found = msgspec.msgpack.decode(cursor, type=kind)
        if not _is_storable(found):
            raise ValueError("of no row")
    except (ValueError, RecursionError, binascii.Error, msgspec.DecodeError) as error:
        raise ApiError(
            grpc.StatusCode.INVALID_ARGUMENT,
            "PAGE_TOKEN_INVALID",
            "page_token does not continue this request; ask for the first page again with an empty one",
        ) from error
    return found


def fitting(items: Sequence[Message]) -> int:
    """Return how many of the items fit on one page; at least one, if there is any."""
    size = 0
    for count, item in enumerate(items):
        size += item.ByteSize()
        if size > MAX_PAGE_BYTES:
            return max(1, count)
    return len(items)


def _is_storable(cursor: object) -> bool:
    """Tell whether the store can compare with every number of a cursor."""
    parts = cursor if isinstance(cursor, tuple) else (cursor,)
    return all(part in _STORE_INTEGERS for part in parts if isinstance(part, int))


def _fingerprint(request: Message) -> bytes:
    """Return a hash of what the request asks for, whatever its page."""
    filters = type(request)()
    filters.CopyFrom(request)
    for field in _PAGE_FIELDS:
        filters.ClearField(field)
    name = request.DESCRIPTOR.full_name.encode()
    return hashlib.sha256(name + b"\0" + filters.SerializeToString(deterministic=True)).digest()[:_HASH_BYTES]
