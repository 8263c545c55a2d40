"""Rows: one resource as the cells of one table line.

A row holds a cell for every column of its table, for wide and narrow screens alike; `columns.fit` picks
those that are shown. Everything that came from outside passes `safe` here.
"""

from dataclasses import dataclass
from datetime import datetime, tzinfo

from vedette_console.model.cell import Cell, Tone
from vedette_console.model.columns import Column
from vedette_console.model.countdown import TONES, countdown
from vedette_console.model.format import TIMES, age_of, quantity, times
from vedette_console.model.plot import sparkline
from vedette_console.model.resources import (
    Agent,
    AgentState,
    Alarm,
    Case,
    CaseState,
    Condition,
    Labels,
    Priority,
    SeriesData,
)
from vedette_console.model.safe import Safe, safe

#: Terminals at least this wide get the long forms.
WIDE = 110
#: Width of the small plot of a series.
SPARK_WIDTH = 24
SPARK_WIDTH_WIDE = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The cells of one line, aligned with the columns of its table."""

    key: str
    cells: tuple[Cell, ...]
    #: Tone of cells that have none of their own.
    tone: Tone = Tone.NORMAL


_PRIORITY_GLYPHS = {Priority.P1: "▲", Priority.P2: "◆", Priority.P3: "●", Priority.P4: "○"}
_PRIORITY_TONES = {
    Priority.P1: Tone.BAD,
    Priority.P2: Tone.WARNING,
    Priority.P3: Tone.ACCENT,
    Priority.P4: Tone.DIM,
}
#: Word, short word and tone of a case's state.
_CASE_STATES = {
    CaseState.NEW: ("NEW", "NEW", Tone.STRONG),
    CaseState.ACKNOWLEDGED: ("ack", "ack", Tone.GOOD),
    CaseState.WAITING: ("waiting", "wait", Tone.DIM),
    CaseState.RESOLVED: ("resolved", "done", Tone.DIM),
    CaseState.CLOSED: ("closed", "shut", Tone.DIM),
    CaseState.UNKNOWN: ("unknown", "?", Tone.WARNING),
}
_AGENT_STATES = {
    AgentState.CONNECTED: ("●", "connected", Tone.GOOD),
    AgentState.OVERDUE: ("◌", "overdue", Tone.WARNING),
    AgentState.LOST: ("✗", "lost", Tone.CRITICAL),
    AgentState.GOODBYE: ("■", "stopped", Tone.DIM),
    AgentState.QUARANTINED: ("‖", "quarantined", Tone.CRITICAL),
    AgentState.NEVER_SEEN: ("○", "never seen", Tone.DIM),
    AgentState.UNKNOWN: ("?", "unknown", Tone.WARNING),
}

QUEUE_COLUMNS = (
    Column(title="Pri", width=4),
    Column(title="To breach", width=21, from_width=WIDE),
    Column(title="To breach", width=16, below_width=WIDE),
    Column(title="Case", width=6),
    Column(title="Customer", width=16, from_width=WIDE),
    Column(title="Customer", width=10, below_width=WIDE),
    Column(title="What", width=12, flex=True),
    Column(title=TIMES, width=4, right=True),
    Column(title="Alarm", width=8, from_width=WIDE),
    Column(title="", width=1, below_width=WIDE),
    Column(title="State", width=8, from_width=WIDE),
    Column(title="State", width=5, below_width=WIDE),
    Column(title="Owner", width=8, from_width=WIDE),
    Column(title="Owner", width=5, below_width=WIDE),
    Column(title="Age", width=4, right=True, from_width=WIDE),
)
ALARM_COLUMNS = (
    Column(title="Pri", width=4),
    Column(title="Alarm", width=6),
    Column(title="Condition", width=18, from_width=WIDE),
    Column(title="Cond.", width=9, below_width=WIDE),
    Column(title="Customer", width=16, from_width=WIDE),
    Column(title="Customer", width=11, below_width=WIDE),
    Column(title="What", width=16, flex=True),
    Column(title="Where", width=24, keep_end=True, from_width=WIDE),
    Column(title=TIMES, width=4, right=True),
    Column(title="Since", width=5, right=True),
    Column(title="Case", width=7),
)
FLEET_COLUMNS = (
    Column(title="State", width=13),
    Column(title="Agent", width=20, flex=True, keep_end=True),
    Column(title="Seen", width=5, right=True),
    Column(title="Product", width=13),
    Column(title="Agent v.", width=8, from_width=WIDE),
    Column(title="Watermark", width=9, right=True, from_width=WIDE),
    Column(title="Missing", width=7, right=True),
    Column(title="Cause", width=24, from_width=WIDE),
)
SERIES_COLUMNS = (
    Column(title="Series", width=28, flex=True),
    Column(title="Last", width=9, right=True),
    Column(title="Least", width=9, right=True, from_width=WIDE),
    Column(title="Most", width=9, right=True, from_width=WIDE),
    Column(title="Course, at most 1 h", width=SPARK_WIDTH, below_width=WIDE),
    Column(title="Course, at most 1 h", width=SPARK_WIDTH_WIDE, from_width=WIDE),
)


def priority_cell(priority: Priority) -> Cell:
    """Return a priority as glyph and word."""
    return Cell(text=_priority_words(priority), tone=_PRIORITY_TONES[priority])


def agent_state_cell(state: AgentState) -> Cell:
    """Return an agent's state as glyph and word."""
    glyph, word, tone = _AGENT_STATES[state]
    return Cell(text=safe(f"{glyph} {word}"), tone=tone)


