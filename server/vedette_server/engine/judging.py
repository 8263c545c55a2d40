"""Judging: facts of an agent against the catalog, and what the verdicts do.

Ties the pure judgements of `detect/` to the world: keeps rule states, bands and hold timers, and turns
verdicts into alarms. Events that are older than `LIVE` on receipt raise only after a short hold, so that an
end that follows in the same backlog is seen first: nobody is woken about the past.

Nothing here does I/O or reads a clock.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from vedette_server.alarms.alarm import Evidence
from vedette_server.alarms.key import alarm_key
from vedette_server.contracts.priority import Priority
from vedette_server.detect.catalog import AnyRule, CrashRule, EventRule, RatioRule
from vedette_server.detect.crash import CRASH_EVENTS, EXITED, STARTED, judge_component, judge_held, watches
from vedette_server.detect.evaluate import NO_BAND, Verdict, judge
from vedette_server.detect.reading import Reading
from vedette_server.detect.rule_state import Phase, RuleState
from vedette_server.engine.caring import Finding, clear_alarm, raise_alarm, worsen_alarm
from vedette_server.engine.changes import Kind, TimerKind
from vedette_server.engine.draft import Draft
from vedette_server.engine.inputs import EventFact
from vedette_server.engine.world import Watcher, from_micros
from vedette_server.fleet.session import span_text
from vedette_server.telemetry.series import Labels, label

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Facts at most this old on receipt are live; older ones are late.
LIVE = timedelta(seconds=30)
#: How long a condition that late facts report waits for its own end to arrive.
LATE_HOLD = timedelta(seconds=10)
#: Unknown event codes of one agent that get an alarm of their own; further ones share one.
UNKNOWN_CODES_KEPT = 10
#: Digits of a process's age in seconds that are believed: 30 years.
MOST_DIGITS = 9


def judge_batch(
    draft: Draft,
    watcher: Watcher,
    numbers: NDArray[np.uint32],
    values: NDArray[np.float64],
    crossers: list[int],
    at_us: int,
) -> None:
    """Judge the pairs of the series that left their band, each once, with the values of one batch."""
    board = watcher.board
    dirty: dict[int, None] = {}
    for position in crossers:
        number = int(numbers[position])
        for index in board.pairs_of.get(number, ()):
            pair = board.pairs[index]
            if number == pair.limit_number:
                pair.limit = float(values[position])
            dirty[index] = None
    at = from_micros(at_us)
    for index in dirty:
        pair = board.pairs[index]
        used = _value_of(pair.usage, numbers, values)
        if used is None:
            # The limit came alone: judge at the next sample of the usage, whatever its value.
            board.lo[pair.usage], board.hi[pair.usage] = NO_BAND
            board.settle(pair.limit_number, draft.world.rule_states)
            continue
        if pair.limit == pair.limit:
            _judge_pair(draft, watcher, index, used, at)
        board.settle(pair.usage, draft.world.rule_states)
        board.settle(pair.limit_number, draft.world.rule_states)


def _value_of(number: int, numbers: NDArray[np.uint32], values: NDArray[np.float64]) -> float | None:
    """Return the value of one series in a batch, the last where it occurs twice, None where it does not."""
    found = (numbers == number).nonzero()[0]
    return float(values[found[-1]]) if len(found) else None


def _judge_pair(draft: Draft, watcher: Watcher, index: int, used: float, at: datetime) -> None:
    pair = watcher.board.pairs[index]
    rule = pair.rule
    state = draft.world.rule_states.get(pair.key)
    blank = RuleState(
        key=pair.key,
        code=rule.code,
        agent=watcher.agent.id,
        component=label(pair.labels, "component"),
        labels=pair.labels,
        phase=Phase.PENDING,
        level_since=(None,) * len(rule.levels),
    )
    after, verdict = judge(rule, state, blank, used, pair.limit, at)
    put_state(draft, pair.key, after, verdict)
    series = watcher.board.series[pair.usage]
    reading = Reading(used=used, limit=pair.limit, unit=series.unit if series else "")
    if verdict is Verdict.CLEARED:
        clear_alarm(draft, pair.key, at=at, cause=reading.text)
    elif after is not None and verdict in (Verdict.RAISED, Verdict.WORSENED):
        _tell_ratio(draft, watcher, rule, after, verdict, reading, at)


def _tell_ratio(
    draft: Draft,
    watcher: Watcher,
    rule: RatioRule,
    state: RuleState,
    verdict: Verdict,
    reading: Reading,
    at: datetime,
) -> None:
    level = rule.levels[state.level - 1]
    evidence = Evidence(
        agent=watcher.agent.id,
        text=f"{reading.text}, threshold {level.at:.0%}",
        observed_at=at,
        series=rule.usage,
        limit_series=rule.limit,
        labels=state.labels,
        value=reading.ratio,
        threshold=level.at,
    )
    words = _Fields(state.labels)
    words |= {"used": reading.used_text, "limit": reading.limit_text, "percent": reading.percent}
    title = rule.title.format_map(words)
    if verdict is Verdict.WORSENED:
        worsen_alarm(draft, state.key, priority=level.priority, title=title, evidence=evidence)
        return
    finding = Finding(
        rule=rule,
        key=state.key,
        agent=watcher.agent,
        component=state.component,
        labels=state.labels,
        title=title,
        priority=level.priority,
        evidence=evidence,
        at=state.level_since[state.level - 1] or at,
    )
    raise_alarm(draft, finding)


class _Fields(dict[str, str]):
    """Fields of a title; one that is not there reads as its own name, so that no title can fail."""

    def __missing__(self, key: str) -> str:
        return key


def judge_event(draft: Draft, watcher: Watcher, event: EventFact, at: datetime) -> None:
    """Judge one event of an agent against crash and event rules."""
    catalog = draft.world.catalog
    if event.code in CRASH_EVENTS:
        for rule in catalog.crashes:
            if watches(rule, event.component, _licensed(draft, watcher)):
                _judge_component(draft, watcher, rule, event, at)
    known = event.code in draft.world.event_codes
    for event_rule in catalog.events:
        if event.code in event_rule.clear_events:
            _end_event(draft, watcher, event_rule, event, at)
        elif event.severity >= event_rule.severity_at_least and (
            event.code in event_rule.events or (not event_rule.events and not known)
        ):
            _begin_event(draft, watcher, event_rule, event, at)


def _licensed(draft: Draft, watcher: Watcher) -> tuple[str, ...]:
    installation = draft.world.policy.installation(watcher.agent.customer, watcher.agent.installation)
    return installation.licensed_components if installation else ()


def _judge_component(draft: Draft, watcher: Watcher, rule: CrashRule, event: EventFact, at: datetime) -> None:
    labels: Labels = (("component", event.component),)
    blank = _blank(rule, watcher, event.component, labels)
    key = blank.key
    after, verdict = judge_component(rule, draft.world.rule_states.get(key), blank, event.code, at)
    if verdict is Verdict.RAISED and after is not None and draft.wall - at > LIVE and after.raises == 1:
        after = replace(after, phase=Phase.PENDING, level=0)
        put_state(draft, key, after, Verdict.MOVED)
        draft.hold(TimerKind.RULE_RAISE, key, LATE_HOLD)
        return
    put_state(draft, key, after, verdict)
    if verdict is Verdict.RAISED and after is not None:
        draft.disarm(TimerKind.RULE_CLEAR, key)
        text = _event_text(event)
        _raise_from_event(draft, watcher, rule, after, text, at)
    elif event.code == STARTED:
        draft.disarm(TimerKind.RULE_RAISE, key)
        if after is not None:
            draft.hold(TimerKind.RULE_CLEAR, key, rule.clear_after)


def _event_text(event: EventFact) -> str:
    """Return an event for people: what, on which component, and the facts that came with it."""
    subject = f"{event.component} " if event.component else ""
    facts = dict(event.attributes)
    if event.code == EXITED:
        lived = f" after {span_text(timedelta(seconds=_seconds(facts)))}" if "uptime_seconds" in facts else ""
        pid = f" (pid {facts['pid']})" if "pid" in facts else ""
        return f"{subject}exited{lived}{pid}"
    told = ", ".join(f"{name} {value}" for name, value in event.attributes)
    head = event.message or event.code
    return f"{subject}{head} ({told})" if told else f"{subject}{head}"


def _seconds(facts: dict[str, str]) -> int:
    """Return how long a process lived, in seconds; 0 when the agent's word for it is no number."""
    text = facts["uptime_seconds"].partition(".")[0]
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS else 0


