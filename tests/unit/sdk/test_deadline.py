"""Waits with an end, and how long they are in words."""

from __future__ import annotations

import pytest

from trivet.sdk._deadline import Deadline, seconds


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.0, "0 s"),
        (0.2, "0.2 s"),
        (0.25, "0.25 s"),
        (0.1234567, "0.123 s"),
        (1.0, "1 s"),
        (7.54, "7.5 s"),
        (10.0, "10 s"),
        (99.96, "100 s"),
        (100.0, "100 s"),
        (1234567.8, "1,234,568 s"),
    ],
)
def test_seconds_are_told_with_no_more_digits_than_matter(value: float, said: str) -> None:
    assert seconds(value) == said


def test_a_wait_knows_how_long_it_was_meant_to_be_when_it_is_over() -> None:
    now = 100.0
    deadline = Deadline(0.2, lambda: now)
    now += 1
    assert (deadline.left(), deadline.timeout) == (0.0, 0.2)
    assert Deadline(None).left() is None
    assert Deadline(-5).timeout == 0.0
