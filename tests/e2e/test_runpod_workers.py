"""Workers written for RunPod, with the published package, on a real platform: as their authors wrote them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import textwrap
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest

import trivet
from tests.conftest import RunningPlatform
from tests.e2e.originals import original_python
from tests.processes import is_alive

T = TypeVar("T")
Document = dict[str, Any]

PATIENCE = 40.0
POLL = 3
"""Seconds that a worker's question is held."""
MAX_OUTPUT = 1024 * 1024

PLAIN = """
    import os, time
    import runpod

    def handler(job):
        given = job["input"]
        match given["do"]:
            case "return": return given["value"]
            case "show": return job
            case "raise": raise ValueError("no good")
            case "nan": return {"a": [1, float("nan")]}
            case "object": return object()
            case "large": return "x" * given["size"]
            case "exit": raise SystemExit(3)
            case "sleep":
                time.sleep(given["seconds"])
                return "slept"
            case "once":  # the first worker that is given this job does not come back from it
                if not os.path.exists(given["mark"]):
                    open(given["mark"], "w").close()
                    time.sleep(60)
                return "the second time"
            case "progress":
                runpod.serverless.progress_update(job, {"step": 1})
                while not os.path.exists(given["until"]):
                    time.sleep(0.05)
                runpod.serverless.progress_update(job, {"step": 2})
                return "done"
            case "refresh":
                return {"refresh_worker": True, "pod": os.environ["RUNPOD_POD_ID"]}
            case "surroundings":
                with open("data.txt") as data, open("large.bin", "rb") as large:
                    seen = [data.read(), len(large.read())]
                open("written", "w").close()
                return {"seen": seen, "environ": dict(os.environ), "cwd": os.getcwd()}

    if __name__ == "__main__":
        runpod.serverless.start({"handler": handler})
"""
ASYNCHRONOUS = """
    import asyncio, time
    import runpod

    present = 0

    async def handler(job):
        global present
        present += 1
        given = job["input"]
        began = time.monotonic()
        try:
            await asyncio.sleep(given.get("seconds", 0))
            while present < given.get("company", 0):
                await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            with open(given["mark"], "w") as mark:
                mark.write("cancelled")
            raise
        return [began, time.monotonic(), present]

    runpod.serverless.start({"handler": handler, "concurrency_modifier": lambda current: 3})
"""
PIECES = """
    import runpod

    def handler(job):
        for number in range(job["input"]["count"]):
            yield {"number": number}
        if job["input"].get("fails"):
            raise RuntimeError("in the middle")

    runpod.serverless.start({"handler": handler, "return_aggregate_stream": True})
"""
ASYNC_PIECES = """
    import asyncio
    from runpod.serverless import start

    async def handler(job):
        for word in job["input"]:
            await asyncio.sleep(0.01)
            yield word

    start({"handler": handler, "refresh_worker": True})
"""
UNFIT = """
    import runpod

    @runpod.serverless.register_fitness_check
    def model_is_there():
        raise RuntimeError("the model is not there")

    runpod.serverless.start({"handler": lambda job: job})
"""
OLD = """
    import asyncio, os
    import runpod
    from runpod.version import get_version

    async def handler(job):
        given = job["input"]
        match given["do"]:
            case "show":
                runpod.serverless.progress_update(job, "half")
                return {"version": get_version(), "input": given}
            case "raise": raise ValueError("no good")
            case "sleep": await asyncio.sleep(given["seconds"])
            case "once" if not os.path.exists(given["mark"]):
                open(given["mark"], "w").close()
                await asyncio.sleep(60)
        return os.environ["RUNPOD_POD_ID"]

    runpod.serverless.start({"handler": handler})
"""
OLDER = ("1.9.1", "1.7.9")
"""Versions of the package that are behind the newest; they can't be told to stop a job."""


