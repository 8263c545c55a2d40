"""Judging exits and starts of components against a crash rule.

One idea: an announced stop is part of the state, whatever else the state is. An exit that follows it within
the rule's window is no crash, also while an earlier crash is still clearing. It survives a restart of the
server because states are journaled.

All instants are event time. Nothing here does I/O or reads the wall clock.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from vedette_server.detect.catalog import CrashRule
from vedette_server.detect.evaluate import Verdict
from vedette_server.detect.rule_state import Phase, RuleState

EXITED = "component.exited"
STARTED = "component.started"
STOP_PLANNED = "component.stop_planned"
#: Event codes that crash rules read.
CRASH_EVENTS = (EXITED, STARTED, STOP_PLANNED)


def watches(rule: CrashRule, component: str, licensed: tuple[str, ...]) -> bool:
    """Return whether a rule watches a component of an installation with these licences."""
    if not component or component in rule.except_components:
        return False
    if rule.components and component not in rule.components:
        return False
    return component in licensed or not rule.licensed_only


def judge_component(
    rule: CrashRule, state: RuleState | None, blank: RuleState, code: str, at: datetime
) -> tuple[RuleState | None, Verdict]:
    """Return the state after one event of a component, and what it means for the alarm.

    A start begins the clearing; that it has held is judged by `judge_held` when its time has come.
    """
    match code, state.phase if state else None:
        case "component.stop_planned", None | Phase.PLANNED:
            return replace(blank, phase=Phase.PLANNED, planned_since=at), Verdict.MOVED
        case "component.stop_planned", _:
            return replace(state or blank, planned_since=at), Verdict.MOVED
        case "component.exited", _ if _is_planned(rule, state, at):
            return state, Verdict.UNCHANGED
        case "component.exited", None | Phase.PLANNED | Phase.PENDING:
            raised = replace(blank, phase=Phase.ACTIVE, level=1, level_since=(at,), raises=1)
            return raised, Verdict.RAISED
        case "component.exited", Phase.ACTIVE | Phase.CLEARING:
            current = state or blank
            again = replace(current, phase=Phase.ACTIVE, clearing_since=None, planned_since=None)
            return replace(again, raises=current.raises + 1), Verdict.RAISED
        case "component.started", Phase.PLANNED | Phase.PENDING:
            return None, Verdict.MOVED
        case "component.started", Phase.ACTIVE | Phase.CLEARING:
            current = state or blank
            clearing = replace(current, phase=Phase.CLEARING, clearing_since=at, planned_since=None)
            return clearing, Verdict.MOVED
        case _:
            return state, Verdict.UNCHANGED


def judge_held(state: RuleState | None) -> tuple[RuleState | None, Verdict]:
    """Return the state when the time that a clearing must hold has passed; an announced stop outlives it."""
    if state is None or state.phase is not Phase.CLEARING:
        return state, Verdict.UNCHANGED
    if state.planned_since is None:
        return None, Verdict.CLEARED
    planned = replace(state, phase=Phase.PLANNED, level=0, level_since=(), clearing_since=None, raises=0)
    return planned, Verdict.CLEARED


def _is_planned(rule: CrashRule, state: RuleState | None, at: datetime) -> bool:
    """Return whether a stop was announced before an exit at `at`, at most the rule's window before it."""
    announced = state.planned_since if state else None
    return announced is not None and timedelta(0) <= at - announced <= rule.planned_window
