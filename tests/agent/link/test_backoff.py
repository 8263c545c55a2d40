"""What follows the end of a stream, and when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette_agent.link import frames
from vedette_agent.link.backoff import Backoff, Next, Verdict
from vedette_agent.link.frames import RejectReason
from vedette_agent.link.session import Cause, Ended


def backoff(draw: float = 0.5) -> Backoff:
    return Backoff(initial=5.0, longest=60.0, draw=lambda: draw)


def lost(status: str = "UNAVAILABLE") -> Ended:
    return Ended(cause=Cause.TRANSPORT, text="x", status=status)


def rejected(reason: int, retry_after: float | None = None) -> Ended:
    reject = frames.Reject(reason=reason, message="", retry_after=retry_after)
    return Ended(cause=Cause.REJECTED, text="x", reject=reject)


def test_the_window_doubles_with_each_failure_up_to_the_longest() -> None:
    waits = backoff(1.0)
    delays = [waits.judge(lost(), live_seconds=0.0).delay for _ in range(7)]
    assert delays == [5.0, 10.0, 20.0, 40.0, 60.0, 60.0, 60.0]


def test_the_wait_is_drawn_from_the_whole_window() -> None:
    assert backoff(0.0).judge(lost(), live_seconds=0.0).delay == 0.0
    assert backoff(0.999).judge(lost(), live_seconds=0.0).delay == pytest.approx(4.995)


@pytest.mark.parametrize(("live_seconds", "delay"), [(39.9, 40.0), (40.0, 40.0), (40.1, 5.0)])
def test_a_stream_that_lived_longer_than_the_window_starts_anew_a_flapping_one_does_not(
    live_seconds: float, delay: float
) -> None:
    waits = backoff(1.0)
    for _ in range(3):
        waits.judge(lost(), live_seconds=0.0)
    assert waits.judge(lost(), live_seconds=live_seconds).delay == delay


@pytest.mark.parametrize(
    ("ended", "expected"),
    [
        (Ended(cause=Cause.STOPPED, text=""), Verdict(next=Next.STOP)),
        (lost("UNAVAILABLE"), Verdict(next=Next.AGAIN, delay=2.5)),
        (Ended(cause=Cause.SILENCE, text=""), Verdict(next=Next.AGAIN, delay=2.5)),
        (Ended(cause=Cause.NO_WELCOME, text=""), Verdict(next=Next.AGAIN, delay=2.5)),
        (Ended(cause=Cause.OUTBOX_MOVED, text=""), Verdict(next=Next.AGAIN, delay=2.5)),
        (Ended(cause=Cause.CLOCK_DRIFTED, text=""), Verdict(next=Next.AGAIN, delay=2.5)),
        (Ended(cause=Cause.OUTBOX_BEHIND, text=""), Verdict(next=Next.RENEW_OUTBOX, delay=2.5)),
        (lost("UNAUTHENTICATED"), Verdict(next=Next.AGAIN, delay=62.5)),
        (lost("PERMISSION_DENIED"), Verdict(next=Next.AGAIN, delay=62.5)),
        (lost("TOKEN_NOT_AGENT"), Verdict(next=Next.GIVE_UP)),
        (rejected(RejectReason.REVOKED), Verdict(next=Next.GIVE_UP)),
        (rejected(RejectReason.OUTBOX_CONFLICT), Verdict(next=Next.RENEW_OUTBOX, delay=2.5)),
        (rejected(RejectReason.SERIES_CONFLICT), Verdict(next=Next.RENEW_OUTBOX, delay=2.5)),
        (rejected(RejectReason.SUPERSEDED), Verdict(next=Next.AGAIN, delay=62.5)),
        (rejected(RejectReason.IDENTITY_MISMATCH), Verdict(next=Next.AGAIN, delay=62.5)),
        (rejected(RejectReason.IDENTITY_CONFLICT, 60.0), Verdict(next=Next.AGAIN, delay=62.5)),
        (rejected(RejectReason.IDENTITY_CONFLICT, 300.0), Verdict(next=Next.AGAIN, delay=302.5)),
        (rejected(RejectReason.TOO_MANY_SERIES), Verdict(next=Next.AGAIN, delay=62.5)),
        (rejected(RejectReason.SILENT), Verdict(next=Next.AGAIN, delay=2.5)),
        (rejected(RejectReason.SEQ_SKIPPED), Verdict(next=Next.AGAIN, delay=2.5)),
        (rejected(RejectReason.SILENT, 10.0), Verdict(next=Next.AGAIN, delay=12.5)),
        (rejected(999), Verdict(next=Next.AGAIN, delay=62.5)),
    ],
)
def test_each_ending_has_its_answer(ended: Ended, expected: Verdict) -> None:
    assert backoff().judge(ended, live_seconds=0.0) == expected


def test_skipping_again_is_a_disagreement_that_a_new_outbox_id_ends() -> None:
    waits = backoff()
    assert waits.judge(rejected(RejectReason.SEQ_SKIPPED), live_seconds=0.0).next is Next.AGAIN
    assert waits.judge(rejected(RejectReason.SEQ_SKIPPED), live_seconds=0.0).next is Next.RENEW_OUTBOX
    assert waits.judge(rejected(RejectReason.SEQ_SKIPPED), live_seconds=0.0).next is Next.AGAIN


def test_a_stream_in_between_that_was_not_skipped_forgets_the_skip() -> None:
    waits = backoff()
    waits.judge(rejected(RejectReason.SEQ_SKIPPED), live_seconds=0.0)
    waits.judge(rejected(RejectReason.SILENT), live_seconds=0.0)
    assert waits.judge(rejected(RejectReason.SEQ_SKIPPED), live_seconds=0.0).next is Next.AGAIN


@pytest.mark.parametrize(
    ("after", "jitter", "delay"), [(0.0, 0.0, 0.0), (3.0, 4.0, 5.0), (-1.0, -1.0, 0.0), (1e9, 0.0, 3600.0)]
)
def test_the_servers_hint_is_honoured_within_reason(after: float, jitter: float, delay: float) -> None:
    hint = frames.Reconnect(after=after, jitter=jitter, endpoint="other:7443")
    ended = Ended(cause=Cause.RECONNECT, text="", reconnect=hint)
    assert backoff().judge(ended, live_seconds=0.0) == Verdict(
        next=Next.AGAIN, delay=delay, endpoint="other:7443"
    )


@given(st.floats(0.0, 0.999), st.lists(st.floats(0.0, 200.0), max_size=20))
def test_no_wait_is_negative_or_longer_than_the_longest(draw: float, lives: list[float]) -> None:
    waits = backoff(draw)
    for live in lives:
        assert 0.0 <= waits.judge(lost(), live_seconds=live).delay <= 60.0
