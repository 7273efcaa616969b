"""Chance in large pieces: every draw is as long as asked for, and none repeats another's bytes."""

from __future__ import annotations

import pytest

from trivet.platform.server import entropy
from trivet.platform.server.entropy import EntropyPool


def test_no_byte_of_a_piece_is_given_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces: list[int] = []

    def counted(size: int) -> bytes:
        pieces.append(size)
        return bytes((index // 8 + len(pieces)) % 251 for index in range(size))

    monkeypatch.setattr(entropy.os, "urandom", counted)
    draw = EntropyPool()
    draws = [draw(8) for _ in range(512)]
    assert pieces == [4096]
    assert b"".join(draws) == bytes((index // 8 + 1) % 251 for index in range(4096))
    assert draw(8) == bytes([2] * 8)
    assert pieces == [4096, 4096]


def test_a_draw_that_does_not_fit_any_more_begins_a_new_piece() -> None:
    draw = EntropyPool()
    draws = [draw(size) for size in (4090, 31, 6, 4096, 1)]
    assert [len(data) for data in draws] == [4090, 31, 6, 4096, 1]
    assert draws[1] not in draws[0] + draws[3]
