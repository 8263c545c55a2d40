"""From samples to columns."""

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette_agent.facts import Series, gauge
from vedette_agent.outbox.batch import Columns, admit, columns, decoded, is_valid, split

A, B = gauge("a", "1"), gauge("b", "By", device="sda")


def test_columns_are_packed_little_endian() -> None:
    packed = columns([(A, 1.5), (B, -2.0)], {A: 0, B: 258})
    assert packed.series_numbers == b"\x00\x00\x00\x00\x02\x01\x00\x00"
    assert packed.values == struct.pack("<dd", 1.5, -2.0)


@given(
    st.lists(
        st.tuples(st.integers(0, 2**32 - 1), st.floats(allow_nan=False, allow_infinity=False)), max_size=50
    )
)
def test_decoding_is_the_inverse_of_packing(pairs: list[tuple[int, float]]) -> None:
    series = [gauge("s", "1", number=str(index)) for index in range(len(pairs))]
    numbers = {one: number for one, (number, _) in zip(series, pairs, strict=True)}
    samples = [(one, value) for one, (_, value) in zip(series, pairs, strict=True)]
    assert decoded(columns(samples, numbers)) == tuple(pairs)


def test_columns_of_different_length_are_not_decoded() -> None:
    with pytest.raises(struct.error):
        decoded(Columns(series_numbers=b"\0\0\0\0", values=b"\0" * 16))


def test_only_finite_values_of_valid_series_are_admitted_and_each_series_once() -> None:
    bad = Series(name="", unit="1")
    admitted = admit([(A, 1.0), (B, math.nan), (B, math.inf), (A, 2.0), (bad, 1.0), (B, 3.0)])
    assert admitted.samples == ((A, 1.0), (B, 3.0))
    assert admitted.refused_count == 4


@pytest.mark.parametrize(
    ("series", "valid"),
    [
        (gauge("n" * 128, "u" * 32), True),
        (gauge("n" * 129, "1"), False),
        (gauge("n", "u" * 33), False),
        (gauge("n", "1", ok="x" * 256), True),
        (gauge("n", "1", ok="x" * 257), False),
        (gauge("n", "1", ok="ö" * 129), False),
        (gauge("n", "1", Upper="x"), False),
        (gauge("n", "1", **{"1st": "x"}), False),
        (gauge("n", "1", **{"a.b_c9": "x"}), True),
        (gauge("n", "1", **{"a" * 63: "x"}), True),
        (gauge("n", "1", **{"a" * 64: "x"}), False),
        (gauge("n", "1", **{f"l{index}": "x" for index in range(16)}), True),
        (gauge("n", "1", **{f"l{index}": "x" for index in range(17)}), False),
    ],
)
def test_the_limits_of_the_protocol_are_kept(series: Series, valid: bool) -> None:
    assert is_valid(series) is valid


@given(st.integers(0, 25), st.integers(1, 10))
def test_splitting_loses_and_reorders_nothing(count: int, most: int) -> None:
    samples = tuple((gauge("s", "1", n=str(index)), float(index)) for index in range(count))
    pieces = split(samples, most)
    assert tuple(sample for piece in pieces for sample in piece) == samples
    assert all(0 < len(piece) <= most for piece in pieces)
