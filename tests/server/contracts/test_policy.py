"""Plans, priorities and the look-ups of a policy."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from tests.server.contracts.samples import POLICY, plan
from vedette_server.contracts.plan import CountsIn
from vedette_server.contracts.policy import Policy
from vedette_server.contracts.priority import Priority


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_smaller_priority_is_more_urgent() -> None:
    assert Priority.P1 < Priority.P4
    assert Priority.P3.label == "P3"


def test_a_plan_answers_by_priority() -> None:
    gold = plan("gold")
    response = gold.response_for(Priority.P1)
    assert response is not None
    assert response.target == timedelta(minutes=60)
    assert gold.response_for(Priority.P4) is None
    rule = gold.self_clear_for(Priority.P3)
    assert rule is not None
    assert rule.stops_clock
    assert gold.self_clear_for(Priority.P1) is None


def test_a_plan_names_the_calendars_that_it_counts_in() -> None:
    gold = plan("gold")
    assert gold.calendar_name(CountsIn.COVERAGE) == "extended"
    assert gold.calendar_name(CountsIn.BUSINESS) == "business"
    assert gold.calendar_names() == ("business", "extended")


def test_look_ups_find_what_is_there_and_nothing_else() -> None:
    assert [POLICY.customer(id_) is not None for id_ in ("acme", "acme-2", "bolt", "acm", "z")] == [
        True,
        True,
        True,
        False,
        False,
    ]
    gold, emea = POLICY.plan("gold"), POLICY.theater("emea")
    assert gold is not None
    assert gold.id == "gold"
    assert emea is not None
    assert POLICY.installation("acme", "berlin") == POLICY.installations[0]
    assert POLICY.installation("acme-2", "berlin") is None
    assert POLICY.calendar("emea", "business") is None


def test_customers_with_similar_ids_keep_their_things_apart() -> None:
    assert [one.id for one in POLICY.installations_of("acme")] == ["berlin", "paris"]
    assert [one.id for one in POLICY.installations_of("acme-2")] == ["oslo"]
    assert POLICY.installations_of("bolt") == ()
    assert [one.id for one in POLICY.contracts_of("acme")] == ["K-1", "K-2"]
    assert [one.id for one in POLICY.contracts_of("acme-2")] == ["K-3"]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2025-12-31 23:59:59.999999", None),
        ("2026-01-01 00:00", "K-1"),
        ("2026-12-31 23:59:59.999999", "K-1"),
        ("2027-01-01 00:00", None),
        ("2027-02-01 00:00", "K-2"),
    ],
)
def test_a_contract_is_in_force_from_its_first_to_its_last_instant(now: str, expected: str | None) -> None:
    contract = POLICY.contract_for("acme", at(now))
    assert (contract.id if contract else None) == expected


def test_a_policy_that_is_not_sorted_is_refused() -> None:
    with pytest.raises(ValueError, match="Customer must be sorted and unique, got acme after bolt"):
        replace(POLICY, customers=(POLICY.customers[2], POLICY.customers[0]))


def test_a_policy_survives_encoding() -> None:
    assert msgspec.json.decode(msgspec.json.encode(POLICY), type=Policy) == POLICY
