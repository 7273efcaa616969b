"""A worker that this platform has started itself: its jobs come by the platform's own link, and not over HTTP.

What a handler is given and what its reports mean is the same by both ways. The loops are those of every worker here.
"""

from __future__ import annotations

import json
import os
import sys
from binascii import b2a_base64  # what `base64` is made from, whose import is not free
from collections.abc import Callable, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

from trivet.authoring.outputs import JSON_TYPE
from trivet.protocol.frames import Kind
from trivet.protocol.runpod import read_error
from trivet.runpod.logger import RunPodLogger
from trivet.runpod.serverless import ending, fitness, results
from trivet.runpod.serverless.program import Job, Program
from trivet.runpod.serverless.progress import report_by
from trivet.runpod.serverless.results import Refused
from trivet.worker.attempt import Attempt
from trivet.worker.hosts import CheckFailed
from trivet.worker.intake import Intake
from trivet.worker.main import EXIT_UNFIT, Environment, work
from trivet.worker.outcome import Outcome, Trial

if TYPE_CHECKING:
    from trivet.authoring.batching import Batching


def serve(program: Program, variables: MutableMapping[str, str]) -> None:
    """Works until the server is done with this worker, or it has asked to be replaced. Called in the main thread.

    Args:
        program: the handler.
        variables: the environment. What proves who this is goes from it.

    Raises:
        SystemExit: the server does not want it, or is gone.
    """
    environment = Environment.take(variables)
    streams = sys.stdout, sys.stderr

    def open_trial(intake: Intake, most: int) -> Trial:
        _follow(streams, (sys.stdout, sys.stderr))
        failure = fitness.first_failure()
        if failure is not None:
            raise CheckFailed(failure.check, failure.reason)
        program.begin()
        return LinkedTrial(program, intake, most, environment.folder)

    # the platform reads lines of JSON to learn which job each is about: of workers that have nothing better to say it by
    RunPodLogger.is_read = False
    try:
        status = work(environment, open_trial, stays=True, aside=True)
    except ending.ENDS as error:
        ending.end_soon(error)
        raise
    finally:
        report_by(None)
    sys.stdout.flush()
    if status == EXIT_UNFIT:
        os._exit(status)  # threads of the author's checks must not keep an unfit worker
    if status:
        sys.exit(status)


def _follow(before: tuple[Any, Any], after: tuple[Any, Any]) -> None:
    """Has what the program logs go where it prints: its handlers were made before the streams were replaced."""
    logging = sys.modules.get("logging")
    if logging is None:
        return
    loggers = (logging.root, *logging.root.manager.loggerDict.values())
    for handler in {handler for logger in loggers for handler in getattr(logger, "handlers", ())}:
        for old, new in zip(before, after, strict=True):
            if isinstance(handler, logging.StreamHandler) and handler.stream is old:
                handler.setStream(new)


class LinkedHost:
    """The program as the loops know one.

    Args:
        program: what was given to `start`.
    """

    def __init__(self, program: Program) -> None:
        kind = "generator" if program.is_stream else "sync"
        later = "async_generator" if program.is_stream else "async"
        self.kind = later if program.is_async else kind
        self.batching: Batching | None = None
        self.handler: Callable[..., Any] = program.handler
        self.bind: Callable[[bytes, str], tuple[list[Any], dict[str, Any]]] = _arguments
        self.encode: Callable[[object], tuple[str, bytes]] = _encoded

    def setup(self) -> None:
        """Nothing: the program has made itself ready before it started."""

    def teardown(self) -> None:
        """Nothing: what is left to be done stands behind the start."""


