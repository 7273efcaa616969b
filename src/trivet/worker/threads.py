"""The loop of a worker with a plain handler and several jobs at a time: a thread for each."""

from __future__ import annotations

import threading
from contextvars import copy_context
from queue import SimpleQueue

from trivet.protocol.frames import Kind, encode
from trivet.worker.attempt import Attempt
from trivet.worker.heartbeat import Watcher
from trivet.worker.hosts import Host
from trivet.worker.intake import Intake
from trivet.worker.interrupts import Guards, ThreadGuard
from trivet.worker.link import LinkLost
from trivet.worker.loop import Ear, attempted, conclude, prepare
from trivet.worker.outcome import Trial


class ThreadLoop:
    """Runs attempts in threads. A cancel reaches a handler at its next step in Python, not inside a wait.

    Args:
        intake: where the attempts come from. The main thread reads the link.
        watcher: steps back from reading.
        guards: where the threads' guards are kept.
        trial: runs one attempt.
        concurrency: how many threads.
    """

    def __init__(self, intake: Intake, watcher: Watcher, guards: Guards, trial: Trial, concurrency: int) -> None:
        self._intake = intake
        self._watcher = watcher
        self._guards = guards
        self._trial = trial
        self._concurrency = concurrency
        self._ear = Ear(intake.link)
        self._calls: SimpleQueue[None] = SimpleQueue()
        self._running: dict[int, ThreadGuard] = {}

    def wake(self) -> None:
        """As `Runner.wake`."""
        self._ear.wake()

    def interrupt(self, attempt: Attempt) -> None:
        """As `Runner.interrupt`."""
        guard = self._running.get(attempt.number)
        if guard is not None:
            guard.interrupt(attempt)

    def run(self, host: Host) -> None:
        """Sets the program up and works until it is told to end.

        Raises:
            LinkLost: the server is gone.
            Unfit: the author's ``setup`` failed, before anything was taken.
        """
        prepare(host)
        threads = [
            threading.Thread(target=self._work, name=f"trivet-job-{number}", daemon=True)
            for number in range(1, self._concurrency + 1)
        ]
        for thread in threads:
            thread.start()
        self._intake.runner = self
        self._watcher.stand_back()
        self._intake.link.send(encode(Kind.READY))
        self._read()
        if self._intake.lost:
            raise LinkLost("the server is gone")
        for thread in threads:
            thread.join()
        conclude(host)

    def _read(self) -> None:
        """Calls a thread for each attempt that comes, until there will be no more and all are finished."""
        intake = self._intake
        while not (intake.draining and not intake.held) and not intake.lost:
            for _ in range(intake.take(intake.link.receive()) if self._ear.wait() else 0):
                self._calls.put(None)
        for _ in range(self._concurrency):
            self._calls.put(None)

    def _work(self) -> None:
        guard = self._guards[threading.get_ident()] = ThreadGuard()
        try:
            while (attempt := self._next()) is not None:
                self._running[attempt.number] = guard
                outcome = copy_context().run(attempted, self._trial, attempt, guard)
                del self._running[attempt.number]
                attempt.finish(*outcome)
                self._intake.done(attempt)
                if self._intake.draining:
                    self.wake()
        except LinkLost:
            self._intake.lost = self._intake.draining = True
            self.wake()

    def _next(self) -> Attempt | None:
        while True:
            self._calls.get()
            attempt = self._intake.next()
            if attempt is not None or self._intake.draining:
                return attempt