def _blank(rule: AnyRule, watcher: Watcher, component: str, labels: Labels) -> RuleState:
    key = alarm_key(rule.code, watcher.agent.id, labels)
    return RuleState(
        key=key,
        code=rule.code,
        agent=watcher.agent.id,
        component=component,
        labels=labels,
        phase=Phase.PENDING,
    )


def _begin_event(draft: Draft, watcher: Watcher, rule: EventRule, event: EventFact, at: datetime) -> None:
    labels = _event_labels(draft, watcher, rule, event)
    blank = _blank(rule, watcher, event.component, labels)
    late = draft.wall - at > LIVE
    if late and rule.quiet_for is not None and draft.wall - at >= rule.quiet_for:
        return  # It would have cleared by itself before it arrived.
    state = draft.world.rule_states.get(blank.key)
    raises = state.raises + 1 if state else 1
    after = replace(blank, phase=Phase.ACTIVE, level=1, level_since=(at,), raises=raises)
    if late and (state is None or state.phase is Phase.PENDING):
        put_state(draft, blank.key, replace(after, phase=Phase.PENDING, level=0), Verdict.MOVED)
        draft.hold(TimerKind.RULE_RAISE, blank.key, LATE_HOLD)
        return
    put_state(draft, blank.key, replace(after, revision=state.revision if state else 1), Verdict.RAISED)
    if rule.quiet_for is not None:
        draft.hold(TimerKind.RULE_CLEAR, blank.key, rule.quiet_for)
    _raise_from_event(draft, watcher, rule, after, _event_text(event), at)


