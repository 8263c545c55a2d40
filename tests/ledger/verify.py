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
from datetime import datetime
from enum import StrEnum
from typing import Any

from tests.ledger.engineer import Work
from tests.ledger.ledger import Ledger, Produced
from tests.ledger.score import DATABASE_LIMIT, Effect, Score, Subject, effects
from tests.ledger.stored import Row, Stored, StoredFact
from vedette_agent.facts import FactKind
from vedette_server.engine.changes import Kind
from vedette_server.store.journal import Break, rebuild
from vedette_server.store.journal import verify as verify_chain

#: A fact that took longer to be acknowledged is judged by other rules (late facts wake nobody), and the
#: effects of its agent cannot be foretold; microseconds. The server's own limit is 30 s.
PROMPT_US = 25_000_000
#: A fact is stored under server time, which on one machine is a little later than the agent's; microseconds.
OFFSET_LIMIT_US = 60_000_000
#: A timer that came due must have been served so soon, also after a start; microseconds.
OVERDUE_LIMIT_US = 3_000_000
#: States of a case in which its clock may run.
OPEN_STATES = ("new", "acknowledged", "waiting")
CRASH_CODES = ("voip_stack_crash", "application_crash")


class Check(StrEnum):
    """What can be wrong."""

    #: A fact that was acknowledged is neither stored nor covered by a gap.
    ACKNOWLEDGED_FACT_LOST = "acknowledged fact lost"
    #: A fact was passed over without being stored, without a gap that says so.
    HOLE = "hole without a gap"
    STORED_TWICE = "stored twice"
    STORED_OTHERWISE = "stored with other content"
    STORED_NOT_PRODUCED = "stored and never produced"
    GAP_NOT_PRODUCED = "gap that nobody reported"
    ACK_WENT_BACK = "ack went back"
    ACK_TOO_FAR = "ack of a fact that was not produced"
    WATERMARK_WRONG = "watermark is not the last fact"
    NOT_DRAINED = "agent was not drained"
    IDENTITY_CHANGED = "identity of facts changed"
    OPEN_ALARM_TWICE = "two open alarms of one key"
    WRONG_ALARM = "alarm is not as expected"
    WRONG_CASE = "case is not as expected"
    TIMER_WRONG = "timer is missing, wrong or overdue"
    COMMAND_LOST = "answered command had no effect"
    COMMAND_TWICE = "command had its effect twice"
    TOO_LATE = "fact was acknowledged too late to foretell its effects"
    JOURNAL_BROKEN = "journal is broken"
    TABLES_DIFFER = "table is not what the journal says"
    DATABASE_DAMAGED = "database is damaged"
    REPLAY_DIFFERS = "replay differs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One thing that is wrong."""

    check: Check
    text: str

    def __str__(self) -> str:
        """Return it in one line."""
        return f"{self.check}: {self.text}"


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
        found += check_effects(one, stored)
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
        if _agent_of(alarm) not in known:
            yield Violation(check=Check.WRONG_ALARM, text=f"{alarm['id']} of {_agent_of(alarm)}")


# --- effects ------------------------------------------------------------------------------------------------


def check_effects(one: Played, stored: Stored) -> Iterator[Violation]:
    """Check the alarms and cases of an agent against those that its facts must lead to."""
    agent = one.score.agent
    late = latest_ack_us(one.ledger)
    if late > PROMPT_US:
        yield Violation(check=Check.TOO_LATE, text=f"{agent}: {late / 1e6:.1f} s")
        return
    facts = sorted((fact for fact in stored.facts if fact.agent == agent), key=lambda fact: fact.seq)
    expected = effects(
        [event for fact in facts for event in fact.events],
        [] if one.score.squeezed else [fact.values[0] / DATABASE_LIMIT for fact in facts if fact.values],
    )
    alarms: dict[Subject, list[Mapping[str, Any]]] = defaultdict(list)
    for alarm in stored.alarms:
        if _agent_of(alarm) == agent:
            alarms[alarm["code"], alarm["component"]].append(alarm)
    for subject in sorted(expected.keys() | alarms.keys()):
        yield from _compare_effect(agent, subject, expected.get(subject), alarms[subject], stored)


def latest_ack_us(ledger: Ledger) -> int:
    """Return the longest time from producing a fact until it was acknowledged, microseconds."""
    longest = 0
    acks = iter(ledger.acks)
    ack = next(acks, None)
    # Both are in the order of seq, but for gaps that took the place of older facts.
    for fact in sorted(ledger.facts, key=lambda fact: fact.seq):
        while ack is not None and ack.watermark < fact.seq:
            ack = next(acks, None)
        if ack is not None and fact.kind is not FactKind.GAP:
            longest = max(longest, ack.time_us - fact.time_us)
    return longest


def _compare_effect(
    agent: str,
    subject: Subject,
    expected: Effect | None,
    alarms: list[Mapping[str, Any]],
    stored: Stored,
) -> Iterator[Violation]:
    """Check one alarm and its case: there is exactly one of each, with the expected figures."""
    name = f"{agent} {' '.join(subject)}"
    told = [_effect(alarm) for alarm in alarms]
    if told != ([expected] if expected else []):
        yield Violation(check=Check.WRONG_ALARM, text=f"{name}: {told}, expected {expected}")
    ids = {alarm["id"] for alarm in alarms}
    cases = [case for case in stored.cases if ids.intersection(case["alarms"])]
    told = [_effect(case) for case in cases]
    if told != ([expected] if expected else []) or any(set(case["alarms"]) != ids for case in cases):
        yield Violation(check=Check.WRONG_CASE, text=f"{name}: {told}, expected {expected}")


