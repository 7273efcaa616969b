"""Starting a worker: for a platform, for one job by hand, or as a server of its own."""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from typing import Any

from trivet.runpod.error import StartError
from trivet.runpod.logger import RunPodLogger
from trivet.runpod.serverless import fitness
from trivet.runpod.serverless.line import Line
from trivet.runpod.serverless.loop import Holdings, PlainLoop
from trivet.runpod.serverless.program import Program
from trivet.runpod.serverless.progress import Reporter, report_by
from trivet.runpod.serverless.surroundings import Surroundings
from trivet.runpod.version import __version__

journal = RunPodLogger()
TEST_INPUT = "test_input.json"
EXIT_UNFIT = 1


def start(config: dict[str, Any]) -> None:
    """Starts a worker with a handler; returns when the worker is told to end.

    In a worker's environment it takes jobs from its platform. With ``--test_input JSON``, or where there is a file
    ``test_input.json`` and no such environment, it runs that one job and exits. With ``--rp_serve_api`` it serves the handler
    over HTTP on this machine.

    Args:
        config: ``handler`` (plain or asynchronous, a function or a generator; it is given the job); optional
            ``return_aggregate_stream``, ``concurrency_modifier`` and ``refresh_worker``. What the command line says is added
            as ``rp_args``.

    Raises:
        StartError: it can't be started as it was asked.
        SystemExit: the one job by hand has ended, or the worker is not fit.
    """
    print(f"--- Starting Serverless Worker |  Version {__version__} ---", flush=True)  # noqa: T201 - a worker's log
    config["reference_counter_start"] = time.perf_counter()
    said = config["rp_args"] = read_arguments()
    if said["rp_debugger"]:
        raise StartError("--rp_debugger is not there in this module.", hint="Leave it out; `trivet logs` tells more.")
    if said["rp_log_level"]:
        journal.set_level(said["rp_log_level"])
    realtime = os.environ.get("RUNPOD_REALTIME_PORT", "0")
    if said["rp_serve_api"] or realtime != "0":
        from trivet.runpod.serverless.devserver import serve

        if said["rp_serve_api"]:
            serve(Program(config), said["rp_api_host"], said["rp_api_port"], said["rp_api_concurrency"])
        else:
            at_once = int(os.environ.get("RUNPOD_REALTIME_CONCURRENCY", "1"))
            serve(Program(config), "0.0.0.0", int(realtime), at_once)  # noqa: S104 - as the variable asks
        return
    place = Surroundings.read(os.environ, _stored_key())
    if said["test_input"] is not None or place is None:
        sys.exit(_rehearse(Program(config), said["test_input"]))
    _work(config, place)


def read_arguments() -> dict[str, Any]:
    """What the command line says to a worker; the rest stays in ``sys.argv``.

    Raises:
        StartError: the test input is no JSON object.
    """
    parser = argparse.ArgumentParser(prog="runpod", description="Arguments of a worker.")
    parser.add_argument("--rp_log_level", default=None, help="ERROR, WARN, INFO or DEBUG")
    parser.add_argument("--rp_debugger", action="store_true", default=None, help="not there in this module")
    parser.add_argument("--rp_serve_api", action="store_true", default=None, help="serve the handler over HTTP")
    parser.add_argument("--rp_api_port", type=int, default=8000, help="the port to serve it on")
    parser.add_argument("--rp_api_concurrency", type=int, default=1, help="how many jobs at a time it serves")
    parser.add_argument("--rp_api_host", default="localhost", help="the address to serve it on")
    parser.add_argument("--test_input", default=None, help="one job to run, as JSON")
    known, rest = parser.parse_known_args()
    sys.argv = [sys.argv[0], *rest]
    said = vars(known)
    if said["test_input"] is not None:
        said["test_input"] = _job(said["test_input"], "--test_input")
    return said


def _work(config: dict[str, Any], place: Surroundings) -> None:
    program = Program(config, hostname=place.hostname, worker_id=place.worker_id)
    line = Line(place)
    failure = fitness.first_failure()
    if failure is not None:
        journal.error(f"Fitness check {failure.check} has failed: {failure.reason}")
        line.unhealthy(failure.check, failure.reason)
        sys.stdout.flush()
        os._exit(EXIT_UNFIT)  # threads of the author's checks must not keep an unfit worker
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
    finally:
        ended.set()
        line.hang_up()
        report_by(None)


def _ping(line: Line, holdings: Holdings, ended: threading.Event) -> None:
    while True:
        line.ping(holdings.ids())
        if ended.wait(line.place.ping_interval):
            return


def _listen(line: Line, loop: Any, ended: threading.Event) -> None:
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


def _rehearse(program: Program, given: dict[str, Any] | None) -> int:
    """Runs one job by hand; returns the exit status."""
    if given is not None:
        journal.info("test_input set, using test_input as job input.")
        job = given
    else:
        try:
            with open(TEST_INPUT, encoding="utf-8") as file:  # noqa: PTH123 - in the working directory, as it is named
                text = file.read()
        except FileNotFoundError:
            journal.warn(f"{TEST_INPUT} not found, exiting.")
            return 1
        journal.info(f"Using {TEST_INPUT} as job input.")
        job = _job(text, TEST_INPUT)
    if job.get("input") is None:
        journal.error("Job has no input parameter. Unable to run.")
        return 1
    job.setdefault("id", "local_test")
    report, pieces = program.rehearse(job)
    for piece in pieces:
        journal.info(f"Piece: {piece}", job["id"])
    if report.get("error"):
        journal.error(f"Job {job['id']} failed with error: {report['error']}")
        return 1
    journal.info(f"Job {job['id']} completed successfully.")
    journal.info(f"Job result: {report}")
    journal.info("Local testing complete, exiting.")
    return 0


def _job(text: str, source: str) -> dict[str, Any]:
    try:
        job = json.loads(text)
    except ValueError as error:
        raise StartError(f"{source} is not JSON: {error}", hint='Give {"input": …}.') from None
    if not isinstance(job, dict):
        raise StartError(f"{source} is no JSON object.", hint='Give {"input": …}.')
    return job


def _stored_key() -> str:
    """The key of the user's profile, where the environment has none."""
    if os.environ.get("RUNPOD_AI_API_KEY"):
        return ""
    from trivet.runpod.credentials import get_credentials

    return str((get_credentials() or {}).get("api_key", ""))
