"""WatchService: every change as it is committed, from a position on, without missing or repeating one.

One idea: subscribe first, then read the journal up to the position at which the subscription began, then
take what it has queued. The two parts meet exactly, because both are numbered by the journal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vedette.support.v1 import watch_pb2
from vedette.timestamps import to_timestamp
from vedette_server.alarms.alarm import Alarm
from vedette_server.api import fields, resume, wire
from vedette_server.api.hub import WATCHED, Published, Signal, Wanted
from vedette_server.cases.case import Case
from vedette_server.engine.changes import Kind
from vedette_server.fleet.agent import Agent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from vedette_server.api.auth import Caller
    from vedette_server.api.hub import Hub, Subscription
    from vedette_server.api.views import Views
    from vedette_server.store.reader import Reader

#: A progress frame is sent when nothing else was for so long; 15 s are promised.
PROGRESS_EVERY_S: Final = 10.0
#: Journal entries that are read at a time.
CATCH_UP_ENTRIES: Final = 500

KINDS: Final = {
    watch_pb2.WatchRequest.KIND_CASE: Kind.CASE,
    watch_pb2.WatchRequest.KIND_ALARM: Kind.ALARM,
    watch_pb2.WatchRequest.KIND_AGENT: Kind.AGENT,
}


class WatchService:
    """The method of `vedette.support.v1.WatchService`."""

    def __init__(self, *, reader: Reader, hub: Hub, views: Views, store_id: str, partition: int) -> None:
        """Take the journal, the commits to come, and whose positions tokens are."""
        self._reader = reader
        self._hub = hub
        self._views = views
        self._store_id = store_id
        self._partition = partition

    async def Watch(
        self, request: watch_pb2.WatchRequest, caller: Caller
    ) -> AsyncIterator[watch_pb2.WatchResponse]:
        """Yield a progress frame, what was missed since the token, and then what happens."""
        wanted = Wanted(
            kinds=frozenset(fields.members("kinds", request.kinds, KINDS)) or WATCHED,
            customer=fields.optional_slug("customer", request.customer),
        )
        with self._hub.subscribe(wanted, token_id=caller.token_id) as subscription:
            since = subscription.since
            if request.resume_token:
                since = await self._position(request.resume_token, newest=subscription.since)
            yield self._progress(since)
            async for published in self._missed(wanted, since, subscription.since):
                yield await self._change(published)
            async for frame in self._live(subscription):
                yield frame

    async def _position(self, token: bytes, *, newest: int) -> int:
        """Return the position to go on from, if the journal still does."""
        position = resume.decode(token, store_id=self._store_id, partition=self._partition)
        if not await self._reader.oldest_sequence() - 1 <= position.sequence <= newest:
            raise resume.expired(position)
        return position.sequence

    async def _missed(self, wanted: Wanted, after: int, until: int) -> AsyncIterator[Published]:
        """Yield the wanted changes behind `after` and up to `until` from the journal."""
        while after < until:
            entries = await self._reader.journal(after, limit=CATCH_UP_ENTRIES)
            for entry in entries:
                if entry.sequence > until:
                    return
                after = entry.sequence
                if entry.kind in wanted.kinds:
                    published = Published.of(entry)
                    if wanted.covers(published.change):
                        yield published

    async def _live(self, subscription: Subscription) -> AsyncIterator[watch_pb2.WatchResponse]:
        while True:
            item = await subscription.take(PROGRESS_EVERY_S)
            match item:
                case Published():
                    yield await self._change(item)
                case Signal.RESYNC:
                    token = self._token(self._hub.sequence)
                    yield watch_pb2.WatchResponse(resume_token=token, resync=watch_pb2.Resync())
                case Signal.QUIET:
                    yield self._progress(self._hub.sequence)

    def _progress(self, sequence: int) -> watch_pb2.WatchResponse:
        progress = watch_pb2.Progress(time=to_timestamp(self._views.now()))
        return watch_pb2.WatchResponse(resume_token=self._token(sequence), progress=progress)

    async def _change(self, published: Published) -> watch_pb2.WatchResponse:
        change = published.change
        message = watch_pb2.Change(
            sequence=wire.uint64(change.sequence),
            time=to_timestamp(published.at),
            reason=change.reason,
            actor=change.actor,
            text=change.text,
        )
        match change.after:
            case Case():
                message.case.CopyFrom(await self._views.case(change.after))
            case Alarm():
                message.alarm.CopyFrom(self._views.alarm(change.after))
            case Agent():
                message.agent.CopyFrom(await self._views.agent(change.after))
            case _:
                raise TypeError(f"a change of kind {change.kind} is not watched")
        return watch_pb2.WatchResponse(resume_token=self._token(change.sequence), change=message)

    def _token(self, sequence: int) -> bytes:
        position = resume.Position(store_id=self._store_id, partition=self._partition, sequence=sequence)
        return resume.encode(position)
