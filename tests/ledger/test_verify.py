"""The check can fail: one real run is doctored in every way that has a name, and each is found and named."""

# ruff: noqa: S608 -- the SQL is put together of what stands here, and of nothing else

from __future__ import annotations

import asyncio
import copy
import json
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.ledger.agent import LEDGER
from tests.ledger.engineer import Work
from tests.ledger.outcome import Wish
from tests.ledger.score import Score
from tests.ledger.soundness import check_store
from tests.ledger.stored import DATABASE_FILE, read_stored
from tests.ledger.supervisor import Supervisor, agent_folder, check_replay, read_ledgers
from tests.ledger.verify import check_all
from tests.ledger.violation import Check
from vedette.agent.v1 import agent_pb2

WISH = Wish(seed=11, kills=2, agents=2, interval=0.1)
AGENT = Score(seed=WISH.seed, number=0).agent


@dataclass(frozen=True, kw_only=True)
class Books:
    """Everything that a check looks at, on disk."""

    folder: Path
    work: Work

    def found(self) -> set[Check]:
        """Return the names of what is wrong."""
        stored = read_stored(self.folder / "data")
        return {one.check for one in check_all(read_ledgers(self.folder, WISH), self.work, stored)}

    def sql(self, *statements: str) -> None:
        """Change the store behind the server's back."""
        with closing(sqlite3.connect(self.folder / "data" / DATABASE_FILE)) as database:
            for statement in statements:
                assert database.execute(statement).rowcount != 0, statement
            database.commit()

    def ask(self, query: str, *values: object) -> tuple[object, ...]:
        """Return the first row of a query."""
        with closing(sqlite3.connect(self.folder / "data" / DATABASE_FILE)) as database:
            row: tuple[object, ...] = database.execute(query, values).fetchone()
            return row

    def copy(self, table: str, where: str, new_id: str | None) -> None:
        """Store a row once more; under another id, which its JSON knows too."""
        with closing(sqlite3.connect(self.folder / "data" / DATABASE_FILE)) as database:
            database.row_factory = sqlite3.Row
            row = dict(database.execute(f"SELECT * FROM {table} WHERE {where}").fetchone())
            if new_id is not None:
                row["data"] = row["data"].replace(f'"id":"{row["id"]}"'.encode(), f'"id":"{new_id}"'.encode())
            row["id"] = new_id
            marks = ", ".join("?" for _ in row)
            database.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))
            database.commit()

    @property
    def ledger(self) -> Path:
        """Return the ledger of the first agent."""
        return agent_folder(self.folder, Score(seed=WISH.seed, number=0)) / LEDGER

    def lines(self) -> list[dict[str, object]]:
        """Return the first agent's ledger."""
        return [json.loads(line) for line in self.ledger.read_text().splitlines()]

    def rewrite(self, lines: list[dict[str, object]]) -> None:
        """Replace the first agent's ledger."""
        self.ledger.write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.fixture(scope="module")
def honest() -> Iterator[Books]:
    folder = Path(tempfile.mkdtemp(prefix="vedette-ledger-"))
    supervisor = Supervisor(WISH, folder, print)
    outcome = asyncio.run(supervisor.run())
    assert outcome.violations == []
    yield Books(folder=folder, work=supervisor.work)
    shutil.rmtree(folder)


@pytest.fixture
def books(honest: Books, tmp_path: Path) -> Books:
    """A copy to doctor."""
    folder = tmp_path / "run"
    shutil.copytree(honest.folder, folder, ignore=shutil.ignore_patterns("*.sock"))
    return replace(honest, folder=folder, work=copy.deepcopy(honest.work))


# --- facts --------------------------------------------------------------------------------------------------

BATCH = f"id = (SELECT id FROM batches WHERE agent = '{AGENT}' AND seq > 2 ORDER BY seq LIMIT 1)"
#: A fact that carries nothing but the start of a component, so that no effect hangs on it.
START = f"""agent = '{AGENT}' AND seq = (
    SELECT seq FROM events WHERE agent = '{AGENT}' GROUP BY seq
    HAVING COUNT(*) = 1 AND MAX(code) = 'component.started' ORDER BY seq LIMIT 1)"""
GAP = f"id = (SELECT id FROM gaps WHERE agent = '{AGENT}' LIMIT 1)"
LAST_BATCH = f"id = (SELECT MAX(id) FROM batches WHERE agent = '{AGENT}')"


