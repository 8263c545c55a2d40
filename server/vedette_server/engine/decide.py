"""Decide: what one input means. The composition of the pure core.

    inputs + now --> decide(draft, input) for each --> changes, batches, replies, answers

Inputs are applied in order; each sees what those before it did. There is no other way to change the world,
and there is nothing here that a replay of the same inputs at the same instants would not do again.

Nothing here does I/O or reads a clock.
"""

from __future__ import annotations

import heapq
from dataclasses import replace
from datetime import timedelta

from vedette_server.cases import lifecycle as cases
from vedette_server.cases import sla
from vedette_server.engine.caring import clock_calendar, put_case, resolved
from vedette_server.engine.changes import Kind, Timer, TimerKind
from vedette_server.engine.commands import obey
from vedette_server.engine.draft import Draft
from vedette_server.engine.facts import announce, pass_over, skip_invalid, take_batch, take_events, take_gap
from vedette_server.engine.inputs import (
    AnyStored,
    BatchReceived,
    BatchRef,
    CatalogLoaded,
    ClockStepped,
    Command,
    DeadlinesDue,
    EventsReceived,
    FactsChanged,
    GapReported,
    GoodbyeReceived,
    HeartbeatReceived,
    InvalidFact,
    LoopStalled,
    PolicyLoaded,
    Recalled,
    SeriesAnnounced,
    ServerStarted,
    StreamClosed,
    StreamOpened,
)
from vedette_server.engine.judging import held_clear, held_raise, withdraw_unwatched
from vedette_server.engine.linking import (
    change_facts,
    close_stream,
    fall_silent,
    hear,
    leave,
    open_stream,
)
from vedette_server.engine.refusal import Refused
from vedette_server.engine.world import MICROSECOND, World, calendar_id, micros

#: Answers to requests are kept for this long.
REQUEST_KEPT = timedelta(hours=24)


def decide(draft: Draft, one: AnyStored | BatchReceived) -> AnyStored:
    """Apply one input; return the form in which it is stored with the turn."""
    if isinstance(one, BatchReceived):
        return take_batch(draft, one)
    if isinstance(one, Command):
        try:
            draft.answers.append(obey(draft, one))
        except Refused as refused:
            draft.answers.append(refused)
        return one
    _decide_other(draft, one)
    return one


def _decide_other(draft: Draft, one: AnyStored) -> None:  # noqa: C901, PLR0912 -- one arm a kind of input
    match one:
        case HeartbeatReceived():
            hear(draft, one.agent, one.stream)
        case EventsReceived():
            take_events(draft, one)
        case SeriesAnnounced():
            announce(draft, one)
        case StreamOpened():
            open_stream(draft, one)
        case StreamClosed():
            close_stream(draft, one)
        case DeadlinesDue():
            meet_deadlines(draft, one.limit, frozenset(one.heard))
        case GapReported():
            take_gap(draft, one)
        case InvalidFact():
            skip_invalid(draft, one)
        case BatchRef():
            pass_over(draft, one)
        case GoodbyeReceived():
            leave(draft, one)
        case FactsChanged():
            change_facts(draft, one)
        case Recalled():
            _recall(draft, one)
        case ServerStarted():
            _start(draft)
        case PolicyLoaded():
            _load_policy(draft, one)
        case CatalogLoaded():
            _load_catalog(draft, one)
        case ClockStepped():
            _step_clock(draft, one.step)
        case LoopStalled():
            _give_grace(draft)
        case _:
            raise TypeError(f"no rule for an input of type {type(one).__name__}")


def _recall(draft: Draft, recalled: Recalled) -> None:
    # What this turn has changed already is newer than what was read before it.
    if recalled.case is not None:
        draft.recalled_cases.setdefault(recalled.case.id, recalled.case)
    if recalled.alarm is not None:
        draft.recalled_alarms.setdefault(recalled.alarm.id, recalled.alarm)


def _start(draft: Draft) -> None:
    """Forget what is too old to be asked for again. Grace for agents came with loading the world."""
    for request in tuple(draft.world.requests.values()):
        if draft.wall - request.at < REQUEST_KEPT:
            break
        draft.drop(Kind.REQUEST, request.id, "REQUEST_FORGOTTEN")


def _load_policy(draft: Draft, loaded: PolicyLoaded) -> None:
    """Take a policy that differs from the one in force, and keep its calendar versions for good."""
    for calendar in loaded.policy.calendars:
        id_ = calendar_id(calendar)
        if id_ not in draft.world.calendars:
            draft.put(Kind.CALENDAR, id_, calendar, "CALENDAR_LOADED")
    if loaded.policy.version != draft.world.policy.version:
        draft.put(Kind.POLICY, "policy", loaded.policy, "POLICY_LOADED", text=loaded.policy.version)
        withdraw_unwatched(draft)


