"""Credentials: how a secret is made, kept and looked up; the same for agents and for the API.

A secret has 256 random bits and a prefix by which scanners of source code and logs can find one that leaked.
It is shown once; the store holds only its SHA-256 (see `access/token.py` for why a plain hash is enough).

Who may do what is not decided here.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from vedette_server.access.token import Token

#: What every secret begins with.
PREFIX: Final = "vdt_"
_RANDOM_BYTES: Final = 32
#: Longest secret that is looked at, in characters; ours have 47.
MAX_SECRET_CHARS: Final = 128
_SCHEME: Final = "bearer"


def new_secret() -> str:
    """Return a new secret. Only the caller ever has it."""
    return PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)


def hash_secret(secret: str) -> str:
    """Return what is kept of a secret: its SHA-256, hexadecimal."""
    return hashlib.sha256(secret.encode()).hexdigest()


def bearer(authorization: str | None) -> str | None:
    """Return the secret of an `authorization: Bearer SECRET` value, or None when there is none."""
    scheme, _, secret = (authorization or "").strip().partition(" ")
    return secret.strip() or None if scheme.lower() == _SCHEME else None


class Tokens(Protocol):
    """Where tokens are found: the store's reader."""

    async def token_by_hash(self, secret_hash: str) -> Token | None:
        """Return the token of a secret, revoked or not, or None."""
        ...


async def lookup(tokens: Tokens, secret: str) -> Token | None:
    """Return the token of a secret, or None when there is none or it was revoked."""
    if len(secret) > MAX_SECRET_CHARS:
        return None
    token = await tokens.token_by_hash(hash_secret(secret))
    return None if token is None or token.revoked_at is not None else token