def lose_batch(books: Books) -> None:
    books.sql(f"DELETE FROM batches WHERE {BATCH}")


def lose_batch_that_was_not_acknowledged(books: Books) -> None:
    (seq,) = books.ask(f"SELECT seq FROM batches WHERE {LAST_BATCH}")
    books.sql(f"DELETE FROM batches WHERE {LAST_BATCH}")
    assert isinstance(seq, int)
    books.rewrite([line for line in books.lines() if int(str(line.get("ack", 0))) < seq])


def lose_events(books: Books) -> None:
    books.sql(f"DELETE FROM events WHERE {START}")


def lose_gap(books: Books) -> None:
    books.sql(f"DELETE FROM gaps WHERE {GAP}")


def double_batch(books: Books) -> None:
    books.copy("batches", BATCH, None)


def double_gap(books: Books) -> None:
    books.copy("gaps", GAP, "G-999")


def store_batch_under_the_seq_of_events(books: Books) -> None:
    books.sql(f"UPDATE batches SET seq = (SELECT seq FROM events WHERE {START}) WHERE {BATCH}")


def change_value(books: Books) -> None:
    (raw,) = books.ask(f"SELECT raw FROM batches WHERE {BATCH}")
    assert isinstance(raw, bytes)
    frame = agent_pb2.ConnectRequest.FromString(raw)
    frame.batch.values = frame.batch.values[:-8] + bytes(8)
    books.sql(f"UPDATE batches SET raw = x'{frame.SerializeToString().hex()}' WHERE {BATCH}")


def change_observe_time(books: Books) -> None:
    books.sql(f"UPDATE batches SET observed_us = observed_us - 10000000 WHERE {BATCH}")


def change_event(books: Books) -> None:
    books.sql(f"UPDATE events SET message = 'step 0' WHERE {START}")


def misplace_event(books: Books) -> None:
    books.sql(f"UPDATE events SET position = 1 WHERE {START}")


def change_gap(books: Books) -> None:
    books.sql(f"""UPDATE gaps SET data = replace(data, '"count":', '"count":9') WHERE {GAP}""")


def store_what_nobody_produced(books: Books) -> None:
    books.sql(f"UPDATE batches SET seq = 99999 WHERE {BATCH}")


def store_for_a_stranger(books: Books) -> None:
    books.sql(f"UPDATE events SET agent = 'nobody/at/home' WHERE {START}")


def report_gap_of_a_fact_that_is_stored(books: Books) -> None:
    books.sql(f"""UPDATE gaps SET data = replace(data, '"first_seq":0,', '"first_seq":1,') WHERE {GAP}""")


# --- acks ---------------------------------------------------------------------------------------------------


def take_ack_back(books: Books) -> None:
    lines = books.lines()
    books.rewrite([*lines, {"ack": 1, "time": lines[0]["time"], "outbox": lines[0]["outbox"]}])


def acknowledge_the_future(books: Books) -> None:
    lines = books.lines()
    ack = next(line for line in reversed(lines) if "ack" in line)
    books.rewrite([*lines, {**ack, "ack": 99999}])


def acknowledge_late(books: Books) -> None:
    late = 26_000_000
    books.rewrite(
        [{**line, "time": int(str(line["time"])) + late} if "ack" in line else line for line in books.lines()]
    )


def leave_undrained(books: Books) -> None:
    books.rewrite([line for line in books.lines() if "drained" not in line])


def produce_one_more(books: Books) -> None:
    lines = books.lines()
    last = next(line for line in reversed(lines) if "fact" in line)
    more = {**last, "fact": int(str(last["fact"])) + 1, "digest": "another"}
    drained = {"drained": more["fact"], "outbox": last["outbox"]}
    books.rewrite([*(line for line in lines if "drained" not in line), more, drained])


def renumber(books: Books) -> None:
    books.rewrite([*books.lines(), {"renumbered": 1, "seq": 1, "old_outbox": "a", "outbox": "b"}])


def change_outbox(books: Books) -> None:
    lines = books.lines()
    first = next(line for line in lines if "fact" in line)
    books.rewrite([*lines, {**first, "outbox": "another"}])


def lower_watermark(books: Books) -> None:
    books.sql(f"UPDATE links SET watermark = watermark - 1 WHERE agent = '{AGENT}'")


# --- effects ------------------------------------------------------------------------------------------------

