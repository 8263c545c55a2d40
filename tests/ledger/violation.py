"""Violation: every way in which ledgers and store can disagree, by name."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Check(StrEnum):
    """What can be wrong."""

    #: A fact that was acknowledged is neither stored nor covered by a gap.
    ACKNOWLEDGED_FACT_LOST = "acknowledged fact lost"
    #: A fact was passed over without being stored, without a gap that says so.
    HOLE = "hole without a gap"
    STORED_TWICE = "stored twice"
    STORED_OTHERWISE = "stored with other content"
    STORED_NOT_PRODUCED = "stored and never produced"
    GAP_NOT_PRODUCED = "gap that nobody reported"
    ACK_WENT_BACK = "ack went back"
    ACK_TOO_FAR = "ack of a fact that was not produced"
    WATERMARK_WRONG = "watermark is not the last fact"
    NOT_DRAINED = "agent was not drained"
    IDENTITY_CHANGED = "identity of facts changed"
    OPEN_ALARM_TWICE = "two open alarms of one key"
    WRONG_ALARM = "alarm is not as expected"
    WRONG_CASE = "case is not as expected"
    TIMER_WRONG = "timer is missing, wrong or overdue"
    COMMAND_LOST = "answered command had no effect"
    COMMAND_TWICE = "command had its effect twice"
    JOURNAL_BROKEN = "journal is broken"
    TABLES_DIFFER = "table is not what the journal says"
    DATABASE_DAMAGED = "database is damaged"
    REPLAY_DIFFERS = "replay differs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One thing that is wrong."""

    check: Check
    text: str

    def __str__(self) -> str:
        """Return it in one line."""
        return f"{self.check}: {self.text}"
