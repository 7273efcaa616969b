"""The watcher: a thread that keeps the link alive, and reads it while the main thread runs a handler."""

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
from trivet.worker.waker import Waker

TICK = 0.1
"""Seconds until the watcher reads in place of a main thread that runs a handler, and between flushes of its output."""
_LAST_WORDS = 1.0
_HUNG_UP = select.POLLHUP | select.POLLERR | getattr(select, "POLLRDHUP", 0)


class Watcher:
    """Sends heartbeats, flushes output, hears SIGTERM, notices the end of the server.

    The main thread reads the link for itself, as a job then starts without a switch of threads. While ``busy`` says that it
    runs a handler, the watcher reads in its place. Both agree by a lock: who holds ``turn`` reads.

    Args:
        intake: takes the frames.
        heartbeat: seconds between two heartbeats.
    """

    def __init__(self, intake: Intake, heartbeat: float) -> None:
        self.turn = threading.Lock()
        self.busy: Callable[[], object] = lambda: self
        """What keeps the main thread from reading, ``None`` while it reads. The same object twice means: busy for long."""
        self._intake = intake
        self._heartbeat = heartbeat
        self._parent = os.getppid()
        self._waker = Waker()
        self._ended = threading.Event()
        self._stood_back = False
        self._thread = threading.Thread(target=self._run, name="trivet-watcher", daemon=True)

    def start(self) -> None:
        """Begins to watch. Called in the main thread, which will be told of SIGTERM from now on."""
        # The descriptor is written to even while the main thread is deep in C code; the handler serves where an author's
        # event loop has taken the descriptor away.
        signal.signal(signal.SIGTERM, lambda number, _: self._waker.wake(bytes([number])))
        signal.set_wakeup_fd(self._waker.mouth, warn_on_full_buffer=False)
        self._thread.start()

    def take_turn(self) -> None:
        """In the main thread, once it is not busy any more: waits until it may read. It releases ``turn`` afterwards."""
        if not self.turn.acquire(blocking=False):
            self._waker.wake()
            self.turn.acquire()

    def stand_back(self) -> None:
        """In the main thread: from now on somebody else always reads."""
        self.busy = lambda: None
        self.take_turn()
        self._stood_back = True

    def sit_in(self) -> None:
        """In the main thread: from now on nobody reads but the watcher."""
        self.busy = lambda: self
        if self._stood_back:
            self.turn.release()

    def end(self) -> None:
        """The worker is about to end by itself; the watcher need not end it."""
        self._ended.set()

    def _run(self) -> None:
        try:
            self._watch()
        except LinkLost:
            self._intake.lose()
            # The worker should end by itself now. One that hangs in C code never would.
            if not self._ended.wait(_LAST_WORDS):
                os._exit(EXIT_LINK_LOST)

    def _watch(self) -> None:
        intake, link = self._intake, self._intake.link
        link_number, ear = link.fileno(), self._waker.fileno()
        watching, reading = select.poll(), select.poll()
        for poller in (watching, reading):
            poller.register(ear, select.POLLIN)
        watching.register(link_number, _HUNG_UP)
        reading.register(link_number, select.POLLIN)
        seen: object = None
        beat_at = monotonic() + self._heartbeat
        bound = False
        while not self._ended.is_set():
            busy = self.busy()
            reads = busy is not None and busy is seen and self.turn.acquire(blocking=False)
            seen = busy
            try:
                timeout = max(0.0, min(TICK, beat_at - monotonic()))
                ready = dict((reading if reads else watching).poll(timeout * 1000))
                if reads and link_number in ready and intake.take(link.receive()):
                    intake.runner.wake()
            finally:
                if reads:
                    self.turn.release()
            if not reads and ready.get(link_number, 0) & _HUNG_UP:
                raise LinkLost("the server closed the link")
            if ear in ready and signal.SIGTERM in self._waker.heard():
                intake.drain(tell=True)
            intake.flush()
            if not bound:  # not before the first wait: it needs a library whose import would hold the start up
                die_with_parent(self._parent)
                bound = True
            if monotonic() >= beat_at:
                intake.heartbeat()
                beat_at = monotonic() + self._heartbeat
