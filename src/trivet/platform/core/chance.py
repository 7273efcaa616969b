"""Chance: a number made from random bytes that the caller brings."""

from __future__ import annotations

RANDOM_BYTES = 4
"""How many random bytes `fraction` is given."""


def fraction(entropy: bytes) -> float:
    """A number in [0, 1), each as likely as any other, made from `RANDOM_BYTES` random bytes."""
    return int.from_bytes(entropy, "big") / 256.0 ** len(entropy)
