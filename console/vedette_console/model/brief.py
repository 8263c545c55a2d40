"""Briefs: one resource told in a few lines, for the panels and detail screens.

Each function answers, in this order, what a person asks at three in the morning: what is wrong, since when,
what was promised and why, who has it. Lines are not wrapped here.
"""

from datetime import datetime, tzinfo

from vedette_console.model.cell import Cell, Line, Tone
from vedette_console.model.countdown import (
    TONES,
    Urgency,
    countdown,
    is_closed,
    is_ticking,
    remaining_at,
)
from vedette_console.model.format import TIMES, age_of, moment, moment_exact, quantity, span, target, times
from vedette_console.model.resources import (
    Agent,
    Alarm,
    Case,
    CaseState,
    ClockState,
    Evidence,
    Installation,
    SlaClock,
    TimelineEntry,
)
from vedette_console.model.rows import (
    agent_cause,
    agent_state_cell,
    alarm_condition_cell,
    case_state_cell,
    priority_cell,
    series_name,
)
from vedette_console.model.safe import safe, safe_lines

#: Width of the column of field names.
LABEL_WIDTH = 11
_SHOWN_REASONS = 8
#: Reasons of a timeline entry whose text a person wrote.
COMMENT_REASONS = frozenset({"COMMENT", "CASE_COMMENTED"})


def text(value: str, tone: Tone = Tone.NORMAL) -> Cell:
    """Return a cell of one line of text from anywhere."""
    return Cell(text=safe(value), tone=tone)


def field(label: str, *value: Cell) -> Line:
    """Return a line with a field name in front."""
    return (Cell(text=safe(f"{label:<{LABEL_WIDTH}}"), tone=Tone.DIM, hang=True), *value)


def case_headline(case: Case) -> Line:
    """Return what is wrong, with its priority."""
    return (priority_cell(case.priority), text("  "), text(case.title, Tone.STRONG))


def case_brief(case: Case, now: datetime, zone: tzinfo) -> tuple[Line, ...]:
    """Return where, state, owner and the promise of a case in a few lines; see `case_promise` for the why."""
    place = " / ".join(part for part in (case.installation, case.node) if part)
    name = case.customer_name or case.customer
    again = f", reopened {TIMES}{case.reopen_count}" if case.reopen_count else ""
    lines = [
        field("customer", text(name, Tone.STRONG), text(f"  {place}" if place else "")),
        field(
            "state",
            case_state_cell(case.state),
            text(f"  {_owner(case)}{again}"),
        ),
        field("promise", *promise_cells(case.response_clock, now, zone)),
        field("since", text(_since(case, now, zone))),
    ]
    if case.alarms:
        seen = f", seen {times(case.occurrence_count)}" if case.occurrence_count > 1 else ""
        active = case.alarm_active
        words = "▲ still active" if active else "✓ cleared by itself"
        lines.append(field("alarm", text(words, Tone.BAD if active else Tone.GOOD), text(seen)))
    return tuple(lines)


def promise_cells(clock: SlaClock | None, now: datetime, zone: tzinfo) -> Line:
    """Return how long there is to answer, and the instant at which the promise breaks."""
    if clock is None:
        return (text("no response time is promised", Tone.DIM),)
    words = countdown(clock, now, zone)
    tone = Tone.STRONG if words.urgency is Urgency.FINE else TONES[words.urgency]
    if clock.due_time is None or not is_ticking(clock):
        return (text(words.text, tone),)
    due = moment_exact(clock.due_time, now, zone)
    if words.urgency is Urgency.BREACHED:
        return text(words.text, tone), text(f"  was due {due}")
    left = span(remaining_at(clock, now))
    mark = "! " if words.urgency is Urgency.AT_RISK else ""
    if is_closed(clock, now):
        opens = f" until {moment(clock.next_open_time, now, zone)}" if clock.next_open_time else ""
        return text(f"{mark}closed{opens}", tone), text(f", then {left} left, due {due}")
    return text(f"{mark}{left} left", tone), text(f", due {due}")


