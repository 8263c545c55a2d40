"""Resume tokens: a position in the journal of one store."""

import pytest

from vedette_server.api.errors import ApiError
from vedette_server.api.resume import Position, decode, encode, expired

HERE = Position(store_id="store-1", partition=0, sequence=42)


def test_a_token_gives_back_its_position() -> None:
    assert decode(encode(HERE), store_id="store-1", partition=0) == HERE


@pytest.mark.parametrize(
    "token",
    [
        b"x",
        b"\xff" * 10,
        b"A" * 1000,
        encode(Position(store_id="store-2", partition=0, sequence=42)),
        encode(Position(store_id="store-1", partition=1, sequence=42)),
    ],
)
def test_what_is_no_token_of_this_store_is_refused(token: bytes) -> None:
    with pytest.raises(ApiError) as caught:
        decode(token, store_id="store-1", partition=0)
    assert caught.value.reason == "RESUME_TOKEN_INVALID"


def test_an_expired_position_says_which_and_what_to_do() -> None:
    error = expired(HERE)
    assert (error.code.name, error.reason, error.metadata) == (
        "OUT_OF_RANGE",
        "RESUME_TOKEN_EXPIRED",
        {"sequence": "42"},
    )
