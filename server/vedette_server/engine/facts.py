"""Facts: batches, events and gaps of agents, taken once each, in order.

The watermark moves in the same turn as everything that a fact causes; that is all there is to exactly-once
effect. A fact that cannot be taken is skipped with a recorded gap, so that it blocks nothing behind it.

Nothing here does I/O or reads a clock.
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from vedette_server.engine.changes import BatchRow, EventRow, Kind
from vedette_server.engine.draft import Draft
from vedette_server.engine.inputs import (
    BatchReceived,
    BatchRef,
    EventsReceived,
    GapReported,
    InvalidFact,
    SeriesAnnounced,
)
from vedette_server.engine.judging import LIVE, judge_batch, judge_event
from vedette_server.engine.linking import hear
from vedette_server.engine.world import Watcher, from_micros
from vedette_server.fleet.session import Rejection, RejectReason, SeqVerdict, judge_seq
from vedette_server.telemetry.series import SeriesPage

#: Most series of one agent.
SERIES_LIMIT = 10_000
#: A fact may be at most this far ahead of the server's clock; what is less far ahead counts as now.
AHEAD_LIMIT_US = 60 * 1_000_000
#: A fact may be at most this old.
AGE_LIMIT_US = 31 * 24 * 3600 * 1_000_000
LIVE_US = LIVE // timedelta(microseconds=1)


def _admit(draft: Draft, agent: str, stream: int, seq: int, fact_hash: int) -> Watcher | None:
    """Return the agent of a fact that is to be taken, with its watermark moved; None when it is not taken."""
    watcher = hear(draft, agent, stream)
    if watcher is None:
        return None
    match judge_seq(watcher.watermark, watcher.fact_hash, seq, fact_hash):
        case SeqVerdict.TAKE:
            watcher.watermark = seq
            watcher.fact_hash = fact_hash
            return watcher
        case SeqVerdict.REPEAT:
            return None
        case SeqVerdict.CONFLICT:
            message = f"seq {seq} was stored here with other content; start a new outbox"
            _end_stream(draft, watcher, RejectReason.OUTBOX_CONFLICT, message)
        case SeqVerdict.SKIPPED:
            message = f"expected seq {watcher.watermark + 1}, got {seq}"
            _end_stream(draft, watcher, RejectReason.SEQ_SKIPPED, message)
    return None


def _end_stream(draft: Draft, watcher: Watcher, reason: RejectReason, message: str) -> None:
    draft.replies.append((watcher.stream, Rejection(reason=reason, message=message)))
    watcher.stream = 0


def take_batch(draft: Draft, batch: BatchReceived) -> BatchRef | InvalidFact:
    """Take samples; return what stands for the batch among the stored inputs."""
    watcher = _admit(draft, batch.agent, batch.stream, batch.seq, batch.fact_hash)
    if watcher is None:
        return _reference(batch, taken=False)
    at_us = batch.observed_us + watcher.agent.clock_offset_us
    ahead = at_us - draft.wall_us
    if ahead > AHEAD_LIMIT_US or -ahead > AGE_LIMIT_US:
        text = f"observed at {at_us} us, {ahead} us ahead"
        return _refuse(draft, watcher, batch, "time_out_of_range", text)
    if not watcher.board.knows(batch.numbers):
        return _refuse(draft, watcher, batch, "unknown_series", "a series number was never announced")
    if not np.isfinite(batch.values).all():
        return _refuse(draft, watcher, batch, "invalid_value", "a value is NaN or infinite")
    at_us = min(at_us, draft.wall_us)
    draft.batches.append(
        BatchRow(
            agent=batch.agent, outbox_id=watcher.outbox_id, seq=batch.seq, observed_us=at_us, raw=batch.raw
        )
    )
    # Facts that are ahead of this clock count as now, so two of one turn may carry one time: the later fact
    # is the newer.
    if at_us >= watcher.judged_us and -ahead <= LIVE_US:
        watcher.judged_us = at_us
        crossers = watcher.board.crossers(batch.numbers, batch.values)
        if crossers:
            judge_batch(draft, watcher, batch.numbers, batch.values, crossers, at_us)
    return _reference(batch, taken=True)


def _reference(batch: BatchReceived, *, taken: bool) -> BatchRef:
    return BatchRef(
        stream=batch.stream, agent=batch.agent, seq=batch.seq, fact_hash=batch.fact_hash, taken=taken
    )


def _refuse(draft: Draft, watcher: Watcher, batch: BatchReceived, reason: str, text: str) -> InvalidFact:
    _skip(draft, watcher, batch.seq, reason, text)
    return InvalidFact(
        stream=batch.stream,
        agent=batch.agent,
        seq=batch.seq,
        fact_hash=batch.fact_hash,
        reason=reason,
        text=text,
    )


def _skip(draft: Draft, watcher: Watcher, seq: int, reason: str, text: str) -> None:
    draft.gap(watcher, reason=reason, first=seq, last=seq, count=1, text=text)


def pass_over(draft: Draft, batch: BatchRef) -> None:
    """Do once more, in a replay, what a batch that was not taken did: it was heard, or ended its stream."""
    _admit(draft, batch.agent, batch.stream, batch.seq, batch.fact_hash)


def skip_invalid(draft: Draft, fact: InvalidFact) -> None:
    """Skip a fact that cannot be taken, with a gap."""
    watcher = _admit(draft, fact.agent, fact.stream, fact.seq, fact.fact_hash)
    if watcher is not None:
        _skip(draft, watcher, fact.seq, fact.reason, fact.text)


def take_events(draft: Draft, fact: EventsReceived) -> None:
    """Take events and judge each in order."""
    watcher = _admit(draft, fact.agent, fact.stream, fact.seq, fact.fact_hash)
    if watcher is None:
        return
    offset = watcher.agent.clock_offset_us
    far_off = 0
    for position, event in enumerate(fact.events):
        ahead = event.time_us + offset - draft.wall_us
        if ahead > AHEAD_LIMIT_US or -ahead > AGE_LIMIT_US:
            far_off += 1
            continue
        time_us = min(event.time_us + offset, draft.wall_us)
        draft.events.append(
            EventRow(
                agent=fact.agent,
                outbox_id=watcher.outbox_id,
                seq=fact.seq,
                position=position,
                time_us=time_us,
                code=event.code,
                severity=event.severity,
                component=event.component,
                message=event.message,
                attributes=event.attributes,
            )
        )
        judge_event(draft, watcher, event, from_micros(time_us))
    if far_off:
        text = f"{far_off} of {len(fact.events)} events lie too far from now"
        _skip(draft, watcher, fact.seq, "time_out_of_range", text)


#: Reasons of gaps that report what was never measured, rather than facts that were lost.
NEVER_MEASURED = ("collector_timeout", "invalid_value")


def take_gap(draft: Draft, fact: GapReported) -> None:
    """Take an agent's word that facts are missing."""
    watcher = _admit(draft, fact.agent, fact.stream, fact.seq, fact.fact_hash)
    if watcher is not None:
        draft.gap(
            watcher,
            reason=fact.reason,
            first=fact.first_seq,
            last=fact.last_seq,
            count=fact.count,
            lost=fact.reason not in NEVER_MEASURED,
        )


def announce(draft: Draft, announced: SeriesAnnounced) -> None:
    """Take descriptors; those that are known already change nothing."""
    watcher = hear(draft, announced.agent, announced.stream)
    if watcher is None:
        return
    board = watcher.board
    new = []
    for one in announced.series:
        if one.number >= SERIES_LIMIT:
            message = f"series number {one.number} is over the limit of {SERIES_LIMIT} series"
            _end_stream(draft, watcher, RejectReason.TOO_MANY_SERIES, message)
            return
        known = board.series[one.number] if one.number < len(board.series) else None
        if known is None:
            new.append(one)
        elif known != one:
            message = f"series {one.number} was announced as {known.name}, now as {one.name}"
            _end_stream(draft, watcher, RejectReason.SERIES_CONFLICT, message)
            return
    if not new:
        return
    series = draft.world.intern(new)
    page = SeriesPage(agent=announced.agent, outbox_id=watcher.outbox_id, series=series)
    id_ = f"{announced.agent}|{watcher.outbox_id}|{series[0].number}"
    draft.put(Kind.SERIES, id_, page, "SERIES_ANNOUNCED")
    board.announce(series, draft.world.catalog, draft.world.rule_states)
