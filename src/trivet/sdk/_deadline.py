"""How long the caller still wants to wait."""

from __future__ import annotations

import time
from collections.abc import Callable


class Deadline:
    """A moment that a wait must not pass.

    Args:
        timeout: seconds from now; None waits for ever.
        clock: seconds that only go forward.

    Attributes:
        timeout: seconds that the whole wait may take, never below 0; 0 as well where there is no end.
    """

    def __init__(self, timeout: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.timeout = max(0.0, timeout or 0.0)
        self._at = None if timeout is None else clock() + self.timeout

    def left(self) -> float | None:
        """Seconds that are left, never below 0; None where there is no end."""
        return None if self._at is None else max(0.0, self._at - self._clock())

    def portion(self, longest: float) -> float:
        """Seconds that one request may wait: what is left, but no more than ``longest``."""
        left = self.left()
        return longest if left is None else min(left, longest)

    @property
    def passed(self) -> bool:
        """Whether nothing is left."""
        return self.left() == 0.0


def seconds(value: float) -> str:
    """A length of time for people: ``"0.25 s"``, ``"7.5 s"``, ``"1,800 s"``; no more digits than matter.

    Args:
        value: seconds.
    """
    digits = 3 if value < 1 else 1 if value < 100 else 0
    text = f"{value:,.{digits}f}"
    return f"{text.rstrip('0').rstrip('.') if digits else text} s"
