"""What is said and kept while the disk refuses."""

import logging

import pytest

from tests.agent.support.facts import batch, event
from vedette_agent.facts import Gap, GapReason
from vedette_agent.waiting import MAX_WAITING_EVENTS, Refusal, Waiting

START = 1_700_000_000_000_000
SECOND = 1_000_000
FULL = "database or disk is full"


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize(
    ("seconds", "lines"),
    [([0], 1), ([0, 1, 59], 1), ([0, 59, 60], 2), ([0, 60, 119, 120], 3), ([0, -3600, -3599], 2)],
)
def test_a_refusal_is_logged_at_once_and_then_once_a_minute(
    caplog: pytest.LogCaptureFixture, seconds: list[int], lines: int
) -> None:
    waiting = Waiting()
    with caplog.at_level(logging.INFO, logger="vedette_agent"):
        for second in seconds:
            waiting.refused([batch()], FULL, START + second * SECOND)
    assert said(caplog) == ["outbox.refused"] * lines


def test_the_line_says_what_becomes_of_the_facts(caplog: pytest.LogCaptureFixture) -> None:
    waiting = Waiting()
    with caplog.at_level(logging.INFO, logger="vedette_agent"):
        waiting.add([event(), event()], {})
        waiting.refused([batch()], FULL, START)
        waiting.taken(START + 90 * SECOND)
    refused, again = (record.__dict__["vedette_fields"] for record in caplog.records)
    assert refused == {
        "error": FULL,
        "effect": "events wait in memory and metrics are dropped until the disk takes facts again",
        "seconds": 0.0,
        "waiting_events": 2,
        "dropped_facts": 1,
    }
    assert again == {"seconds": 90.0, "kept_events": 2, "dropped_facts": 1}
    assert said(caplog) == ["outbox.refused", "outbox.accepts_again"]


def test_the_refusal_counts_from_its_start_and_ends_when_everything_was_taken() -> None:
    waiting = Waiting()
    assert waiting.refusal is None
    waiting.add([event()], {"log:x": b"1"})
    waiting.refused([batch(), batch()], FULL, START)
    waiting.add([event()], {"log:x": b"2"})
    waiting.refused([batch()], "disk I/O error", START + SECOND)
    assert waiting.refusal == Refusal(
        since_us=START, error="disk I/O error", waiting_event_count=2, dropped_fact_count=3
    )
    assert waiting.gaps() == [
        Gap(reason=GapReason.DISK_FULL, fact_count=3, oldest_time_us=START, newest_time_us=START + SECOND)
    ]
    assert waiting.memory == {"log:x": b"2"}
    waiting.taken(START + 2 * SECOND)
    assert (waiting.refusal, waiting.gaps(), waiting.event_facts(), waiting.memory) == (None, [], [], {})


def test_events_beyond_the_bound_go_from_the_front_and_are_counted() -> None:
    waiting = Waiting()
    waiting.add([event(f"e{number}") for number in range(MAX_WAITING_EVENTS + 2)], {})
    waiting.refused([], FULL, START)
    assert waiting.refusal == Refusal(
        since_us=START, error=FULL, waiting_event_count=MAX_WAITING_EVENTS, dropped_fact_count=2
    )
    facts = waiting.event_facts()
    assert len(facts) == MAX_WAITING_EVENTS // 100
