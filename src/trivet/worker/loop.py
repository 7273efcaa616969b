"""The loop of a worker with a plain handler, one job (or one batch) at a time: take, run, answer, all in the main thread."""

from __future__ import annotations

import gc
import select
import sys
from contextvars import copy_context
from typing import Any, TypeVar

from trivet.authoring.reporting import CURRENT, set_elsewhere
from trivet.protocol.frames import Kind, encode
from trivet.worker.attempt import Attempt, Work
from trivet.worker.desk import Desk, open_desk
from trivet.worker.failures import traceback_of
from trivet.worker.heartbeat import Watcher
from trivet.worker.hosts import Host, Unfit
from trivet.worker.intake import Intake
from trivet.worker.interrupts import Guard, Interrupted, SignalGuard
from trivet.worker.link import Link, LinkLost
from trivet.worker.offspring import end_if_forked_off
from trivet.worker.outcome import Trial
from trivet.worker.waker import Waker

W = TypeVar("W", bound=Work)
O = TypeVar("O")  # noqa: E741 - what comes of W


class MainLoop:
    """Runs attempts in the main thread, where a signal can end whatever a handler waits for.

    Args:
        intake: where the attempts come from.
        watcher: reads the link while a handler runs.
        guard: the main thread's.
        trial: runs one attempt.
    """

    def __init__(self, intake: Intake, watcher: Watcher, guard: SignalGuard, trial: Trial) -> None:
        self._intake = intake
        self._watcher = watcher
        self._guard = guard
        self._trial = trial
        self._desk: Desk[Any, Any]
        self._current: Work | None = None
        self._ear = Ear(intake.link)

    def wake(self) -> None:
        """As `Runner.wake`."""
        self._ear.wake()

    def interrupt(self, attempt: Attempt) -> None:
        """As `Runner.interrupt`."""
        if attempt.batch is None:
            self._guard.interrupt(attempt)
        elif attempt.batch.release(attempt):
            self._guard.interrupt(attempt.batch)

    def run(self, host: Host) -> None:
        """Sets the program up and works until it is told to end.

        Raises:
            LinkLost: the server is gone.
            Unfit: the author's ``setup`` failed, before anything was taken.
        """
        prepare(host)
        intake, link = self._intake, self._intake.link
        desk = self._desk = open_desk(host, intake, self._trial)
        set_elsewhere(lambda: self._current)
        intake.runner = self
        self._watcher.busy = lambda: self._current
        link.send(encode(Kind.READY))
        while (work := self._next()) is not None:
            self._current = work
            outcome = copy_context().run(attempted, desk, work, self._guard)
            self._current = None
            desk.answer(work, outcome)
        if intake.lost:
            raise LinkLost("the server is gone")
        conclude(host)

    def _next(self) -> Work | None:
        """Waits for work; ``None`` when there will be no more."""
        intake, desk = self._intake, self._desk
        self._watcher.take_turn()
        try:
            while True:
                work: Work | None = desk.next()
                if work is not None or intake.draining:
                    return work
                if self._ear.wait(desk.due()):
                    intake.take(intake.link.receive())
        finally:
            self._watcher.turn.release()


class Ear:
    """Waits for the link, or for another thread's word."""

    def __init__(self, link: Link) -> None:
        self._waker = Waker()
        self._link = link.fileno()
        self._poller = select.poll()
        for descriptor in (self._link, self._waker.fileno()):
            self._poller.register(descriptor, select.POLLIN)
        self.wake = self._waker.wake

    def wait(self, seconds: float | None = None) -> bool:
        """Waits, and returns whether there is something to read on the link.

        Args:
            seconds: how long at most; ``None`` for as long as it takes.
        """
        ready = self._poller.poll(None if seconds is None else seconds * 1000)
        if len(ready) == 1 and ready[0][0] == self._link:
            return True
        if ready:
            self._waker.heard()
        return len(ready) > 1


def attempted(desk: Desk[W, O], work: W, guard: Guard) -> O:
    """Runs an attempt, or a batch of them, under a guard.

    Raises:
        LinkLost: there is nobody to answer to.
    """
    CURRENT.set(work)
    try:
        try:
            guard.enter(work)
            outcome = desk.run(work)
        finally:
            guard.leave()
    except Interrupted:
        guard.leave()
        return desk.stopped(work)
    except BaseException as error:  # noqa: BLE001 - SystemExit and the like are a handler's failures too
        end_if_forked_off(error)
        return desk.failed(work, error)
    end_if_forked_off()
    return desk.stopped(work) if work.interrupted else outcome


def prepare(host: Host) -> None:
    """Runs the author's ``setup``.

    Raises:
        Unfit: it failed.
    """
    try:
        finish(host.setup())
    except BaseException as error:
        raise Unfit(error) from error
    gc.freeze()  # what was loaded stays: the collector need not look at it again


def conclude(host: Host) -> None:
    """Runs the author's ``teardown``. Its failure is told in the worker's log and changes nothing."""
    try:
        finish(host.teardown())
    except Exception as error:  # noqa: BLE001 - the author's code can raise anything
        sys.stderr.write(f"teardown failed:\n{traceback_of(error)}")


def finish(value: Any) -> None:
    """Awaits what an author's ``setup`` or ``teardown`` gave, where it is a coroutine."""
    if hasattr(value, "__await__"):
        import asyncio

        async def wait() -> None:
            await value

        asyncio.run(wait())
