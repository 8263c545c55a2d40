"""Quarantine: facts that a turn failed on, so that one agent's fact cannot end the server again and again.

When deciding fails, the fact is known at once. When the commit fails, any fact of the turn may be to blame:
all of them become suspects, and a suspect that comes again gets a turn of its own; the one that fails alone
is the one. A fact in quarantine is skipped with a gap when it comes again.

In memory only: after a restart, the same fact is found out once more. Nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import Sequence

from vedette_server.engine.inbox import StreamInput
from vedette_server.engine.inputs import BatchReceived, EventsReceived, GapReported, SeriesAnnounced

Fact = BatchReceived | EventsReceived | GapReported
#: Agent, seq and hash of a fact: an agent that sends something else under the same seq is not held for it.
FactId = tuple[str, int, int]


class Quarantine:
    """What is known to fail, and what may be."""

    def __init__(self) -> None:
        self._poisoned: set[FactId] = set()
        self._suspects: set[FactId] = set()

    def __bool__(self) -> bool:
        """Return whether any fact is known to fail."""
        return bool(self._poisoned)

    def holds(self, fact: Fact) -> bool:
        """Return whether a fact is known to fail."""
        return _id(fact) in self._poisoned

    def convict(self, fact: Fact) -> None:
        """Note that a fact failed by itself."""
        self._suspects.discard(_id(fact))
        self._poisoned.add(_id(fact))

    def is_suspect(self, one: StreamInput) -> bool:
        """Return whether an input is a fact that must be taken in a turn of its own."""
        return bool(self._suspects) and isinstance(one, Fact) and _id(one) in self._suspects

    def turn_failed(self, taken: Sequence[StreamInput]) -> None:
        """Note that the turn that took these inputs could not be committed."""
        facts = [one for one in taken if isinstance(one, Fact)]
        if len(facts) == 1 and not any(isinstance(one, SeriesAnnounced) for one in taken):
            self.convict(facts[0])
        else:
            self._suspects.update(_id(one) for one in facts)

    def turn_committed(self, taken: Sequence[StreamInput]) -> None:
        """Note that the turn that took these inputs was committed."""
        if self._suspects:
            self._suspects.difference_update(_id(one) for one in taken if isinstance(one, Fact))


def _id(fact: Fact) -> FactId:
    return fact.agent, fact.seq, fact.fact_hash
