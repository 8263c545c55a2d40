"""Outcomes: what the person is told after an action, and what a colleague did when they were faster."""

from datetime import datetime, tzinfo

from vedette_console.model.format import moment_exact, span
from vedette_console.model.intents import (
    AcknowledgeAlarm,
    AcknowledgeCase,
    AssignCase,
    CloseCase,
    CommentCase,
    CreateCase,
    Intent,
    ResolveCase,
)
from vedette_console.model.resources import Alarm, Case, ClockState, TimelineEntry
from vedette_console.model.safe import Safe, safe

#: Entries of the timeline that a conflict shows.
CONFLICT_ENTRIES = 3


def success(intent: Intent, after: Case | Alarm) -> Safe:
    """Return the sentence for an action that was done."""
    match intent:
        case AcknowledgeCase():
            return safe(f"{after.id} is yours: {_named(after)}{_clock_words(after)}")
        case AcknowledgeAlarm():
            return safe(f"alarm {after.id} acknowledged{_with_case(after)}: {_named(after)}")
        case AssignCase(owner=""):
            return safe(f"nobody owns {after.id} now")
        case AssignCase(owner=owner):
            return safe(f"{after.id} belongs to {owner} now")
        case CommentCase():
            return safe(f"comment added to {after.id}")
        case ResolveCase():
            return safe(f"{after.id} resolved{_clock_words(after)}")
        case CloseCase():
            return safe(f"{after.id} closed for good")
        case CreateCase():
            return safe(f"{after.id} opened")


def conflict(
    case: Case, entries: tuple[TimelineEntry, ...], *, now: datetime, zone: tzinfo
) -> tuple[Safe, ...]:
    """Return what happened to a case that changed while the person typed: who did what, newest first."""
    newest = entries[-CONFLICT_ENTRIES:]
    shown = [
        safe(f"{moment_exact(entry.time, now, zone)} {entry.actor}: {_what(entry)}")
        for entry in reversed(newest)
    ]
    owner = f", owned by {case.owner}" if case.owner else ""
    return (
        safe(f"{case.id} changed while you typed; it is {case.state.value}{owner} now"),
        *shown,
        safe("Enter sends yours all the same · Esc drops it"),
    )


def _what(entry: TimelineEntry) -> str:
    return entry.text or entry.reason.replace("_", " ").lower()


def _named(after: Case | Alarm) -> str:
    """Return whose trouble it is and which, so that a key on the wrong row is noticed."""
    customer = after.customer_name or after.customer if isinstance(after, Case) else after.customer
    return f"{customer}, {after.title}"


def _with_case(after: Case | Alarm) -> str:
    return f" and {after.case_id} with it" if isinstance(after, Alarm) and after.case_id else ""


def _clock_words(after: Case | Alarm) -> str:
    if not isinstance(after, Case) or after.response_clock is None:
        return ""
    clock = after.response_clock
    match clock.state:
        case ClockState.MET:
            return f"; answered after {span(clock.spent)} of open time, promise kept"
        case ClockState.BREACHED:
            return f"; answered {span(clock.remaining)} late"
        case _:
            return ""
