"""Caring: what follows from an alarm: entitlement, case and response clock.

One place for the chain alarm -> entitlement -> SLA clock -> case. Detection calls it when a condition begins,
worsens or ends; commands call it when a human acts.

Nothing here does I/O or reads a clock.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from vedette_server.alarms import lifecycle as alarms
from vedette_server.alarms.alarm import Alarm, Condition, Evidence
from vedette_server.calendars.intervals import CalendarExhausted, CalendarVersion
from vedette_server.cases import lifecycle as cases
from vedette_server.cases import sla
from vedette_server.cases.case import Case, CaseState
from vedette_server.cases.grouping import CLOSE_AFTER, takes_back
from vedette_server.cases.sla import ClockState, SlaClock
from vedette_server.contracts.entitlement import Entitlement, Reason, ReasonCode, entitlement
from vedette_server.contracts.plan import Plan
from vedette_server.contracts.priority import Priority
from vedette_server.detect.catalog import AnyRule
from vedette_server.engine.changes import Kind, TimerKind
from vedette_server.engine.draft import SYSTEM, Draft
from vedette_server.engine.world import World
from vedette_server.fleet.agent import Agent
from vedette_server.telemetry.series import Labels


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A condition that detection found on an agent."""

    rule: AnyRule
    key: str
    agent: Agent
    component: str
    labels: Labels
    title: str
    priority: Priority
    evidence: Evidence
    #: When it began, in event time.
    at: datetime


def raise_alarm(draft: Draft, finding: Finding) -> None:
    """Raise an alarm, or find the open one of that key and count once more; see to its case."""
    owed = judge_entitlement(draft.world, finding.agent, draft.wall)
    reasons = tuple(reason.text for reason in owed.reasons)
    known = draft.world.alarms.get(draft.world.alarm_by_key.get(finding.key, ""))
    if known is not None:
        alarm, reason = alarms.raise_again(
            known, priority=finding.priority, evidence=finding.evidence, at=finding.at
        )
        alarm = replace(alarm, title=finding.title, entitled=owed.entitled, reasons=reasons)
    else:
        alarm, reason = _new_alarm(draft, finding, owed.entitled, reasons), alarms.Reason.RAISED
    _attend(draft, alarm, owed, reason, text=finding.evidence.text, again=True)


def _attend(draft: Draft, alarm: Alarm, owed: Entitlement, reason: str, *, text: str, again: bool) -> None:
    """Record an active alarm with its case: the one it had, that of its cause, or a new one.

    An open case goes on under what was owed when it was opened; entitlement decides about a new one, and
    about opening one anew.

    Args:
        draft: the turn.
        alarm: raised, raised again, or worse than before.
        owed: what is owed now.
        reason: of the change.
        text: of the change.
        again: whether the condition came once more, rather than got worse.
    """
    case = _case_of(draft, alarm)
    if (case is None or not case.open) and not owed.entitled:
        put_alarm(draft, alarm, reason, text=text)
        return
    alarm = replace(alarm, case_id=case.id if case else draft.next_id("C"))
    put_alarm(draft, alarm, reason, text=text)
    if case is None:
        put_case(draft, _new_case(draft, alarm, owed), cases.Reason.OPENED, text=alarm.title)
    elif again or not case.open:
        _take_back(draft, case, alarm)
    else:
        raise_case_priority(draft, case, alarm.priority, title=alarm.title)


def _new_alarm(draft: Draft, finding: Finding, entitled: bool, reasons: tuple[str, ...]) -> Alarm:  # noqa: FBT001
    return Alarm(
        id=draft.next_id("A"),
        key=finding.key,
        code=finding.rule.code,
        alarm_class=finding.rule.alarm_class,
        title=finding.title,
        priority=finding.priority,
        condition=Condition.ACTIVE,
        customer=finding.agent.customer,
        installation=finding.agent.installation,
        node=finding.agent.node,
        component=finding.component,
        labels=finding.labels,
        evidence=finding.evidence,
        raised_at=finding.at,
        entitled=entitled,
        reasons=reasons,
    )


def worsen_alarm(draft: Draft, key: str, *, priority: Priority, title: str, evidence: Evidence) -> None:
    """Raise the priority of an open alarm and of its case: the same alarm, the same case."""
    known = draft.world.alarms.get(draft.world.alarm_by_key.get(key, ""))
    if known is None:
        return
    alarm, reason = alarms.worsen(known, priority=priority, evidence=evidence)
    if reason is alarms.Reason.UNCHANGED:
        return
    owed = judge_entitlement(draft.world, draft.world.watchers[evidence.agent].agent, draft.wall)
    reasons = tuple(one.text for one in owed.reasons)
    alarm = replace(alarm, title=title, entitled=owed.entitled, reasons=reasons)
    _attend(draft, alarm, owed, reason, text=evidence.text, again=False)


