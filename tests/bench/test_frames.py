"""Frames: what the load sends is what an agent would have encoded."""

from __future__ import annotations

from bench.frames import (
    CROSSING,
    SAMPLES,
    SERIES,
    Batches,
    ack_frame,
    acknowledged,
    hello_frame,
    series_frame,
)
from vedette.agent.v1 import agent_pb2
from vedette.telemetry.v1 import telemetry_pb2
from vedette_agent.outbox.batch import Columns, decoded, is_valid


def batch_in(raw: bytes) -> telemetry_pb2.Batch:
    return agent_pb2.ConnectRequest.FromString(raw).batch


def values_in(raw: bytes) -> dict[int, float]:
    batch = batch_in(raw)
    return dict(decoded(Columns(series_numbers=batch.series_numbers, values=batch.values)))


def test_an_agent_has_two_hundred_different_series_that_the_protocol_allows() -> None:
    assert len(set(SERIES)) == SAMPLES == 200
    assert all(map(is_valid, SERIES))


def test_a_patched_batch_has_its_seq_and_time_and_one_value_for_every_series() -> None:
    raw = Batches(1).batch(4711, 1_700_000_000_000_001)
    batch = batch_in(raw)
    assert (batch.seq, batch.observe_time_us) == (4711, 1_700_000_000_000_001)
    assert list(values_in(raw)) == list(range(SAMPLES))
    assert batch.SerializeToString() in raw


def test_batches_differ_and_calm_ones_stay_far_from_every_threshold() -> None:
    batches = Batches(1)
    sent = [batches.batch(seq, 0) for seq in (1, 2)]
    assert values_in(sent[0]) != values_in(sent[1])
    for raw in sent:
        values = values_in(raw)
        for number, series in enumerate(SERIES):
            if series.name.endswith(".usage"):
                assert 0.4 < values[number] / 1e9 < 0.6


def test_a_crossing_batch_differs_in_the_one_database_that_is_full() -> None:
    full = values_in(Batches(1).batch(1, 0, crosses=True))[SERIES.index(CROSSING)]
    assert full / 1e9 == 0.85


def test_equal_seeds_give_equal_bytes() -> None:
    assert Batches(7).batch(1, 2) == Batches(7).batch(1, 2)
    assert Batches(7).batch(1, 2) != Batches(8).batch(1, 2)


def test_hello_and_series_are_frames_of_the_protocol() -> None:
    hello = agent_pb2.ConnectRequest.FromString(hello_frame("acme/hq/node-1", "box", 5_000_000)).hello
    assert (hello.claimed_agent, hello.outbox_id, hello.next_seq) == ("acme/hq/node-1", "box", 1)
    descriptors = agent_pb2.ConnectRequest.FromString(series_frame()).series.descriptors
    assert [one.number for one in descriptors] == list(range(SAMPLES))


def test_the_watermark_is_read_from_acks_and_from_nothing_else() -> None:
    assert acknowledged(ack_frame(2**40, 1_700_000_000_123_456)) == 2**40
    welcome = agent_pb2.ConnectResponse(welcome=agent_pb2.Welcome(watermark=9))
    assert acknowledged(welcome.SerializeToString()) is None
