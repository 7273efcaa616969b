"""The loop of a worker with a plain handler and several jobs at a time: a thread for each."""

from __future__ import annotations

import threading
from contextvars import copy_context

from trivet.protocol.frames import Kind, encode
from trivet.worker.attempt import Attempt
from trivet.worker.hosts import Host
from trivet.worker.intake import Intake
from trivet.worker.interrupts import Guards, ThreadGuard
from trivet.worker.link import LinkLost
from trivet.worker.loop import attempted, conclude, prepare
from trivet.worker.outcome import Trial


class ThreadLoop:
    """Runs attempts in threads. A cancel reaches a handler at its next step in Python, not inside a wait.

    Args:
        intake: where the attempts come from; the watcher reads the link.
        guards: where the threads' guards are kept.
        trial: runs one attempt.
        concurrency: how many threads.
    """

    def __init__(self, intake: Intake, guards: Guards, trial: Trial, concurrency: int) -> None:
        self._intake = intake
        self._guards = guards
        self._trial = trial
        self._concurrency = concurrency
        self._news = threading.Condition()
        self._running: dict[int, ThreadGuard] = {}

    def wake(self) -> None:
        """As `Runner.wake`."""
        with self._news:
            self._news.notify_all()

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
        self._intake.link.send(encode(Kind.READY))
        for thread in threads:
            thread.join()
        if self._intake.lost:
            raise LinkLost("the server is gone")
        conclude(host)

    def _work(self) -> None:
        guard = self._guards[threading.get_ident()] = ThreadGuard()
        try:
            while (attempt := self._next()) is not None:
                self._running[attempt.number] = guard
                outcome = copy_context().run(attempted, self._trial, attempt, guard)
                del self._running[attempt.number]
                attempt.finish(*outcome)
                self._intake.done(attempt)
        except LinkLost:
            self._intake.lost = self._intake.draining = True
            self.wake()

    def _next(self) -> Attempt | None:
        with self._news:
            while True:
                attempt = self._intake.next()
                if attempt is not None or self._intake.draining:
                    return attempt
                self._news.wait()