class LinkedTrial(Trial):
    """Tries attempts with a program, and tells what comes of them as its reports say.

    Args:
        program: what was given to `start`.
        intake: what attempts come in by.
        max_output: bytes that an output, or one piece of a stream, may have.
        folder: where the author's code lies.
    """

    def __init__(self, program: Program, intake: Intake, max_output: int, folder: str) -> None:
        super().__init__(LinkedHost(program), max_output, folder)
        self._program = program
        self._intake = intake
        self._at_work: dict[str, Attempt] = {}
        report_by(self)

    def tell(self, job_id: str, value: bytes) -> None:
        """As `Teller.tell`."""
        attempt = self._at_work.get(job_id)
        if attempt is None:
            return
        if len(value) <= self._max_output:
            attempt.detail(value)
        else:
            most = f"{self._max_output:,}"
            RunPodLogger().warn(f"A progress of {len(value):,} bytes was not told: {most} are the most.", job_id)

    def run(self, attempt: Attempt) -> Outcome:
        """As `Trial.run`."""
        stream = _Stream(self, attempt)
        self._at_work[attempt.job_id] = attempt
        try:
            report = self._program.perform(job_of(attempt), stream.tell, _is_stopped)
        finally:
            self._let_go(attempt)
        return self._reported(report or {}, stream)

    async def run_async(self, attempt: Attempt) -> Outcome:
        """As `Trial.run_async`."""
        stream = _Stream(self, attempt)
        self._at_work[attempt.job_id] = attempt
        try:
            report = await self._program.perform_later(job_of(attempt), stream.tell_later)
        finally:
            self._let_go(attempt)
        return self._reported(report, stream)

    def failed(self, attempt: Attempt, error: BaseException) -> Outcome:
        """As `Trial.failed`, but for what ends the program: that ends it, and the job is tried again by another worker.

        Raises:
            SystemExit: that is what was raised.
            KeyboardInterrupt: likewise.
        """
        if isinstance(error, ending.ENDS) and not attempt.interrupted:
            attempt.flush()
            self._intake.drain(tell=True)
            raise error
        return super().failed(attempt, error)

    def failure(self, error: BaseException) -> Outcome:
        """As `Trial.failure`."""
        if not isinstance(error, Refused):
            return _failure(self._program.failed(error))
        told = {"code": error.code, "message": str(error), "hint": error.hint}
        return Kind.ERROR, told, b""

    def written(self, value: object) -> bytes:
        """An output or a piece, within the limit.

        Raises:
            Refused: beyond it, or there is no form for it.
        """
        body = results.written(value)
        if len(body) > self._max_output:
            raise Refused(
                f"The output of {len(body):,} bytes is over the limit of {self._max_output:,} bytes, so it was not taken.",
                code="output_too_large",
                hint="Return less at a time (a generator sends its pieces one by one), or store it and return where it lies.",
            )
        return body

    def _let_go(self, attempt: Attempt) -> None:
        with self._intake.link:  # keeps interrupts away: all of it is done, or nothing
            self._at_work.pop(attempt.job_id, None)
            if self._program.refreshes:
                self._intake.leave()

    def _reported(self, report: Mapping[str, Any], stream: _Stream) -> Outcome:
        if report.get("stopPod"):
            self._intake.leave()
        if "error" in report:
            return _failure(report)
        body = self.written(report["output"]) if "output" in report else b""
        meta = {"type": JSON_TYPE}
        return Kind.RESULT, {**meta, "pieces": stream.count} if stream.count else meta, body


class _Stream:
    """The pieces of one attempt, on their way."""

    def __init__(self, trial: LinkedTrial, attempt: Attempt) -> None:
        self._trial = trial
        self._attempt = attempt
        self.count = 0

    def tell(self, piece: Any) -> None:
        """Sends one; raises as `LinkedTrial.written` and `Attempt.piece`."""
        self._attempt.piece(JSON_TYPE, self._trial.written(piece))
        self.count += 1

    async def tell_later(self, piece: Any) -> None:
        """As `tell`."""
        self.tell(piece)


def job_of(attempt: Attempt) -> Job:
    """What a handler is given: the id and the input, and whatever else its caller meant for the worker.

    Raises:
        Refused: the input can't be read.
    """
    return {"id": attempt.job_id, "input": _input(attempt.body, attempt.content_type), **(attempt.aside or {})}


def _input(body: bytes, content_type: str) -> Any:
    if content_type != JSON_TYPE:
        return f"data:{content_type};base64,{b2a_base64(body, newline=False).decode()}"
    try:
        return json.loads(body) if body else None
    except RecursionError:
        raise Refused("The input is nested too deeply.", code="unreadable_input") from None
    except ValueError as error:  # Python reads no number of more than so many digits
        raise Refused(f"The input can't be read: {error}.", code="unreadable_input") from None


def _failure(report: Mapping[str, Any]) -> Outcome:
    return Kind.ERROR, {"code": "handler_error", **read_error(report["error"])._asdict()}, b""


def _arguments(body: bytes, content_type: str) -> tuple[list[Any], dict[str, Any]]:
    return [{"input": _input(body, content_type)}], {}


def _encoded(value: object) -> tuple[str, bytes]:
    return JSON_TYPE, results.written(value)


def _is_stopped() -> bool:
    """That a job is not wanted any more is told by an interrupt, and never asked for."""
    return False
