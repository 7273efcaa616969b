"""A worker of RunPod's protocol, as it is seen on the wire: it polls for jobs, posts results, pings, and asks what to stop.

A stand-in for the published package, so that a run needs none. It does what that does where it matters here: it works on one job
after the other, in order where it was given several; posts a result up to three times; a stopped handler posts nothing. Its own
are only pauses where the package would spin. Its handlers keep the same ledger as all others. What it has to know stands in the
environment, under RunPod's names.
"""

from __future__ import annotations

import http.client
import json
import os
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from tests.faults.programs.ledger import Execution
from trivet.worker.limits import die_with_parent

POLL_PATIENCE = 90.0
POST_PATIENCE = 20.0
POST_PAUSES = (0.0, 2.0, 3.0)
"""Seconds before each try to post a result."""
PAUSE = 0.1
"""Seconds before it asks again where nobody answered."""
STEP = 0.05
"""Seconds between two looks of a handler at whether it is to stop."""


class Stopped(Exception):
    """The handler was told to stop."""


class Line:
    """A keep-alive connection of one of its threads."""

    def __init__(self, url: str, timeout: float) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)

    def ask(self, method: str, url: str, body: object = None) -> tuple[int, bytes]:
        """Status and body; 0 where no answer came."""
        headers = {"Authorization": os.environ["RUNPOD_AI_API_KEY"], "Content-Type": "application/json"}
        content = None
        if method == "POST":
            headers |= {"Content-Type": "application/x-www-form-urlencoded", "charset": "utf-8"}
            content = json.dumps(body, ensure_ascii=False).encode()
        parts = urlsplit(url)
        try:
            self._connection.request(method, f"{parts.path}?{parts.query}", content, headers)
            answer = self._connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return 0, b""


class Poller:
    """The worker. Its main thread takes and works, two others ping and ask what to stop."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        worker = environ["RUNPOD_POD_ID"]
        self._take = environ["RUNPOD_WEBHOOK_GET_JOB"].replace("$ID", worker)
        self._done = environ["RUNPOD_WEBHOOK_POST_OUTPUT"].replace("$RUNPOD_POD_ID", worker)
        self._stream = environ["RUNPOD_WEBHOOK_POST_STREAM"].replace("$RUNPOD_POD_ID", worker)
        self._ping = environ["RUNPOD_WEBHOOK_PING"].replace("$RUNPOD_POD_ID", worker)
        self._ping_interval = int(environ["RUNPOD_PING_INTERVAL"]) / 1000
        self._jobs: deque[dict[str, Any]] = deque()
        self._stopped: set[str] = set()

    def run(self) -> None:
        for target in (self._keep_pinging, self._keep_asking_for_stops):
            threading.Thread(target=target, daemon=True).start()
        line = Line(self._take, POLL_PATIENCE)
        while True:
            status, body = line.ask("GET", f"{self._take}&job_in_progress=0")
            if status == 429:
                time.sleep(5)
            elif status == 200:
                self._work_on(json.loads(body or b"null"))
            elif status != 204:
                time.sleep(PAUSE)

    def _work_on(self, given: Any) -> None:
        self._jobs.extend(given if isinstance(given, list) else [given] if given else [])
        while self._jobs:
            self._work(self._jobs[0])
            self._stopped.discard(self._jobs.popleft()["id"])

    def _work(self, job: dict[str, Any]) -> None:
        given = job["input"]
        try:
            if given["how"] == "stream":
                pieces = []
                for piece in self._pieces(job):
                    pieces.append(piece)
                    self._post(self._stream, job, {"output": piece}, "false")
                self._post(self._done, job, {"output": pieces}, "true")
            else:
                self._post(self._done, job, {"output": self._answer(job)}, "false")
        except Stopped:
            return
        except ValueError as error:
            told = {"error_type": "ValueError", "error_message": str(error), "error_traceback": "Traceback (…)"}
            self._post(self._done, job, {"error": json.dumps(told)}, "false")

    def _answer(self, job: dict[str, Any]) -> dict[str, Any]:
        given = job["input"]
        execution = Execution(given["n"], given["ledger"])
        if given["how"] == "nap":
            self._post(self._done, job, {"status": "IN_PROGRESS", "output": {"step": 1}}, "false")
            self._rest(job, given["seconds"])
        elif given["how"] == "raise":
            execution.write("end")
            raise ValueError(f"{given['n']} was told to fail")
        return execution.answer(value=given.get("value"), pad=given.get("pad", ""))

    def _pieces(self, job: dict[str, Any]) -> Iterator[dict[str, Any]]:
        given = job["input"]
        execution = Execution(given["n"], given["ledger"])
        for i in range(given["count"]):
            self._rest(job, given["seconds"])
            yield {"n": given["n"], "run": execution.run, "i": i}
        execution.write("end")

    def _rest(self, job: dict[str, Any], seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if job["id"] in self._stopped:
                raise Stopped
            time.sleep(min(left, STEP))

    def _post(self, url: str, job: dict[str, Any], body: object, is_stream: str) -> None:
        line = Line(url, POST_PATIENCE)
        for pause in POST_PAUSES:
            time.sleep(pause)
            status, _ = line.ask("POST", f"{url.replace('$ID', job['id'])}&isStream={is_stream}", body)
            if 0 < status < 500:
                return

    def _keep_pinging(self) -> None:
        line = Line(self._ping, 2 * self._ping_interval)
        while True:
            held = quote(",".join(job["id"] for job in tuple(self._jobs)))
            line.ask("GET", self._ping + (f"&job_id={held}" if held else ""))
            time.sleep(self._ping_interval)

    def _keep_asking_for_stops(self) -> None:
        url = self._take.replace("/job-take/", "/job-stop/")
        line = Line(url, POLL_PATIENCE)
        while True:
            status, body = line.ask("GET", f"{url}&job_in_progress={int(bool(self._jobs))}")
            ids = json.loads(body)["jobsToStop"] if status == 200 else []
            self._stopped.update(ids)
            time.sleep(0 if ids else 5 if status == 429 else 1)


if __name__ == "__main__":
    die_with_parent()
    Poller(os.environ).run()
