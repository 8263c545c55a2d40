"""Journal: entries chained by hash, verified by anyone who can read JSON, and folded back into the state.

    hash = SHA-256( previous hash || canonical JSON of the entry without its hashes )

The first predecessor is 32 zero bytes. Canonical JSON has sorted keys and leaves out fields that have their
default, so that a field added later changes no old hash. Whoever changes, drops or reorders an entry breaks
the chain at that place; who cuts the tail off is found out by a head hash that was published elsewhere.

Nothing here does I/O.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import msgspec

from vedette_server.engine.changes import Change, Entity, Kind, Versions
from vedette_server.store.codec import decode, encode

#: Predecessor of the first entry.
GENESIS: Final = bytes(32)

PUT: Final = "put"
DELETE: Final = "delete"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the journal: a change with its place, its time and what decided it."""

    partition: int
    sequence: int
    turn: int
    #: Wall time of the turn, microseconds since the Unix epoch.
    time_us: int
    kind: Kind
    id: str
    #: UPPER_SNAKE code.
    reason: str
    actor: str
    text: str
    versions: Versions
    #: Canonical JSON of the entity; None when it is gone.
    after: bytes | None
    prev_hash: bytes = b""
    hash: bytes = b""

    @property
    def op(self) -> str:
        """Return whether the entity was put or deleted."""
        return DELETE if self.after is None else PUT

    def image(self) -> Entity | None:
        """Return the entity after the change; None when it is gone."""
        return None if self.after is None else decode(self.kind, self.after)


class _Canonical(msgspec.Struct, omit_defaults=True, kw_only=True):
    """An entry as it is hashed. New fields need a default and must not be written with it."""

    partition: int
    sequence: int
    turn: int
    time_us: int
    kind: str
    id: str
    op: str
    reason: str
    actor: str
    text: str
    engine: str
    catalog: str
    policy: str
    after: msgspec.Raw


_encoder = msgspec.json.Encoder(order="sorted")


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """Where a chain does not hold, and why."""

    sequence: int
    text: str


def entry_of(
    change: Change, *, partition: int, turn: int, time_us: int, versions: Versions, prev_hash: bytes
) -> Entry:
    """Return the entry of a change behind a predecessor, with its hash."""
    entry = Entry(
        partition=partition,
        sequence=change.sequence,
        turn=turn,
        time_us=time_us,
        kind=change.kind,
        id=change.id,
        reason=change.reason,
        actor=change.actor,
        text=change.text,
        versions=versions,
        after=None if change.after is None else encode(change.after),
        prev_hash=prev_hash,
    )
    return msgspec.structs.replace(entry, hash=chain_hash(prev_hash, entry))


def chain_hash(prev_hash: bytes, entry: Entry) -> bytes:
    """Return the hash of an entry behind a predecessor."""
    return hashlib.sha256(prev_hash + canonical(entry)).digest()


def canonical(entry: Entry) -> bytes:
    """Return the bytes of an entry that enter its hash."""
    versions = entry.versions
    return _encoder.encode(
        _Canonical(
            partition=entry.partition,
            sequence=entry.sequence,
            turn=entry.turn,
            time_us=entry.time_us,
            kind=entry.kind,
            id=entry.id,
            op=entry.op,
            reason=entry.reason,
            actor=entry.actor,
            text=entry.text,
            engine=versions.engine,
            catalog=versions.catalog,
            policy=versions.policy,
            after=msgspec.Raw(b"null" if entry.after is None else entry.after),
        )
    )


def verify(
    entries: Iterable[Entry], *, prev_sequence: int = 0, prev_hash: bytes = GENESIS
) -> tuple[int, bytes] | Break:
    """Check a run of the journal against its chain.

    Args:
        entries: in order of their sequence, starting right behind `prev_sequence`.
        prev_sequence: position before the first.
        prev_hash: hash at that position.

    Returns:
        The last position and its hash, to go on from or to compare with a published head; or the first break.
    """
    for entry in entries:
        if entry.sequence != prev_sequence + 1:
            text = f"follows {prev_sequence}: what was between is missing or out of order"
            return Break(sequence=entry.sequence, text=text)
        if entry.prev_hash != prev_hash:
            return Break(sequence=entry.sequence, text="names another predecessor than the one before it")
        if chain_hash(prev_hash, entry) != entry.hash:
            return Break(sequence=entry.sequence, text="its content does not have its hash")
        prev_sequence, prev_hash = entry.sequence, entry.hash
    return prev_sequence, prev_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An entity as the journal says it is now."""

    sequence: int
    data: bytes


def rebuild(entries: Iterable[Entry]) -> dict[tuple[Kind, str], Image]:
    """Return what the state tables of a partition must hold, from its journal, first entry on."""
    state: dict[tuple[Kind, str], Image] = {}
    fold(state, entries)
    return state


def fold(state: dict[tuple[Kind, str], Image], entries: Iterable[Entry]) -> None:
    """Apply the next entries to a state that is being rebuilt."""
    for entry in entries:
        if entry.after is None:
            state.pop((entry.kind, entry.id), None)
        else:
            state[entry.kind, entry.id] = Image(sequence=entry.sequence, data=entry.after)
