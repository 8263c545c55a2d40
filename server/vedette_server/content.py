"""Versions by content: equal things have equal versions, whatever file, order or comment they came from."""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

#: Hexadecimal digits of a version: 64 bits, far from any accidental collision between versions of one thing.
VERSION_DIGITS: Final = 16


def content_hash(content: object) -> str:
    """Return the version of anything that msgspec can encode."""
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()[:VERSION_DIGITS]
