"""Consequences: alarms, cases and commands. Each must be there once, with exactly the figures it must have.

What they must be is worked out from the facts that were stored, by rules that are not the server's
(`score.effects`).

Nothing here does I/O.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from tests.ledger.engineer import Work
from tests.ledger.ledger import Ledger
from tests.ledger.score import DATABASE_LIMIT, Effect, Score, Subject, effects
from tests.ledger.stored import Stored
from tests.ledger.violation import Check, Violation
from vedette_agent.facts import FactKind

#: A fact that took longer to be acknowledged may be a late one, which the server judges by other rules;
#: microseconds. The server's own limit is 30 s.
PROMPT_US = 25_000_000


def check_effects(score: Score, ledger: Ledger, stored: Stored) -> Iterator[Violation]:
    """Check the alarms and cases of an agent against those that its facts must lead to.

    Late facts wake nobody: of an agent that had any, the figures may be lower than expected, never higher.
    """
    agent, late = score.agent, is_late(ledger)
    facts = sorted((fact for fact in stored.facts if fact.agent == agent), key=lambda fact: fact.seq)
    expected = effects(
        [event for fact in facts for event in fact.events],
        [] if score.squeezed else [fact.values[0] / DATABASE_LIMIT for fact in facts if fact.values],
    )
    alarms: dict[Subject, list[Mapping[str, Any]]] = defaultdict(list)
    for alarm in stored.alarms:
        if agent_of(alarm) == agent:
            alarms[alarm["code"], alarm["component"]].append(alarm)
    for subject in sorted(expected.keys() | alarms.keys()):
        name = f"{agent} {' '.join(subject)}"
        yield from _compare_effect(name, expected.get(subject), alarms[subject], stored, late=late)


def is_late(ledger: Ledger) -> bool:
    """Tell whether a fact was acknowledged so late that the server may have taken it for a late one."""
    longest = 0
    acks = iter(ledger.acks)
    ack = next(acks, None)
    # Both are in the order of seq, but for gaps that took the place of older facts.
    for fact in sorted(ledger.facts, key=lambda fact: fact.seq):
        while ack is not None and ack.watermark < fact.seq:
            ack = next(acks, None)
        if ack is not None and fact.kind is not FactKind.GAP:
            longest = max(longest, ack.time_us - fact.time_us)
    return longest > PROMPT_US


def _compare_effect(
    name: str, expected: Effect | None, alarms: list[Mapping[str, Any]], stored: Stored, *, late: bool
) -> Iterator[Violation]:
    """Check one alarm and its case: there is exactly one of each, with the expected figures."""
    raised = [_effect(alarm) for alarm in alarms]
    if not _fits(raised, expected, late=late):
        yield Violation(check=Check.WRONG_ALARM, text=f"{name}: {raised}, expected {expected}")
    ids = {alarm["id"] for alarm in alarms}
    cases = [case for case in stored.cases if ids.intersection(case["alarms"])]
    opened = [_effect(case) for case in cases]
    alike = all(set(case["alarms"]) == ids for case in cases) and (opened == raised or not late)
    if not (alike and _fits(opened, expected, late=late)):
        yield Violation(check=Check.WRONG_CASE, text=f"{name}: {opened}, expected {expected}")


def _fits(told: list[Effect], expected: Effect | None, *, late: bool) -> bool:
    if not late or not told:
        return late or told == ([expected] if expected else [])
    return (
        expected is not None
        and len(told) == 1
        and told[0].occurrences <= expected.occurrences
        and told[0].priority >= expected.priority
    )


def _effect(entity: Mapping[str, Any]) -> Effect:
    return Effect(occurrences=entity["occurrences"], priority=entity["priority"])


def agent_of(alarm: Mapping[str, Any]) -> str:
    """Return "customer/installation/node" of an alarm."""
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