def _load_catalog(draft: Draft, loaded: CatalogLoaded) -> None:
    """Take a catalog that differs from the one in force; detections whose rule is gone end, and say so."""
    if loaded.catalog.version == draft.world.catalog.version:
        return
    draft.put(Kind.CATALOG, "catalog", loaded.catalog, "CATALOG_LOADED", text=loaded.catalog.version)
    withdraw_unwatched(draft)


def _step_clock(draft: Draft, step: timedelta) -> None:
    """Carry what was measured against the old time over to the new, and give every agent its grace."""
    for watcher in draft.world.watchers.values():
        if watcher.stream:
            # The agent's clock did not move: its facts are as old as before.
            offset = watcher.agent.clock_offset_us + step // MICROSECOND
            agent = replace(watcher.agent, clock_offset_us=offset)
            draft.put(
                Kind.AGENT, agent.id, agent, "AGENT_CLOCK_OFFSET", text=f"the server's clock moved {step}"
            )
            watcher.judged_us += step // MICROSECOND
    for timer in tuple(draft.world.timers.values()):
        if timer.steady:
            draft.arm(timer.kind, timer.subject, timer.due + step, steady=True)
    _give_grace(draft)


def _give_grace(draft: Draft) -> None:
    """Hold nobody's silence against it: the span was not measured, or it was ours."""
    for watcher in draft.world.watchers.values():
        watcher.last_seen_mono = draft.mono


def meet_deadlines(draft: Draft, limit: int, heard: frozenset[str]) -> None:
    """Serve at most `limit` deadlines that have come: contracts' first, then holds, then silence.

    Args:
        draft: the turn.
        limit: most deadlines.
        heard: agents that have sent something that waits to be decided.
    """
    for _ in range(limit):
        timer = _due_timer(draft.world, draft)
        if timer is not None:
            _serve(draft, timer)
        elif not fall_silent(draft, heard):
            return


def _due_timer(world: World, draft: Draft) -> Timer | None:
    """Take the next timer that is due off its heap; stale entries are dropped."""
    while world.wall_heap and world.wall_heap[0][0] <= draft.wall_us:
        due_us, id_ = heapq.heappop(world.wall_heap)
        timer = world.timers.get(id_)
        if timer is not None and micros(timer.due) == due_us and not timer.steady:
            return timer
    while world.steady_heap and world.steady_heap[0][0] <= draft.mono:
        due, id_ = heapq.heappop(world.steady_heap)
        timer = world.timers.get(id_)
        if timer is not None and timer.steady and world.steady_due.get(id_) == due:
            return timer
    return None


def _serve(draft: Draft, timer: Timer) -> None:
    draft.drop(Kind.TIMER, timer.id, "TIMER_DUE")
    match timer.kind:
        case TimerKind.RESPONSE_DUE:
            _breach(draft, timer.subject)
        case TimerKind.SELF_RESOLVE:
            _self_resolve(draft, timer.subject)
        case TimerKind.CLOSE:
            _close(draft, timer.subject)
        case TimerKind.RULE_CLEAR:
            held_clear(draft, timer.subject)
        case TimerKind.RULE_RAISE:
            held_raise(draft, timer.subject)


def _breach(draft: Draft, id_: str) -> None:
    case = draft.world.cases.get(id_)
    if case is None or case.clock is None:
        return
    clock, reason = sla.expire(case.clock, now=draft.wall)
    if reason is sla.Reason.BREACHED:
        after, case_reason = cases.breach(case, clock=clock, now=draft.wall)
        target = int(clock.target.total_seconds() // 60)
        put_case(
            draft, after, case_reason, text=f"nobody has answered within {target} min of {clock.calendar_id}"
        )


def _self_resolve(draft: Draft, id_: str) -> None:
    case = draft.world.cases.get(id_)
    if case is None or case.active_alarms or not case.open:
        return
    clock = case.clock
    if clock is not None:
        clock = sla.cancel(clock, calendar=clock_calendar(draft.world, clock), now=draft.wall)[0]
    after, reason = cases.resolve(
        case, resolution="cleared by itself", clock=clock, by_itself=True, now=draft.wall
    )
    put_case(draft, after, reason, text="cleared by itself")
    resolved(draft, after)


def _close(draft: Draft, id_: str) -> None:
    case = draft.world.cases.get(id_)
    if case is not None:
        after, reason = cases.close(case, now=draft.wall)
        if reason is not cases.Reason.UNCHANGED:
            put_case(draft, after, reason)
