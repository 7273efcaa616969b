"""The loop of a worker with an asynchronous handler: one event loop, a task for each job."""

from __future__ import annotations

import asyncio
import functools
import signal
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from trivet.runpod._pace import Pace
from trivet.runpod.logger import RunPodLogger
from trivet.runpod.serverless.ending import ENDS
from trivet.runpod.serverless.line import Line
from trivet.runpod.serverless.loop import Holdings, rest
from trivet.runpod.serverless.program import Job, Program
from trivet.runpod.serverless.progress import Reporter
from trivet.runpod.serverless.results import Refused

T = TypeVar("T")
journal = RunPodLogger()
_POSTERS = 8
"""Threads that bring results and pieces; each is busy with one for a moment."""


class TaskLoop:
    """Runs an asynchronous handler, as many jobs at a time as its concurrency modifier says: one, without.

    Args:
        line: the way to the server.
        program: the handler.
        holdings: where jobs are noted.
        reporter: what sends the progress.
    """

    def __init__(self, line: Line, program: Program, holdings: Holdings, reporter: Reporter) -> None:
        self._line = line
        self._program = program
        self._holdings = holdings
        self._reporter = reporter
        self._waiting: deque[Job] = deque()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._pace = Pace()
        self._size = 1
        self._ending = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed: asyncio.Event
        self._asker = ThreadPoolExecutor(1, thread_name_prefix="trivet-take")
        self._posters = ThreadPoolExecutor(_POSTERS, thread_name_prefix="trivet-post")

    def run(self) -> None:
        """Works until it is told to end, or has asked to be replaced."""
        asyncio.run(self._run())
        self._posters.shutdown()
        self._asker.shutdown(wait=False)

    def stop(self, job_id: str) -> None:
        """Nobody wants a job any more: its handler is cancelled. May be called from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._cancel, job_id)

    def end(self) -> None:
        """Takes no more jobs; those that are here are done to their end."""
        self._ending = True
        self._line.hang_up()
        self._changed.set()

    def _interrupted(self) -> None:
        assert self._loop is not None  # it is the loop that calls this
        self._loop.remove_signal_handler(signal.SIGINT)  # a second Ctrl+C ends it at once
        self.end()

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        if threading.current_thread() is threading.main_thread():  # no other is told of signals
            self._loop.add_signal_handler(signal.SIGTERM, self.end)
            self._loop.add_signal_handler(signal.SIGINT, self._interrupted)
        while not self._ending:
            self._size = self._wanted()
            self._begin()
            free = self._size - len(self._holdings.ids())
            if free > 0:
                await self._take(free)
            else:
                await self._change()
        while self._tasks or self._waiting:
            self._begin()
            await self._change()

    def _wanted(self) -> int:
        """How many jobs are to run at a time."""
        if self._program.modifier is None:
            return 1
        try:
            wanted = int(self._program.modifier(self._size))
        except Exception as error:  # noqa: BLE001 - the author's function may raise anything
            journal.error(f"concurrency_modifier failed, and it stays at {self._size}: {type(error).__name__}: {error}")
            return self._size
        return max(1, wanted)

    async def _take(self, free: int) -> None:
        asked = time.monotonic()
        busy = bool(self._holdings)
        taken = await self._in(self._asker, lambda: self._line.take(free, busy=busy))
        for job in taken.jobs:
            self._holdings.add(job["id"])
            self._waiting.append(job)
        self._begin()
        pause = rest(taken.wait, bool(taken.jobs), time.monotonic() - asked, self._pace)
        if pause and not self._ending:
            await self._change(pause)

    def _begin(self) -> None:
        """Starts what waits, as far as there is room."""
        while self._waiting and len(self._tasks) < self._size:
            job = self._waiting.popleft()
            task = asyncio.ensure_future(self._work(job))
            self._tasks[job["id"]] = task
            task.add_done_callback(functools.partial(self._ended, job["id"]))

    async def _work(self, job: Job) -> None:
        job_id = job["id"]
        report: dict[str, Any]
        try:
            report = await self._program.perform_later(job, self._piece(job_id))
        except Refused as refusal:
            report = {"error": str(refusal)}
        except ENDS:
            raise
        except BaseException as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():  # by `stop`; other cancellations are the handler's own
                raise
            report = self._program.failed(error)
        if self._program.refreshes:
            report["stopPod"] = True
        is_stream = self._program.is_stream

        def bring() -> None:
            self._reporter.flush()
            self._line.finish(job_id, report, is_stream=is_stream)

        await asyncio.shield(self._in(self._posters, bring))
        journal.info("Finished.", job_id)
        if self._program.refreshes:
            self.end()

    def _ended(self, job_id: str, task: asyncio.Task[None]) -> None:
        self._tasks.pop(job_id, None)
        self._holdings.remove(job_id)
        if task.cancelled():
            journal.info("Stopped.", job_id)
        elif (error := task.exception()) is not None:
            journal.error(f"{type(error).__name__}: {error}", job_id)
        self._changed.set()

    def _cancel(self, job_id: str) -> None:
        task = self._tasks.get(job_id)
        if task is not None:
            task.cancel()
        elif self._holdings.stop(job_id):
            self._waiting = deque(job for job in self._waiting if job["id"] != job_id)
            self._holdings.remove(job_id)
            self._changed.set()

    def _piece(self, job_id: str) -> Callable[[Any], Awaitable[None]]:
        has_stream = bool(self._line.place.stream_url)

        async def tell(piece: Any) -> None:
            if has_stream:
                await self._in(self._posters, lambda: self._line.piece(job_id, piece))

        return tell

    async def _change(self, longest: float | None = None) -> None:
        """Waits until a job has ended, or the worker is to."""
        try:
            await asyncio.wait_for(self._changed.wait(), longest)
        except TimeoutError:
            return
        self._changed.clear()

    async def _in(self, pool: ThreadPoolExecutor, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, call)
