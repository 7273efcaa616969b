"""The loop of a worker with a plain handler and several jobs (or batches) at a time: a thread for each."""

from __future__ import annotations

import threading
from contextvars import copy_context
from queue import Empty, SimpleQueue
from typing import Any

from trivet.protocol.frames import Kind, encode
from trivet.worker.attempt import Attempt, Work
from trivet.worker.desk import Desk, open_desk
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
        self._desk: Desk[Any, Any]
        self._running: dict[Work, ThreadGuard] = {}

    def wake(self) -> None:
        """As `Runner.wake`."""
        self._ear.wake()

    def interrupt(self, attempt: Attempt) -> None:
        """As `Runner.interrupt`."""
        if attempt.batch is not None and not attempt.batch.release(attempt):
            return
        work = attempt.batch or attempt
        guard = self._running.get(work)
        if guard is not None:
            guard.interrupt(work)

    def run(self, host: Host) -> None:
        """Sets the program up and works until it is told to end.

        Raises:
            LinkLost: the server is gone.
            Unfit: the author's ``setup`` failed, before anything was taken.
        """
        prepare(host)
        self._desk = open_desk(host, self._intake, self._trial)
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
        intake, batches = self._intake, self._desk.batches
        while not (intake.draining and not intake.held) and not intake.lost:
            news = intake.take(intake.link.receive()) if self._ear.wait() else 0
            # Of batches, one thread looks whether there is one; it calls the next where more is left.
            for _ in range(min(news, int(self._calls.empty())) if batches else news):
                self._calls.put(None)
        for _ in range(self._concurrency):
            self._calls.put(None)

    def _work(self) -> None:
        guard, desk = ThreadGuard(), self._desk
        self._guards[threading.get_ident()] = guard
        try:
            while (work := self._next()) is not None:
                self._running[work] = guard
                outcome = copy_context().run(attempted, desk, work, guard)
                del self._running[work]
                desk.answer(work, outcome)
                if self._intake.draining:
                    self.wake()
        except LinkLost:
            self._intake.lost = self._intake.draining = True
            self.wake()

    def _next(self) -> Work | None:
        intake, desk = self._intake, self._desk
        while True:
            self._await_call(desk.due())
            work: Work | None = desk.next()
            if work is not None and desk.batches and intake.pending:
                self._calls.put(None)
            if work is not None or intake.draining:
                return work

    def _await_call(self, seconds: float | None) -> None:
        try:
            self._calls.get(timeout=seconds)
        except Empty:  # what waited for company has waited long enough
            return
