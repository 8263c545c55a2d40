"""Tables: one a kind of entity for the state, and the journal, turns and facts beside them.

Every table starts its key with the partition. A state table holds an entity's canonical JSON in `data`, the
journal position that wrote it in `sequence`, and only those columns beside it that some list filters or
sorts by. Times in columns are microseconds since the Unix epoch, UTC.

This is what the code expects; how a database gets there is in `migrations/`, and a test compares the two.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)

from vedette_server.engine.changes import Kind

#: Microseconds in the unit of `batches.minute`.
MINUTE_US: Final = 60_000_000
#: Sorts behind every time: a case that is due never.
NEVER_US: Final = 2**63 - 1

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _column(name: str, type_: Any, *, primary_key: bool = False) -> Column[Any]:  # noqa: ANN401 -- SQLAlchemy's own
    return Column(name, type_, primary_key=primary_key, nullable=False, autoincrement=False)


def _state(name: str, *columns: Column[Any] | Index) -> Table:
    """Return the table of one kind; clustered by its key, so that an upsert touches one tree."""
    return Table(
        name,
        metadata,
        _column("partition", Integer, primary_key=True),
        _column("id", Text, primary_key=True),
        _column("revision", BigInteger),
        _column("sequence", BigInteger),
        *(one for one in columns if isinstance(one, Column)),
        _column("data", LargeBinary),
        *(one for one in columns if isinstance(one, Index)),
        sqlite_with_rowid=False,
    )


agents = _state(
    "agents",
    _column("customer", Text),
    _column("installation", Text),
    _column("state", Text),
)
alarms = _state(
    "alarms",
    _column("key", Text),
    _column("code", Text),
    _column("customer", Text),
    _column("case_id", Text),
    _column("closed", Integer),
    _column("raised_us", BigInteger),
    # At most one open alarm a key, whatever the code above believes.
    Index(
        "uq_alarms_open_key",
        "partition",
        "key",
        unique=True,
        sqlite_where=text("closed = 0"),
        postgresql_where=text("closed = 0"),
    ),
    Index("ix_alarms_case", "partition", "case_id"),
    Index("ix_alarms_raised", "partition", "raised_us", "id"),
)
calendars = _state("calendars")
cases = _state(
    "cases",
    _column("customer", Text),
    _column("installation", Text),
    _column("state", Text),
    _column("owner", Text),
    _column("priority", Integer),
    _column("due_us", BigInteger),
    _column("created_us", BigInteger),
    Index("ix_cases_queue", "partition", "state", "due_us", "priority", "created_us", "id"),
)
catalogs = _state("catalogs")
counters = _state("counters")
gaps = _state("gaps", _column("agent", Text), Index("ix_gaps_agent", "partition", "agent"))
policies = _state("policies")
requests = _state("requests")
rule_states = _state("rule_states", _column("agent", Text))
series_pages = _state(
    "series_pages",
    _column("agent", Text),
    _column("outbox_id", Text),
    _column("series_count", Integer),
    Index("ix_series_pages_agent", "partition", "agent", "outbox_id"),
)
timers = _state("timers", _column("due_us", BigInteger))
tokens = _state(
    "tokens",
    _column("secret_hash", Text),
    Index("uq_tokens_secret_hash", "partition", "secret_hash", unique=True),
)

#: Name under which `store_info` keeps the id of the store.
STORE_ID: Final = "store_id"

#: The state table of each kind.
STATE_TABLES: Final[dict[Kind, Table]] = {
    Kind.AGENT: agents,
    Kind.ALARM: alarms,
    Kind.CALENDAR: calendars,
    Kind.CASE: cases,
    Kind.CATALOG: catalogs,
    Kind.COUNTER: counters,
    Kind.GAP: gaps,
    Kind.POLICY: policies,
    Kind.REQUEST: requests,
    Kind.RULE_STATE: rule_states,
    Kind.SERIES: series_pages,
    Kind.TIMER: timers,
    Kind.TOKEN: tokens,
}

#: What changes with every frame of an agent, one row an outbox; updated in place, never journaled.
links = Table(
    "links",
    metadata,
    _column("partition", Integer, primary_key=True),
    _column("agent", Text, primary_key=True),
    _column("outbox_id", Text, primary_key=True),
    _column("watermark", BigInteger),
    _column("fact_hash", BigInteger),
    _column("last_seen_us", BigInteger),
    sqlite_with_rowid=False,
)

#: Every decision, in order, with its after-image and the hash of its predecessor. Triggers refuse changes.
journal = Table(
    "journal",
    metadata,
    _column("partition", Integer, primary_key=True),
    _column("sequence", BigInteger, primary_key=True),
    _column("turn", BigInteger),
    _column("time_us", BigInteger),
    _column("kind", Text),
    _column("id", Text),
    _column("op", Text),
    _column("reason", Text),
    _column("actor", Text),
    _column("text", Text),
    _column("engine", Text),
    _column("catalog", Text),
    _column("policy", Text),
    # The after-image; NULL when the entity is gone.
    Column("after", LargeBinary, nullable=True),
    _column("prev_hash", LargeBinary),
    _column("hash", LargeBinary),
    Index("ix_journal_subject", "partition", "kind", "id", "sequence"),
    sqlite_with_rowid=False,
)

#: What each turn saw: its two clocks and its inputs, for replay, and its epoch, for outcomes that were cut
#: off.
turns = Table(
    "turns",
    metadata,
    _column("partition", Integer, primary_key=True),
    _column("turn", BigInteger, primary_key=True),
    _column("epoch", BigInteger),
    _column("wall_us", BigInteger),
    _column("mono", Float(53)),
    _column("engine", Text),
    _column("catalog", Text),
    _column("policy", Text),
    _column("inputs", LargeBinary),
)

#: Batches as they came, in the order in which turns took them. The id only orders; SQLite fills it in.
batches = Table(
    "batches",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    _column("partition", Integer),
    _column("turn", BigInteger),
    _column("agent", Text),
    _column("outbox_id", Text),
    _column("seq", BigInteger),
    _column("observed_us", BigInteger),
    # observed_us in whole minutes. Ahead of the agent in the index, it makes all batches of a time go to the
    # same few pages: with the agent first, 500 batches dirty 500 pages, and cost twice as much.
    _column("minute", Integer),
    _column("raw", LargeBinary),
    Index("ix_batches_minute", "partition", "minute", "agent"),
)

#: Events as they came. Their identity is the fact's and their place within it.
events = Table(
    "events",
    metadata,
    _column("partition", Integer, primary_key=True),
    _column("agent", Text, primary_key=True),
    _column("outbox_id", Text, primary_key=True),
    _column("seq", BigInteger, primary_key=True),
    _column("position", Integer, primary_key=True),
    _column("time_us", BigInteger),
    _column("code", Text),
    _column("severity", Integer),
    _column("component", Text),
    _column("message", Text),
    # JSON: a list of [name, value].
    _column("attributes", LargeBinary),
    Index("ix_events_agent", "partition", "agent", "time_us"),
)

#: Where each partition stands, and which epoch may write to it.
partitions = Table(
    "partitions",
    metadata,
    _column("partition", Integer, primary_key=True),
    _column("epoch", BigInteger),
    _column("turn", BigInteger),
    _column("sequence", BigInteger),
    _column("head_hash", LargeBinary),
)

#: What is true of the store as a whole, such as its id, which is part of every resume token.
store_info = Table(
    "store_info",
    metadata,
    _column("name", Text, primary_key=True),
    _column("value", Text),
)
