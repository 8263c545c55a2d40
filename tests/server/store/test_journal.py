"""The hash chain: what breaks it, where, and what the journal folds back into."""

import hashlib
import json
from typing import Any

import msgspec
import pytest

from tests.server.store import samples
from vedette_server.engine.changes import Change, Counter, Kind, Versions
from vedette_server.store.codec import encode
from vedette_server.store.journal import GENESIS, Break, Entry, Image, canonical, entry_of, rebuild, verify


def chain(*changes: tuple[Kind, str, Any]) -> list[Entry]:
    entries: list[Entry] = []
    for sequence, (kind, id_, after) in enumerate(changes, start=1):
        change = Change(sequence=sequence, kind=kind, id=id_, after=after, reason="R", actor="ann", text="t")
        entries.append(
            entry_of(
                change,
                partition=0,
                turn=sequence,
                time_us=samples.NOW_US,
                versions=Versions(engine="0.1.0"),
                prev_hash=entries[-1].hash if entries else GENESIS,
            )
        )
    return entries


COUNTERS = [(Kind.COUNTER, "A", Counter(id="A", value=value)) for value in range(1, 5)]


def test_the_hash_is_of_the_predecessors_hash_and_plain_sorted_json() -> None:
    first, second = chain(*COUNTERS[:2])
    raw = (
        b'{"actor":"ann","after":{"id":"A","revision":1,"value":1},"catalog":"","engine":"0.1.0","id":"A",'
        b'"kind":"counter","op":"put","partition":0,"policy":"","reason":"R","sequence":1,"text":"t",'
        b'"time_us":1772443800123456,"turn":1}'
    )
    assert canonical(first) == raw
    assert first.hash == hashlib.sha256(bytes(32) + raw).digest()
    assert second.prev_hash == first.hash
    assert second.hash == hashlib.sha256(first.hash + canonical(second)).digest()


def test_an_entry_of_a_removal_says_so() -> None:
    (entry,) = chain((Kind.TIMER, "t", None))
    assert entry.image() is None
    said = json.loads(canonical(entry))
    assert (said["op"], said["after"]) == ("delete", None)


def test_an_unbroken_chain_yields_its_head() -> None:
    entries = chain(*COUNTERS)
    assert verify(entries) == (4, entries[-1].hash)
    assert verify([]) == (0, GENESIS)
    assert verify(entries[2:], prev_sequence=2, prev_hash=entries[1].hash) == (4, entries[-1].hash)


@pytest.mark.parametrize(
    "field", ["turn", "time_us", "partition", "id", "reason", "actor", "text", "kind", "versions", "after"]
)
def test_whichever_field_of_an_entry_is_changed_the_chain_breaks_there(field: str) -> None:
    other: dict[str, Any] = {
        "turn": 9,
        "time_us": 9,
        "partition": 1,
        "id": "B",
        "reason": "S",
        "actor": "bob",
        "text": "u",
        "kind": Kind.TIMER,
        "versions": Versions(engine="0.1.0", policy="x"),
        "after": encode(Counter(id="A", value=9)),
    }
    entries = chain(*COUNTERS)
    entries[2] = msgspec.structs.replace(entries[2], **{field: other[field]})
    assert verify(entries) == Break(sequence=3, text="its content does not have its hash")


def test_an_entry_that_was_dropped_or_moved_breaks_the_chain() -> None:
    entries = chain(*COUNTERS)
    words = "follows 1: what was between is missing or out of order"
    assert verify([entries[0], *entries[2:]]) == Break(sequence=3, text=words)
    assert verify([entries[0], entries[2], entries[1]]) == Break(sequence=3, text=words)


def test_an_entry_that_was_hashed_anew_is_betrayed_by_its_successor() -> None:
    entries = chain(*COUNTERS)
    forged = chain(COUNTERS[0], (Kind.COUNTER, "A", Counter(id="A", value=99)))[1]
    assert verify([entries[0], forged, *entries[2:]]) == Break(
        sequence=3, text="names another predecessor than the one before it"
    )


def test_the_journal_folds_into_the_newest_image_of_what_is_left() -> None:
    timer = (Kind.TIMER, samples.TIMER.id, samples.TIMER)
    entries = chain(
        timer, *COUNTERS[:2], (Kind.TIMER, samples.TIMER.id, None), (Kind.ALARM, "A", samples.ALARM)
    )
    assert rebuild(entries) == {
        (Kind.COUNTER, "A"): Image(sequence=3, data=encode(Counter(id="A", value=2))),
        (Kind.ALARM, "A"): Image(sequence=5, data=encode(samples.ALARM)),
    }
