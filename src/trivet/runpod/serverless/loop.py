"""The loop of a worker with a plain handler: take, run, report, one job after another in the main thread."""

from __future__ import annotations

import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from trivet.runpod._pace import Pace
from trivet.runpod.logger import RunPodLogger
from trivet.runpod.serverless.ending import ENDS
from trivet.runpod.serverless.line import Line
from trivet.runpod.serverless.program import Job, Program
from trivet.runpod.serverless.progress import Reporter
from trivet.runpod.serverless.results import Refused

journal = RunPodLogger()
QUICK = 0.5
"""Seconds: a question that gave nothing in less was not held, and is not asked again at once."""


class Holdings:
    """The jobs that a worker has taken and not yet reported on, and which of them nobody wants any more."""

    def __init__(self) -> None:
        self._jobs: dict[str, bool] = {}

    def add(self, job_id: str) -> None:
        """Takes note of a job."""
        self._jobs[job_id] = False

    def stop(self, job_id: str) -> bool:
        """Marks a job as one that nobody wants; False where it is not here."""
        if job_id in self._jobs:
            self._jobs[job_id] = True
            return True
        return False

    def is_stopped(self, job_id: str) -> bool:
        """Whether nobody wants a job any more."""
        return self._jobs.get(job_id, False)

    def remove(self, job_id: str) -> None:
        """A job is done with."""
        self._jobs.pop(job_id, None)

    def ids(self) -> list[str]:
        """All of them."""
        return list(self._jobs)

    def __bool__(self) -> bool:
        return bool(self._jobs)


class PlainLoop:
    """Runs a plain handler.

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
        self._pace = Pace()
        self._ending = threading.Event()

    def run(self) -> None:
        """Works until it is told to end, or has asked to be replaced."""
        with self._told_by_signals():
            while self._waiting or not self._ending.is_set():
                if self._waiting:
                    self._work(self._waiting.popleft())
                else:
                    self._take()

    def end(self) -> None:
        """Takes no more jobs; those that are here are done to their end."""
        self._ending.set()
        self._line.hang_up()

    @contextmanager
    def _told_by_signals(self) -> Generator[None, None, None]:
        """Meanwhile SIGTERM and SIGINT end the loop; afterwards they are again what they were to the program around it."""
        if threading.current_thread() is not threading.main_thread():  # no other is told of signals
            yield
            return
        before = [
            (signal.SIGTERM, signal.signal(signal.SIGTERM, self._terminated)),
            (signal.SIGINT, signal.signal(signal.SIGINT, self._interrupted)),
        ]
        try:
            yield
        finally:
            for number, handler in before:
                signal.signal(number, handler if handler is not None else signal.SIG_DFL)

    def _terminated(self, *_: object) -> None:
        self.end()

    def _interrupted(self, *_: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a second Ctrl+C ends it at once
        self.end()

    def stop(self, job_id: str) -> None:
        """Nobody wants a job any more: one that waits here is dropped, a stream ends before its next piece."""
        self._holdings.stop(job_id)

    def _take(self) -> None:
        asked = time.monotonic()
        taken = self._line.take(1, busy=False)
        for job in taken.jobs:
            self._holdings.add(job["id"])
            self._waiting.append(job)
        pause = rest(taken.wait, bool(taken.jobs), time.monotonic() - asked, self._pace)
        if pause:
            self._ending.wait(pause)

    def _work(self, job: Job) -> None:
        job_id = job["id"]
        try:
            if self._holdings.is_stopped(job_id):
                return
            report = self._report(job)
            if report is not None:
                self._reporter.flush()
                if self._program.refreshes:
                    report["stopPod"] = True
                self._line.finish(job_id, report, is_stream=self._program.is_stream)
        finally:
            self._holdings.remove(job_id)
        journal.info("Finished.", job_id)
        if self._program.refreshes:
            self._ending.set()

    def _report(self, job: Job) -> dict[str, Any] | None:
        job_id = job["id"]
        try:
            return self._program.perform(job, self._piece(job_id), lambda: self._holdings.is_stopped(job_id))
        except Refused as refusal:
            return {"error": str(refusal)}
        except ENDS:
            raise
        except BaseException as error:  # noqa: BLE001 - nothing else ends more than its job
            return self._program.failed(error)

    def _piece(self, job_id: str) -> Callable[[Any], None]:
        if not self._line.place.stream_url:
            return lambda _: None
        return lambda piece: self._line.piece(job_id, piece)


def rest(told: float | None, got_any: bool, took: float, pace: Pace) -> float:
    """Seconds before the next question for jobs.

    Args:
        told: what the server, or its absence, asks for.
        got_any: whether jobs came.
        took: seconds that the answer took.
        pace: the pauses between questions that were not held.
    """
    if got_any:
        pace.restart()
        return 0.0
    if told is not None:
        return told
    if took >= QUICK:
        pace.restart()
        return 0.0
    return pace.pause()
