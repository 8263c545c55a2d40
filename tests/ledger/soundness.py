"""Soundness: what must hold of a store whatever was put into it.

Nothing here does I/O.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime

from tests.ledger.stored import Row, Stored
from tests.ledger.violation import Check, Violation
from vedette_server.engine.changes import Kind
from vedette_server.store.journal import Break, rebuild
from vedette_server.store.journal import verify as verify_chain

#: A timer that came due must have been served so soon, also after a start; microseconds.
OVERDUE_LIMIT_US = 3_000_000
#: States of a case in which its clock may run.
OPEN_STATES = ("new", "acknowledged", "waiting")
CRASH_CODES = ("voip_stack_crash", "application_crash")


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
