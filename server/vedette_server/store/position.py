"""Position: where a partition stands: its epoch, its last turn, and the head of its journal."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a partition stands after its last commit."""

    partition: int
    #: Generation of its owner; a writer of an older one is refused.
    epoch: int
    turn: int
    #: Position of the newest journal entry; 0 before the first.
    sequence: int
    #: Hash of that entry; 32 zero bytes before the first.
    head_hash: bytes
