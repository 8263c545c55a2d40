"""Collector: what everything that measures looks like to the sampler.

A collector is synchronous and runs in a thread of its own, at most once at a time. It answers with what it
got, even if that is not all: a denied access or a vanished process is a problem noted in the reading, not an
exception. What it raises or does not answer in time is the sampler's to deal with.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, runtime_checkable

from vedette_agent.facts import Event, Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a collector found in one look."""

    samples: tuple[Sample, ...] = ()
    #: In the order in which they happened.
    events: tuple[Event, ...] = ()
    #: What could not be measured and why, for people.
    problems: tuple[str, ...] = ()
    #: Values that the source gave and that cannot be sent.
    invalid_count: int = 0
    #: What to remember of this look, made durable together with its events; None for nothing new.
    memory: bytes | None = None


class Collector(Protocol):
    """Something that measures."""

    @property
    def name(self) -> str:
        """Return the name, unique in an agent, e.g. "cpu" or "database:recordings"."""
        ...

    @property
    def interval(self) -> timedelta:
        """Return how often to look."""
        ...

    @property
    def timeout(self) -> timedelta:
        """Return how long a look may take."""
        ...

    def collect(self) -> Reading:
        """Look once. Blocks; runs in a worker thread."""
        ...


@runtime_checkable
class Remembers(Protocol):
    """A collector that goes on where the agent's last process stopped."""

    def restore(self, memory: bytes) -> None:
        """Take in the `memory` of the last reading that became durable. Called before the first look."""
        ...


@runtime_checkable
class Explains(Protocol):
    """A collector whose events may explain why a component ended, so it is asked before that is reported."""

    def explains_exits(self) -> bool:
        """Say whether it does."""
        ...


@runtime_checkable
class Compares(Protocol):
    """A collector that says something only at its second look, because it reports changes."""

    def compares(self) -> bool:
        """Say whether it does."""
        ...
