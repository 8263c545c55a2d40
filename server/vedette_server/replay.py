"""Replay: decide everything again from stored inputs, and hold it against the journal, bit for bit.

The past is run through the same `decide` into a scratch store of its own. Where the server was started, the
world is loaded anew from what the scratch store then holds, just as it was. Because every journal entry
carries the hash of all before it, comparing hashes compares everything.

It reads the recorded store and writes only to the scratch folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from vedette_server.engine.changes import TurnRecord
from vedette_server.engine.decide import decide
from vedette_server.engine.draft import Draft
from vedette_server.engine.inputs import AnyStored, BatchReceived, BatchRef, ServerStarted
from vedette_server.engine.world import World
from vedette_server.fleet.liveness import Limits
from vedette_server.intake import wire
from vedette_server.store.codec import decode_inputs, encode_inputs
from vedette_server.store.journal import Entry
from vedette_server.store.recorded import Recorded, RecordedTurn
from vedette_server.store.sql import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The first place where the replay decided otherwise."""

    sequence: int
    recorded: Entry | None
    replayed: Entry | None

    def __str__(self) -> str:
        """Return both sides for people."""
        return (
            f"journal position {self.sequence}:\n"
            f"  recorded {_line(self.recorded)}\n"
            f"  replayed {_line(self.replayed)}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a replay covered, and the first difference if there is one."""

    turns: int
    inputs: int
    entries: int
    difference: Difference | None


async def replay(folder: Path, scratch: Path, *, progress: Callable[[int], None] | None = None) -> Report:
    """Replay a data folder into an empty scratch folder.

    Args:
        folder: data folder of a server, running or not.
        scratch: empty folder; keep it to look at the replayed tables.
        progress: told the number of each turn that was replayed.

    Raises:
        StoreError: either folder cannot be read or written.
        Undecodable: the inputs were stored by a version whose inputs differ.
    """
    recorded, store = Recorded(folder), await Store.open(scratch)
    turns = inputs = 0
    try:
        replayer = _Replayer(store)
        async for turn in recorded.turns():
            inputs += await replayer.take(turn)
            turns += 1
            if progress is not None:
                progress(turn.turn)
        entries, difference = await _compare(recorded, scratch)
    finally:
        await store.close()
        await recorded.close()
    return Report(turns=turns, inputs=inputs, entries=entries, difference=difference)


class _Replayer:
    """The world of the replay, and the store that it is loaded from at each start of the server."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._world: World | None = None

    async def take(self, turn: RecordedTurn) -> int:
        """Decide one turn again; return how many inputs it had."""
        inputs = decode_inputs(turn.inputs)
        world = await self._world_for(inputs, turn)
        draft = Draft(world, wall=turn.wall, mono=turn.mono)
        frames = iter(turn.frames)
        for one in inputs:
            decide(draft, _restored(one, frames))
        world.turn += 1
        await self._store.commit(_record(world, draft, inputs))
        return len(inputs)

    async def _world_for(self, inputs: list[AnyStored], turn: RecordedTurn) -> World:
        started = next((one for one in inputs if isinstance(one, ServerStarted)), None)
        if started is None and self._world is not None:
            return self._world
        if started is None:
            raise ValueError(f"turn {turn.turn} comes before the first start of a server")
        limits = Limits(
            heartbeat=started.heartbeat, overdue_after=started.overdue_after, lost_after=started.lost_after
        )
        loaded = await self._store.load()
        self._world = World.load(loaded, limits=limits, engine=started.engine, wall=turn.wall, mono=turn.mono)
        return self._world


def _restored(one: AnyStored, frames: Iterator[bytes]) -> AnyStored | BatchReceived:
    """Return an input as `decide` saw it: a batch with its columns."""
    if not isinstance(one, BatchRef) or not one.taken:
        return one
    raw = next(frames)
    batch = wire.batch(wire.parse(raw), raw, one.stream, one.agent)
    if not isinstance(batch, BatchReceived):
        raise TypeError(f"batch {one.seq} of {one.agent} was taken and cannot be read: {batch.text}")
    return batch


def _record(world: World, draft: Draft, inputs: list[AnyStored]) -> TurnRecord:
    """Return the turn as the turn loop would have written it, without the bulk that nothing here reads."""
    return TurnRecord(
        partition=world.partition,
        epoch=world.epoch,
        turn=world.turn,
        wall=draft.wall,
        mono=draft.mono,
        versions=world.versions,
        inputs=encode_inputs(inputs),
        changes=draft.changes,
        links=draft.link_rows(),
    )


async def _compare(recorded: Recorded, scratch: Path) -> tuple[int, Difference | None]:
    """Return how many entries agree, and the first that does not."""
    replayed = Recorded(scratch)
    try:
        # Both are closed before their folders are let go: one left half read would hold its connection.
        async with aclosing(recorded.entries()) as ours, aclosing(replayed.entries()) as theirs:
            count = 0
            async for entry in ours:
                other = await anext(theirs, None)
                if other is None or other.hash != entry.hash:
                    return count, Difference(sequence=entry.sequence, recorded=entry, replayed=other)
                count += 1
            extra = await anext(theirs, None)
            if extra is not None:
                return count, Difference(sequence=extra.sequence, recorded=None, replayed=extra)
            return count, None
    finally:
        await replayed.close()


def _line(entry: Entry | None) -> str:
    if entry is None:
        return "nothing"
    after = "" if entry.after is None else entry.after.decode()
    return f"{entry.kind} {entry.id} {entry.reason} in turn {entry.turn}: {after}"
