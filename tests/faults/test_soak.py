"""The soak's verdict: what grows is told from what only moves."""

from __future__ import annotations

import math

from tests.faults.soak import MIB, Sample, judge


def samples(memory: list[float]) -> list[Sample]:
    return [
        Sample(10.0 * i, int(value * MIB), 20.0 * MIB, 4, 40, 8, 10 * MIB, 4 * MIB, 3, 100 * i)
        for i, value in enumerate(memory)
    ]


def growing(memory: list[float]) -> list[str]:
    return [verdict.bound.figure for verdict in judge(samples(memory)) if not verdict.holds]


def test_what_stays_where_it_is_does_not_grow() -> None:
    assert growing([100.0] * 60) == []


def test_what_moves_up_and_down_does_not_grow() -> None:
    assert growing([100.0 + 4 * math.sin(i / 3) for i in range(60)]) == []


def test_what_rises_at_first_and_then_stays_does_not_grow() -> None:
    assert growing([min(100.0, 40.0 + 3 * i) for i in range(60)]) == []


def test_a_steady_leak_grows() -> None:
    assert growing([100.0 + i / 2 for i in range(60)]) == ["server_memory"]
