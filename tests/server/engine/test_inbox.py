"""The order in which what waits is taken."""

import numpy as np

from vedette_server.engine.inbox import LANE_LIMIT, Inbox, Lane
from vedette_server.engine.inputs import (
    BatchReceived,
    DeadlinesDue,
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
        taken.append((lane.stream if lane else 0, getattr(frame, "seq", 0)))
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


def test_what_the_server_has_to_say_goes_before_all_agents() -> None:
    inbox = Inbox()
    lane = Lane(stream=1, customer="acme")
    inbox.put(lane, events(lane, 1))
    inbox.system.append(DeadlinesDue(limit=1))
    assert drain(inbox) == [(0, 0), (1, 1)]


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