def case_state_cell(state: CaseState) -> Cell:
    """Return a case's state as a word."""
    word, _, tone = _CASE_STATES[state]
    return Cell(text=safe(word), tone=tone)


def queue_row(case: Case, now: datetime, zone: tzinfo) -> Row:
    """Return the line of a case in the queue at `now` (server time), aligned with `QUEUE_COLUMNS`."""
    clock = countdown(case.response_clock, now, zone)
    word, short_word, state_tone = _CASE_STATES[case.state]
    customer = case.customer_name or case.customer
    alarm = _alarm_mark(case)
    reopened = " (again)" if case.reopen_count else ""
    done = case.state in {CaseState.RESOLVED, CaseState.CLOSED}
    title_tone = Tone.STRONG if case.state is CaseState.NEW and not done else Tone.NORMAL
    return Row(
        key=case.id,
        tone=Tone.DIM if done else Tone.NORMAL,
        cells=(
            Cell(
                text=_priority_words(case.priority),
                tone=Tone.DIM if done else _PRIORITY_TONES[case.priority],
            ),
            Cell(text=safe(clock.text), tone=TONES[clock.urgency]),
            Cell(text=safe(clock.short), tone=TONES[clock.urgency]),
            Cell(text=safe(case.id), tone=Tone.ACCENT),
            Cell(text=safe(customer)),
            Cell(text=safe(case.customer or customer)),
            # A title may begin with an agent's whole id; the customer has a column.
            Cell(text=safe(f"{case.title.removeprefix(f'{case.customer}/')}{reopened}"), tone=title_tone),
            _occurrences(case.occurrence_count),
            alarm,
            Cell(text=safe(alarm.text[:1] if case.alarms else ""), tone=alarm.tone),
            Cell(text=safe(word), tone=state_tone),
            Cell(text=safe(short_word), tone=state_tone),
            Cell(text=safe(case.owner or "-"), tone=Tone.NORMAL if case.owner else Tone.DIM),
            Cell(text=safe(case.owner or "-"), tone=Tone.NORMAL if case.owner else Tone.DIM),
            Cell(text=safe(age_of(case.create_time, now)), tone=Tone.DIM),
        ),
    )


def alarm_row(alarm: Alarm, now: datetime) -> Row:
    """Return the line of an alarm at `now` (server time), aligned with `ALARM_COLUMNS`."""
    condition = alarm_condition_cell(alarm)
    where = "/".join(part for part in (alarm.installation, alarm.node, alarm.component) if part)
    return Row(
        key=alarm.id,
        cells=(
            priority_cell(alarm.priority),
            Cell(text=safe(alarm.id), tone=Tone.ACCENT),
            condition,
            Cell(text=_condition_word(alarm), tone=condition.tone),
            Cell(text=safe(alarm.customer)),
            Cell(text=safe(alarm.customer)),
            Cell(
                text=safe(alarm.title.removeprefix(f"{alarm.customer}/")),
                tone=Tone.NORMAL if alarm.acknowledged else Tone.STRONG,
            ),
            Cell(text=safe(where)),
            _occurrences(alarm.occurrence_count),
            Cell(text=safe(age_of(alarm.raise_time, now)), tone=Tone.DIM),
            Cell(text=safe(alarm.case_id or "-"), tone=Tone.ACCENT if alarm.case_id else Tone.DIM),
        ),
    )


