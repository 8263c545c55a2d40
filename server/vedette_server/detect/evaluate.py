"""Judging used/limit against a ratio rule: when a condition begins, worsens and ends.

One idea: `judge` is total and pure, and `band` says for which values `judge` would change nothing. The hot
path keeps the band of every series and calls `judge` only for values outside of it; a property test holds the
two against each other.

All instants are event time. Thresholds are compared as `used >= at * limit`, never as a quotient, so a limit
of 0 (an expired licence) needs no special case: anything used is above it, nothing used is not.

Nothing here does I/O or reads the wall clock.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from math import inf, isnan, nextafter

from vedette_server.detect.catalog import LabelMatch, RatioRule
from vedette_server.detect.rule_state import Phase, RuleState
from vedette_server.telemetry.series import Labels, label

#: A band in which nothing lies: every value is judged.
NO_BAND = (inf, -inf)
#: A band in which everything lies: no value is judged.
ALL_BAND = (-inf, inf)


class Verdict(StrEnum):
    """What a judgement means for the alarm."""

    UNCHANGED = "unchanged"
    #: The detection moved, the alarm does not: pending began or ended, clearing began or ended.
    MOVED = "moved"
    RAISED = "raised"
    WORSENED = "worsened"
    CLEARED = "cleared"


def matches(where: tuple[LabelMatch, ...], labels: Labels) -> bool:
    """Return whether labels fulfil every condition; a label that is not there has the value ""."""
    return all((label(labels, one.name) in one.values) is not one.negated for one in where)


def level_of(rule: RatioRule, used: float, limit: float) -> int:
    """Return the highest level that `used` reaches, from 1; 0 when it reaches none."""
    reached = 0
    for index, level in enumerate(rule.levels, start=1):
        threshold = level.at * max(limit, 0.0)
        strict = rule.strict or limit <= 0
        if used > threshold if strict else used >= threshold:
            reached = index
    return reached


def judge(
    rule: RatioRule, state: RuleState | None, blank: RuleState, used: float, limit: float, at: datetime
) -> tuple[RuleState | None, Verdict]:
    """Return the state after one observation, and what it means for the alarm.

    Args:
        rule: the rule.
        state: where the detection stands; None when it is ok.
        blank: a pending state of this key with no level risen, to start from.
        used: the value; finite.
        limit: its limit; finite.
        at: event time of the observation; never before that of the last one.
    """
    current = state or blank
    reached = max(level_of(rule, used, limit), current.level)
    held = tuple(
        (since or at) if index < reached else None for index, since in enumerate(_padded(rule, current))
    )
    if current.phase is Phase.PENDING:
        return _judge_pending(rule, state, replace(current, level_since=held), at)
    return _judge_active(rule, current, held, at, below=_is_below(rule, used, limit))


def _is_below(rule: RatioRule, used: float, limit: float) -> bool:
    """Return whether a value is where an active condition ends; a strict rule ends at the value itself."""
    if limit <= 0:
        return used <= 0
    end = rule.clear_below * limit
    return used <= end if rule.strict else used < end


def _judge_pending(
    rule: RatioRule, state: RuleState | None, after: RuleState, at: datetime
) -> tuple[RuleState | None, Verdict]:
    level = _held_level(rule, after.level_since, at)
    if level:
        risen = replace(after, phase=Phase.ACTIVE, level=level, raises=after.raises + 1)
        return risen, Verdict.RAISED
    if after.level_since[0] is None:
        return None, Verdict.MOVED if state else Verdict.UNCHANGED
    return (state, Verdict.UNCHANGED) if state == after else (after, Verdict.MOVED)


def _judge_active(
    rule: RatioRule, state: RuleState, held: tuple[datetime | None, ...], at: datetime, *, below: bool
) -> tuple[RuleState | None, Verdict]:
    if below:
        since = state.clearing_since or at
        if at - since >= rule.clear_after:
            return None, Verdict.CLEARED
        after = replace(state, phase=Phase.CLEARING, clearing_since=since, level_since=held)
    else:
        level = max(state.level, _held_level(rule, held, at))
        after = replace(state, phase=Phase.ACTIVE, clearing_since=None, level_since=held, level=level)
        if level > state.level:
            return after, Verdict.WORSENED
    return (state, Verdict.UNCHANGED) if state == after else (after, Verdict.MOVED)


def _padded(rule: RatioRule, state: RuleState) -> tuple[datetime | None, ...]:
    """Return the state's `level_since` with one place a level, also when the rule got more levels since."""
    missing = len(rule.levels) - len(state.level_since)
    return (*state.level_since, *(None,) * missing)[: len(rule.levels)]


def _held_level(rule: RatioRule, level_since: tuple[datetime | None, ...], at: datetime) -> int:
    """Return the highest level that has held for the rule's `raise_after`; 0 when none has."""
    held = 0
    for index, since in enumerate(level_since, start=1):
        if since is not None and at - since >= rule.raise_after:
            held = index
    return held


def band(rule: RatioRule, state: RuleState | None, limit: float) -> tuple[float, float]:
    """Return [lo, hi], both inclusive, in which `judge` changes nothing for a `used` under this `limit`.

    Empty (`NO_BAND`) while a duration is running: then time alone changes something.
    """
    if isnan(limit):
        return ALL_BAND
    if limit <= 0:
        return NO_BAND
    if state is None:
        return -inf, _just_below(rule, rule.levels[0].at * limit)
    settled = all(
        (since is not None) is (index <= state.level)
        for index, since in enumerate(_padded(rule, state), start=1)
    )
    if state.phase is not Phase.ACTIVE or not settled:
        return NO_BAND
    hi = inf if state.level >= len(rule.levels) else _just_below(rule, rule.levels[state.level].at * limit)
    end = rule.clear_below * limit
    return nextafter(end, inf) if rule.strict else end, hi


def _just_below(rule: RatioRule, threshold: float) -> float:
    """Return the greatest value that does not reach a threshold."""
    return threshold if rule.strict else nextafter(threshold, -inf)
