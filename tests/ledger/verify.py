"""Verify: ledgers against the store. Every way in which they can disagree has a name.

One idea: each fact is looked for by its identity (agent, outbox, seq) and its content. It must be found
exactly once, or be missing with a recorded gap that covers it; nothing may be found that no ledger knows.
Then the effects are counted, from what was stored, by rules that are not the server's (`score.effects`).

Nothing here does I/O.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from tests.ledger.consequences import agent_of, check_effects, check_work
from tests.ledger.engineer import Work
from tests.ledger.ledger import Ledger, Produced
from tests.ledger.score import Score
from tests.ledger.soundness import check_store
from tests.ledger.stored import Stored, StoredFact
from tests.ledger.violation import Check, Violation
from vedette_agent.facts import FactKind

#: A fact is stored under server time, which on one machine is a little later than the agent's; microseconds.
OFFSET_LIMIT_US = 60_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """One agent: what it was to play, and what it wrote down."""

    score: Score
    ledger: Ledger


def check_all(played: Iterable[Played], work: Work, stored: Stored) -> list[Violation]:
    """Return everything that is wrong, in no order that means anything."""
    agents = list(played)
    found = [*check_strangers(agents, stored), *check_work(work, stored), *check_store(stored)]
    for one in agents:
        found += check_acks(one, stored)
        found += check_facts(one, stored)
        found += check_effects(one.score, one.ledger, stored)
    return found


# --- acks ---------------------------------------------------------------------------------------------------


def check_acks(one: Played, stored: Stored) -> Iterator[Violation]:
    """Check what an agent was told, against what it had to tell."""
    agent, ledger = one.score.agent, one.ledger
    produced = last_seqs(ledger)
    told: dict[str, int] = {}
    for ack in ledger.acks:
        if ack.watermark < told.get(ack.outbox_id, 0):
            text = f"{agent}: {ack.watermark} after {told[ack.outbox_id]}"
            yield Violation(check=Check.ACK_WENT_BACK, text=text)
        if ack.watermark > produced.get(ack.outbox_id, 0):
            text = f"{agent}: {ack.watermark}, produced {produced.get(ack.outbox_id, 0)}"
            yield Violation(check=Check.ACK_TOO_FAR, text=text)
        told[ack.outbox_id] = max(ack.watermark, told.get(ack.outbox_id, 0))
    for text in ledger.renumbered:
        yield Violation(check=Check.IDENTITY_CHANGED, text=f"{agent}: {text}")
    if len(produced) > 1:
        yield Violation(check=Check.IDENTITY_CHANGED, text=f"{agent}: outboxes {', '.join(produced)}")
    if ledger.drained is None or ledger.drained not in produced.values():
        yield Violation(check=Check.NOT_DRAINED, text=f"{agent}: {ledger.drained} of {produced}")
    outbox_id, watermark = stored.links.get(agent, ("", 0))
    if watermark != produced.get(outbox_id, 0):
        text = f"{agent}: stored {watermark} of outbox {outbox_id or 'none'}, produced {produced}"
        yield Violation(check=Check.WATERMARK_WRONG, text=text)


def last_seqs(ledger: Ledger) -> dict[str, int]:
    """Return the last seq of each outbox."""
    last: dict[str, int] = {}
    for fact in ledger.facts:
        last[fact.outbox_id] = max(fact.seq, last.get(fact.outbox_id, 0))
    return last


# --- facts --------------------------------------------------------------------------------------------------


def check_facts(one: Played, stored: Stored) -> Iterator[Violation]:
    """Look for every fact of an agent in the store, and for every stored fact in its ledger."""
    agent = one.score.agent
    produced: dict[tuple[str, int], list[Produced]] = defaultdict(list)
    for fact in one.ledger.facts:
        produced[fact.outbox_id, fact.seq].append(fact)
    found: Counter[tuple[str, int]] = Counter()
    for kept in stored.facts:
        if kept.agent == agent:
            found[kept.outbox_id, kept.seq] += 1
            yield from _compare(kept, produced.get((kept.outbox_id, kept.seq), []))
    yield from _find_gaps(agent, produced, stored, found)
    yield from _find_holes(one, produced, stored, found)


def _compare(kept: StoredFact, candidates: list[Produced]) -> Iterator[Violation]:
    name = f"{kept.agent} {kept.outbox_id[:8]} seq {kept.seq}"
    same = [fact for fact in candidates if (fact.kind, fact.digest) == (kept.kind, kept.digest)]
    if not candidates:
        yield Violation(check=Check.STORED_NOT_PRODUCED, text=f"{name}: {kept.kind.name} {kept.digest}")
    elif not same:
        text = f"{name}: {kept.kind.name} {kept.digest}, produced {[fact.digest for fact in candidates]}"
        yield Violation(check=Check.STORED_OTHERWISE, text=text)
    elif not 0 <= kept.time_us - same[0].time_us <= OFFSET_LIMIT_US:
        text = f"{name}: at {kept.time_us} us, produced at {same[0].time_us}"
        yield Violation(check=Check.STORED_OTHERWISE, text=text)


def _find_gaps(
    agent: str,
    produced: Mapping[tuple[str, int], list[Produced]],
    stored: Stored,
    found: Counter[tuple[str, int]],
) -> Iterator[Violation]:
    """Count recorded gaps among what was found: each belongs to one reported gap, told by its content."""
    reported = {
        (outbox_id, fact.digest): seq
        for (outbox_id, seq), facts in produced.items()
        for fact in facts
        if fact.kind is FactKind.GAP
    }
    for gap in stored.gaps:
        if gap.agent != agent:
            continue
        seq = reported.get((gap.outbox_id, gap.digest))
        if seq is None:
            yield Violation(check=Check.GAP_NOT_PRODUCED, text=f"{agent}: {gap.digest}")
        else:
            found[gap.outbox_id, seq] += 1


def _find_holes(
    one: Played,
    produced: Mapping[tuple[str, int], list[Produced]],
    stored: Stored,
    found: Counter[tuple[str, int]],
) -> Iterator[Violation]:
    agent = one.score.agent
    covered = {
        (gap.outbox_id, seq)
        for gap in stored.gaps
        if gap.agent == agent and gap.first_seq
        for seq in range(gap.first_seq, gap.last_seq + 1)
    }
    acked: dict[str, int] = {}
    for ack in one.ledger.acks:
        acked[ack.outbox_id] = max(ack.watermark, acked.get(ack.outbox_id, 0))
    for outbox_id, last in last_seqs(one.ledger).items():
        for seq in range(1, last + 1):
            name = f"{agent} {outbox_id[:8]} seq {seq}"
            times = found[outbox_id, seq]
            if times > 1:
                yield Violation(check=Check.STORED_TWICE, text=f"{name}: {times} times")
            elif not times and (outbox_id, seq) not in covered:
                kinds = [fact.kind.name for fact in produced.get((outbox_id, seq), [])]
                lost = seq <= acked.get(outbox_id, 0)
                check = Check.ACKNOWLEDGED_FACT_LOST if lost else Check.HOLE
                yield Violation(check=check, text=f"{name}: {' or '.join(kinds) or 'not in the ledger'}")


def check_strangers(agents: Iterable[Played], stored: Stored) -> Iterator[Violation]:
    """Look for what is stored of agents that do not exist."""
    known = {one.score.agent for one in agents}
    named = {fact.agent for fact in stored.facts} | {gap.agent for gap in stored.gaps}
    for agent in sorted(named - known):
        yield Violation(check=Check.STORED_NOT_PRODUCED, text=f"facts of {agent}")
    for alarm in stored.alarms:
        if agent_of(alarm) not in known:
            yield Violation(check=Check.WRONG_ALARM, text=f"{alarm['id']} of {agent_of(alarm)}")
