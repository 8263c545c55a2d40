"""Codec: entities as canonical JSON, the inputs of a turn as msgpack.

Canonical means that equal entities have equal bytes: keys sorted, UTC times with microseconds, shortest
exact floats. The bytes are the after-images of the journal and enter its hash chain, so they must decode
forever: a type may gain fields with defaults, and never lose, rename or retype one.
`tests/server/store/corpus` holds old bytes that prove it.

Stored inputs are read by replay of the version that wrote them, so they only need to be compact and exact.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass

import msgspec

from vedette_server.engine.changes import ENTITY_TYPES, Entity, Kind
from vedette_server.engine.inputs import AnyStored

_entity_encoder = msgspec.json.Encoder(order="sorted")
_entity_decoders: dict[Kind, msgspec.json.Decoder[Entity]] = {
    kind: msgspec.json.Decoder(type_) for kind, type_ in ENTITY_TYPES.items()
}
_inputs_encoder = msgspec.msgpack.Encoder()
_inputs_decoder: msgspec.msgpack.Decoder[list[AnyStored]] = msgspec.msgpack.Decoder(list[AnyStored])


class Undecodable(ValueError):
    """Stored bytes are no entity of their kind."""


def encode(entity: Entity) -> bytes:
    """Return the canonical JSON of an entity.

    Raises:
        ValueError: it holds NaN or an infinite number, which JSON cannot say.
    """
    data = _entity_encoder.encode(entity)
    # JSON has no word for them and the encoder writes null, which would not decode: refuse it while it can be
    # traced to its cause. Most entities hold no null and are not looked at.
    if b"null" in data and not all(math.isfinite(number) for number in _floats(entity)):
        raise ValueError(f"{type(entity).__name__} holds a number that is not finite: {entity}")
    return data


def decode(kind: Kind, data: bytes) -> Entity:
    """Return the entity of `kind` that `encode` wrote, now or in any version before.

    Raises:
        Undecodable: `data` is none.
    """
    try:
        return _entity_decoders[kind].decode(data)
    except (msgspec.DecodeError, ValueError) as error:
        raise Undecodable(f"{kind} cannot be decoded: {error}") from error


def encode_inputs(inputs: Sequence[AnyStored]) -> bytes:
    """Return the inputs of one turn, in order, as bytes."""
    return _inputs_encoder.encode(inputs)


def decode_inputs(data: bytes) -> list[AnyStored]:
    """Return the inputs that `encode_inputs` wrote.

    Raises:
        Undecodable: `data` is none, or was written by a version whose inputs differ.
    """
    try:
        return _inputs_decoder.decode(data)
    except (msgspec.DecodeError, ValueError) as error:
        raise Undecodable(f"inputs cannot be decoded: {error}") from error


def _floats(value: object) -> Iterator[float]:
    """Yield every float within dataclasses and tuples."""
    if isinstance(value, float):
        yield value
    elif isinstance(value, tuple):
        for item in _compound(value):
            yield from _floats(item)
    elif is_dataclass(value):
        for field in fields(value):
            yield from _floats(getattr(value, field.name))


def _compound(items: tuple[object, ...]) -> Iterable[object]:
    """Return the items, or none for a tuple of plain numbers or texts: calendars hold thousands."""
    return () if items and isinstance(items[0], (int, str)) else items
