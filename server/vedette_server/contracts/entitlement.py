"""Entitlement: may this installation have proactive support right now, and why.

The answer is always a list of reasons, one for each of the five conditions (contract, plan, release,
connection, consent), whether it speaks for or against. It is asked anew whenever a decision is taken.

Nothing here does I/O or reads the wall clock. Callers pass `now` in.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vedette_server.contracts.contract import Contract
from vedette_server.contracts.customer import Installation
from vedette_server.contracts.plan import Plan
from vedette_server.contracts.policy import Policy
from vedette_server.contracts.release import is_at_least


class ReasonCode(StrEnum):
    """Why an installation is or is not entitled; stable names that the API shows."""

    CONTRACT_IN_FORCE = "contract_in_force"
    CONTRACT_MISSING = "contract_missing"
    CONTRACT_NOT_STARTED = "contract_not_started"
    CONTRACT_ENDED = "contract_ended"
    PLAN_PROACTIVE = "plan_proactive"
    PLAN_NOT_PROACTIVE = "plan_not_proactive"
    RELEASE_SUPPORTED = "release_supported"
    RELEASE_TOO_OLD = "release_too_old"
    RELEASE_UNKNOWN = "release_unknown"
    CLOUD_CONNECTED = "cloud_connected"
    NOT_CLOUD_CONNECTED = "not_cloud_connected"
    CONSENT_GIVEN = "consent_given"
    CONSENT_MISSING = "consent_missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One condition and how it turned out."""

    code: ReasonCode
    #: The condition holds; entitled only if all do.
    holds: bool
    #: A sentence for people, lower case.
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entitlement:
    """The answer for one installation at one instant.

    Invariant: `entitled` is true exactly when every reason holds; `reasons` is never empty.
    """

    entitled: bool
    #: Id of the plan in force, or None when there is none.
    plan: str | None
    #: Id of the contract in force, or None when there is none.
    contract: str | None
    reasons: tuple[Reason, ...]


def entitlement(
    policy: Policy, installation: Installation, *, product_version: str | None, connected: bool, now: datetime
) -> Entitlement:
    """Judge whether `installation` is entitled to proactive support at `now`.

    Args:
        policy: the policy in force.
        installation: from this policy.
        product_version: the release that the agent reports; None falls back to the policy's.
        connected: the installation is known to report to us. A link lost a moment ago still counts as
            connected: noticing the loss is part of what was promised.
        now: aware UTC.
    """
    contract = policy.contract_for(installation.customer, now)
    plan = policy.plan(contract.plan) if contract else None
    reasons = [_contract_reason(policy, installation.customer, contract, now)]
    if plan is not None:
        reasons.append(_plan_reason(plan))
        reasons.append(_release_reason(product_version or installation.product_version, plan))
    reasons.append(_connection_reason(installation, connected=connected))
    reasons.append(_consent_reason(installation))
    return Entitlement(
        entitled=plan is not None and all(reason.holds for reason in reasons),
        plan=plan.id if plan else None,
        contract=contract.id if contract else None,
        reasons=tuple(reasons),
    )


def _contract_reason(policy: Policy, customer: str, contract: Contract | None, now: datetime) -> Reason:
    if contract is not None:
        text = f"contract {contract.id} runs from {contract.starts} to {contract.ends}"
        return Reason(code=ReasonCode.CONTRACT_IN_FORCE, holds=True, text=text)
    contracts = policy.contracts_of(customer)
    coming = next((one for one in contracts if now < one.starts_at), None)
    if coming is not None:
        text = f"contract {coming.id} starts on {coming.starts}"
        return Reason(code=ReasonCode.CONTRACT_NOT_STARTED, holds=False, text=text)
    if contracts:
        text = f"contract {contracts[-1].id} ended on {contracts[-1].ends}"
        return Reason(code=ReasonCode.CONTRACT_ENDED, holds=False, text=text)
    text = f"customer {customer} has no contract"
    return Reason(code=ReasonCode.CONTRACT_MISSING, holds=False, text=text)


def _plan_reason(plan: Plan) -> Reason:
    if plan.proactive:
        text = f"plan {plan.id} includes proactive support"
        return Reason(code=ReasonCode.PLAN_PROACTIVE, holds=True, text=text)
    text = f"plan {plan.id} does not include proactive support"
    return Reason(code=ReasonCode.PLAN_NOT_PROACTIVE, holds=False, text=text)


def _release_reason(release: str, plan: Plan) -> Reason:
    minimum = plan.minimum_release
    match is_at_least(release, minimum):
        case True:
            text = f"release {release} is at least {minimum}"
            return Reason(code=ReasonCode.RELEASE_SUPPORTED, holds=True, text=text)
        case False:
            text = f"release {release} is older than {minimum}"
            return Reason(code=ReasonCode.RELEASE_TOO_OLD, holds=False, text=text)
        case None:
            text = f'release "{release}" is not known; at least {minimum} is needed'
            return Reason(code=ReasonCode.RELEASE_UNKNOWN, holds=False, text=text)


def _connection_reason(installation: Installation, *, connected: bool) -> Reason:
    if not installation.cloud_connected:
        text = "the installation is not set up to be cloud-connected"
        return Reason(code=ReasonCode.NOT_CLOUD_CONNECTED, holds=False, text=text)
    if not connected:
        text = "the installation has never connected"
        return Reason(code=ReasonCode.NOT_CLOUD_CONNECTED, holds=False, text=text)
    text = "the installation is cloud-connected"
    return Reason(code=ReasonCode.CLOUD_CONNECTED, holds=True, text=text)


def _consent_reason(installation: Installation) -> Reason:
    if installation.consent:
        return Reason(code=ReasonCode.CONSENT_GIVEN, holds=True, text="the customer has given consent")
    return Reason(code=ReasonCode.CONSENT_MISSING, holds=False, text="the customer has not given consent")
