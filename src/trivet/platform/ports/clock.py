"""Time and chance."""

from __future__ import annotations

from collections.abc import Callable

Clock = Callable[[], float]
"""Seconds since the epoch, now."""

Entropy = Callable[[int], bytes]
"""So many random bytes, fit for secrets."""
