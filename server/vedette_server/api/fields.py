"""Fields of a request: read, checked against what the protocol documents, or refused by name and value.

Every reader returns the value or raises FIELD_INVALID. Whether a well-formed id exists is not asked here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeVar

from vedette_server.api.errors import field_invalid
from vedette_server.contracts.priority import Priority

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MAX_PAGE_SIZE: Final = 1000
DEFAULT_PAGE_SIZE: Final = 100
MAX_REQUEST_ID_BYTES: Final = 64
#: Longest text that a person writes: description, comment, note, resolution. In characters.
MAX_TEXT_CHARS: Final = 8000
#: Longest identity that is looked at, in characters; "customer/installation/node" has at most 191.
MAX_ID_CHARS: Final = 191

_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)
#: Control characters other than line break and tab.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

K = TypeVar("K", bound=int)
T = TypeVar("T")


def request_id(value: str) -> str:
    """Read the id that makes a repeat harmless: 1 to 64 bytes."""
    if not 1 <= len(value.encode()) <= MAX_REQUEST_ID_BYTES:
        raise field_invalid("request_id", f"must have 1 to {MAX_REQUEST_ID_BYTES} bytes", value)
    return value


def identity(field: str, value: str) -> str:
    """Read an identity: not empty, not absurdly long."""
    if not 1 <= len(value) <= MAX_ID_CHARS:
        raise field_invalid(field, f"must have 1 to {MAX_ID_CHARS} characters", value)
    return value


def slug(field: str, value: str) -> str:
    """Read the id of a customer, an installation or a node."""
    if not _SLUG.fullmatch(value):
        raise field_invalid(
            field, "must be a slug of at most 63 lower-case letters, digits and dashes", value
        )
    return value


def optional_slug(field: str, value: str) -> str:
    """Read such an id, or nothing."""
    return slug(field, value) if value else ""


def line(field: str, value: str, *, maximum: int, minimum: int = 1) -> str:
    """Read one line of text, stripped."""
    text = value.strip()
    if not minimum <= len(text) <= maximum:
        raise field_invalid(field, f"must have {minimum} to {maximum} characters", value)
    if _CONTROL.search(text) or "\n" in text or "\t" in text:
        raise field_invalid(field, "must be one line without control characters", value)
    return text


def prose(field: str, value: str, *, minimum: int = 0, maximum: int = MAX_TEXT_CHARS) -> str:
    """Read a text of several lines, stripped; line breaks of other systems become ours."""
    text = value.replace("\r\n", "\n").strip()
    if not minimum <= len(text) <= maximum:
        raise field_invalid(field, f"must have {minimum} to {maximum} characters", value)
    if _CONTROL.search(text):
        raise field_invalid(field, "must not hold control characters", value)
    return text


def page_size(value: int) -> int:
    """Read the size of a page: 0 means the default, more than the most there is means the most there is."""
    if value < 0:
        raise field_invalid("page_size", "must not be negative", value)
    return min(value or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)


def priority(value: int) -> Priority:
    """Read a priority; it must be given."""
    try:
        return Priority(value)
    except ValueError:
        raise field_invalid("priority", "must be PRIORITY_P1 to PRIORITY_P4", value) from None


def member(field: str, value: K, known: Mapping[K, T]) -> T:
    """Read one value of an enumeration of the protocol."""
    try:
        return known[value]
    except KeyError:
        raise field_invalid(field, f"must be one of the values {', '.join(map(str, known))}", value) from None


def members(field: str, values: Iterable[K], known: Mapping[K, T]) -> tuple[T, ...]:
    """Read a list of such values, each once, in the order given."""
    return tuple(dict.fromkeys(member(field, value, known) for value in values))
