"""The ledger itself: what a process that dies leaves behind, and how the next one goes on."""

from pathlib import Path

from tests.ledger.ledger import Ack, LedgerWriter, read_ledger
from vedette_agent.clock import SystemClock
from vedette_agent.facts import Batch, Event, EventBatch, FactKind, Gap, GapReason, Severity, gauge
from vedette_agent.outbox.outbox import Outbox

BATCH = Batch(observe_time_us=1_000_000, samples=((gauge("system.cpu.utilization", "1"), 0.5),))
EVENTS = EventBatch(events=(Event(time_us=2_000_000, code="component.exited", severity=Severity.ERROR),))
GAP = Gap(reason=GapReason.COLLECTOR_TIMEOUT, fact_count=3)


async def test_every_kind_of_fact_is_written_with_its_place_and_content(tmp_path: Path) -> None:
    ledger = LedgerWriter(tmp_path / "ledger", SystemClock())
    outbox = await Outbox.open(tmp_path / "outbox.db", observer=ledger)
    await outbox.append([BATCH, EVENTS, GAP])
    await outbox.close()
    facts = read_ledger(tmp_path / "ledger").facts
    assert [(fact.seq, fact.kind, fact.time_us) for fact in facts] == [
        (1, FactKind.BATCH, 1_000_000),
        (2, FactKind.EVENTS, 2_000_000),
        (3, FactKind.GAP, 0),
    ]
    assert facts[2].digest == "collector_timeout 0-0 3"


async def test_a_repeated_ack_is_written_once(tmp_path: Path) -> None:
    clock = SystemClock()
    ledger = LedgerWriter(tmp_path / "ledger", clock)
    for watermark in (1, 1, 2):
        ledger.acknowledged("box", watermark)
    acks = read_ledger(tmp_path / "ledger").acks
    assert acks == [
        Ack(outbox_id="box", watermark=1, time_us=acks[0].time_us),
        Ack(outbox_id="box", watermark=2, time_us=acks[1].time_us),
    ]


async def test_a_torn_last_line_is_cut_off_and_its_fact_written_again_from_the_outbox(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    outbox = await Outbox.open(tmp_path / "outbox.db", observer=LedgerWriter(path, SystemClock()))
    await outbox.append([BATCH, EVENTS])
    await outbox.close()
    whole = read_ledger(path)
    path.write_bytes(path.read_bytes()[:-10])
    assert len(read_ledger(path).facts) == 1

    ledger = LedgerWriter(path, SystemClock())
    outbox = await Outbox.open(tmp_path / "outbox.db", observer=ledger)
    await ledger.catch_up(outbox)
    await ledger.catch_up(outbox)
    await outbox.close()
    assert read_ledger(path) == whole


async def test_facts_of_before_a_death_that_the_ledger_missed_are_written_before_they_can_be_sent(
    tmp_path: Path,
) -> None:
    outbox = await Outbox.open(tmp_path / "outbox.db")
    await outbox.append([BATCH, GAP])
    await outbox.close()
    ledger = LedgerWriter(tmp_path / "ledger", SystemClock())
    outbox = await Outbox.open(tmp_path / "outbox.db", observer=ledger)
    await ledger.catch_up(outbox)
    assert [fact.seq for fact in read_ledger(tmp_path / "ledger").facts] == [1, 2]
    await outbox.close()