def _event_labels(draft: Draft, watcher: Watcher, rule: EventRule, event: EventFact) -> Labels:
    """Return what tells the alarms of an event rule apart: component, and the code where it is unknown."""
    labels: Labels = (("component", event.component),) if event.component else ()
    if rule.events:
        return labels
    named = (*labels, ("event", event.code))
    key = alarm_key(rule.code, watcher.agent.id, named)
    if key not in draft.world.rule_states:
        prefix = alarm_key(rule.code, watcher.agent.id, ())
        kept = sum(1 for one in draft.world.rule_states if one.startswith(prefix))
        if kept >= UNKNOWN_CODES_KEPT:
            return (("event", "further codes"),)
    return named


def _end_event(draft: Draft, watcher: Watcher, rule: EventRule, event: EventFact, at: datetime) -> None:
    labels: Labels = (("component", event.component),) if event.component else ()
    key = alarm_key(rule.code, watcher.agent.id, labels)
    if key in draft.world.rule_states:
        _end(draft, key, at, _event_text(event))


def _raise_from_event(
    draft: Draft, watcher: Watcher, rule: AnyRule, state: RuleState, text: str, at: datetime
) -> None:
    if isinstance(rule, RatioRule):
        raise TypeError(f"rule {rule.code} judges series, not events")
    title = rule.title.format_map(
        _Fields(dict(state.labels), component=state.component or watcher.agent.node)
    )
    finding = Finding(
        rule=rule,
        key=state.key,
        agent=watcher.agent,
        component=state.component,
        labels=state.labels,
        title=title,
        priority=Priority(rule.priority),
        evidence=Evidence(agent=watcher.agent.id, text=text, observed_at=at),
        at=at,
    )
    raise_alarm(draft, finding)


