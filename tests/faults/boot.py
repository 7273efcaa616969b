"""Starts the platform as `trivet` does, with a clock that can be wrong, a link that can be cut, and places to die at.

Run as ``python -m tests.faults.boot up …``. All this is done to the product from outside: it has no hooks for tests.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import inspect
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.faults.controls import POLL, Controls, Settings
from tests.faults.points import POINTS, Point
from trivet.worker.limits import die_with_parent

if TYPE_CHECKING:
    from trivet.platform.core.workers import Departure
    from trivet.platform.services.workers import Workers

HEARTBEAT = 0.5
"""Seconds between a worker's heartbeats, so that a run need not last for minutes."""
SILENCE = 3.0
"""Seconds without a sign of life after which a worker counts as lost."""
DETOUR = 2.0
"""Seconds that the last words of a worker may be under way on the proxy; those that it holds for longer come too late."""
LOOK = 0.005
"""Seconds between two looks at whether they have come."""


class Reaper:
    """Follows the settings, and strikes."""

    def __init__(self, controls: Controls) -> None:
        self._controls = controls
        self._stamp = controls.stamp()  # first: what is written behind it is read again
        self._settings = controls.read()
        self._lock = threading.Lock()
        self._passes = 0

    @property
    def clock(self) -> float:
        return self._settings.clock

    def follow(self) -> None:
        while True:
            time.sleep(POLL)
            stamp = self._controls.stamp()
            if stamp != self._stamp:
                self._stamp = stamp
                self._take(self._controls.read())

    def _take(self, settings: Settings) -> None:
        with self._lock:
            if settings.serial != self._settings.serial:
                self._passes = 0
            self._settings = settings

    def passes(self, point: Point) -> None:
        """The server comes by a kill point; perhaps it ends here."""
        if self._settings.point != point.name:
            return
        with self._lock:
            self._passes += 1
            due = self._passes == self._settings.passes
        if due:
            self._controls.note_death(point.name)
            os.kill(os.getpid(), signal.SIGKILL)


def arm(point: Point, reaper: Reaper) -> None:
    """Makes a method of the product come by a kill point."""
    module, _, path = point.target.partition(":")
    owner_name, _, method = path.partition(".")
    owner = getattr(importlib.import_module(module), owner_name)
    original: Callable[..., Any] = getattr(owner, method)

    if inspect.iscoroutinefunction(original):

        @functools.wraps(original)
        async def armed(*args: Any, **kwargs: Any) -> Any:
            if not point.after:
                reaper.passes(point)
            result = await original(*args, **kwargs)
            if point.after:
                reaper.passes(point)
            return result
    else:

        @functools.wraps(original)
        def armed(*args: Any, **kwargs: Any) -> Any:
            if not point.after:
                reaper.passes(point)
            result = original(*args, **kwargs)
            if point.after:
                reaper.passes(point)
            return result

    setattr(owner, method, armed)


def mislead(reaper: Reaper) -> None:
    """Makes the process's wall clock wrong by what the settings say. Its monotonic clock stays right, as a machine's does."""
    right = time.time
    time.time = lambda: right() + reaper.clock


def reroute(controls: Controls) -> None:
    """Sends workers to the suite's proxy, where there is one, instead of to the server."""
    from trivet.platform.runtimes.process import ProcessRuntime
    from trivet.platform.runtimes.shared import SharedRuntime

    for runtime in (ProcessRuntime, SharedRuntime):
        _reroute(runtime, f"unix:{controls.socket}" if controls.socket.exists() else None)


def _reroute(runtime: type, link: str | None) -> None:
    """Has the second argument of a runtime, which is where workers connect to, be another one."""
    original: Callable[..., None] = runtime.__init__

    @functools.wraps(original)
    def rerouted(self: object, inner: object, theirs: str, *args: Any, **kwargs: Any) -> None:
        original(self, inner, link or theirs, *args, **kwargs)

    runtime.__init__ = rerouted  # type: ignore[method-assign] # a start script may


def await_last_words() -> None:
    """Has the server learn of a worker's end behind what the worker said before it.

    So it is without a proxy: the kernel has put the words into the server's own socket by then. On the proxy they are under way,
    and the end, which the server sees by itself, would overtake them: results would be lost that no user could ever lose.
    """
    from trivet.platform.services.workers import Workers

    Workers.departed = behind_last_words(Workers.departed)  # type: ignore[method-assign] # a start script may


def behind_last_words(original: Callable[[Workers, str, Departure], None]) -> Callable[..., None]:
    """`Workers.departed`, once the worker's link has ended too, or after `DETOUR`."""
    from trivet.platform.worker_api.link import Link

    def departed(workers: Workers, worker_id: str, departure: Departure, until: float | None = None) -> None:
        entry = workers.register.get(worker_id)
        until = time.monotonic() + DETOUR if until is None else until
        is_heard_out = entry is None or not isinstance(entry.link, Link) or entry.link_ended_at is not None
        if is_heard_out or time.monotonic() > until:
            original(workers, worker_id, departure)
        else:
            asyncio.get_running_loop().call_later(LOOK, departed, workers, worker_id, departure, until)

    return departed


def hurry() -> None:
    """Shortens what a run would have to wait for."""
    from trivet.platform.services import workers

    workers.HEARTBEAT = HEARTBEAT
    workers.SILENCE = SILENCE


def main() -> None:
    die_with_parent()  # a suite that is killed itself leaves no server behind
    controls = Controls(Path(os.environ[Controls.VARIABLE]))
    reaper = Reaper(controls)
    mislead(reaper)
    reroute(controls)
    await_last_words()
    hurry()
    for point in POINTS:
        arm(point, reaper)
    threading.Thread(target=reaper.follow, name="faults", daemon=True).start()
    from trivet.cli.main import main as trivet

    sys.argv[0] = "trivet"
    trivet()


if __name__ == "__main__":
    main()
