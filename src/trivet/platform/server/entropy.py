"""Chance for the hot paths: drawn from the system in large pieces, as each draw lets go of the interpreter."""

from __future__ import annotations

import os

_PIECE = 4096


class EntropyPool:
    """An `Entropy` that asks the system once for many draws. No byte is given twice. For one thread."""

    def __init__(self) -> None:
        self._piece = b""
        self._given = 0

    def __call__(self, size: int) -> bytes:
        """So many random bytes, up to 4096."""
        end = self._given + size
        if end > len(self._piece):
            self._piece, self._given, end = os.urandom(_PIECE), 0, size
        data = self._piece[self._given : end]
        self._given = end
        return data
