"""The codec: canonical bytes, exact round trips, and old entries that decode forever."""

import json
from dataclasses import fields, is_dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from math import inf, nan
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.server.store import samples
from vedette_server.alarms.alarm import Alarm
from vedette_server.cases.case import Case
from vedette_server.contracts.priority import Priority
from vedette_server.detect.rule_state import RuleState
from vedette_server.engine import inputs
from vedette_server.engine.changes import ENTITY_TYPES, Counter, Entity, Gap, Kind
from vedette_server.fleet.agent import Agent, StopReason
from vedette_server.store.codec import Undecodable, decode, decode_inputs, encode, encode_inputs

#: Journal images as versions before this one wrote them, with what they must decode to. Never edit an entry;
#: add one when a type gains a field.
CORPUS = sorted(Path(__file__).with_name("corpus").glob("*.json"))

PLAIN: dict[object, st.SearchStrategy[object]] = {
    bool: st.booleans(),
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False, allow_infinity=False),
    str: st.text(max_size=20),
    datetime: st.timedeltas(timedelta(-9999), timedelta(99999)).map(samples.NOW.__add__),
    timedelta: st.timedeltas(timedelta(-5000), timedelta(5000)),
    NoneType: st.none(),
}


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Return everything that a field of this type may hold."""
    if hint in PLAIN:
        return PLAIN[hint]
    if is_dataclass(hint) and isinstance(hint, type):
        hints = get_type_hints(hint)
        return st.builds(hint, **{field.name: values(hints[field.name]) for field in fields(hint)})
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(hint)
    if get_origin(hint) is UnionType:
        return st.one_of(*map(values, get_args(hint)))
    if get_origin(hint) is tuple and get_args(hint)[-1] is Ellipsis:
        return st.lists(values(get_args(hint)[0]), max_size=3).map(tuple)
    if get_origin(hint) is tuple:
        return st.tuples(*map(values, get_args(hint)))
    raise TypeError(hint)


@pytest.mark.parametrize(("kind", "entity"), [(kind, entity) for kind, _id, entity in samples.ENTITIES])
def test_every_kind_comes_back_as_it_was(kind: Kind, entity: Entity) -> None:
    assert decode(kind, encode(entity)) == entity


def test_there_is_a_sample_of_every_kind() -> None:
    assert sorted(kind for kind, _id, _entity in samples.ENTITIES) == sorted(Kind)
    assert sorted(ENTITY_TYPES) == sorted(Kind)


@pytest.mark.parametrize(
    ("kind", "type_"),
    [
        (Kind.AGENT, Agent),
        (Kind.ALARM, Alarm),
        (Kind.CASE, Case),
        (Kind.GAP, Gap),
        (Kind.RULE_STATE, RuleState),
    ],
)
@given(data=st.data())
def test_whatever_an_entity_holds_comes_back_exactly(
    kind: Kind, type_: type[Entity], data: st.DataObject
) -> None:
    entity = data.draw(values(type_))
    raw = encode(entity)
    assert decode(kind, raw) == entity
    assert encode(decode(kind, raw)) == raw


def test_keys_are_sorted_times_are_utc_and_floats_are_shortest() -> None:
    assert encode(samples.TIMER) == (
        b'{"due":"2026-03-02T10:25:00.123456Z","kind":"response_due","revision":1,"steady":false,"subject":"C-1"}'
    )
    evidence = json.loads(encode(samples.ALARM))["evidence"]
    assert list(evidence) == sorted(evidence)
    assert b'"value":0.86}' in encode(samples.ALARM)


@pytest.mark.parametrize("number", [nan, inf, -inf])
def test_a_number_that_json_cannot_say_is_refused_when_it_is_written(number: float) -> None:
    alarm = replace(samples.ALARM, evidence=replace(samples.ALARM.evidence, value=number))
    with pytest.raises(ValueError, match="Alarm holds a number that is not finite"):
        encode(alarm)


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b'{"id":1,"value":2}', b'{"id":"A","value":"x"}'])
def test_bytes_that_are_no_entity_are_named(raw: bytes) -> None:
    with pytest.raises(Undecodable, match="counter cannot be decoded"):
        decode(Kind.COUNTER, raw)


def test_a_field_of_a_newer_version_is_ignored() -> None:
    assert decode(Kind.COUNTER, b'{"id":"A","value":2,"unheard_of":true}') == Counter(id="A", value=2)


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_old_entries_decode_forever(path: Path) -> None:
    kind = Kind(path.stem)
    for entry in json.loads(path.read_text("utf-8")):
        entity = decode(kind, json.dumps(entry["image"]).encode())
        now = json.loads(encode(entity))
        # What was written is still there, under its name and with its value; only new fields may have joined.
        assert contains(now, entry["image"]), entry["since"]


def test_the_corpus_has_every_kind() -> None:
    assert [path.stem for path in CORPUS] == sorted(Kind)


def contains(now: object, old: object) -> bool:
    if isinstance(old, dict) and isinstance(now, dict):
        return all(key in now and contains(now[key], value) for key, value in old.items())
    if isinstance(old, list) and isinstance(now, list):
        return len(old) == len(now) and all(map(contains, now, old))
    return type(old) is type(now) and old == now


STORED: tuple[inputs.AnyStored, ...] = (
    inputs.ServerStarted(
        engine="0.1.0",
        heartbeat=timedelta(seconds=10),
        overdue_after=timedelta(seconds=20),
        lost_after=timedelta(seconds=120),
    ),
    inputs.PolicyLoaded(policy=samples.POLICY),
    inputs.CatalogLoaded(catalog=samples.CATALOG),
    inputs.ClockStepped(step=timedelta(seconds=-3, microseconds=7)),
    inputs.DeadlinesDue(limit=500),
    inputs.SeriesAnnounced(stream=1, agent=samples.AGENT_ID, series=samples.SERIES),
    inputs.EventsReceived(
        stream=1,
        agent=samples.AGENT_ID,
        seq=2**63 - 1,
        fact_hash=2**32 - 1,
        events=(
            inputs.EventFact(
                time_us=-1, code="x", severity=9, component="", message="\x1b[31m", attributes=(("a", "b"),)
            ),
        ),
    ),
    inputs.GoodbyeReceived(
        stream=1, agent=samples.AGENT_ID, reason=StopReason.UPGRADE, expected_back=samples.NOW
    ),
    inputs.BatchRef(stream=1, agent=samples.AGENT_ID, seq=3, fact_hash=7, taken=True),
    inputs.CreateCase(
        by="ann",
        request_id="r-1",
        customer="acme",
        installation="berlin",
        priority=Priority.P2,
        title="t",
        description="d",
    ),
    inputs.ResolveCase(by="ann", request_id="r-2", id="C-1", etag="3", resolution="done"),
)


def test_inputs_come_back_as_they_were_and_in_order() -> None:
    assert decode_inputs(encode_inputs(STORED)) == list(STORED)


def test_bytes_that_are_no_inputs_are_named() -> None:
    with pytest.raises(Undecodable, match="inputs cannot be decoded"):
        decode_inputs(msgspec.msgpack.encode([["NoSuchInput", 1]]))
