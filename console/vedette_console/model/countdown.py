"""Countdown: what a response clock says to a person at this instant.

The server computes open time against the customer's calendar and sends a snapshot; between snapshots the
console counts on. It knows the instant at which the promise breaks (`due_time`), whether the calendar is
open, and when it opens next; it does not know when the calendar closes, so an open clock that spans a
closing is shown with its due time, which is exact.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum

from vedette_console.model.cell import Tone
from vedette_console.model.format import moment, span
from vedette_console.model.resources import ClockState, SlaClock

#: A running clock is at risk from here on: this share of its target is left.
AT_RISK_SHARE = 0.25
#: Open time and wall time left differ by more than this when a closing lies between now and the due time.
_CLOSING_BETWEEN = timedelta(seconds=90)
_ZERO = timedelta(0)
#: Stands behind the open time that a kept promise took, where there is room.
_USED = " used"


class Urgency(StrEnum):
    """What a clock asks of the person who looks at it."""

    NONE = "none"
    FINE = "fine"
    AT_RISK = "at_risk"
    BREACHED = "breached"


TONES = {
    Urgency.NONE: Tone.DIM,
    Urgency.FINE: Tone.NORMAL,
    Urgency.AT_RISK: Tone.WARNING,
    Urgency.BREACHED: Tone.CRITICAL,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Countdown:
    """A clock in words, for a wide column and for a narrow one."""

    text: str
    short: str
    urgency: Urgency


def is_ticking(clock: SlaClock | None) -> bool:
    """Return whether a human's answer is still owed: the clock runs, or ran out unanswered."""
    return (
        clock is not None
        and clock.stop_time is None
        and clock.state in {ClockState.RUNNING, ClockState.BREACHED}
    )


def remaining_at(clock: SlaClock, now: datetime) -> timedelta:
    """Return the open time left at `now`; negative once the promise is broken.

    Never more than the wall time left until `due_time`, and never below zero before it.
    """
    if not is_ticking(clock):
        return clock.remaining
    counting_from = clock.as_of if clock.open else clock.next_open_time
    if counting_from is None:
        return clock.remaining
    due = clock.due_time
    if due is not None and abs(due - counting_from - clock.remaining) <= _CLOSING_BETWEEN:
        # It counts without a break until then: the due time is exact, `as_of` as late as the answer was.
        return due - max(now, counting_from)
    left = clock.remaining - max(_ZERO, now - counting_from)
    if due is None or now >= due:
        return left
    # A closing between the snapshot and now was counted as open time: the due time knows better.
    return min(left if left > _ZERO else clock.remaining, due - now)


def is_closed(clock: SlaClock, now: datetime) -> bool:
    """Return whether the clock stands still because the calendar is closed, as far as the snapshot tells."""
    return not clock.open and (clock.next_open_time is None or now < clock.next_open_time)


def urgency_at(clock: SlaClock | None, now: datetime) -> Urgency:
    """Return what the clock asks for at `now`; a clock that no longer ticks asks for nothing."""
    if clock is None or not is_ticking(clock):
        return Urgency.NONE
    if clock.state is ClockState.BREACHED or (clock.due_time is not None and now >= clock.due_time):
        return Urgency.BREACHED
    if remaining_at(clock, now) <= clock.target * AT_RISK_SHARE:
        return Urgency.AT_RISK
    return Urgency.FINE


def countdown(clock: SlaClock | None, now: datetime, zone: tzinfo) -> Countdown:
    """Return the clock in words at `now`, instants in `zone`."""
    if clock is None:
        return Countdown(text="no response time", short="no clock", urgency=Urgency.NONE)
    if not is_ticking(clock):
        text = _stopped(clock)
        return Countdown(text=text, short=text.removesuffix(_USED), urgency=Urgency.NONE)
    urgency = urgency_at(clock, now)
    left = remaining_at(clock, now)
    if urgency is Urgency.BREACHED:
        text = f"-{span(left)} BREACHED"
        return Countdown(text=text, short=text, urgency=urgency)
    mark = "! " if urgency is Urgency.AT_RISK else ""
    if clock.due_time is None:
        return Countdown(text=f"{mark}{span(left)}", short=f"{mark}{span(left)}", urgency=urgency)
    due = f"due {moment(clock.due_time, now, zone)}"
    if is_closed(clock, now):
        return Countdown(text=f"{mark}closed, {due}", short=f"{mark}{due}", urgency=urgency)
    if clock.due_time - now - left > _CLOSING_BETWEEN:
        return Countdown(text=f"{mark}{span(left)}, {due}", short=f"{mark}{due}", urgency=urgency)
    return Countdown(text=f"{mark}{span(left)}", short=f"{mark}{span(left)}", urgency=urgency)


def _stopped(clock: SlaClock) -> str:
    match clock.state:
        case ClockState.NOT_STARTED:
            return "not started"
        case ClockState.PAUSED:
            return f"paused, {span(clock.remaining)}"
        case ClockState.MET:
            # Not "in": a case taken before opening has used nothing, however long it lay.
            return f"met, {span(clock.spent)}{_USED}"
        case ClockState.BREACHED:
            return f"late by {span(clock.remaining)}"
        case ClockState.CANCELLED:
            return "cancelled"
        case _:
            return "unknown"
