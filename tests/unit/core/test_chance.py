"""Chance: random bytes as a number in [0, 1)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trivet.platform.core.chance import RANDOM_BYTES, fraction


@given(entropy=st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES))
def test_every_draw_lies_from_0_up_to_1_without_it(entropy: bytes) -> None:
    assert 0.0 <= fraction(entropy) < 1.0


def test_draws_are_spread_evenly() -> None:
    assert [fraction(bytes([first, 0, 0, 0])) for first in (0x00, 0x40, 0x80, 0xC0)] == [0.0, 0.25, 0.5, 0.75]
