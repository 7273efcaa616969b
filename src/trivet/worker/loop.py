"""The loop of a worker with a plain handler, one job at a time: take, run, answer, all in the main thread."""

from __future__ import annotations

import gc
import select
import sys
from contextvars import copy_context
from typing import Any

from trivet.authoring.reporting import CURRENT, set_elsewhere
from trivet.protocol.frames import Kind, encode
from trivet.worker.attempt import Attempt
from trivet.worker.failures import traceback_of
from trivet.worker.heartbeat import Watcher
from trivet.worker.hosts import Host, Unfit
from trivet.worker.intake import Intake
from trivet.worker.interrupts import Guard, Interrupted, SignalGuard
from trivet.worker.link import Link, LinkLost
from trivet.worker.outcome import Outcome, Trial, stopped
from trivet.worker.waker import Waker


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
        self._current: Attempt | None = None
        self._ear = Ear(intake.link)

    def wake(self) -> None:
        """As `Runner.wake`."""
        self._ear.wake()

    def interrupt(self, attempt: Attempt) -> None:
        """As `Runner.interrupt`."""
        self._guard.interrupt(attempt)

    def run(self, host: Host) -> None:
        """Sets the program up and works until it is told to end.

        Raises:
            LinkLost: the server is gone.
            Unfit: the author's ``setup`` failed, before anything was taken.
        """
        prepare(host)
        intake, link = self._intake, self._intake.link
        set_elsewhere(lambda: self._current)
        intake.runner = self
        self._watcher.busy = lambda: self._current
        link.send(encode(Kind.READY))
        while (attempt := self._next()) is not None:
            self._current = attempt
            outcome = copy_context().run(attempted, self._trial, attempt, self._guard)
            self._current = None
            attempt.finish(*outcome)
            intake.done(attempt)
        if intake.lost:
            raise LinkLost("the server is gone")
        conclude(host)

    def _next(self) -> Attempt | None:
        """Waits for an attempt; ``None`` when there will be no more."""
        intake = self._intake
        self._watcher.take_turn()
        try:
            while True:
                attempt = intake.next()
                if attempt is not None or intake.draining:
                    return attempt
                if self._ear.wait():
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

    def wait(self) -> bool:
        """Waits, and returns whether there is something to read on the link."""
        ready = self._poller.poll()
        if len(ready) == 1 and ready[0][0] == self._link:
            return True
        self._waker.heard()
        return len(ready) > 1


def attempted(trial: Trial, attempt: Attempt, guard: Guard) -> Outcome:
    """Runs one attempt under a guard.

    Raises:
        LinkLost: there is nobody to answer to.
    """
    CURRENT.set(attempt)
    try:
        try:
            guard.enter(attempt)
            outcome = trial.run(attempt)
        finally:
            guard.leave()
    except Interrupted:
        guard.leave()
        return stopped(attempt)
    except LinkLost:
        raise
    except BaseException as error:  # noqa: BLE001 - SystemExit and the like are a handler's failures too
        return trial.failed(attempt, error)
    return stopped(attempt) if attempt.interrupted else outcome


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
