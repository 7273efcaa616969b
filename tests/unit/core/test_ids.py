"""Ids and names."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivet.platform.core import ids

MOMENTS = st.floats(0, 4e9)


@given(
    first=MOMENTS,
    second=MOMENTS,
    entropy=st.tuples(st.binary(min_size=8, max_size=8), st.binary(min_size=8, max_size=8)),
)
def test_ids_sort_by_time(first: float, second: float, entropy: tuple[bytes, bytes]) -> None:
    one, other = ids.make("job", first, entropy[0]), ids.make("job", second, entropy[1])
    if int(first * 1000) < int(second * 1000):
        assert one < other
    assert len(one) == len(other) == len("job_") + 12 + 16


@given(entropy=st.binary(min_size=10, max_size=16))
def test_an_opaque_id_is_fourteen_letters_and_digits_and_no_number(entropy: bytes) -> None:
    made = ids.make_opaque(entropy)
    assert len(made) == ids.ENDPOINT_ID_LENGTH
    assert made[0].isalpha()
    assert ids.is_opaque(made)


def test_opaque_ids_differ_with_the_entropy() -> None:
    assert len({ids.make_opaque(hashlib.sha256(bytes([n % 256, n // 256])).digest()) for n in range(1000)}) == 1000


@pytest.mark.parametrize("text", ["a", "Bond", "a-b_c", "007", "a" * 63])
def test_what_may_be_a_name(text: str) -> None:
    assert ids.is_name(text)


@pytest.mark.parametrize("text", ["", "-a", "a-", "_a", "a/b", "a b", "a.b", "ä", "a" * 64, "a\n", "\u017f", "\u212a"])
def test_what_may_be_no_name(text: str) -> None:
    assert not ids.is_name(text)


@pytest.mark.parametrize(
    ("text", "good"), [("abc", True), ("a-1", True), ("ab", False), ("123", False), ("a/b", False)]
)
def test_what_may_be_an_opaque_id(text: str, good: bool) -> None:
    assert ids.is_opaque(text) is good
