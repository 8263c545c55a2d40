"""Pages: what a list is asked for and what it answers, as values.

A page is found by the key of the row before it, never by counting, so rows that come and go meanwhile
neither repeat nor hide others. A cursor is that key; who hands it out makes it opaque.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from vedette_server.cases.case import OPEN_STATES, CaseState
from vedette_server.fleet.agent import Agent, AgentLink, AgentState

T = TypeVar("T")

C = TypeVar("C")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T, C]):
    """One page of a list; `next` is None on the last."""

    items: tuple[T, ...]
    next: C | None


class CaseCursor(NamedTuple):
    """Key of a case in the queue: soonest due, then most urgent, then oldest."""

    due_us: int
    priority: int
    created_us: int
    id: str


class AlarmCursor(NamedTuple):
    """Key of an alarm among those listed newest first."""

    raised_us: int
    id: str


class AgentCursor(NamedTuple):
    """Key of an agent."""

    id: str


class TokenCursor(NamedTuple):
    """Key of a token; ids are numbered, so the shorter is the older."""

    length: int
    id: str


class EventCursor(NamedTuple):
    """Key of an event among those of one agent: event time, then the fact's identity."""

    time_us: int
    outbox_id: str
    seq: int
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFilter:
    """Which cases; an empty field does not restrict."""

    states: tuple[CaseState, ...] = OPEN_STATES
    customer: str = ""
    installation: str = ""
    owner: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmFilter:
    """Which alarms; an empty field does not restrict."""

    #: Those that are over, too.
    show_closed: bool = False
    customer: str = ""
    code: str = ""
    case_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentFilter:
    """Which agents; an empty field does not restrict."""

    states: tuple[AgentState, ...] = ()
    customer: str = ""
    installation: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedAgent:
    """An agent with what changes at every frame."""

    agent: Agent
    #: None before its first hello.
    link: AgentLink | None
