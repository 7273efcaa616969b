"""Starting a worker: for a platform, for one job by hand, or as a server of its own."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from typing import Any

from trivet.runpod.error import StartError
from trivet.runpod.logger import RunPodLogger
from trivet.runpod.serverless.program import Program
from trivet.runpod.version import __version__
from trivet.sdk._shapes import is_object

journal = RunPodLogger()
TEST_INPUT = "test_input.json"
_LINK = ("TRIVET_LINK", "TRIVET_WORKER_TOKEN")
"""The variables of a worker that has a link."""
_UNSAID: dict[str, Any] = {
    "rp_log_level": None,
    "rp_debugger": None,
    "rp_serve_api": None,
    "rp_api_port": 8000,
    "rp_api_concurrency": 1,
    "rp_api_host": "localhost",
    "test_input": None,
}
"""What is said by a command line that says nothing."""


def start(config: dict[str, Any]) -> None:
    """Starts a worker with a handler; returns when the worker is told to end.

    In a worker's environment it takes jobs from its platform: over the platform's own link where it was started with one, over
    HTTP otherwise. With ``--test_input JSON``, or where there is a file
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
    if said["test_input"] is not None:
        sys.exit(_rehearse(Program(config), said["test_input"]))
    if all(name in os.environ for name in _LINK):
        if config.get("concurrency_modifier") is None and threading.current_thread() is threading.main_thread():
            from trivet.runpod.serverless import linked

            linked.serve(Program(config), os.environ)
            return
        # One with a link is sent one job at a time, and is interrupted by signals, which the main thread alone hears.
        for name in _LINK:
            del os.environ[name]
    from trivet.runpod.serverless.surroundings import Surroundings

    place = Surroundings.read(os.environ, _stored_key())
    if place is None:
        sys.exit(_rehearse(Program(config), None))
    from trivet.runpod.serverless import polling

    polling.serve(config, place)


def read_arguments() -> dict[str, Any]:
    """What the command line says to a worker; the rest stays in ``sys.argv``.

    Raises:
        StartError: the test input is no JSON object.
    """
    if len(sys.argv) < 2:
        return dict(_UNSAID)
    import argparse  # as it takes a tenth of a worker's start

    parser = argparse.ArgumentParser(prog="runpod", description="Arguments of a worker.")
    parser.add_argument("--rp_log_level", help="ERROR, WARN, INFO or DEBUG")
    parser.add_argument("--rp_debugger", action="store_true", help="add what timers have measured to each output")
    parser.add_argument("--rp_serve_api", action="store_true", help="serve the handler over HTTP")
    parser.add_argument("--rp_api_port", type=int, help="the port to serve it on")
    parser.add_argument("--rp_api_concurrency", type=int, help="how many jobs at a time it serves")
    parser.add_argument("--rp_api_host", help="the address to serve it on")
    parser.add_argument("--test_input", help="one job to run, as JSON")
    parser.set_defaults(**_UNSAID)
    known, rest = parser.parse_known_args()
    sys.argv = [sys.argv[0], *rest]
    said = vars(known)
    if said["test_input"] is not None:
        said["test_input"] = _job(said["test_input"], "--test_input")
    return said


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
    if not is_object(job):
        raise StartError(f"{source} is no JSON object.", hint='Give {"input": …}.')
    return job


def _stored_key() -> str:
    """The key of the user's profile, where the environment has none."""
    if os.environ.get("RUNPOD_AI_API_KEY"):
        return ""
    from trivet.runpod.credentials import get_credentials

    return str((get_credentials() or {}).get("api_key", ""))