def held_raise(draft: Draft, key: str) -> None:
    """Raise what late facts reported, since its end did not come with them."""
    state = draft.world.rule_states.get(key)
    rule = draft.world.rules.get(state.code) if state else None
    if state is None or rule is None or state.phase is not Phase.PENDING:
        return
    if isinstance(rule, RatioRule):
        # The catalog gave the code to a rule of another kind while the event waited.
        _end(draft, key, draft.wall, f"rule {rule.code} no longer judges events")
        return
    at = state.level_since[0] if state.level_since and state.level_since[0] else draft.wall
    put_state(draft, key, replace(state, phase=Phase.ACTIVE, level=1), Verdict.RAISED)
    watcher = draft.world.watchers[state.agent]
    _raise_from_event(draft, watcher, rule, state, "reported late, after the link was away", at)
    if isinstance(rule, EventRule) and rule.quiet_for is not None:
        draft.hold(TimerKind.RULE_CLEAR, key, rule.quiet_for)


def held_clear(draft: Draft, key: str) -> None:
    """Clear what has stayed away for as long as its rule asks."""
    state = draft.world.rule_states.get(key)
    rule = draft.world.rules.get(state.code) if state else None
    if state is None:
        return
    if isinstance(rule, CrashRule):
        if not draft.world.watchers[state.agent].stream:
            # Nobody sees whether it runs: what the link has held back is heard first.
            draft.hold(TimerKind.RULE_CLEAR, key, rule.clear_after)
            return
        after, verdict = judge_held(state)
        if verdict is Verdict.CLEARED:
            _end(draft, key, state.clearing_since or draft.wall, "runs again", after=after)
    else:
        _end(draft, key, draft.wall, "no such event since")


def withdraw_unwatched(draft: Draft) -> None:
    """End every detection and every alarm that no rule in force looks after any more, and say so."""
    for state in tuple(draft.world.rule_states.values()):
        cause = _withdrawn(draft, state)
        if cause:
            _end(draft, state.key, draft.wall, cause)
    for alarm in tuple(draft.world.alarms.values()):
        if alarm.active and alarm.code not in draft.world.rules:
            clear_alarm(draft, alarm.key, at=draft.wall, cause=f"rule {alarm.code} was withdrawn")


def _withdrawn(draft: Draft, state: RuleState) -> str:
    """Return why no rule looks after a detection any more; "" while one does."""
    rule = draft.world.rules.get(state.code)
    watcher = draft.world.watchers[state.agent]
    match rule:
        case RatioRule() if watcher.board.pairs or not watcher.board.series:
            # Without any series the agent has not announced them yet: judged when it has.
            watched = not watcher.board.series or any(pair.key == state.key for pair in watcher.board.pairs)
            return "" if watched else f"rule {state.code} no longer applies here"
        case RatioRule():
            return f"rule {state.code} no longer applies here"
        case CrashRule():
            watched = watches(rule, state.component, _licensed(draft, watcher))
            return "" if watched else f"rule {state.code} no longer applies to {state.component}"
        case EventRule():
            return ""
        case _:
            return f"rule {state.code} was withdrawn"


def _end(draft: Draft, key: str, at: datetime, cause: str, *, after: RuleState | None = None) -> None:
    put_state(draft, key, after, Verdict.CLEARED)
    draft.disarm(TimerKind.RULE_CLEAR, key)
    draft.disarm(TimerKind.RULE_RAISE, key)
    clear_alarm(draft, key, at=at, cause=cause)


def put_state(draft: Draft, key: str, after: RuleState | None, verdict: Verdict) -> None:
    """Record a detection's state, if it moved."""
    if verdict is Verdict.UNCHANGED:
        return
    if after is None:
        if key in draft.world.rule_states:
            draft.drop(Kind.RULE_STATE, key, f"RULE_{verdict.upper()}")
        return
    known = draft.world.rule_states.get(key)
    if known is not None:
        after = replace(after, revision=known.revision)
    draft.put(Kind.RULE_STATE, key, after, f"RULE_{verdict.upper()}")
