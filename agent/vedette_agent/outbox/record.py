"""Records of the outbox: a fact with its place, its stored bytes, and a checksum of both.

Nothing here does I/O.
"""

import struct
import zlib
from contextlib import suppress
from dataclasses import dataclass

from vedette_agent.facts import FactKind, Gap, GapReason, time_of
from vedette_agent.link import wire

#: What SQLite stores around a payload, rounded up, in bytes.
_ROW_BYTES = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A fact with its place in the outbox, as it is stored and as it will travel."""

    seq: int
    kind: FactKind
    #: Observe time in microseconds since the Unix epoch; 0 when unknown.
    time_us: int
    payload: bytes

    @property
    def size_bytes(self) -> int:
        """What the record counts towards the outbox's bound: its payload and the row around it."""
        return len(self.payload) + _ROW_BYTES

    @property
    def checksum(self) -> int:
        """CRC-32 over everything the row holds, so that a record in another's place is found too."""
        head = struct.pack("<QBq", self.seq, self.kind, self.time_us)
        return zlib.crc32(self.payload, zlib.crc32(head))


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """What became of facts that were appended."""

    #: Seqs given, in the order of the facts; a batch that lost all its samples got none.
    seqs: tuple[int, ...]
    #: Samples left out because the outbox has no number left for their series.
    refused_count: int


def gap_record(seq: int, gap: Gap) -> Record:
    """Return the record of a gap."""
    return Record(seq=seq, kind=FactKind.GAP, time_us=time_of(gap), payload=wire.gap_frame(seq, gap))


def gap_in_place_of(seq: int, reason: GapReason, time_us: int = 0) -> Record:
    """Return the gap that takes the place of the fact `seq`, so that the order keeps no hole."""
    return gap_record(
        seq,
        Gap(reason=reason, first_seq=seq, last_seq=seq, oldest_time_us=time_us, newest_time_us=time_us),
    )


def under_seq(record: Record | None, seq: int) -> Record:
    """Return a record under a seq of another outbox id; a gap for one that cannot be read."""
    if record is not None:
        with suppress(ValueError):
            payload = wire.renumbered(record.payload, seq)
            return Record(seq=seq, kind=record.kind, time_us=record.time_us, payload=payload)
    return gap_record(seq, Gap(reason=GapReason.OUTBOX_CORRUPT))


def intact(row: tuple[int, int, int, bytes, int]) -> Record | None:
    """Return the record of a row (seq, kind, time_us, payload, checksum), or None if the disk changed it."""
    seq, kind, time_us, payload, checksum = row
    with suppress(ValueError, TypeError, struct.error):
        record = Record(seq=seq, kind=FactKind(kind), time_us=time_us, payload=bytes(payload))
        if record.checksum == checksum:
            return record
    return None
