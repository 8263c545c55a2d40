"""Room: what goes when the outbox is full.

One idea: what is lost is said to be lost, in the place where it was. The oldest metrics turn into gaps
first; a gap is a hundredth of a batch. Only when no metrics are left do the oldest facts of any kind go, and
one gap at the end tells of all of them.
"""

from dataclasses import dataclass, field

import aiosqlite

from vedette_agent.facts import FactKind, Gap, GapReason
from vedette_agent.outbox import tables
from vedette_agent.outbox.record import Record, gap_in_place_of, gap_record

#: Records turned into gaps in one round.
_ROUND = 64
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
    dropped: list[tuple[int, int]] = []
    for seq, time_us, size_bytes in await tables.rows(
        database, "SELECT seq, time_us, size_bytes FROM record ORDER BY seq"
    ):
        if room.size_bytes <= max_size_bytes * _FRONT_SHARE:
            break
        dropped.append((seq, time_us))
        room.size_bytes -= size_bytes
    if not dropped:
        return
    room.deleted_seq = dropped[-1][0]
    await database.execute("DELETE FROM record WHERE seq <= ?", (room.deleted_seq,))
    times = [time_us for _, time_us in dropped if time_us]
    gap = Gap(
        reason=GapReason.OUTBOX_OVERFLOW,
        first_seq=dropped[0][0],
        last_seq=room.deleted_seq,
        fact_count=len(dropped),
        oldest_time_us=min(times, default=0),
        newest_time_us=max(times, default=0),
    )
    room.told.append(gap_record(next_seq, gap))
    room.size_bytes += room.told[0].size_bytes
