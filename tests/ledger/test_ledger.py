"""The ledger test in its short form; `python -m tests.ledger` runs it in any length."""

import os

import pytest

from tests.ledger.outcome import Wish
from tests.ledger.supervisor import run


@pytest.mark.serial  # it keeps both cores busy, which would disturb tests that look at the clock
@pytest.mark.timeout(300)
async def test_nothing_acknowledged_is_lost_or_doubled_when_server_and_agents_are_killed() -> None:
    seed = int(os.environ.get("VEDETTE_LEDGER_SEED", "20260301"))
    outcome = await run(Wish(seed=seed), print)
    assert outcome.violations == []
    assert outcome.kills == 21
    assert outcome.agent_kills >= 10
    # It would prove nothing if nothing had happened.
    assert outcome.facts > 1000
    assert outcome.acks > 200
    assert outcome.occurrences > 100
    assert outcome.calls > 20
