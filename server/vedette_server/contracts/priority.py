"""Priority: how urgent an alarm or a case is; the smaller the number, the more urgent.

The four levels and their names are the contract's. What a level promises (a response time, a page) is
policy data and lives in `contracts/plan.py`.
"""

from __future__ import annotations

from enum import IntEnum


class Priority(IntEnum):
    """Urgency of an alarm or a case. Compare as numbers: `Priority.P1 < Priority.P2` reads "more urgent"."""

    P1 = 1
    P2 = 2
    P3 = 3
    P4 = 4

    @property
    def label(self) -> str:
        """Return the name that people use, such as "P1"."""
        return self.name