def clear_alarm(draft: Draft, key: str, *, at: datetime, cause: str) -> None:
    """Clear the open alarm of a key, if its condition holds; its case hears of it."""
    known = draft.world.alarms.get(draft.world.alarm_by_key.get(key, ""))
    if known is None:
        return
    alarm, reason = alarms.clear(known, at=at, cause=cause, now=draft.wall)
    if reason is alarms.Reason.UNCHANGED:
        return
    case = draft.world.cases.get(alarm.case_id)
    if case is None or not case.open:
        alarm = replace(alarm, closed_at=draft.wall)
    put_alarm(draft, alarm, reason, text=cause)
    if case is not None:
        _case_alarm_cleared(draft, case, alarm.id, cause)


def judge_entitlement(world: World, agent: Agent, now: datetime) -> Entitlement:
    """Return whether proactive support is owed for what an agent found, with all reasons."""
    installation = world.policy.installation(agent.customer, agent.installation)
    if installation is None:
        text = f"installation {agent.customer}/{agent.installation} is not in the policy"
        unknown = Reason(code=ReasonCode.CONTRACT_MISSING, holds=False, text=text)
        return Entitlement(entitled=False, plan=None, contract=None, reasons=(unknown,))
    return entitlement(
        world.policy,
        installation,
        product_version=agent.product_version or None,
        connected=agent.connect_count > 0,
        now=now,
    )


def _case_of(draft: Draft, alarm: Alarm) -> Case | None:
    """Return the case that an alarm belongs to: the one it had, or that of its cause; None for a new one."""
    world = draft.world
    case = world.cases.get(alarm.case_id or world.case_by_key.get(alarm.key, ""))
    return case if case is not None and takes_back(case, now=draft.wall) else None


def _new_case(draft: Draft, alarm: Alarm, owed: Entitlement) -> Case:
    plan = draft.world.policy.plan(owed.plan) if owed.plan else None
    return Case(
        id=alarm.case_id,
        title=alarm.title,
        customer=alarm.customer,
        installation=alarm.installation,
        node=alarm.node,
        priority=alarm.priority,
        clock=start_clock(draft, alarm.customer, plan, alarm.priority),
        alarms=(alarm.id,),
        active_alarms=(alarm.id,),
        alarm_keys=(alarm.key,),
        alarm_code=alarm.code,
        occurrences=1,
        plan=plan.id if plan else "",
        plan_version=plan.version if plan else "",
        reasons=alarm.reasons,
        created_at=draft.wall,
        created_by=SYSTEM,
        updated_at=draft.wall,
    )


def _take_back(draft: Draft, case: Case, alarm: Alarm) -> None:
    """Reopen a resolved case, or count once more on an open one; re-arm its clock if nobody has answered."""
    draft.disarm(TimerKind.SELF_RESOLVE, case.id)
    if not case.open:
        draft.disarm(TimerKind.CLOSE, case.id)
        clock = start_clock(draft, case.customer, draft.world.policy.plan(case.plan), case.priority)
        case, reason = cases.reopen(case, clock=clock, now=draft.wall)
        put_case(draft, case, reason, text=alarm.title)
        case = draft.world.cases[case.id]
    elif case.state is CaseState.NEW and case.clock is not None and case.clock.state is ClockState.CANCELLED:
        clock = start_clock(draft, case.customer, draft.world.policy.plan(case.plan), case.priority)
        case = replace(case, clock=clock)
    case, reason = cases.join(case, alarm=alarm.id, key=alarm.key, now=draft.wall)
    put_case(draft, case, reason, text=alarm.title)
    raise_case_priority(draft, draft.world.cases[case.id], alarm.priority, title=alarm.title)


def start_clock(draft: Draft, customer: str, plan: Plan | None, priority: Priority) -> SlaClock | None:
    """Return a running response clock for a case of this priority; None when the plan promises none."""
    terms = _terms(draft.world, customer, plan, priority)
    if terms is None:
        return None
    target, calendar = terms
    clock = sla.new_clock(priority=priority, target=target, calendar=calendar)
    try:
        return sla.start(clock, calendar=calendar, now=draft.wall)[0]
    except CalendarExhausted:
        # A calendar that ends too soon must not lose the case; the policy's owner is told by its loader.
        return clock


