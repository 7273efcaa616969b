"""The watcher: a thread that keeps the link alive, and reads it, while handlers run."""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Callable
from time import monotonic

from trivet.worker.intake import EXIT_LINK_LOST, Intake
from trivet.worker.limits import die_with_parent
from trivet.worker.link import LinkLost

TICK = 0.1
"""Seconds until the watcher reads in place of a main thread that runs a handler, and between flushes of its output."""
_LAST_WORDS = 1.0


class Watcher:
    """Reads the link whenever ``busy`` says that nobody else does; sends heartbeats; hears SIGTERM.

    A main thread that is idle reads for itself, as a job then starts without a switch of threads. Both agree by a lock:
    who holds ``turn`` reads.

    Args:
        intake: takes the frames.
        heartbeat: seconds between two heartbeats.
    """

    def __init__(self, intake: Intake, heartbeat: float) -> None:
        self.turn = threading.Lock()
        self.busy: Callable[[], object] = lambda: self
        """What keeps others from reading; ``None`` where they read themselves. The same object twice means: still busy."""
        self._intake = intake
        self._heartbeat = heartbeat
        self._ended = threading.Event()
        self._ear, self._mouth = os.pipe()
        for descriptor in (self._ear, self._mouth):
            os.set_blocking(descriptor, False)
        self._thread = threading.Thread(target=self._run, name="trivet-watcher", daemon=True)

    def start(self) -> None:
        """Begins to watch. Called in the main thread, which will be told of SIGTERM from now on."""
        # The descriptor is written to even while the main thread is deep in C code; the handler serves where an author's
        # event loop has taken the descriptor away.
        signal.signal(signal.SIGTERM, lambda number, _: self._say(bytes([number])))
        signal.set_wakeup_fd(self._mouth, warn_on_full_buffer=False)
        self._thread.start()

    def wake(self) -> None:
        """Makes the watcher look up; it lets go of the turn if somebody else may read."""
        self._say(b"\0")

    def end(self) -> None:
        """The worker is about to end by itself; the watcher need not end it."""
        self._ended.set()

    def _say(self, word: bytes) -> None:
        try:
            os.write(self._mouth, word)
        except BlockingIOError:  # full of words that will be read: it will look up anyway
            return

    def _run(self) -> None:
        die_with_parent()
        try:
            self._watch()
        except LinkLost:
            self._intake.lose()
            # The worker should end by itself now. One that hangs in C code never would.
            if not self._ended.wait(_LAST_WORDS):
                os._exit(EXIT_LINK_LOST)

    def _watch(self) -> None:
        ear, link = self._ear, self._intake.link.fileno()
        seen: object = None
        beat_at = monotonic() + self._heartbeat
        alone, both = select.poll(), select.poll()
        for poller in (alone, both):
            poller.register(ear, select.POLLIN)
        both.register(link, select.POLLIN)
        while not self._ended.is_set():
            busy = self.busy()
            reads = busy is not None and busy is seen and self.turn.acquire(blocking=False)
            seen = busy
            try:
                timeout = max(0.0, min(TICK, beat_at - monotonic()))
                ready = [descriptor for descriptor, _ in (both if reads else alone).poll(timeout * 1000)]
                if link in ready and self._intake.take(self._intake.link.receive()):
                    self._intake.runner.wake()
            finally:
                if reads:
                    self.turn.release()
            if ear in ready and signal.SIGTERM in os.read(ear, 4096):
                self._intake.drain(tell=True)
            self._intake.flush()
            if monotonic() >= beat_at:
                self._intake.heartbeat()
                beat_at = monotonic() + self._heartbeat