def case_promise(case: Case, now: datetime, zone: tzinfo) -> tuple[Line, ...]:
    """Return what was promised and why: target, calendar, plan, entitlement."""
    lines: list[Line] = []
    clock = case.response_clock
    if clock is not None:
        started = f" from {moment_exact(clock.start_time, now, zone)}" if clock.start_time else ""
        lines.append(field("target", text(f"< {target(clock.target)} in {clock.calendar}{started}")))
        if not is_ticking(clock):
            lines.append(field("spent", text(_spent(clock))))
    lines.append(field("plan", text(case.plan or "none")))
    lines.extend(_listed("because", case.reasons))
    if case.description:
        lines.extend(_block("reported", case.description))
    if case.state in {CaseState.RESOLVED, CaseState.CLOSED}:
        when = f" at {moment_exact(case.resolve_time, now, zone)}" if case.resolve_time else ""
        lines.extend(_block("resolved", f"{case.resolution or 'without a word'}{when}"))
    return tuple(lines)


def alarm_brief(alarm: Alarm, now: datetime, zone: tzinfo) -> tuple[Line, ...]:
    """Return an alarm with its evidence, and why it has a case or none."""
    where = "/".join(
        part for part in (alarm.customer, alarm.installation, alarm.node, alarm.component) if part
    )
    raised = moment_exact(alarm.raise_time, now, zone) if alarm.raise_time else "?"
    often = f"  {times(alarm.occurrence_count)}"
    lines = [
        (priority_cell(alarm.priority), text(f"  {alarm.id}  ", Tone.ACCENT), text(alarm.title, Tone.STRONG)),
        field("condition", alarm_condition_cell(alarm), text(f"  since {raised}{often}")),
        field("where", text(where)),
    ]
    if alarm.acknowledged_by:
        lines.append(field("taken by", text(alarm.acknowledged_by)))
    if alarm.clear_time is not None:
        cause = f": {alarm.clear_cause}" if alarm.clear_cause else ""
        lines.append(field("cleared", text(f"{moment_exact(alarm.clear_time, now, zone)}{cause}", Tone.GOOD)))
    if alarm.evidence is not None:
        lines.append(field("evidence", text(evidence_words(alarm.evidence))))
    lines.append(field("case", text(alarm.case_id or "none", Tone.ACCENT)))
    lines.extend(_listed("because", alarm.reasons))
    return tuple(lines)


def evidence_words(evidence: Evidence) -> str:
    """Return what decided, in words: the server's, or the series against its threshold."""
    if evidence.text or not evidence.series:
        return evidence.text or "an event"
    unit = "1" if evidence.limit_series else ""
    value, limit = quantity(evidence.value, unit), quantity(evidence.threshold, unit)
    return f"{series_name(evidence.series, evidence.labels)} at {value}, threshold {limit}"


def alarm_line(alarm: Alarm, now: datetime) -> Line:
    """Return an alarm in one line, for the list under its case."""
    often = f" {times(alarm.occurrence_count)}".rstrip()
    since = f", {age_of(alarm.raise_time, now)} ago" if alarm.raise_time else ""
    return (
        priority_cell(alarm.priority),
        Cell(text=safe(f"  {alarm.id}  "), tone=Tone.ACCENT, hang=True),
        alarm_condition_cell(alarm),
        text(f"  {alarm.title}{often}{since}"),
    )


