"""The loop of a worker with an async handler: one event loop in the main thread, an asyncio task for each attempt (or batch)."""

from __future__ import annotations

import asyncio
import gc
import sys
from typing import Any

from trivet.authoring.reporting import CURRENT, set_elsewhere
from trivet.protocol.frames import Kind, encode
from trivet.worker.attempt import Attempt, Work
from trivet.worker.desk import Desk, open_desk
from trivet.worker.failures import traceback_of
from trivet.worker.heartbeat import Watcher
from trivet.worker.hosts import Host, Unfit
from trivet.worker.intake import Intake, Through
from trivet.worker.link import LinkLost
from trivet.worker.offspring import end_if_forked_off
from trivet.worker.outcome import Trial


class AsyncLoop:
    """Runs attempts on an event loop.

    Args:
        intake: where the attempts come from. The event loop reads the link.
        watcher: steps back from reading.
        trial: runs one attempt.
        concurrency: how many run at a time.
    """

    def __init__(self, intake: Intake, watcher: Watcher, trial: Trial, concurrency: int) -> None:
        self._intake = intake
        self._watcher = watcher
        self._trial = trial
        self._concurrency = concurrency
        self._desk: Desk[Any, Any]
        self._timer: asyncio.TimerHandle | None = None
        self._running: dict[Work, asyncio.Task[None]] = {}
        self._only: Work | None = None
        """What runs, where one runs at a time."""
        self._loop: asyncio.AbstractEventLoop
        self._idle: asyncio.Event

    def wake(self) -> None:
        """As `Runner.wake`."""
        self._loop.call_soon_threadsafe(self._start)

    def interrupt(self, attempt: Attempt) -> None:
        """As `Runner.interrupt`."""
        self._loop.call_soon_threadsafe(self._cancel, attempt)

    def run(self, host: Host) -> None:
        """Sets the program up and works until it is told to end.

        Raises:
            LinkLost: the server is gone.
            Unfit: the author's ``setup`` failed, before anything was taken.
        """
        asyncio.run(self._run(host))
        if self._intake.lost:
            raise LinkLost("the server is gone")

    async def _run(self, host: Host) -> None:
        self._loop = asyncio.get_running_loop()
        self._idle = asyncio.Event()
        try:
            await _finish(host.setup())
        except BaseException as error:
            raise Unfit(error) from error
        gc.freeze()  # what was loaded stays: the collector need not look at it again
        self._desk = open_desk(host, self._intake, self._trial)
        set_elsewhere(lambda: self._only)
        self._intake.runner = self
        self._watcher.stand_back()
        self._intake.link.send(encode(Kind.READY))
        self._start()
        self._loop.add_reader(self._intake.link.fileno(), self._read)
        try:
            await self._idle.wait()
        finally:
            self._intake.runner = Through()  # before the event loop is closed, which nobody could wake any more
        if self._intake.lost:
            return
        try:
            await _finish(host.teardown())
        except Exception as error:  # noqa: BLE001 - the author's code can raise anything
            sys.stderr.write(f"teardown failed:\n{traceback_of(error)}")

    def _read(self) -> None:
        try:
            if self._intake.take(self._intake.link.receive()):
                self._start()
        except LinkLost:
            self._loop.remove_reader(self._intake.link.fileno())
            self._intake.lose()

    def _start(self) -> None:
        desk, running, most = self._desk, self._running, self._concurrency
        while len(running) < most and (work := desk.next()) is not None:
            running[work] = self._loop.create_task(self._work(work))
        if desk.batches and self._timer is None and len(running) < most and (due := desk.due()) is not None:
            self._timer = self._loop.call_later(due, self._on_due)
        if self._intake.draining and not self._running:
            self._idle.set()

    def _on_due(self) -> None:
        """What waited for company has waited long enough."""
        self._timer = None
        self._start()

    def _cancel(self, attempt: Attempt) -> None:
        if attempt.batch is not None and not attempt.batch.release(attempt):
            return
        work = attempt.batch or attempt
        if work in self._running:
            work.interrupted = True
            self._running[work].cancel()

    async def _work(self, work: Work) -> None:
        CURRENT.set(work)
        if self._concurrency == 1:
            self._only = work
        try:
            self._desk.answer(work, await self._outcome(work))
        except LinkLost:
            self._intake.lost = self._intake.draining = True
        finally:
            self._only = None
            del self._running[work]
            self._start()

    async def _outcome(self, work: Work) -> Any:
        try:
            outcome = await self._desk.run_async(work)
        except BaseException as error:  # noqa: BLE001 - SystemExit and cancellation are outcomes too
            end_if_forked_off(error)
            return self._desk.failed(work, error)
        end_if_forked_off()
        return self._desk.stopped(work) if work.interrupted else outcome


async def _finish(value: object) -> None:
    if hasattr(value, "__await__"):
        await value
