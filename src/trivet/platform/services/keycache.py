"""The cache that makes the check of a key cost a microsecond or two."""

from __future__ import annotations

import hashlib

from trivet.platform.core.accounts import Principal
from trivet.platform.ports.clock import Clock

LIFETIME = 30.0
"""Seconds after which a key is looked up again, whatever happens."""
CAPACITY = 10_000


class KeyCache:
    """Principals by the SHA-256 of the token that proves them. No token is kept, and only tokens that count get in.

    Every change of keys, roles or accounts drops the whole cache: such changes are rare, looking up again is cheap, and what
    is dropped whole can't be dropped wrong. A look-up that was under way while something changed is not kept, because it
    may have read what was there before: it brings the `generation` that it began in.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: dict[bytes, tuple[Principal, float]] = {}
        self.generation = 0

    def get(self, token: str) -> Principal | None:
        """The principal of a token that is known to count now; None where that is to be looked up."""
        entry = self._entries.get(_digest(token))
        if entry is None or self._clock() >= entry[1]:
            return None
        return entry[0]

    def put(self, token: str, principal: Principal, valid_until: float | None, generation: int) -> None:
        """Keeps an answer.

        Args:
            token: the whole token.
            principal: whom it proves.
            valid_until: when the answer may change by itself, in seconds since the epoch; None: never.
            generation: what `generation` was before the look-up began.
        """
        if generation != self.generation:
            return
        if len(self._entries) >= CAPACITY:
            self._entries.clear()
        until = self._clock() + LIFETIME
        self._entries[_digest(token)] = (principal, until if valid_until is None else min(until, valid_until))

    def drop(self) -> None:
        """Forgets all answers, those on their way included."""
        self.generation += 1
        self._entries.clear()


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