def agent_brief(agent: Agent, now: datetime, zone: tzinfo) -> tuple[Line, ...]:
    """Return an agent: whether it reaches us, since when, what it runs, what is missing."""
    seen = moment_exact(agent.last_seen_time, now, zone) if agent.last_seen_time else "never"
    since = f"  since {moment_exact(agent.state_time, now, zone)}" if agent.state_time else ""
    missing = agent.missing_fact_count
    lines = [
        field("agent", text(agent.id, Tone.STRONG)),
        field("state", agent_state_cell(agent.state), text(since)),
        field("last seen", text(f"{seen}  ({age_of(agent.last_seen_time, now)})")),
        field("machine", text(" · ".join(part for part in (agent.host_name, agent.platform) if part) or "-")),
        field(
            "versions", text(f"product {agent.product_version or '?'} · agent {agent.agent_version or '?'}")
        ),
        field("clock", text(f"{_signed(agent)} against the server")),
        field("watermark", text(f"{agent.watermark} · {agent.series_count} series")),
        field("missing", text(f"{missing} facts", Tone.WARNING if missing else Tone.NORMAL)),
        field("connected", text(f"{TIMES}{agent.connect_count}")),
    ]
    cause = agent_cause(agent, now)
    return (*lines, field("cause", text(cause, Tone.WARNING))) if cause else tuple(lines)


def installation_brief(installation: Installation) -> tuple[Line, ...]:
    """Return an installation: its plan, and why proactive support is owed or not."""
    owed = installation.entitled
    return (
        field("where", text(f"{installation.customer_name} · {installation.name}", Tone.STRONG)),
        field("ids", text(f"{installation.customer} {installation.id}")),
        field("plan", text(installation.plan or "none")),
        field("entitled", text("yes" if owed else "no", Tone.GOOD if owed else Tone.WARNING)),
        *_listed("because", installation.reasons),
        *_listed("agents", installation.agents),
        field("open cases", text(str(installation.open_case_count))),
    )


def timeline_lines(entries: tuple[TimelineEntry, ...], now: datetime, zone: tzinfo) -> tuple[Line, ...]:
    """Return the timeline, newest first: when, who, what. Longer texts go on below, indented."""
    lines: list[Line] = []
    for entry in reversed(entries):
        first, *rest = safe_lines(entry.text or entry.reason.replace("_", " ").lower())
        when = moment_exact(entry.time, now, zone)
        about = "" if entry.kind == "case" else f" {entry.id}"
        lines.append(
            (
                Cell(text=safe(f"{when}  "), tone=Tone.DIM, hang=True),
                text(entry.actor or "?", Tone.DIM if entry.actor == "vedette" else Tone.GOOD),
                text(about, Tone.ACCENT),
                text("  "),
                Cell(text=first, tone=Tone.STRONG if entry.reason in COMMENT_REASONS else Tone.NORMAL),
            )
        )
        lines.extend((Cell(text=safe(" " * (len(when) + 2)), hang=True), Cell(text=line)) for line in rest)
    return tuple(lines)


def _owner(case: Case) -> str:
    return f"owned by {case.owner}" if case.owner else "nobody owns it"


def _since(case: Case, now: datetime, zone: tzinfo) -> str:
    opened = f"{moment_exact(case.create_time, now, zone)}  ({age_of(case.create_time, now)})"
    taken = case.acknowledge_time
    return f"{opened}, taken {moment_exact(taken, now, zone)}" if taken else opened


def _spent(clock: SlaClock) -> str:
    word = {
        ClockState.MET: "kept",
        ClockState.BREACHED: "broken",
        ClockState.PAUSED: "paused",
        ClockState.CANCELLED: "cancelled: it cleared before anyone came",
    }.get(clock.state, clock.state.value)
    return f"{span(clock.spent)} of open time, {word}"


def _signed(agent: Agent) -> str:
    seconds = agent.clock_skew.total_seconds()
    return f"{'-' if seconds < 0 else '+'}{abs(seconds):.3f}s"


def _listed(label: str, reasons: tuple[str, ...]) -> list[Line]:
    shown = [
        field(label if i == 0 else "", text(reason)) for i, reason in enumerate(reasons[:_SHOWN_REASONS])
    ]
    more = len(reasons) - _SHOWN_REASONS
    return [*shown, field("", text(f"and {more} more", Tone.DIM))] if more > 0 else shown


def _block(label: str, words: str) -> list[Line]:
    return [field(label if i == 0 else "", Cell(text=line)) for i, line in enumerate(safe_lines(words))]
