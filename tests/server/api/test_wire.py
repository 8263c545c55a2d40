"""Messages of resources: no number, whoever drove it up, makes an answer fail."""

from datetime import UTC, datetime, timedelta

import pytest

from vedette_server.api import wire
from vedette_server.fleet.agent import Agent, AgentLink

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "on_wire"), [(-1, 0), (0, 0), (1, 1), (2**32 - 1, 2**32 - 1), (2**32, 2**32 - 1)]
)
def test_a_number_of_32_bits_stays_in_its_bounds(value: int, on_wire: int) -> None:
    assert wire.uint32(value) == on_wire


@pytest.mark.parametrize(
    ("value", "on_wire"), [(-1, 0), (0, 0), (1, 1), (2**64 - 1, 2**64 - 1), (2**64, 2**64 - 1)]
)
def test_a_number_of_64_bits_stays_in_its_bounds(value: int, on_wire: int) -> None:
    assert wire.uint64(value) == on_wire


def test_an_agent_that_has_counted_too_far_is_shown_all_the_same() -> None:
    agent = Agent(
        id="acme/hq/n1",
        customer="acme",
        installation="hq",
        node="n1",
        state_since=NOW,
        missing_facts=65_536 * 2**48 + 1,
        connect_count=2**70,
    )
    link = AgentLink(agent=agent.id, outbox_id="o", watermark=2**64, fact_hash=0, last_seen=NOW)
    shown = wire.agent(agent, link, series_count=2**32)
    assert (shown.missing_fact_count, shown.connect_count) == (2**64 - 1, 2**64 - 1)
    assert (shown.watermark, shown.series_count) == (2**64 - 1, 2**32 - 1)
    assert shown.state_time.ToDatetime(tzinfo=UTC) - NOW == timedelta(0)
