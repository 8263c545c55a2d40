"""The stream's state machine, without any stream."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette_agent.facts import FactKind, gauge
from vedette_agent.link import frames
from vedette_agent.link.session import (
    Acknowledged,
    Action,
    Cause,
    Close,
    Opened,
    Rescheduled,
    Room,
    Send,
    SendData,
    SendHeartbeat,
    Session,
    State,
)

SERIES = (gauge("a", "1"), gauge("b", "1"))


def hello(*, next_seq: int = 11, oldest_seq: int = 1) -> frames.Hello:
    return frames.Hello(
        boot_id="boot",
        start_id="start",
        outbox_id="outbox",
        next_seq=next_seq,
        oldest_seq=oldest_seq,
        previous_stop=frames.StopReason.UNKNOWN,
        agent_version="1",
        product_version="",
        agent_time_us=0,
        ha_role="",
        claimed_agent="",
        host_name="",
        platform="",
        previous_link_error="",
        wanted_heartbeat_interval=10.0,
    )


def welcome(watermark: int = 0, *, in_flight_count: int = 0, frame_size_bytes: int = 0) -> frames.Welcome:
    return frames.Welcome(
        watermark=watermark,
        heartbeat_interval=10.0,
        server_time_us=5,
        in_flight_count=in_flight_count,
        frame_size_bytes=frame_size_bytes,
    )


def ack(watermark: int) -> frames.Ack:
    return frames.Ack(watermark=watermark, server_time_us=5)


def fact(seq: int, kind: FactKind = FactKind.BATCH) -> frames.FactFrame:
    return frames.FactFrame(seq=seq, kind=kind, payload=b"x" * 10)


def opened(*, watermark: int = 0, next_seq: int = 11, oldest_seq: int = 1, **limits: int) -> Session:
    """Return a session that was welcomed at 100 s, with facts up to `next_seq` - 1 in the outbox."""
    session = Session(welcome_timeout=10.0)
    session.open(hello(next_seq=next_seq, oldest_seq=oldest_seq), 100.0)
    session.receive(welcome(watermark, **limits), 100.0)
    return session


def cause(actions: list[Action]) -> Cause:
    (close,) = (action for action in actions if isinstance(action, Close))
    return close.ended.cause


def test_a_session_starts_with_hello_and_sends_nothing_before_the_welcome() -> None:
    session = Session(welcome_timeout=10.0)
    assert session.open(hello(), 100.0) == [Send(frame=hello())]
    assert session.room(0, 100.0) is None
    actions = session.receive(welcome(3), 101.0)
    assert actions == [Opened(welcome=welcome(3)), Acknowledged(watermark=3, server_time_us=5)]
    assert session.state is State.LIVE
    assert session.room(0, 101.0) == Room(after_seq=3, count=7)


@pytest.mark.parametrize(("now", "closed"), [(109.9, False), (110.0, True)])
def test_the_welcome_has_a_deadline(now: float, closed: bool) -> None:
    session = Session(welcome_timeout=10.0)
    session.open(hello(), 100.0)
    assert session.next_deadline() == 110.0
    actions = session.poll(now)
    assert (actions != []) is closed
    if closed:
        assert cause(actions) is Cause.NO_WELCOME


@pytest.mark.parametrize(
    ("watermark", "oldest_seq", "after"),
    [(0, 1, 0), (4, 1, 4), (10, 1, 10), (0, 5, 4), (2, 5, 4), (7, 5, 7)],
)
def test_it_resumes_after_the_watermark_or_at_the_oldest_fact(
    watermark: int, oldest_seq: int, after: int
) -> None:
    session = opened(watermark=watermark, oldest_seq=oldest_seq)
    assert session.acked_seq == session.sent_seq == after


def test_a_server_that_has_more_than_the_outbox_shows_an_old_copy() -> None:
    session = Session(welcome_timeout=10.0)
    session.open(hello(next_seq=11), 100.0)
    assert cause(session.receive(welcome(11), 100.0)) is Cause.OUTBOX_BEHIND


@pytest.mark.parametrize(
    ("now", "expected"), [(109.9, []), (110.0, [SendHeartbeat()]), (115.0, [SendHeartbeat()])]
)
def test_a_heartbeat_is_due_when_nothing_left_for_an_interval(now: float, expected: list[Action]) -> None:
    session = opened()
    session.sent(100.0)
    assert session.poll(now) == expected


def test_a_frame_that_left_counts_as_a_heartbeat_and_none_is_queued_twice() -> None:
    session = opened()
    session.sent(105.0)
    assert session.poll(114.9) == []
    assert session.poll(115.0) == [SendHeartbeat()]
    assert session.poll(116.0) == []
    session.sent(116.0)
    session.receive(ack(0), 117.0)
    assert session.next_deadline() == 126.0


@pytest.mark.parametrize(("now", "dead"), [(119.9, False), (120.0, True), (4000.0, True)])
def test_silence_for_two_intervals_is_death(now: float, dead: bool) -> None:
    session = opened()
    actions = session.poll(now)
    assert any(isinstance(action, Close) for action in actions) is dead
    if dead:
        assert cause(actions) is Cause.SILENCE


def test_every_frame_from_the_server_is_a_sign_of_life() -> None:
    session = opened()
    session.receive(frames.UnknownFrame(), 119.0)
    assert not any(isinstance(action, Close) for action in session.poll(138.9))
    assert cause(session.poll(139.0)) is Cause.SILENCE


def test_the_window_of_unacknowledged_facts_is_the_servers() -> None:
    session = opened(in_flight_count=4)
    assert session.room(0, 100.0) == Room(after_seq=0, count=4)
    session.offer([fact(1), fact(2), fact(3)], SERIES)
    assert session.room(0, 100.0) == Room(after_seq=3, count=1)
    session.offer([fact(4)], SERIES)
    assert session.room(0, 100.0) is None
    session.receive(ack(2), 101.0)
    assert session.room(0, 101.0) == Room(after_seq=4, count=2)


def test_series_are_announced_once_before_the_first_batch() -> None:
    session = opened()
    first = session.offer([fact(1, FactKind.EVENTS)], SERIES)
    assert first == [SendData(frame=fact(1, FactKind.EVENTS))]
    second = session.offer([fact(2)], SERIES)
    announced = SendData(frame=frames.SeriesFrame(descriptors=((0, SERIES[0]), (1, SERIES[1]))))
    assert second == [announced, SendData(frame=fact(2))]
    assert session.offer([fact(3)], SERIES) == [SendData(frame=fact(3))]
    more = (*SERIES, gauge("c", "1"))
    grown = SendData(frame=frames.SeriesFrame(descriptors=((2, more[2]),)))
    assert session.offer([fact(4)], more) == [grown, SendData(frame=fact(4))]


def test_many_series_are_announced_in_small_frames() -> None:
    session = opened()
    many = tuple(gauge(f"s{number}", "1") for number in range(450))
    sizes = [
        len(action.frame.descriptors)
        for action in session.offer([fact(1)], many)
        if isinstance(action, SendData) and isinstance(action.frame, frames.SeriesFrame)
    ]
    assert sizes == [200, 200, 50]


def test_a_hole_in_the_order_ends_the_stream_instead_of_being_sent() -> None:
    session = opened()
    actions = session.offer([fact(1), fact(3)], SERIES)
    assert SendData(frame=fact(3)) not in actions
    assert cause(actions) is Cause.OUTBOX_MOVED


def test_a_throttle_holds_metrics_but_not_what_an_event_needs() -> None:
    session = opened()
    assert session.receive(frames.Throttle(retry_after=30.0), 100.0) == [Rescheduled()]
    assert session.room(0, 100.0) is None
    assert session.room(6, 100.0) == Room(after_seq=0, count=10, up_to_seq=6)
    assert session.room(0, 129.9) is None
    assert session.room(0, 130.0) == Room(after_seq=0, count=10)


def test_a_throttle_of_a_year_is_not_believed() -> None:
    session = opened()
    session.receive(frames.Throttle(retry_after=3e7), 100.0)
    assert session.throttled_until == 700.0


def test_configure_changes_the_heartbeat_at_once() -> None:
    session = opened()
    session.sent(100.0)
    assert session.receive(frames.Configure(heartbeat_interval=2.0), 100.0) == [Rescheduled()]
    assert session.next_deadline() == 102.0
    assert session.receive(frames.Configure(heartbeat_interval=None), 100.0) == []


def test_a_command_is_answered_with_a_refusal() -> None:
    session = opened()
    actions = session.receive(frames.Command(command_id="c1", name="rm"), 100.0)
    assert actions == [Send(frame=frames.Result(command_id="c1", error='this agent allows no command "rm"'))]


@pytest.mark.parametrize(
    "frame",
    [ack(0), frames.Configure(heartbeat_interval=1.0), frames.Throttle(retry_after=1.0)],
)
def test_whatever_comes_before_the_welcome_is_a_violation(frame: frames.Incoming) -> None:
    session = Session(welcome_timeout=10.0)
    session.open(hello(), 100.0)
    assert cause(session.receive(frame, 100.0)) is Cause.VIOLATION


def test_a_second_welcome_and_an_ack_of_what_was_never_sent_are_violations() -> None:
    assert cause(opened().receive(welcome(), 100.0)) is Cause.VIOLATION
    assert cause(opened().receive(ack(1), 100.0)) is Cause.VIOLATION


def test_an_ack_that_goes_back_is_ignored() -> None:
    session = opened(watermark=5)
    assert session.receive(ack(3), 100.0) == [Acknowledged(watermark=5, server_time_us=5)]


def test_reject_and_reconnect_end_the_stream_with_what_the_server_said() -> None:
    reject = frames.Reject(reason=10, message="revoked", retry_after=None)
    (close,) = opened().receive(reject, 100.0)
    assert isinstance(close, Close)
    assert (close.ended.cause, close.ended.reject) == (Cause.REJECTED, reject)
    assert close.ended.text == "the server refused: REVOKED: revoked"
    hint = frames.Reconnect(after=1.0, jitter=2.0, endpoint="")
    (close,) = opened().receive(hint, 100.0)
    assert isinstance(close, Close)
    assert (close.ended.cause, close.ended.reconnect) == (Cause.RECONNECT, hint)


def test_a_stop_sends_what_is_left_and_then_says_goodbye() -> None:
    session = opened(next_seq=3)
    session.offer([fact(1)], SERIES)
    assert session.stop(frames.StopReason.REQUESTED, 2.0, 101.0) == [Rescheduled()]
    assert session.state is State.DRAINING
    assert session.room(0, 101.0) == Room(after_seq=1, count=1)
    session.offer([fact(2)], SERIES)
    assert session.receive(ack(1), 101.5) == [Acknowledged(watermark=1, server_time_us=5)]
    _, goodbye, close = session.receive(ack(2), 101.6)
    assert goodbye == Send(frame=frames.Goodbye(reason=frames.StopReason.REQUESTED))
    assert cause([close]) is Cause.STOPPED


@pytest.mark.parametrize(("now", "over"), [(102.9, False), (103.0, True)])
def test_a_stop_waits_only_so_long(now: float, over: bool) -> None:
    session = opened()
    session.stop(frames.StopReason.REQUESTED, 2.0, 101.0)
    assert session.next_deadline() == 103.0
    assert bool(session.poll(now)) is over


def test_a_stop_with_nothing_left_or_before_the_welcome_is_immediate() -> None:
    assert cause(opened(next_seq=1).stop(frames.StopReason.REQUESTED, 2.0, 101.0)) is Cause.STOPPED
    session = Session(welcome_timeout=10.0)
    session.open(hello(), 100.0)
    goodbye, close = session.stop(frames.StopReason.REQUESTED, 2.0, 101.0)
    assert isinstance(goodbye, Send)
    assert cause([close]) is Cause.STOPPED


def test_a_closed_session_does_nothing_more() -> None:
    session = opened()
    session.poll(1000.0)
    assert session.state is State.CLOSED
    assert session.receive(ack(0), 1000.0) == []
    assert session.poll(2000.0) == []
    assert session.next_deadline() is None
    assert session.room(0, 1000.0) is None
    assert session.offer([fact(1)], SERIES) == []
    assert session.stop(frames.StopReason.REQUESTED, 2.0, 1000.0) == []


@pytest.mark.parametrize(("limit", "too_large"), [(0, False), (10, False), (9, True)])
def test_a_fact_over_the_servers_limit_is_known_before_it_is_sent(limit: int, too_large: bool) -> None:
    assert opened(frame_size_bytes=limit).too_large(fact(1)) is too_large


STEP = st.one_of(
    st.tuples(st.just("append"), st.integers(1, 5)),
    st.tuples(st.just("send"), st.integers(1, 5)),
    st.tuples(st.just("ack"), st.integers(0, 20)),
    st.tuples(st.just("time"), st.integers(0, 12)),
    st.tuples(st.just("throttle"), st.integers(0, 20)),
    st.tuples(st.just("wrote"), st.just(0)),
)


@given(st.integers(1, 6), st.lists(STEP, max_size=60))
def test_whatever_happens_the_order_has_no_hole_and_the_window_holds(
    window: int, steps: list[tuple[str, int]]
) -> None:
    session = opened(next_seq=1, in_flight_count=window)
    now, next_seq, sent = 100.0, 1, []
    for step, amount in steps:
        actions: list[Any] = []
        match step:
            case "append":
                next_seq += amount
                session.appended(next_seq, now)
            case "send":
                room = session.room(0, now)
                if room is not None:
                    assert room.count <= window
                    count = min(room.count, amount)
                    offered = [fact(room.after_seq + 1 + index) for index in range(count)]
                    actions = session.offer(offered, SERIES)
            case "ack":
                actions = session.receive(ack(min(amount, session.sent_seq)), now)
            case "throttle":
                actions = session.receive(frames.Throttle(retry_after=float(amount)), now)
            case "time":
                now += amount
                actions = session.poll(now)
            case _:
                session.sent(now)
        sent += [
            action.frame.seq
            for action in actions
            if isinstance(action, SendData) and isinstance(action.frame, frames.FactFrame)
        ]
        assert sent == list(range(1, len(sent) + 1))
        assert session.sent_seq - session.acked_seq <= window
        assert session.acked_seq <= session.sent_seq < next_seq
        if session.state is State.CLOSED:
            return
        deadline = session.next_deadline()
        assert deadline is not None
        assert deadline <= now + 20.0
