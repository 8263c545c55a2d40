"""Facts for tests, and an observer that writes everything down."""

from dataclasses import dataclass, field

from vedette_agent.facts import Batch, Event, EventBatch, Severity, gauge
from vedette_agent.outbox.record import Record


def batch(time_us: int = 1_700_000_000_000_000, value: float = 1.0, *, series: int = 3) -> Batch:
    """Return a batch of a few series."""
    samples = tuple((gauge("test.level", "1", series=str(one)), value + one) for one in range(series))
    return Batch(observe_time_us=time_us, samples=samples)


def event(code: str = "test.happened", time_us: int = 1_700_000_000_000_000) -> Event:
    """Return an event."""
    return Event(time_us=time_us, code=code, severity=Severity.INFO)


def events(*codes: str) -> EventBatch:
    """Return one fact with an event for each code."""
    return EventBatch(events=tuple(event(code) for code in codes or ("test.happened",)))


@dataclass
class Ledger:
    """An observer that remembers everything."""

    appended_facts: list[tuple[str, Record]] = field(default_factory=list)
    watermarks: list[tuple[str, int]] = field(default_factory=list)
    moves: list[tuple[str, int, str, int]] = field(default_factory=list)

    def appended(self, outbox_id: str, record: Record) -> None:
        self.appended_facts.append((outbox_id, record))

    def acknowledged(self, outbox_id: str, watermark: int) -> None:
        self.watermarks.append((outbox_id, watermark))

    def renumbered(self, old_outbox_id: str, old_seq: int, outbox_id: str, record: Record) -> None:
        self.moves.append((old_outbox_id, old_seq, outbox_id, record.seq))
