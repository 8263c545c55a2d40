"""Hub: from the commits of the turn loop to everyone who watches.

One idea: publishing never waits. The turn loop puts a change into the bounded queue of each subscription
that wants it; a subscription whose queue is full loses its queue and learns that it must list again. Ingest
is therefore the same with no watcher, with fifty, and with one that has stopped reading.

Subscriptions know nothing of gRPC; `watch.py` makes frames of what they yield.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

import grpc

from vedette.timestamps import from_micros
from vedette_server.access.token import Token
from vedette_server.alarms.alarm import Alarm
from vedette_server.api.auth import token_unknown
from vedette_server.api.errors import ApiError
from vedette_server.cases.case import Case
from vedette_server.engine.changes import Change, Kind
from vedette_server.fleet.agent import Agent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from vedette_server.engine.changes import TurnRecord
    from vedette_server.metrics import Metrics
    from vedette_server.store.journal import Entry

#: Changes that wait for one subscriber before it has to list again.
MAX_WAITING: Final = 1024
#: Kinds that can be watched.
WATCHED: Final = frozenset({Kind.CASE, Kind.ALARM, Kind.AGENT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A committed change, and when it was decided."""

    change: Change
    at: datetime

    @classmethod
    def of(cls, entry: Entry) -> Published:
        """Return what was published when `entry` was written to the journal."""
        change = Change(
            sequence=entry.sequence,
            kind=entry.kind,
            id=entry.id,
            after=entry.image(),
            reason=entry.reason,
            actor=entry.actor,
            text=entry.text,
        )
        return cls(change=change, at=from_micros(entry.time_us))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a subscriber wants to see."""

    kinds: frozenset[Kind] = WATCHED
    #: Only this customer; empty means all.
    customer: str = ""

    def covers(self, change: Change) -> bool:
        """Tell whether `change` is wanted."""
        entity = change.after
        if change.kind not in self.kinds or not isinstance(entity, Case | Alarm | Agent):
            return False
        return not self.customer or entity.customer == self.customer


class Signal(Enum):
    """What a subscription yields besides changes."""

    #: Nothing came for a while; everything up to the hub's sequence has been seen.
    QUIET = "quiet"
    #: Changes were dropped; from the hub's sequence on nothing is missed again.
    RESYNC = "resync"


class Subscription:
    """The bounded queue of one subscriber."""

    def __init__(self, wanted: Wanted, *, token_id: str, since: int) -> None:
        """Start at journal position `since`: later changes are queued, no earlier one is."""
        self.wanted = wanted
        self.token_id = token_id
        self.since = since
        self._waiting: deque[Published] = deque()
        self._overflowed = False
        self._end: ApiError | None = None
        self._wake = asyncio.Event()

    def offer(self, published: Published) -> bool:
        """Queue a change that is wanted; return False when the queue was full and is lost."""
        if self._overflowed or not self.wanted.covers(published.change):
            return True
        if len(self._waiting) >= MAX_WAITING:
            self._waiting.clear()
            self._overflowed = True
        else:
            self._waiting.append(published)
        self._wake.set()
        return not self._overflowed

    def end(self, error: ApiError) -> None:
        """Make the next `take` raise `error`."""
        self._end = error
        self._wake.set()

    async def take(self, timeout_s: float) -> Published | Signal:
        """Return the next change, or a signal when there is something else to say.

        Raises:
            ApiError: the subscription was ended.
        """
        if not self._has_news():
            self._wake.clear()
            try:
                async with asyncio.timeout(timeout_s):
                    await self._wake.wait()
            except TimeoutError:
                # A change may have come at the very moment at which the time was up.
                if not self._has_news():
                    return Signal.QUIET
        if self._end is not None:
            raise self._end
        if self._overflowed:
            self._overflowed = False
            return Signal.RESYNC
        return self._waiting.popleft()

    def _has_news(self) -> bool:
        return bool(self._waiting) or self._overflowed or self._end is not None


class Hub:
    """All subscriptions; called by the turn loop after each commit."""

    def __init__(self, *, sequence: int, metrics: Metrics) -> None:
        """Start at the journal position that is committed now."""
        self.sequence = sequence
        self._metrics = metrics
        self._subscriptions: set[Subscription] = set()
        self._closed = False

    def committed(self, record: TurnRecord) -> None:
        """Hand the changes of a committed turn to those who want them."""
        if not record.changes:
            return
        self.sequence = record.changes[-1].sequence
        if not self._subscriptions:
            return
        for change in record.changes:
            if change.kind in WATCHED:
                self._publish(Published(change=change, at=record.wall))
            elif isinstance(change.after, Token) and change.after.revoked_at is not None:
                self._revoke(change.id)

    @contextmanager
    def subscribe(self, wanted: Wanted, *, token_id: str) -> Iterator[Subscription]:
        """Queue what is committed from now on, for as long as the context lasts."""
        subscription = Subscription(wanted, token_id=token_id, since=self.sequence)
        if self._closed:
            subscription.end(_stopping())
        self._subscriptions.add(subscription)
        self._metrics.watch_subscribers.inc()
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)
            self._metrics.watch_subscribers.dec()

    def close(self) -> None:
        """End all subscriptions, and those to come: the server stops."""
        self._closed = True
        for subscription in self._subscriptions:
            subscription.end(_stopping())

    def _publish(self, published: Published) -> None:
        for subscription in self._subscriptions:
            if not subscription.offer(published):
                self._metrics.watch_resyncs.inc()

    def _revoke(self, token_id: str) -> None:
        for subscription in self._subscriptions:
            if subscription.token_id == token_id:
                subscription.end(token_unknown())


def _stopping() -> ApiError:
    words = "the server stops; watch again in a moment with the last resume_token"
    return ApiError(grpc.StatusCode.UNAVAILABLE, "SERVER_STOPPING", words)