#: A crash is P1, and the clock of its case runs whatever happens to the alarm.
CRASH = f"(SELECT MIN(id) FROM alarms WHERE code LIKE '%crash' AND key LIKE '%{AGENT}%')"
ALARM = f"id = {CRASH}"
CASE = f"id = (SELECT case_id FROM alarms WHERE id = {CRASH})"


def count_alarm_once_more(books: Books) -> None:
    books.sql(
        f"""UPDATE alarms SET data = replace(data, '"occurrences":', '"occurrences":1') WHERE {ALARM}"""
    )


def lower_priority(books: Books) -> None:
    books.sql("UPDATE alarms SET data = replace(data, '\"priority\":1', '\"priority\":2') WHERE 1")


def raise_less_for_late_facts(books: Books) -> None:
    acknowledge_late(books)
    books.sql(f"""UPDATE alarms SET data = replace(data, '"priority":1', '"priority":2') WHERE {ALARM}""")


def raise_more_for_late_facts(books: Books) -> None:
    acknowledge_late(books)
    count_alarm_once_more(books)


def raise_alarm_twice(books: Books) -> None:
    books.sql("DROP INDEX uq_alarms_open_key")
    books.copy("alarms", ALARM, "A-999")


def raise_alarm_that_nothing_is_a_reason_for(books: Books) -> None:
    books.sql(
        f"""UPDATE alarms SET data = replace(data, code, 'cloud_connection_lost') WHERE {ALARM}""",
    )


def lose_alarm(books: Books) -> None:
    books.sql(f"DELETE FROM alarms WHERE {ALARM}")


def raise_alarm_for_a_stranger(books: Books) -> None:
    books.sql(
        f"""UPDATE alarms SET data = replace(data, '"node":"node-1"', '"node":"node-2"') WHERE {ALARM}"""
    )


def count_case_once_more(books: Books) -> None:
    books.sql(
        f"""UPDATE cases SET data = replace(data, '"occurrences":', '"occurrences":1') WHERE {CASE}""",
    )


def open_case_twice(books: Books) -> None:
    books.copy("cases", CASE, "C-999")


def lose_case(books: Books) -> None:
    books.sql(f"DELETE FROM cases WHERE {CASE}")


def open_case_that_nobody_asked_for(books: Books) -> None:
    books.work.asked.remove("call 0")


def carry_out_command_twice(books: Books) -> None:
    books.copy("cases", f"id = '{books.work.opened['call 0']}'", "C-999")


def lose_command(books: Books) -> None:
    books.sql(f"DELETE FROM cases WHERE id = '{books.work.opened['call 0']}'")


def lose_acknowledgement(books: Books) -> None:
    books.sql(
        "DROP TRIGGER journal_refuse_update",
        "UPDATE journal SET reason = 'CASE_UPDATED' WHERE reason = 'CASE_ACKNOWLEDGED'",
    )


def contradict_an_answer(books: Books) -> None:
    books.work.contradictions.append("C-1 and then C-2")


def lose_timer(books: Books) -> None:
    books.sql("DELETE FROM timers WHERE id LIKE 'response_due|%'")


def forget_timer(books: Books) -> None:
    books.sql("""UPDATE timers SET data = replace(data, '"due":"20', '"due":"19')""")


# --- the store itself ---------------------------------------------------------------------------------------


def rewrite_history(books: Books) -> None:
    books.sql(
        "DROP TRIGGER journal_refuse_update",
        "UPDATE journal SET text = 'nothing happened' WHERE sequence = 20",
    )


def cut_history_off(books: Books) -> None:
    books.sql(
        "DROP TRIGGER journal_refuse_delete",
        "DELETE FROM journal WHERE sequence = (SELECT MAX(sequence) FROM journal)",
    )


def change_state_behind_the_journal(books: Books) -> None:
    books.sql('UPDATE tokens SET data = replace(data, \'"name":"engineer"\', \'"name":"nobody"\')')


LOST, HOLE, TWICE = Check.ACKNOWLEDGED_FACT_LOST, Check.HOLE, Check.STORED_TWICE
OTHER, UNKNOWN, TABLES = Check.STORED_OTHERWISE, Check.STORED_NOT_PRODUCED, Check.TABLES_DIFFER
ALARMS, CASES = Check.WRONG_ALARM, Check.WRONG_CASE