def _terms(
    world: World, customer: str, plan: Plan | None, priority: Priority
) -> tuple[timedelta, CalendarVersion] | None:
    """Return the response time promised and the calendar that it counts in; None when there is no promise."""
    owner = world.policy.customer(customer)
    target = plan.response_for(priority) if plan else None
    if plan is None or owner is None or target is None:
        return None
    calendar = world.policy.calendar(owner.theater, plan.calendar_name(target.counts_in))
    return None if calendar is None else (target.target, calendar)


def clock_calendar(world: World, clock: SlaClock) -> CalendarVersion:
    """Return the calendar version a clock is pinned to; every version that was ever in force is kept."""
    return world.calendars[f"{clock.calendar_id}@{clock.calendar_version}"]


def answered(draft: Draft, case: Case) -> SlaClock | None:
    """Return the clock of a case as it is once a human has answered now."""
    if case.clock is None:
        return None
    calendar = clock_calendar(draft.world, case.clock)
    return sla.stop(case.clock, calendar=calendar, now=draft.wall)[0]


def raise_case_priority(draft: Draft, case: Case, priority: Priority, *, title: str) -> None:
    """Make a case more urgent, with the earlier of its old due time and the new one counted from now."""
    if priority >= case.priority or not case.open:
        return
    clock = case.clock
    terms = _terms(draft.world, case.customer, draft.world.policy.plan(case.plan), priority)
    if clock is not None and terms is not None:
        target, calendar = terms
        clock, _reason = sla.raise_priority(
            clock,
            calendar=clock_calendar(draft.world, clock),
            priority=priority,
            target=target,
            new_calendar=calendar,
            now=draft.wall,
        )
    after, reason = cases.raise_priority(case, priority=priority, clock=clock, now=draft.wall)
    text = f"{case.priority.label} -> {priority.label}: {title}"
    put_case(draft, replace(after, title=title), reason, text=text)


def _case_alarm_cleared(draft: Draft, case: Case, alarm: str, cause: str) -> None:
    plan = draft.world.policy.plan(case.plan)
    rule = plan.self_clear_for(case.priority) if plan else None
    last = case.active_alarms == (alarm,) and case.state is CaseState.NEW
    clock = case.clock
    if last and rule is not None and rule.stops_clock and clock is not None:
        clock, _reason = sla.cancel(clock, calendar=clock_calendar(draft.world, clock), now=draft.wall)
    after, reason = cases.alarm_cleared(case, alarm=alarm, clock=clock, now=draft.wall)
    put_case(draft, after, reason, text=cause)
    if last and rule is not None and rule.resolve_after is not None:
        draft.hold(TimerKind.SELF_RESOLVE, case.id, rule.resolve_after)


def close_alarms(draft: Draft, case: Case) -> None:
    """Close the cleared alarms of a case that is done."""
    for id_ in case.alarms:
        alarm = draft.world.alarms.get(id_)
        if alarm is None:
            continue
        after, reason = alarms.close(alarm, now=draft.wall)
        if reason is not alarms.Reason.UNCHANGED:
            put_alarm(draft, after, reason, text=case.id)


def resolved(draft: Draft, case: Case) -> None:
    """Do what follows from a resolution: the cleared alarms are over, and so is the case, in a while."""
    draft.disarm(TimerKind.SELF_RESOLVE, case.id)
    close_alarms(draft, case)
    draft.arm(TimerKind.CLOSE, case.id, draft.wall + CLOSE_AFTER)


def put_alarm(draft: Draft, alarm: Alarm, reason: str, *, actor: str = SYSTEM, text: str = "") -> int:
    """Record an alarm as it is from now on."""
    return draft.put(Kind.ALARM, alarm.id, alarm, str(reason), actor=actor, text=text)


def put_case(draft: Draft, case: Case, reason: str, *, actor: str = SYSTEM, text: str = "") -> int:
    """Record a case as it is from now on, and keep the timer of its response clock in step with it."""
    sequence = draft.put(Kind.CASE, case.id, case, str(reason), actor=actor, text=text)
    if case.clock is not None and case.clock.due_at is not None and case.open:
        draft.arm(TimerKind.RESPONSE_DUE, case.id, case.clock.due_at)
    else:
        draft.disarm(TimerKind.RESPONSE_DUE, case.id)
    return sequence
