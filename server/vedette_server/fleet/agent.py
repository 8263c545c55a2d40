"""Agent: one watcher of one node, as the server knows it.

What changes rarely (who, which versions, connected or lost) is here and journaled. What changes with every
frame (the watermark, when it was last seen) is `AgentLink`, a row of its own that is updated in place.

Nothing here does I/O or reads the wall clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class AgentState(StrEnum):
    """Whether an agent reaches us."""

    NEVER_SEEN = "never_seen"
    CONNECTED = "connected"
    #: Silent for two heartbeats: shown, no alarm.
    OVERDUE = "overdue"
    #: Silent for longer than the limit: an alarm.
    LOST = "lost"
    #: Left on purpose.
    GOODBYE = "goodbye"
    #: Its identity is in conflict: two machines speak with one credential.
    QUARANTINED = "quarantined"


class StopReason(StrEnum):
    """How an agent process ended."""

    UNKNOWN = "unknown"
    REQUESTED = "requested"
    UPGRADE = "upgrade"
    SHUTDOWN = "shutdown"
    CRASHED = "crashed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """One watcher of one node; its id is "customer/installation/node"."""

    id: str
    customer: str
    installation: str
    node: str
    state: AgentState = AgentState.NEVER_SEEN
    #: When the present state began: for overdue and lost, when it was last heard of.
    state_since: datetime
    #: Identity of the machine's boot, of the agent process, of its outbox; empty before the first hello.
    boot_id: str = ""
    start_id: str = ""
    outbox_id: str = ""
    agent_version: str = ""
    product_version: str = ""
    host_name: str = ""
    platform: str = ""
    ha_role: str = ""
    #: Server clock minus agent clock at the last hello, in microseconds; added to the agent's times.
    clock_offset_us: int = 0
    connect_count: int = 0
    #: Facts known to be missing since it was enrolled.
    missing_facts: int = 0
    expected_back: datetime | None = None
    #: Why the last stream ended, in words.
    disconnect_cause: str = ""
    revision: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentLink:
    """What changes with every frame of one agent; a row that is updated in place, not journaled."""

    agent: str
    outbox_id: str
    #: Highest seq of this outbox that is durable here.
    watermark: int
    #: Hash of the fact at the watermark; 0 when there is none.
    fact_hash: int
    #: When something last arrived, by the server's clock.
    last_seen: datetime
