"""Ledger: what one agent produced and what it was told is durable, each on the disk before it counts.

A line is one JSON object, written with a single call and fsynced: a process that dies leaves whole lines, and
at most one torn one at the end, which is cut off when the ledger is opened again.

A fact is written down before anybody can send it. One that became durable in the outbox an instant before its
process died is written down by the next process, from the outbox, before that sends anything.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.ledger.plan import Moment
from vedette.agent.v1 import agent_pb2
from vedette.telemetry.v1 import telemetry_pb2
from vedette_agent.clock import Clock
from vedette_agent.facts import FactKind, GapReason
from vedette_agent.outbox.outbox import Outbox
from vedette_agent.outbox.record import Record

#: Records of the outbox looked at in one go.
_PAGE = 500
#: Code, severity, component, message and attributes of an event.
EventContent = tuple[str, int, str, str, tuple[tuple[str, str], ...]]


# --- the content of facts -----------------------------------------------------------------------------------


def batch_digest(raw: bytes) -> str:
    """Return a digest of a batch, which is stored as it travelled."""
    return sha256(raw).hexdigest()[:20]


def events_digest(events: Iterable[EventContent]) -> str:
    """Return a digest of everything that is stored of the events of one fact, but their times."""
    return sha256(json.dumps([list(event) for event in events]).encode()).hexdigest()[:20]


def gap_digest(reason: str, first_seq: int, last_seq: int, count: int) -> str:
    """Return a digest of a gap, which is also its text."""
    return f"{reason} {first_seq}-{last_seq} {count}"


def content_digest(record: Record) -> str:
    """Return the digest of a fact as the outbox holds it."""
    frame = agent_pb2.ConnectRequest.FromString(record.payload)
    match record.kind:
        case FactKind.BATCH:
            return batch_digest(record.payload)
        case FactKind.EVENTS:
            return events_digest(_content(event) for event in frame.events.events)
        case FactKind.GAP:
            gap = frame.gap
            reason = GapReason(gap.reason).name.lower()
            return gap_digest(reason, gap.first_seq, gap.last_seq, gap.fact_count)


def _content(event: telemetry_pb2.Event) -> EventContent:
    attributes = tuple((one.name, one.value) for one in event.attributes)
    return event.code, event.severity, event.component, event.message, attributes


# --- writing ------------------------------------------------------------------------------------------------


class LedgerWriter:
    """Writes down what happens in an outbox; an `Observer` of it."""

    def __init__(self, path: Path, clock: Clock, doom: Callable[[Moment], None] | None = None) -> None:
        """Open a ledger for more lines.

        Args:
            doom: called before something is written down; the process may not survive that.
        """
        self._clock = clock
        self._doom = doom or (lambda _: None)
        self._known = {(one.outbox_id, one.seq, one.digest) for one in _whole_ledger(path).facts}
        self._watermark = 0
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def appended(self, outbox_id: str, record: Record) -> None:
        """Write down a fact that is durable in the outbox and not sent yet."""
        self._doom(Moment.APPENDED)
        digest = content_digest(record)
        self._write(
            fact=record.seq, kind=record.kind.name, digest=digest, time=record.time_us, outbox=outbox_id
        )
        self._known.add((outbox_id, record.seq, digest))

    def acknowledged(self, outbox_id: str, watermark: int) -> None:
        """Write down that the server has everything up to `watermark`; a repetition says nothing."""
        if watermark != self._watermark:
            self._doom(Moment.ACKNOWLEDGED)
            self._watermark = watermark
            self._write(ack=watermark, time=self._clock.now_us(), outbox=outbox_id)

    def renumbered(self, old_outbox_id: str, old_seq: int, outbox_id: str, record: Record) -> None:
        """Write down that a fact got another identity, which nothing in this test is a reason for."""
        self._write(renumbered=old_seq, seq=record.seq, old_outbox=old_outbox_id, outbox=outbox_id)

    def drained(self, outbox_id: str, last_seq: int) -> None:
        """Write down that every fact up to the last was acknowledged."""
        self._write(drained=last_seq, outbox=outbox_id)

    async def catch_up(self, outbox: Outbox) -> None:
        """Write down what waits in the outbox and is not in the ledger; before a link is opened."""
        after = outbox.oldest_seq - 1
        while records := await outbox.peek(after, max_count=_PAGE, max_bytes=2**24):
            after = records[-1].seq
            for record in records:
                if (outbox.outbox_id, record.seq, content_digest(record)) not in self._known:
                    self.appended(outbox.outbox_id, record)

    def _write(self, **line: object) -> None:
        os.write(self._file, json.dumps(line, separators=(",", ":")).encode() + b"\n")
        os.fsync(self._file)


def _whole_ledger(path: Path) -> Ledger:
    """Cut off a torn last line, and return what is left; nothing for a ledger that does not exist."""
    if not path.exists():
        return Ledger()
    content = path.read_bytes()
    os.truncate(path, content.rfind(b"\n") + 1)
    return read_ledger(path)


# --- reading ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Produced:
    """A fact, or the gap that took its place in the outbox."""

    outbox_id: str
    seq: int
    kind: FactKind
    digest: str
    #: Observe time, microseconds since the Unix epoch; 0 when unknown.
    time_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """Everything up to the watermark is durable, says the server."""

    outbox_id: str
    watermark: int
    #: When it was told, microseconds since the Unix epoch.
    time_us: int


@dataclass(slots=True, kw_only=True)
class Ledger:
    """All that one agent wrote down, in order."""

    facts: list[Produced] = field(default_factory=list)
    acks: list[Ack] = field(default_factory=list)
    #: Facts that got another identity, for people.
    renumbered: list[str] = field(default_factory=list)
    #: Last seq when everything was acknowledged in the end; None when that was not reached.
    drained: int | None = None


def read_ledger(path: Path) -> Ledger:
    """Read a ledger; a torn last line is not part of it."""
    ledger = Ledger()
    for line in _lines(path):
        match line:
            case {"fact": int(seq), "kind": kind, "digest": digest, "time": time_us, "outbox": outbox_id}:
                produced = Produced(
                    outbox_id=outbox_id, seq=seq, kind=FactKind[kind], digest=digest, time_us=time_us
                )
                ledger.facts.append(produced)
            case {"ack": int(watermark), "time": time_us, "outbox": outbox_id}:
                ledger.acks.append(Ack(outbox_id=outbox_id, watermark=watermark, time_us=time_us))
            case {"drained": int(last_seq)}:
                ledger.drained = last_seq
            case {"renumbered": _}:
                ledger.renumbered.append(json.dumps(line))
            case _:
                raise ValueError(f"{path}: no line of a ledger: {line}")
    return ledger


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_bytes().splitlines(keepends=True):
        if line.endswith(b"\n"):
            yield json.loads(line)