#: How the books are doctored, and everything that is then found.
DOCTORED: list[tuple[Callable[[Books], None], set[Check]]] = [
    (lose_batch, {LOST}),
    (lose_batch_that_was_not_acknowledged, {HOLE}),
    (lose_events, {LOST}),
    (lose_gap, {LOST, TABLES}),
    (double_batch, {TWICE}),
    (double_gap, {TWICE, TABLES}),
    (store_batch_under_the_seq_of_events, {LOST, TWICE, OTHER}),
    (change_value, {OTHER}),
    (change_observe_time, {OTHER}),
    (change_event, {OTHER}),
    (misplace_event, {OTHER}),
    (change_gap, {LOST, Check.GAP_NOT_PRODUCED, TABLES}),
    (store_what_nobody_produced, {LOST, UNKNOWN}),
    (store_for_a_stranger, {LOST, UNKNOWN}),
    (report_gap_of_a_fact_that_is_stored, {LOST, Check.GAP_NOT_PRODUCED, TABLES}),
    (take_ack_back, {Check.ACK_WENT_BACK}),
    (acknowledge_the_future, {Check.ACK_TOO_FAR}),
    (acknowledge_late, set()),
    (raise_less_for_late_facts, {CASES, TABLES}),
    (raise_more_for_late_facts, {ALARMS, CASES, TABLES}),
    (leave_undrained, {Check.NOT_DRAINED}),
    (produce_one_more, {HOLE, Check.WATERMARK_WRONG}),
    (renumber, {Check.IDENTITY_CHANGED}),
    (change_outbox, {HOLE, Check.IDENTITY_CHANGED}),
    (lower_watermark, {Check.WATERMARK_WRONG}),
    (count_alarm_once_more, {ALARMS, TABLES}),
    (lower_priority, {ALARMS, TABLES}),
    (raise_alarm_twice, {Check.OPEN_ALARM_TWICE, ALARMS, CASES, TABLES}),
    (raise_alarm_that_nothing_is_a_reason_for, {ALARMS, CASES, TABLES}),
    (lose_alarm, {ALARMS, CASES, TABLES}),
    (raise_alarm_for_a_stranger, {ALARMS, CASES, TABLES}),
    (count_case_once_more, {CASES, TABLES}),
    (open_case_twice, {CASES, Check.TIMER_WRONG, TABLES}),
    (lose_case, {CASES, TABLES}),
    (open_case_that_nobody_asked_for, {CASES}),
    (carry_out_command_twice, {Check.COMMAND_TWICE, TABLES}),
    (lose_command, {Check.COMMAND_LOST, TABLES}),
    (lose_acknowledgement, {Check.COMMAND_LOST, Check.JOURNAL_BROKEN}),
    (contradict_an_answer, {Check.COMMAND_TWICE}),
    (lose_timer, {Check.TIMER_WRONG, TABLES}),
    (forget_timer, {Check.TIMER_WRONG, TABLES}),
    (rewrite_history, {Check.JOURNAL_BROKEN}),
    (cut_history_off, {Check.JOURNAL_BROKEN, TABLES}),
    (change_state_behind_the_journal, {TABLES}),
]


def test_honest_books_are_in_order(honest: Books) -> None:
    assert honest.found() == set()


@pytest.mark.parametrize(("doctor", "expected"), DOCTORED, ids=lambda value: getattr(value, "__name__", ""))
def test_doctored_books_are_found_out(
    books: Books, doctor: Callable[[Books], None], expected: set[Check]
) -> None:
    doctor(books)
    assert books.found() == expected


def test_every_check_is_proven_to_fail() -> None:
    elsewhere = {Check.DATABASE_DAMAGED, Check.REPLAY_DIFFERS}
    assert set().union(*(expected for _, expected in DOCTORED), elsewhere) == set(Check)


def test_damage_that_sqlite_finds_is_told(honest: Books) -> None:
    stored = replace(read_stored(honest.folder / "data"), damage=("row 3 missing from index ix_cases_queue",))
    assert [one.check for one in check_store(stored)] == [Check.DATABASE_DAMAGED]


async def test_a_turn_that_did_not_happen_as_stored_is_found_by_replay(books: Books) -> None:
    assert await check_replay(books.folder, WISH, print) == []
    books.sql("UPDATE turns SET wall_us = wall_us + 1 WHERE turn = 5")
    assert [one.check for one in await check_replay(books.folder, WISH, print)] == [Check.REPLAY_DIFFERS]
