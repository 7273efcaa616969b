"""How often a server is asked that holds no question."""

from __future__ import annotations

FIRST = 0.05
LONGEST = 1.0


class Pace:
    """Pauses between questions: short ones at first, so that a quick job is known quickly; later a second, as the original's."""

    def __init__(self) -> None:
        self._next = FIRST

    def pause(self) -> float:
        """Seconds to wait before the next question."""
        pause = self._next
        self._next = min(LONGEST, pause * 2)
        return pause

    def restart(self) -> None:
        """Something has come: the next may be near."""
        self._next = FIRST