class Town:
    """A platform, spoken to as RunPod's callers do, and by the SDK for what only an operator sees."""

    def __init__(self, platform: RunningPlatform, client: trivet.Client, folder: Path) -> None:
        self.platform = platform
        self.client = client
        self.folder = folder
        self._deploying = ThreadPoolExecutor(2)
        self._deployed: dict[str, Future[str]] = {}

    def deploy(self, name: str, program: str, version: str = "1.12.0", **files: bytes) -> None:
        """Begins to deploy a folder with a handler and a ``requirements.txt``; at most one worker, so that it is plain which.

        Whoever asks for the endpoint waits for that.
        """
        folder = self.folder / name
        folder.mkdir()
        (folder / "handler.py").write_text(textwrap.dedent(program))
        (folder / "requirements.txt").write_text(f"runpod=={version}\n")
        (folder / "test_input.json").write_text('{"input": "not on a platform"}')
        for file, content in files.items():
            (folder / file.replace("_dot_", ".")).write_bytes(content)
        self._deployed[name] = self._deploying.submit(self.publish, name)

    def publish(self, name: str) -> str:
        """Publishes a version of what lies in an endpoint's folder; returns the endpoint's id."""
        with trivet.Client(self.platform.url, self.platform.key) as client:
            (deployed,) = client.deploy(self.folder / name, workers=(0, 1), timeout=120)
        return deployed.id

    def id(self, name: str) -> str:
        """The id of an endpoint, once it is there."""
        return self._deployed[name].result(2 * PATIENCE)

    def close(self) -> None:
        self._deploying.shutdown(cancel_futures=True)

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Document]:
        request = urllib.request.Request(
            f"{self.platform.url}/runpod/v2/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.platform.key}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def run(self, name: str, given: object, **policy: int) -> str:
        status, told = self.ask("POST", f"{self.id(name)}/run", {"input": given, "policy": policy})
        assert status == 200, told
        return str(told["id"])

    def status(self, name: str, job_id: str) -> Document:
        return self.ask("GET", f"{self.id(name)}/status/{job_id}")[1]

    def end(self, name: str, job_id: str) -> Document:
        """The document of a job that has ended."""
        return until(lambda: self.status(name, job_id), lambda told: told["status"] not in ("IN_QUEUE", "IN_PROGRESS"))

    def sync(self, name: str, given: object) -> Document:
        return self.end(name, self.run(name, given))

    def running(self, name: str, given: object, **policy: int) -> str:
        """A job that its handler is at work on."""
        job_id = self.run(name, given, **policy)
        until(lambda: self.status(name, job_id), lambda told: told["status"] == "IN_PROGRESS")
        return job_id

    def worker(self, name: str) -> psutil.Process:
        """The process of an endpoint's one worker."""
        found = until(
            lambda: [w for w in self.client.endpoints.workers(f"admin/{name}") if w.pid], lambda them: len(them) == 1
        )
        return psutil.Process(found[0].pid)


def old(version: str, what: str = "old") -> str:
    """The name of an endpoint whose worker has an older version of the package."""
    return f"{what}-{version.replace('.', '-')}"


def until(look: Callable[[], T], done: Callable[[T], object], patience: float = PATIENCE) -> T:
    end = time.monotonic() + patience
    while True:
        seen = look()
        if done(seen):
            return seen
        assert time.monotonic() < end, f"it did not come to that: {seen}"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    # a short path: sockets lie below it
    with tempfile.TemporaryDirectory(prefix="trivet-runpod-") as folder:
        platform = RunningPlatform(Path(folder), TRIVET_MAX_OUTPUT=str(MAX_OUTPUT), TRIVET_RUNPOD_POLL=str(POLL))
        try:
            platform.start()
            with trivet.Client(platform.url, platform.key) as client:
                made = Town(platform, client, tmp_path_factory.mktemp("programs"))
                made.deploy("plain", PLAIN, data_dot_txt=b"read me", large_dot_bin=bytes(2 * 1024**2))
                made.deploy("asynchronous", ASYNCHRONOUS)
                for version in OLDER:
                    made.deploy(old(version), OLD, version)
                made.deploy("pieces", PIECES)
                made.deploy("words", ASYNC_PIECES)
                made.deploy("unfit", UNFIT)
                for version in OLDER:
                    made.deploy(old(version, "pieces"), PIECES, version)
                yield made
                made.close()
            assert platform.stop() == 0, platform.log[-4000:]
        finally:
            platform.stop()


# -- outputs ------------------------------------------------------------------------------------------------------------


def test_a_plain_handler_returns_what_it_returns(town: Town) -> None:
    for value in ({"a": [1, "zwölf", True]}, None, [1.5]):
        told = town.sync("plain", {"do": "return", "value": value})
        assert (told["status"], told["output"]) == ("COMPLETED", value)
    assert "output" not in town.sync("plain", {"do": "return", "value": {}})


def test_other_callers_of_the_same_endpoint_get_the_same(town: Town) -> None:
    endpoint = town.client.endpoint("admin/plain")
    assert endpoint.run({"do": "return", "value": [1]}) == [1]
    assert endpoint.run({"do": "return", "value": {}}) is None
    with pytest.raises(trivet.JobFailedError, match="no good"):
        endpoint.run({"do": "raise"})


def test_the_handler_is_given_the_job_and_what_lies_beside_its_input(town: Town) -> None:
    beside = {"s3Config": {"accessId": "me", "bucketName": "b"}}
    _, told = town.ask("POST", f"{town.id('plain')}/runsync", {"input": {"do": "show"}, **beside, "other": 1})
    assert told["output"] == {"id": told["id"], "input": {"do": "show"}, **beside}
    large = town.sync("plain", {"do": "return", "value": "came", "ballast": "x" * 3_000_000})
    assert large["output"] == "came"


def test_what_a_handler_calls_an_error_fails_the_job(town: Town) -> None:
    told = town.sync("plain", {"do": "return", "value": {"error": "too dark", "detail": 2}})
    assert (told["status"], told["error"]) == ("FAILED", "too dark")
    told = town.sync("plain", {"do": "return", "value": {"error": {"code": 7}}})
    assert (told["status"], json.loads(told["error"])) == ("FAILED", {"code": 7})


def test_an_exception_is_told_as_the_original_tells_it(town: Town) -> None:
    told = town.sync("plain", {"do": "raise"})
    error = json.loads(told["error"])
    assert told["status"] == "FAILED"
    assert (error["error_type"], error["error_message"]) == ("<class 'ValueError'>", "no good")
    assert 'File "handler.py"' in error["error_traceback"]
    assert str(town.platform.data) not in told["error"]


def test_what_can_not_be_a_result_fails_the_job_with_the_reason(town: Town) -> None:
    told = town.sync("plain", {"do": "nan"})
    assert (told["status"], "/a/1 is nan" in told["error"]) == ("FAILED", True)
    told = town.sync("plain", {"do": "large", "size": MAX_OUTPUT + 10_000})
    assert (told["status"], f"limit of {MAX_OUTPUT:,} bytes" in told["error"]) == ("FAILED", True)
    told = town.sync("plain", {"do": "object"})
    assert (told["status"], "turned into JSON" in told["error"]) == ("FAILED", True)


def test_a_worker_knows_nothing_of_the_server_and_writes_to_no_bundle(town: Town) -> None:
    told = town.sync("plain", {"do": "surroundings"})["output"]
    assert told["seen"] == ["read me", 2 * 1024**2]
    assert Path(told["cwd"]).is_relative_to(town.platform.data / "workers")
    environ = told["environ"]
    assert environ["RUNPOD_ENDPOINT_ID"] == town.id("plain")
    assert {name for name in environ if name.startswith("TRIVET_")} == {"TRIVET_WORKER_ID", "TRIVET_WORKER_FOLDER"}
    assert Path(environ["HOME"]).is_relative_to(town.platform.data / "workers")
    assert not list((town.platform.data / "bundles").glob("*/written"))


# -- while it runs ------------------------------------------------------------------------------------------------------


def test_progress_is_seen_while_the_job_runs_and_changes_nothing_after_it(town: Town, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    job_id = town.run("plain", {"do": "progress", "until": str(mark)})
    seen = until(lambda: town.status("plain", job_id), lambda told: "output" in told)
    assert (seen["status"], seen["output"]) == ("IN_PROGRESS", {"step": 1})
    mark.touch()
    assert town.end("plain", job_id)["output"] == "done"
    town.sync("plain", {"do": "return", "value": 1})  # the second report has long been sent
    assert town.status("plain", job_id)["output"] == "done"


def test_an_async_handler_that_is_cancelled_sees_it_and_its_worker_is_free_at_once(town: Town, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    job_id = town.running("asynchronous", {"seconds": 60, "mark": str(mark)})
    status, told = town.ask("POST", f"{town.id('asynchronous')}/cancel/{job_id}")
    assert (status, told["status"]) == (200, "CANCELLED")
    assert town.status("asynchronous", job_id)["status"] == "CANCELLED"
    began = time.monotonic()
    assert town.sync("asynchronous", {})["status"] == "COMPLETED"
    assert time.monotonic() - began < 30, "it has waited for the handler's sixty seconds"
    until(mark.exists, bool)


def test_a_job_over_its_execution_timeout_has_timed_out_and_is_stopped(town: Town, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    job_id = town.run("asynchronous", {"seconds": 60, "mark": str(mark)}, executionTimeout=5000)
    told = town.end("asynchronous", job_id)
    assert (told["status"], told["executionTime"] >= 5000) == ("TIMED_OUT", True)
    until(mark.exists, bool)


def test_a_worker_with_more_concurrency_works_on_as_many_jobs(town: Town) -> None:
    before = town.sync("asynchronous", {})["output"][2]
    jobs = [town.run("asynchronous", {"company": before + 3}) for _ in range(3)]  # none ends before all have begun
    ends = [town.end("asynchronous", job_id) for job_id in jobs]
    assert len({told["workerId"] for told in ends}) == 1
    assert max(told["output"][0] for told in ends) < min(told["output"][1] for told in ends)


def test_a_sync_handler_that_is_cancelled_gives_way_to_the_next_job(town: Town) -> None:
    job_id = town.running("plain", {"do": "sleep", "seconds": 120})
    assert town.ask("POST", f"{town.id('plain')}/cancel/{job_id}")[1]["status"] == "CANCELLED"
    assert town.sync("plain", {"do": "return", "value": 1})["output"] == 1


# -- streams ------------------------------------------------------------------------------------------------------------


def pieces_of(town: Town, name: str, job_id: str) -> tuple[str, list[Any]]:
    found: list[Any] = []
    while True:
        told = town.ask("GET", f"{town.id(name)}/stream/{job_id}")[1]
        found += [each["output"] for each in told["stream"]]
        if told["status"] not in ("IN_QUEUE", "IN_PROGRESS") and not told["stream"]:
            return told["status"], found


def test_a_generator_streams_its_pieces_once_and_in_order_and_its_output_is_their_list(town: Town) -> None:
    job_id = town.run("pieces", {"count": 5})
    numbers = [{"number": number} for number in range(5)]
    assert pieces_of(town, "pieces", job_id) == ("COMPLETED", numbers)
    assert town.status("pieces", job_id)["output"] == numbers
    failed = town.run("pieces", {"count": 2, "fails": True})
    assert pieces_of(town, "pieces", failed) == ("FAILED", numbers[:2])
    assert "in the middle" in town.status("pieces", failed)["error"]


def test_an_async_generator_that_is_refreshed_after_each_job_has_a_new_worker_for_the_next(town: Town) -> None:
    workers = set()
    for words in (["one", "two"], ["three"]):
        job_id = town.run("words", words)
        assert pieces_of(town, "words", job_id) == ("COMPLETED", words)
        told = town.status("words", job_id)
        assert told["output"] == []
        workers.add(told["workerId"])
    assert len(workers) == 2
    assert list(town.client.endpoint("admin/words").stream(["natively"])) == ["natively"]


# -- ends ---------------------------------------------------------------------------------------------------------------


def test_a_handler_that_asks_for_a_new_worker_gets_one(town: Town) -> None:
    told = town.sync("plain", {"do": "refresh"})
    assert told["output"] == {"pod": told["workerId"]}
    after = town.sync("plain", {"do": "return", "value": 1})
    assert after["status"] == "COMPLETED"
    assert after["workerId"] != told["workerId"]


def test_a_busy_worker_that_is_killed_costs_one_retry_and_leaves_no_ghost(town: Town, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    job_id = town.run("plain", {"do": "once", "mark": str(mark)})
    until(mark.exists, bool)
    worker = town.worker("plain")
    family = [worker, *worker.children(recursive=True)]
    assert len(family) > 1, "there is no process for its pings"
    worker.kill()
    told = town.end("plain", job_id)
    assert (told["status"], told["output"], told["retries"]) == ("COMPLETED", "the second time", 1)
    until(lambda: [process for process in family if is_alive(process.pid)], lambda left: not left)
    counts = town.ask("GET", f"{town.id('plain')}/health")[1]["jobs"]
    assert (counts["inProgress"], counts["inQueue"]) == (0, 0)


def test_a_signal_during_a_long_poll_loses_nothing(town: Town) -> None:
    assert town.sync("plain", {"do": "return", "value": 1})["status"] == "COMPLETED"
    time.sleep(1.2)  # the worker is asking again
    worker = town.worker("plain")
    worker.send_signal(signal.SIGTERM)
    until(lambda: is_alive(worker.pid), lambda working: not working)
    assert town.sync("plain", {"do": "return", "value": 2})["output"] == 2
    time.sleep(1.2)
    worker = town.worker("plain")
    worker.send_signal(signal.SIGTERM)
    jobs = [town.run("plain", {"do": "return", "value": number}) for number in range(3)]
    assert [town.end("plain", job_id)["output"] for job_id in jobs] == [0, 1, 2]
    until(lambda: is_alive(worker.pid), lambda working: not working)


def test_a_worker_that_is_not_wanted_any_more_finishes_its_job_first(town: Town) -> None:
    job_id = town.running("plain", {"do": "sleep", "seconds": 3})
    worker = town.worker("plain")
    town.publish("plain")
    assert town.sync("plain", {"do": "return", "value": "new"})["output"] == "new"
    told = town.end("plain", job_id)
    assert (told["status"], told["output"]) == ("COMPLETED", "slept")
    assert "retries" not in told
    until(lambda: is_alive(worker.pid), lambda working: not working)


def test_a_handler_that_ends_its_program_is_tried_again_and_then_told(town: Town) -> None:
    told = town.sync("plain", {"do": "exit"})
    assert (told["status"], told["retries"]) == ("FAILED", 2)
    assert "exited with status 3" in told["error"]


def test_a_failed_start_check_is_explained(town: Town) -> None:
    job_id = town.run("unfit", {})
    try:
        told = until(lambda: town.status("unfit", job_id), lambda told: "fitness" in str(told) or "check" in str(told))
        assert "model_is_there" in told["explain"]
        explained = str(town.client.job(job_id).explain())
        assert "failed its start check: model_is_there: " in explained
        assert "the model is not there" in explained
    finally:
        town.ask("POST", f"{town.id('unfit')}/cancel/{job_id}")


# -- versions, and workers elsewhere ------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", OLDER)
def test_older_versions_of_the_package_work_too(town: Town, version: str) -> None:
    told = town.sync(old(version), {"do": "show"})
    assert (told["status"], told["output"]) == ("COMPLETED", {"version": version, "input": {"do": "show"}})
    told = town.sync(old(version), {"do": "raise"})
    error = json.loads(told["error"])
    assert told["status"] == "FAILED"
    assert (error["error_type"], error["error_message"]) == ("<class 'ValueError'>", "no good")


@pytest.mark.parametrize("version", OLDER)
def test_generators_of_older_versions_stream_and_give_their_list(town: Town, version: str) -> None:
    name = old(version, "pieces")
    job_id = town.run(name, {"count": 3})
    numbers = [{"number": number} for number in range(3)]
    assert pieces_of(town, name, job_id) == ("COMPLETED", numbers)
    assert town.status(name, job_id)["output"] == numbers


def test_a_cancelled_job_of_an_older_version_gives_way_and_a_killed_worker_costs_one_retry(
    town: Town, tmp_path: Path
) -> None:
    marks = {old(version): tmp_path / version for version in OLDER}
    jobs = {}
    for name, mark in marks.items():
        busy = town.running(name, {"do": "sleep", "seconds": 120})
        assert town.ask("POST", f"{town.id(name)}/cancel/{busy}")[1]["status"] == "CANCELLED"
        jobs[name] = town.run(name, {"do": "once", "mark": str(mark)})
    workers = []
    for name, mark in marks.items():
        until(mark.exists, bool)  # the worker that could not be told to stop was replaced
        workers.append(town.worker(name))
        workers[-1].kill()
    for name, job_id in jobs.items():
        told = town.end(name, job_id)
        assert (told["status"], told["output"], told["retries"]) == ("COMPLETED", told["workerId"], 1)
    until(lambda: [worker for worker in workers if is_alive(worker.pid)], lambda left: not left)


def test_a_signal_during_a_long_poll_of_an_older_version_loses_nothing(town: Town) -> None:
    names = [old(version) for version in OLDER]
    assert {town.sync(name, {"do": "sleep", "seconds": 0})["status"] for name in names} == {"COMPLETED"}
    time.sleep(1.2)  # the workers are asking again
    workers = [town.worker(name) for name in names]
    for worker in workers:
        worker.send_signal(signal.SIGTERM)
    jobs = [(name, town.run(name, {"do": "sleep", "seconds": 0})) for name in names for _ in range(2)]
    assert [town.end(name, job_id)["status"] for name, job_id in jobs] == ["COMPLETED"] * 4
    until(lambda: [worker for worker in workers if is_alive(worker.pid)], lambda left: not left)


def test_a_worker_elsewhere_joins_with_the_variables_and_a_key(town: Town, tmp_path: Path) -> None:
    town.client.endpoints.update("admin/pieces", workers=(0, 0))
    made = town.platform.trivet("keys", "create", "--scopes", "work", "--json")
    assert made.returncode == 0, made.stderr
    base = f"{town.platform.url}/runpod/v2/{town.id('pieces')}"
    (tmp_path / "handler.py").write_text(textwrap.dedent(PIECES))
    environ = {
        "HOME": str(tmp_path),
        "PATH": os.environ["PATH"],
        "RUNPOD_WEBHOOK_GET_JOB": f"{base}/job-take/$ID",
        "RUNPOD_WEBHOOK_POST_OUTPUT": f"{base}/job-done/$RUNPOD_POD_ID?gpu=none",
        "RUNPOD_WEBHOOK_POST_STREAM": f"{base}/job-stream/$RUNPOD_POD_ID/$ID?gpu=none",
        "RUNPOD_WEBHOOK_PING": f"{base}/ping/$RUNPOD_POD_ID?gpu=none",
        "RUNPOD_AI_API_KEY": json.loads(made.stdout)["key"],
        "RUNPOD_POD_ID": "elsewhere-1",
        "RUNPOD_SKIP_AUTO_SYSTEM_CHECKS": "true",
    }
    with (tmp_path / "log").open("w") as log:
        worker = subprocess.Popen(
            [original_python(), "handler.py"], cwd=tmp_path, env=environ, stdout=log, stderr=log, start_new_session=True
        )
        try:
            job_id = town.run("pieces", {"count": 2})
            assert pieces_of(town, "pieces", job_id) == ("COMPLETED", [{"number": 0}, {"number": 1}])
            assert town.status("pieces", job_id)["workerId"] == "elsewhere-1"
        finally:
            os.killpg(worker.pid, signal.SIGKILL)
            worker.wait(PATIENCE)
