"""The order in which what waits is taken."""

import numpy as np

from vedette_server.engine.inbox import LANE_LIMIT, LANE_LIMIT_BYTES, URGENT_RUN, Inbox, Lane
from vedette_server.engine.inputs import (
    BatchReceived,
    EventFact,
    EventsReceived,
)


def batch(lane: Lane, seq: int) -> BatchReceived:
    return BatchReceived(
        stream=lane.stream,
        agent=str(lane.stream),
        seq=seq,
        fact_hash=seq,
        observed_us=0,
        numbers=np.zeros(1, dtype=np.uint32),
        values=np.zeros(1),
        raw=b"",
    )


def events(lane: Lane, seq: int) -> EventsReceived:
    fact = EventFact(time_us=0, code="x", severity=0, component="", message="", attributes=())
    return EventsReceived(stream=lane.stream, agent=str(lane.stream), seq=seq, fact_hash=seq, events=(fact,))


def drain(inbox: Inbox) -> list[tuple[int, int]]:
    taken = []
    while (one := inbox.pop()) is not None:
        lane, frame = one
        taken.append((lane.stream, getattr(frame, "seq", 0)))
    return taken


def test_customers_take_turns_and_so_do_the_streams_of_one() -> None:
    inbox = Inbox()
    flood, other, small = (
        Lane(stream=1, customer="acme"),
        Lane(stream=2, customer="acme"),
        Lane(stream=3, customer="basil"),
    )
    for seq in (1, 2, 3):
        inbox.put(flood, batch(flood, seq))
    inbox.put(other, batch(other, 1))
    inbox.put(small, batch(small, 1))
    assert drain(inbox) == [(1, 1), (3, 1), (2, 1), (1, 2), (1, 3)]


def test_a_stream_with_an_event_goes_first_and_keeps_the_order_of_its_facts() -> None:
    inbox = Inbox()
    calm, urgent = Lane(stream=1, customer="acme"), Lane(stream=2, customer="acme")
    inbox.put(calm, batch(calm, 1))
    inbox.put(urgent, batch(urgent, 7))
    inbox.put(urgent, events(urgent, 8))
    inbox.put(urgent, batch(urgent, 9))
    assert drain(inbox) == [(2, 7), (2, 8), (1, 1), (2, 9)]


def test_a_lane_that_always_has_events_lets_others_through() -> None:
    inbox = Inbox()
    flood, other = Lane(stream=1, customer="acme"), Lane(stream=3, customer="cato")
    calm = Lane(stream=2, customer="basil")
    inbox.put(flood, events(flood, 1))
    inbox.put(calm, batch(calm, 1))
    inbox.put(other, events(other, 1))
    taken = []
    for seq in range(2, 40):
        inbox.put(flood, events(flood, seq))
        lane, _frame = inbox.pop() or (flood, None)
        taken.append(lane.stream)
    assert taken.index(3) == 1
    assert taken.index(2) == URGENT_RUN


def test_a_lane_is_full_at_its_limit_and_has_room_again_below() -> None:
    inbox = Inbox()
    lane = Lane(stream=1, customer="acme")
    for seq in range(LANE_LIMIT - 1):
        inbox.put(lane, batch(lane, seq))
    assert not lane.full
    inbox.put(lane, batch(lane, LANE_LIMIT))
    assert lane.full
    inbox.pop()
    assert not lane.full


def test_a_lane_is_full_by_bytes_too() -> None:
    inbox = Inbox()
    lane = Lane(stream=1, customer="acme")
    large = batch(lane, 1)
    large.raw = b"x" * LANE_LIMIT_BYTES
    inbox.put(lane, large)
    assert lane.full
    inbox.pop()
    assert (lane.full, lane.size_bytes) == (False, 0)
