"""Commands: from the API to the turn loop, and back with the entity that is the answer.

One idea: a repeat of an answered request gets the first answer, so where the loop says that it was one, the
entity is read from the journal as it was then, whatever has happened since.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import msgspec

if TYPE_CHECKING:
    from vedette_server.api.auth import Caller
    from vedette_server.engine.draft import Done
    from vedette_server.engine.inputs import AnyCommand
    from vedette_server.store.reader import Reader

E = TypeVar("E")


class Loop(Protocol):
    """What takes commands: the turn loop."""

    async def command(self, command: AnyCommand) -> Done:
        """Carry out a command; return after its commit, or raise `Refused`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered(Generic[E]):
    """The entity that is the answer, and whether it was given before."""

    entity: E
    repeated: bool


class Commands:
    """Hands commands to the turn loop."""

    def __init__(self, *, loop: Loop, reader: Reader) -> None:
        """Take the loop, and where the answers to repeats are read."""
        self._loop = loop
        self._reader = reader

    async def carry_out(self, command: AnyCommand, kind: type[E], caller: Caller) -> Answered[E]:
        """Carry out `command` of `caller`; its answer is an entity of type `kind`. Return after its commit.

        Raises:
            Refused: it changed nothing.
        """
        # A request id belongs to one token and one method: with another of either it is another request. The
        # name of the token would not do, for others may have it. Neither part in front can hold a colon.
        scoped = f"{caller.token_id}:{type(command).__name__}:{command.request_id}"
        done = await self._loop.command(msgspec.structs.replace(command, request_id=scoped))
        entity = done.entity
        if entity is None:
            entity = await self._reader.image_at(done.sequence)
        if not isinstance(entity, kind):
            raise TypeError(f"the answer to {type(command).__name__} must be {kind}, got {type(entity)}")
        return Answered(entity=entity, repeated=done.repeated)
