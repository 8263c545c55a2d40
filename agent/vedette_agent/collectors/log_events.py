"""Log events: lines of the product's log that match a pattern become coded events.

Where the log was read up to is committed together with the events found before it, so that a line becomes
one event whether the agent is killed, the log rotates or the disk is full.
"""

import re
from datetime import timedelta

import msgspec

from vedette_agent.clock import Clock
from vedette_agent.collectors.collector import Reading
from vedette_agent.collectors.tail import Position, Tail
from vedette_agent.facts import Event, Labels, Severity
from vedette_agent.settings.model import CollectorSettings, LogPatternSettings, LogSettings
from vedette_agent.text import clipped

_SEVERITIES = {
    "debug": Severity.INFO,
    "info": Severity.INFO,
    "notice": Severity.INFO,
    "warn": Severity.WARNING,
    "warning": Severity.WARNING,
    "err": Severity.ERROR,
    "error": Severity.ERROR,
    "crit": Severity.CRITICAL,
    "critical": Severity.CRITICAL,
    "fatal": Severity.CRITICAL,
    "emerg": Severity.CRITICAL,
    "alert": Severity.CRITICAL,
}
#: Groups that fill fields of the event instead of becoming attributes.
_FIELD_GROUPS = frozenset({"code", "component", "severity", "message"})
_MAX_CODE_BYTES = 64
_MAX_ATTRIBUTE_BYTES = 256
_MAX_ATTRIBUTES = 16
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


class LogCollector:
    """Follows one log file and reports the lines that match as events."""

    def __init__(self, settings: CollectorSettings, log: LogSettings, clock: Clock) -> None:
        self.name = f"log:{log.path}"
        self.interval: timedelta = settings.interval
        self.timeout: timedelta = settings.timeout
        self._log = log
        self._clock = clock
        self._tail = Tail(log.path, from_start=log.from_start)
        self._looked_us = clock.now_us()

    def explains_exits(self) -> bool:
        """Say that the log may hold the announcement of a planned stop."""
        return True

    def restore(self, memory: bytes) -> None:
        """Go on where the log was last read; a position that cannot be read starts anew."""
        try:
            self._tail.position = msgspec.json.decode(memory, type=Position)
        except msgspec.MsgspecError:
            self._tail.position = None

    def collect(self) -> Reading:
        """Return an event for each new line that matches a pattern, the first that does."""
        before = self._tail.position
        look = self._tail.look()
        now = self._clock.now_us()
        # Lines carry no time that can be trusted; they were written since the last look, and not after the
        # last write.
        time_us = min(max(look.modified_us, self._looked_us), now)
        self._looked_us = now
        events = tuple(
            event for line in look.lines if (event := event_of(line, self._log, time_us)) is not None
        )
        moved = self._tail.position != before
        memory = msgspec.json.encode(self._tail.position) if moved else None
        return Reading(events=events, problems=look.problems, memory=memory)


def event_of(line: str, log: LogSettings, time_us: int) -> Event | None:
    """Return the event that a line is by the first pattern that matches; None when none does."""
    for pattern in log.patterns:
        found = pattern.match.search(line)
        if found is not None:
            return _event(line, found, pattern, log, time_us)
    return None


def _event(
    line: str, found: re.Match[str], pattern: LogPatternSettings, log: LogSettings, time_us: int
) -> Event | None:
    groups = {name: value for name, value in found.groupdict().items() if value is not None}
    code = pattern.code or groups.get("code", "")
    if not code:
        return None
    return Event(
        time_us=time_us,
        code=clipped(code, _MAX_CODE_BYTES),
        severity=pattern.severity or _SEVERITIES.get(groups.get("severity", "").lower(), Severity.INFO),
        component=pattern.component or groups.get("component") or log.component,
        message=_message(line, groups, pattern),
        attributes=_attributes(groups),
    )


def _message(line: str, groups: dict[str, str], pattern: LogPatternSettings) -> str:
    if pattern.message is None:
        return groups.get("message", line)
    return _PLACEHOLDER.sub(lambda name: groups.get(name.group(1), name.group()), pattern.message)


def _attributes(groups: dict[str, str]) -> Labels:
    named = {
        name.lower().strip("_"): clipped(value, _MAX_ATTRIBUTE_BYTES)
        for name, value in groups.items()
        if name not in _FIELD_GROUPS
    }
    return tuple(sorted(named.items())[:_MAX_ATTRIBUTES])