def _effect(entity: Mapping[str, Any]) -> Effect:
    return Effect(occurrences=entity["occurrences"], priority=entity["priority"])


def _agent_of(alarm: Mapping[str, Any]) -> str:
    return f"{alarm['customer']}/{alarm['installation']}/{alarm['node']}"


def check_work(work: Work, stored: Stored) -> Iterator[Violation]:
    """Check that every request of the engineer had its effect once, and that nobody else opened a case."""
    by_title: dict[str, list[str]] = defaultdict(list)
    for case in stored.cases:
        if not case["alarms"]:
            by_title[case["title"]].append(case["id"])
    for title, ids in by_title.items():
        if title not in work.asked:
            yield Violation(check=Check.WRONG_CASE, text=f"{', '.join(ids)} has no alarm")
        elif len(ids) > 1:
            yield Violation(check=Check.COMMAND_TWICE, text=f"{title} opened {', '.join(ids)}")
    for title, id_ in work.opened.items():
        if id_ not in by_title[title]:
            yield Violation(check=Check.COMMAND_LOST, text=f"{title} opened {id_}, which is not stored")
    taken = Counter(entry.id for entry in stored.journal if entry.reason == "CASE_ACKNOWLEDGED")
    for id_ in work.to_acknowledge:
        if taken[id_] > 1:
            yield Violation(check=Check.COMMAND_TWICE, text=f"{id_} was acknowledged {taken[id_]} times")
        elif not taken[id_] and id_ in work.acknowledged:
            yield Violation(check=Check.COMMAND_LOST, text=f"{id_} is not acknowledged")
    for text in work.contradictions:
        yield Violation(check=Check.COMMAND_TWICE, text=text)


# --- the store itself ---------------------------------------------------------------------------------------


def check_store(stored: Stored) -> Iterator[Violation]:
    """Check what must hold of a store whatever was put into it."""
    if stored.damage != ("ok",):
        yield Violation(check=Check.DATABASE_DAMAGED, text="; ".join(stored.damage))
    open_by_json = Counter(alarm["key"] for alarm in stored.alarms if alarm["closed_at"] is None)
    for keys in (Counter(stored.open_keys), open_by_json):
        for key, count in keys.items():
            if count > 1:
                yield Violation(check=Check.OPEN_ALARM_TWICE, text=f"{key}: {count}")
    known = {id_ for case in stored.cases for id_ in case["alarms"]}
    for id_ in sorted(known - {alarm["id"] for alarm in stored.alarms}):
        yield Violation(check=Check.WRONG_CASE, text=f"a case names {id_}, which does not exist")
    yield from _check_timers(stored)
    yield from _check_journal(stored)


def _check_timers(stored: Stored) -> Iterator[Violation]:
    """Check that what waits for a time has its timer, and that no timer was forgotten."""
    wanted = {
        f"response_due|{case['id']}": case["clock"]["due_at"]
        for case in stored.cases
        if case["state"] in OPEN_STATES and case["clock"] and case["clock"]["due_at"]
    }
    held = {f"{timer['kind']}|{timer['subject']}": timer["due"] for timer in stored.timers}
    for id_, due in wanted.items():
        if held.get(id_) != due:
            yield Violation(check=Check.TIMER_WRONG, text=f"{id_}: {held.get(id_)}, must be {due}")
    for state in stored.rule_states:
        id_ = f"rule_clear|{state['key']}"
        if state["code"] in CRASH_CODES and state["phase"] == "clearing" and id_ not in held:
            yield Violation(check=Check.TIMER_WRONG, text=f"{id_}: none")
    for id_, due in held.items():
        overdue_us = stored.position.wall_us - datetime.fromisoformat(due).timestamp() * 1e6
        if overdue_us > OVERDUE_LIMIT_US:
            yield Violation(check=Check.TIMER_WRONG, text=f"{id_}: overdue since {due}")


def _check_journal(stored: Stored) -> Iterator[Violation]:
    chain = verify_chain(stored.journal)
    if isinstance(chain, Break):
        text = f"entry {chain.sequence} {chain.text}"
        yield Violation(check=Check.JOURNAL_BROKEN, text=text)
    elif chain != (stored.position.sequence, stored.position.head_hash):
        text = f"it ends at {chain[0]}, its position says {stored.position.sequence} with another hash"
        yield Violation(check=Check.JOURNAL_BROKEN, text=text)
    rebuilt: dict[Kind, dict[str, Row]] = defaultdict(dict)
    for (kind, id_), image in rebuild(stored.journal).items():
        rebuilt[kind][id_] = Row(id=id_, sequence=image.sequence, data=image.data)
    for kind, rows in stored.tables.items():
        told, held = rebuilt[kind], {row.id: row for row in rows}
        for id_ in sorted(told.keys() | held.keys()):
            if told.get(id_) != held.get(id_):
                text = f"{kind} {id_}: {held.get(id_)}, the journal says {told.get(id_)}"
                yield Violation(check=Check.TABLES_DIFFER, text=text)
