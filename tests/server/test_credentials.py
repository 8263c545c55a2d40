"""Secrets: how they look, and what is read from an authorization header."""

import pytest

from vedette_server.credentials import bearer, hash_secret, new_secret


def test_a_secret_has_a_prefix_and_256_random_bits() -> None:
    one, other = new_secret(), new_secret()
    assert one.startswith("vdt_")
    assert len(one) == 47
    assert one != other


def test_only_the_hash_is_kept() -> None:
    assert hash_secret("vdt_x") == "23e439c7cbc071acf7fe24079d26feda8d90255974fa5174fa52d6df38595f83"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Bearer vdt_x", "vdt_x"),
        ("bearer  vdt_x ", "vdt_x"),
        ("Bearer ", None),
        ("Bearer", None),
        ("Basic dXNlcg==", None),
        ("vdt_x", None),
        ("", None),
        (None, None),
    ],
)
def test_a_bearer_header_gives_its_secret(header: str | None, expected: str | None) -> None:
    assert bearer(header) == expected
