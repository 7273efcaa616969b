"""A clock that never jumps: the time of day when the server started, and how long it has run since."""

from __future__ import annotations

import time

from trivet.platform.ports.clock import Clock


class SteadyClock:
    """Seconds since the epoch that go on evenly, for what is waited for and measured.

    The machine's clock may be set back or forward while jobs run; a timeout, a silence or a pause must not change for it.

    Args:
        wall: the time of day.
        monotonic: seconds from anywhere, evenly.
    """

    def __init__(self, wall: Clock = time.time, monotonic: Clock = time.monotonic) -> None:
        self._monotonic = monotonic
        self._offset = wall() - monotonic()

    def __call__(self) -> float:
        """The time now."""
        return self._monotonic() + self._offset
