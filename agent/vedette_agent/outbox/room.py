"""Room: what goes when the outbox is full.

One idea: what is lost is said to be lost, in the place where it was. The oldest metrics turn into gaps
first; a gap is a hundredth of a batch. Only when no metrics are left do the oldest facts of any kind go, and
one gap at the end tells of all of them, and of what those among them that were gaps told of.
"""

from dataclasses import dataclass, field, replace

import aiosqlite

from vedette_agent.facts import FactKind, Gap, GapReason
from vedette_agent.link import wire
from vedette_agent.outbox import tables
from vedette_agent.outbox.record import Record, gap_in_place_of, gap_record

#: Records turned into gaps in one round.
_ROUND = 64
#: Reasons of gaps that tell of facts which once had a seq.
_LOSSES = frozenset({GapReason.OUTBOX_OVERFLOW, GapReason.OUTBOX_CORRUPT, GapReason.DISK_FULL})
#: What the front is dropped down to, as a share of the bound, so that not each append drops again.
_FRONT_SHARE = 0.9


@dataclass(slots=True, kw_only=True)
class Room:
    """What making room did to the outbox."""

    #: Bytes that all records take, those about to be inserted included.
    size_bytes: int
    #: Gaps that took the place of metrics.
    gaps: list[Record] = field(default_factory=list)
    #: A new fact, not inserted yet, that tells of what went from the front; at most one.
    told: list[Record] = field(default_factory=list)
    #: Everything up to here went from the front; 0 for nothing.
    deleted_seq: int = 0


async def make_room(
    database: aiosqlite.Connection, *, size_bytes: int, max_size_bytes: int, next_seq: int
) -> Room:
    """Bring the outbox under its bound, inside a transaction of the caller.

    Args:
        size_bytes: what all records take, those about to be inserted included.
        next_seq: the seq that a gap which tells of the front would get.
    """
    room = Room(size_bytes=size_bytes)
    while room.size_bytes > max_size_bytes:
        if not await _turn_metrics_into_gaps(database, room, max_size_bytes):
            await _drop_front(database, room, max_size_bytes, next_seq)
            break
    return room


async def _turn_metrics_into_gaps(database: aiosqlite.Connection, room: Room, max_size_bytes: int) -> bool:
    """Replace some of the oldest metrics by gaps; returns False when there are no metrics."""
    query = "SELECT seq, time_us, size_bytes FROM record WHERE kind = ? ORDER BY seq LIMIT ?"
    gaps: list[Record] = []
    for seq, time_us, size_bytes in await tables.rows(database, query, FactKind.BATCH, _ROUND):
        if room.size_bytes <= max_size_bytes:
            break
        gap = gap_in_place_of(seq, GapReason.OUTBOX_OVERFLOW, time_us)
        gaps.append(gap)
        room.size_bytes += gap.size_bytes - size_bytes
    await tables.insert_records(database, gaps)
    room.gaps += gaps
    return bool(gaps)


async def _drop_front(database: aiosqlite.Connection, room: Room, max_size_bytes: int, next_seq: int) -> None:
    query = "SELECT seq, time_us, size_bytes, CASE WHEN kind = ? THEN payload END FROM record ORDER BY seq"
    dropped: list[Gap] = []
    for seq, time_us, size_bytes, payload in await tables.rows(database, query, FactKind.GAP):
        if room.size_bytes <= max_size_bytes * _FRONT_SHARE:
            break
        dropped.append(_lost(seq, time_us, payload))
        room.deleted_seq = seq
        room.size_bytes -= size_bytes
    if not dropped:
        return
    await database.execute("DELETE FROM record WHERE seq <= ?", (room.deleted_seq,))
    gap = Gap(
        reason=GapReason.OUTBOX_OVERFLOW,
        first_seq=min(one.first_seq for one in dropped),
        last_seq=room.deleted_seq,
        fact_count=sum(one.fact_count for one in dropped),
        oldest_time_us=min((one.oldest_time_us for one in dropped if one.oldest_time_us), default=0),
        newest_time_us=max(one.newest_time_us for one in dropped),
    )
    room.told.append(gap_record(next_seq, gap))
    room.size_bytes += room.told[0].size_bytes


def _lost(seq: int, time_us: int, payload: bytes | None) -> Gap:
    """Return what is lost with a record: the fact itself, and for a gap what it told of instead.

    Args:
        payload: given for gaps only.
    """
    told = wire.gap_of(payload) if payload is not None else None
    if told is None or told.reason not in _LOSSES:
        return Gap(
            reason=GapReason.OUTBOX_OVERFLOW,
            first_seq=seq,
            last_seq=seq,
            oldest_time_us=time_us,
            newest_time_us=time_us,
        )
    first_seq = told.first_seq or seq
    return replace(told, first_seq=first_seq, last_seq=max(told.last_seq, first_seq))
