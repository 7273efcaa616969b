"""An event loop with a time of its own, for what happens on one loop alone and has to do with time.

Its time stands still while anything is left to do, and leaps to the next moment that somebody waits for when nothing is. So a
test waits for nothing, and a machine that stands still in the middle of it changes nothing.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Leaps(selectors.DefaultSelector):
    """Never waits for anything from outside: tells of the time that it would have waited."""

    def __init__(self, leap: Callable[[float], None]) -> None:
        super().__init__()
        self._leap = leap

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(0)
        assert found or timeout is not None, "nothing is left to do, and nobody waits for a moment to come"
        if not found and timeout:
            self._leap(timeout)
        return found


class Clockwork(asyncio.SelectorEventLoop):
    """The loop. Threads, processes and sockets have no place on it: it does not wait for them."""

    def __init__(self) -> None:
        self._now = 0.0
        super().__init__(_Leaps(self._leap))

    def time(self) -> float:
        return self._now

    def _leap(self, seconds: float) -> None:
        self._now += seconds


def play(scene: Coroutine[Any, Any, T], longest: float = 3600.0) -> T:
    """Runs a scene to its end, on a loop of this kind.

    Args:
        scene: what is to be run.
        longest: seconds of the loop's time that it may take.
    """
    with asyncio.Runner(loop_factory=Clockwork) as runner:
        return runner.run(asyncio.wait_for(scene, longest))
