"""A worker that asks for its jobs over HTTP: on the original service, elsewhere, and here where it chooses how many at a time."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from trivet.runpod.logger import RunPodLogger
from trivet.runpod.serverless import ending, fitness
from trivet.runpod.serverless.line import Line
from trivet.runpod.serverless.loop import Holdings, PlainLoop
from trivet.runpod.serverless.program import Program
from trivet.runpod.serverless.progress import Reporter, report_by
from trivet.runpod.serverless.surroundings import Surroundings

if TYPE_CHECKING:
    from trivet.runpod.serverless.tasks import TaskLoop

journal = RunPodLogger()
EXIT_UNFIT = 1


def serve(config: dict[str, Any], place: Surroundings) -> None:
    """Works until it is told to end, or has asked to be replaced.

    Args:
        config: as `start` was given it.
        place: where the server is, and who this is.

    Raises:
        StartError: there is no handler in it.
    """
    program = Program(config, hostname=place.hostname, worker_id=place.worker_id)
    line = Line(place)
    failure = fitness.first_failure()
    if failure is not None:
        journal.error(f"Fitness check {failure.check} has failed: {failure.reason}")
        line.unhealthy(failure.check, failure.reason)
        sys.stdout.flush()
        os._exit(EXIT_UNFIT)  # threads of the author's checks must not keep an unfit worker
    program.begin()
    holdings, reporter = Holdings(), Reporter(line.progress)
    report_by(reporter)
    if program.is_async:
        from trivet.runpod.serverless.tasks import TaskLoop

        loop: PlainLoop | TaskLoop = TaskLoop(line, program, holdings, reporter)
    else:
        loop = PlainLoop(line, program, holdings, reporter)
    ended = threading.Event()
    if place.ping_url:
        threading.Thread(target=_ping, args=(line, holdings, ended), name="trivet-ping", daemon=True).start()
    if place.stop():
        threading.Thread(target=_listen, args=(line, loop, ended), name="trivet-stop", daemon=True).start()
    try:
        loop.run()
    except ending.ENDS as error:
        ending.end_soon(error)
        raise
    finally:
        ended.set()
        line.hang_up()
        report_by(None)


def _ping(line: Line, holdings: Holdings, ended: threading.Event) -> None:
    while True:
        line.ping(holdings.ids())
        if ended.wait(line.place.ping_interval):
            return


def _listen(line: Line, loop: PlainLoop | TaskLoop, ended: threading.Event) -> None:
    """Stops the jobs that the server names."""
    while not ended.is_set():
        asked = time.monotonic()
        job_ids, pause = line.stops()
        for job_id in job_ids:
            loop.stop(job_id)
        if pause is None and not job_ids and time.monotonic() - asked < 1.0:
            pause = 1.0
        if pause:
            ended.wait(pause)