def alarm_condition_cell(alarm: Alarm) -> Cell:
    """Return whether an alarm's condition holds and whether somebody took it, in words."""
    taken = ", acked" if alarm.acknowledged else ", unacked"
    active = alarm.condition is not Condition.CLEARED
    tone = Tone.GOOD if not active else (Tone.WARNING if alarm.acknowledged else Tone.BAD)
    return Cell(text=safe(f"{_condition_word(alarm)}{taken}"), tone=tone)


def agent_row(agent: Agent, now: datetime) -> Row:
    """Return the line of an agent at `now` (server time), aligned with `FLEET_COLUMNS`."""
    missing = agent.missing_fact_count
    return Row(
        key=agent.id,
        tone=Tone.DIM if agent.state is AgentState.NEVER_SEEN else Tone.NORMAL,
        cells=(
            agent_state_cell(agent.state),
            Cell(text=safe(agent.id)),
            Cell(text=safe(age_of(agent.last_seen_time, now))),
            Cell(text=safe(agent.product_version or "-")),
            Cell(text=safe(agent.agent_version or "-")),
            Cell(text=safe(str(agent.watermark))),
            Cell(text=safe(str(missing)), tone=Tone.WARNING if missing else Tone.DIM),
            Cell(text=safe(agent_cause(agent, now))),
        ),
    )


def agent_cause(agent: Agent, now: datetime) -> str:
    """Return why an agent does not reach the server, and when it comes back if it said so."""
    if agent.state is AgentState.CONNECTED:
        return ""
    back = agent.expected_back_time
    if agent.state is AgentState.GOODBYE and back is not None:
        wait = f"back in {age_of(now, back)}" if back > now else f"was due back {age_of(back, now)} ago"
        return f"{agent.disconnect_cause}, {wait}" if agent.disconnect_cause else wait
    return agent.disconnect_cause


def series_row(data: SeriesData) -> Row:
    """Return the line of a series with a small plot of its points, aligned with `SERIES_COLUMNS`."""
    unit = data.info.unit
    peaks = [point.maximum for point in data.points]
    texts = (
        (
            quantity(data.points[-1].value, unit),
            quantity(min(point.minimum for point in data.points), unit),
            quantity(max(peaks), unit),
        )
        if peaks
        else ("-", "-", "-")
    )
    return Row(
        key=series_name(data.info.name, data.info.labels),
        cells=(
            Cell(text=safe(series_name(data.info.name, data.info.labels))),
            *(
                Cell(text=safe(text), tone=Tone.STRONG if i == 0 else Tone.DIM)
                for i, text in enumerate(texts)
            ),
            Cell(text=sparkline(peaks, SPARK_WIDTH), tone=Tone.ACCENT),
            Cell(text=sparkline(peaks, SPARK_WIDTH_WIDE), tone=Tone.ACCENT),
        ),
    )


def series_name(name: str, labels: Labels) -> str:
    """Return a series as one text: "system.filesystem.usage{mountpoint=/}"."""
    inside = ",".join(f"{key}={value}" for key, value in labels)
    return f"{name}{{{inside}}}" if inside else name


def _priority_words(priority: Priority) -> Safe:
    return safe(f"{_PRIORITY_GLYPHS[priority]} {priority.name}")


def _condition_word(alarm: Alarm) -> Safe:
    return safe("✓ cleared" if alarm.condition is Condition.CLEARED else "▲ active")


def _alarm_mark(case: Case) -> Cell:
    if not case.alarms:
        return Cell(text=safe("by hand"), tone=Tone.DIM)
    if case.alarm_active:
        return Cell(text=safe("▲ active"), tone=Tone.BAD)
    return Cell(text=safe("✓ clear"), tone=Tone.GOOD)


def _occurrences(count: int) -> Cell:
    return Cell(text=safe(times(count)), tone=Tone.WARNING)
