"""Token: a credential of an agent, a person or an integration, kept only as its hash.

The secret is made in the shell and shown once; only its SHA-256 enters the world. A secret has 256 random
bits, so a plain hash is enough: there is nothing to guess.

Nothing here does I/O or reads the wall clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    """What a token may do. Responders work cases and alarms; viewers only read."""

    AGENT = "agent"
    VIEWER = "viewer"
    RESPONDER = "responder"
    ADMIN = "admin"


#: Roles by what they include, least first; `agent` stands apart.
RANK = (Role.VIEWER, Role.RESPONDER, Role.ADMIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One credential."""

    id: str
    role: Role
    #: Name of the person or integration; the agent id for an agent.
    name: str
    #: SHA-256 of the secret, hexadecimal.
    secret_hash: str
    created_at: datetime
    revoked_at: datetime | None = None
    revision: int = 1

    def allows(self, needed: Role) -> bool:
        """Return whether a call that needs `needed` may be made with this token."""
        if self.revoked_at is not None:
            return False
        if Role.AGENT in (self.role, needed):
            return self.role is needed
        return RANK.index(self.role) >= RANK.index(needed)
