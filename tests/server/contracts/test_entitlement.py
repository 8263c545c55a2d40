"""Entitlement: five conditions, each a reason, both ways."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.server.contracts.samples import POLICY, installation
from vedette_server.contracts.customer import Installation
from vedette_server.contracts.entitlement import Entitlement, Reason, ReasonCode, entitlement

MAY_2026 = datetime(2026, 5, 5, 12, tzinfo=UTC)
BERLIN = installation("acme", "berlin")


def judge(
    what: Installation = BERLIN,
    *,
    release: str | None = None,
    connected: bool = True,
    now: datetime = MAY_2026,
) -> Entitlement:
    return entitlement(POLICY, what, product_version=release, connected=connected, now=now)


def against(answer: Entitlement) -> list[ReasonCode]:
    return [reason.code for reason in answer.reasons if not reason.holds]


def test_all_five_conditions_hold_and_each_says_so() -> None:
    answer = judge()
    assert (answer.entitled, answer.plan, answer.contract) == (True, "gold", "K-1")
    assert answer.reasons == (
        Reason(
            code=ReasonCode.CONTRACT_IN_FORCE,
            holds=True,
            text="contract K-1 runs from 2026-01-01 to 2026-12-31",
        ),
        Reason(code=ReasonCode.PLAN_PROACTIVE, holds=True, text="plan gold includes proactive support"),
        Reason(
            code=ReasonCode.RELEASE_SUPPORTED,
            holds=True,
            text="release 2020.Winter.1 is at least 2020.Winter.1",
        ),
        Reason(code=ReasonCode.CLOUD_CONNECTED, holds=True, text="the installation is cloud-connected"),
        Reason(code=ReasonCode.CONSENT_GIVEN, holds=True, text="the customer has given consent"),
    )


@pytest.mark.parametrize(
    ("now", "code", "text"),
    [
        (
            datetime(2025, 12, 31, 23, 59, tzinfo=UTC),
            ReasonCode.CONTRACT_NOT_STARTED,
            "contract K-1 starts on 2026-01-01",
        ),
        (
            datetime(2027, 1, 15, tzinfo=UTC),
            ReasonCode.CONTRACT_NOT_STARTED,
            "contract K-2 starts on 2027-02-01",
        ),
        (datetime(2028, 1, 1, tzinfo=UTC), ReasonCode.CONTRACT_ENDED, "contract K-2 ended on 2027-12-31"),
    ],
)
def test_outside_the_contract_nobody_is_entitled(now: datetime, code: ReasonCode, text: str) -> None:
    answer = judge(now=now)
    assert (answer.entitled, answer.plan, answer.contract) == (False, None, None)
    assert answer.reasons[0] == Reason(code=code, holds=False, text=text)


def test_a_customer_without_contract_is_not_entitled() -> None:
    answer = judge(installation("bolt", "rome"))
    assert against(answer) == [ReasonCode.CONTRACT_MISSING]
    assert not answer.entitled


def test_a_plan_without_proactive_support_is_named_with_its_contract() -> None:
    answer = judge(now=datetime(2027, 3, 1, tzinfo=UTC))
    assert (answer.entitled, answer.plan, answer.contract) == (False, "basic", "K-2")
    assert against(answer) == [ReasonCode.PLAN_NOT_PROACTIVE]


@pytest.mark.parametrize(
    ("reported", "configured", "codes"),
    [
        ("2020.Winter.1", "2019.Autumn.1", []),  # what the agent reports is newer knowledge
        (None, "2020.Winter.1", []),
        (None, "2020.Winter.0", [ReasonCode.RELEASE_TOO_OLD]),
        ("2019.Autumn.9", "2020.Winter.1", [ReasonCode.RELEASE_TOO_OLD]),
        ("nightly", "2020.Winter.1", [ReasonCode.RELEASE_UNKNOWN]),
    ],
)
def test_the_release_must_be_known_and_new_enough(
    reported: str | None, configured: str, codes: list[ReasonCode]
) -> None:
    answer = judge(replace(BERLIN, product_version=configured), release=reported)
    assert against(answer) == codes
    assert answer.entitled is not bool(codes)


def test_every_condition_that_fails_is_listed() -> None:
    what = installation("acme", "berlin", release="2019.Autumn.1", cloud=False, consent=False)
    assert against(judge(what)) == [
        ReasonCode.RELEASE_TOO_OLD,
        ReasonCode.NOT_CLOUD_CONNECTED,
        ReasonCode.CONSENT_MISSING,
    ]


def test_an_installation_that_never_connected_is_not_entitled() -> None:
    answer = judge(connected=False)
    assert against(answer) == [ReasonCode.NOT_CLOUD_CONNECTED]
    assert answer.reasons[3].text == "the installation has never connected"
