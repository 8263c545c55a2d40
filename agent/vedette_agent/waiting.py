"""Waiting: what the outbox has not taken yet, because its disk refused.

One idea: events and what collectors remember wait in memory, up to a bound; metrics do not wait, they are
dropped and counted, and a gap tells of them as soon as the disk takes facts again. Until then nobody hears of
it from the facts, so it is said here: in the log once a minute, and in `refusal` for `status`.

Nothing here does I/O but the log, or reads the clock. Callers pass `now_us` in.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vedette_agent.facts import Event, EventBatch, Fact, Gap, GapReason
from vedette_agent.log import Logger

_log = Logger("outbox")

#: Events of one fact.
_EVENTS_PER_FACT = 100
#: Events that wait in memory while the disk refuses; the oldest go first.
MAX_WAITING_EVENTS = 5000
#: A refusal that lasts is logged this often, in microseconds.
_LOG_INTERVAL_US = 60_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """That the outbox takes nothing, and what became of the facts since."""

    #: When it began, microseconds since the Unix epoch.
    since_us: int
    #: What the disk said last.
    error: str
    #: Events that wait in memory; a restart of the agent loses them.
    waiting_event_count: int
    #: Facts that are gone: metrics, and events beyond the bound.
    dropped_fact_count: int


class Waiting:
    """What has not become durable; see above."""

    def __init__(self) -> None:
        self.memory: dict[str, bytes] = {}
        #: Set while the outbox refuses.
        self.refusal: Refusal | None = None
        self._events: list[Event] = []
        self._until_us = 0
        self._logged_us = 0

    def add(self, events: Iterable[Event], memory: dict[str, bytes]) -> None:
        """Let events wait, and what goes with them."""
        self._events += events
        self.memory.update(memory)

    def refused(self, facts: Sequence[Fact], error: str, now_us: int) -> None:
        """Take note that the outbox did not take `facts`, which cannot wait, nor what waits here."""
        surplus = max(0, len(self._events) - MAX_WAITING_EVENTS)
        del self._events[:surplus]
        before = self.refusal
        self.refusal = Refusal(
            since_us=before.since_us if before else now_us,
            error=error,
            waiting_event_count=len(self._events),
            dropped_fact_count=(before.dropped_fact_count if before else 0) + len(facts) + surplus,
        )
        self._until_us = now_us
        # A clock that was set back is no reason to keep silent.
        if before is None or not 0 <= now_us - self._logged_us < _LOG_INTERVAL_US:
            self._logged_us = now_us
            self._say(self.refusal, now_us)

    def taken(self, now_us: int) -> None:
        """Take note that the outbox took everything."""
        if self.refusal is not None:
            _log.info(
                "outbox.accepts_again",
                seconds=(now_us - self.refusal.since_us) / 1e6,
                kept_events=len(self._events),
                dropped_facts=self.refusal.dropped_fact_count,
            )
        self._events, self.memory, self.refusal = [], {}, None

    def gaps(self) -> list[Fact]:
        """Return the gap that tells of what was dropped, if anything was."""
        if self.refusal is None or not self.refusal.dropped_fact_count:
            return []
        return [
            Gap(
                reason=GapReason.DISK_FULL,
                fact_count=self.refusal.dropped_fact_count,
                oldest_time_us=self.refusal.since_us,
                newest_time_us=self._until_us,
            )
        ]

    def event_facts(self) -> list[Fact]:
        """Return the events as facts."""
        return [
            EventBatch(events=tuple(self._events[start : start + _EVENTS_PER_FACT]))
            for start in range(0, len(self._events), _EVENTS_PER_FACT)
        ]

    def _say(self, refusal: Refusal, now_us: int) -> None:
        _log.error(
            "outbox.refused",
            error=refusal.error,
            effect="events wait in memory and metrics are dropped until the disk takes facts again",
            seconds=(now_us - refusal.since_us) / 1e6,
            waiting_events=refusal.waiting_event_count,
            dropped_facts=refusal.dropped_fact_count,
        )
