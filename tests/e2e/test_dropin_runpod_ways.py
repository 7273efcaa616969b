"""A worker of our module by both of its ways, the platform's link and HTTP: callers can't tell which it was."""

from __future__ import annotations

import json
import os
import re
import textwrap
import time
import urllib.request
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

import trivet
from tests.conftest import RunningPlatform

WAYS = {"link": "", "http": ', "concurrency_modifier": lambda current: 1'}
"""What the two programs differ in: one that chooses how many jobs it takes asks for them itself."""
PLAIN = """
import math, os, sys
import trivet.runpod as runpod

class Own(Exception):
    pass

def visited():
    # what the platform answers to a ping over HTTP that shows the own key of this worker
    import urllib.error, urllib.request

    url = os.environ["RUNPOD_WEBHOOK_PING"].replace("$RUNPOD_POD_ID", os.environ["RUNPOD_POD_ID"])
    asked = urllib.request.Request(url, headers={"Authorization": os.environ["RUNPOD_AI_API_KEY"]})
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as refusal:
        return refusal.code

def handler(job):
    asked = job["input"]
    match asked["do"]:
        case "give":
            return asked["what"]
        case "raise":
            raise Own("why é")
        case "raise another":
            raise GeneratorExit  # which is no Exception
        case "exit":
            sys.exit(4)
        case "interrupt":
            raise KeyboardInterrupt
        case "NaN":
            return {"a/b": [1.0, math.nan]}
        case "bytes":
            return b"x"
        case "job":
            return {name: value for name, value in job.items() if name != "id"}
        case "environ":
            return {name: os.environ.get(name) for name in ("RUNPOD_ENDPOINT_ID", "RUNPOD_CPU_COUNT", "TRIVET_LINK")}
        case "visit":
            return visited()
        case "ask":
            from trivet import Client

            with Client() as client:
                return client.endpoint("admin/pieces-link").run({"pieces": ["from within"]})
        case "pid":
            return os.getpid()
        case "replace":
            return {"refresh_worker": True, "pid": os.getpid()}
        case "die":
            os.kill(os.getpid(), 9)

runpod.serverless.start({"handler": handler%s})
"""
PIECES = """
import asyncio
import trivet.runpod as runpod

async def handler(job):
    for piece in job["input"]["pieces"]:
        runpod.serverless.progress_update(job, {"at": piece})
        yield {"set"} if piece == "set" else piece
    if job["input"].get("wait"):
        try:
            await asyncio.sleep(60)
        finally:
            print("ended", flush=True)

runpod.serverless.start({"handler": handler, "return_aggregate_stream": True%s})
"""


class Endpoint(NamedTuple):
    """One of the two, as callers of RunPod's API see it."""

    url: str
    key: str

    def post(self, verb: str, document: Any = None) -> Any:
        return self._asked("POST", verb, json.dumps(document).encode())

    def get(self, verb: str) -> Any:
        return self._asked("GET", verb, None)

    def _asked(self, method: str, verb: str, body: bytes | None) -> Any:
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        asked = urllib.request.Request(f"{self.url}/{verb}", body, headers, method=method)
        with urllib.request.urlopen(asked, timeout=70) as answer:
            return json.load(answer)

    def ended(self, job_id: str) -> dict[str, Any]:
        document: dict[str, Any] = self.get(f"status-sync/{job_id}?wait=60000")
        return document

    def ran(self, value: Any, **more: Any) -> dict[str, Any]:
        """The document of a job that has ended, without what is a matter of time."""
        return settled(self.ended(self.post("run", {"input": value, **more})["id"]))

    def streamed(self, value: Any) -> tuple[list[Any], dict[str, Any]]:
        """All that a stream gives, and the document of its job."""
        job_id = self.post("run", {"input": value})["id"]
        pieces: list[Any] = []
        while True:
            page = self.get(f"stream/{job_id}")
            pieces += [piece["output"] for piece in page["stream"]]
            if page["status"] not in {"IN_QUEUE", "IN_PROGRESS"}:
                return pieces, settled(self.ended(job_id))


def settled(document: dict[str, Any]) -> dict[str, Any]:
    """A document without what differs from job to job."""
    times = ("id", "workerId", "delayTime", "executionTime")
    text = json.dumps({name: value for name, value in document.items() if name not in times})
    text = re.sub(r"(wrk|job)_[0-9a-f]+|[0-9.]+ m?s\b", "…", text)
    found: dict[str, Any] = json.loads(text)
    return found


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    running = RunningPlatform(tmp_path_factory.mktemp("ways"))
    try:
        running.start()
        yield running
        status = running.stop()
        assert status == 0, running.log[-4000:]
    finally:
        running.stop()


@pytest.fixture(scope="module")
def both(platform: RunningPlatform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Endpoint]]:
    """The endpoints by what they do and by the way of their workers, such as ``plain-link``."""
    folder = tmp_path_factory.mktemp("programs")
    found: dict[str, Endpoint] = {}
    with trivet.Client(platform.url, platform.key) as client:
        for name, program in (("plain", PLAIN), ("pieces", PIECES)):
            for way, more in WAYS.items():
                place = folder / f"{name}-{way}"
                place.mkdir()
                (place / "handler.py").write_text(textwrap.dedent(program % more))
                client.deploy(place)
                endpoint_id = client.endpoints.get(f"admin/{place.name}").id
                found[place.name] = Endpoint(f"{platform.url}/runpod/v2/{endpoint_id}", platform.key)
        yield found


GIVEN: list[Any] = ["é", None, [], {}, {"a": 1.5}, {"error": "mine", "more": 2}, {"error": {"x": 1}}, {"error": ""}]


@pytest.mark.parametrize(
    "asked",
    [
        *(pytest.param({"do": "give", "what": what}, id=f"gives {what}") for what in GIVEN),
        *(pytest.param({"do": word}, id=word) for word in ("raise", "raise another", "NaN", "bytes", "job")),
    ],
)
def test_a_caller_finds_the_same_document(both: dict[str, Endpoint], asked: dict[str, Any]) -> None:
    link, http = (both[f"plain-{way}"].ran(asked) for way in WAYS)
    assert link == http
    if asked["do"].startswith("raise"):
        trace = json.loads(link["error"])["error_traceback"]
        assert 'File "handler.py", line' in trace  # and not where that lies on this machine


def test_a_worker_finds_what_its_caller_gave_beside_the_input(both: dict[str, Endpoint]) -> None:
    given = {"s3Config": {"accessId": "a", "bucketName": "b"}}
    link, http = (both[f"plain-{way}"].ran({"do": "job"}, **given) for way in WAYS)
    assert link == http
    assert link["output"] == {"input": {"do": "job"}, **given}


def test_a_worker_knows_its_surroundings_and_not_its_own_secret(both: dict[str, Endpoint]) -> None:
    link, http = (both[f"plain-{way}"].ran({"do": "environ"})["output"] for way in WAYS)
    assert link.pop("RUNPOD_ENDPOINT_ID") in both["plain-link"].url
    assert http.pop("RUNPOD_ENDPOINT_ID") in both["plain-http"].url
    assert link == http == {"RUNPOD_CPU_COUNT": str(os.cpu_count()), "TRIVET_LINK": None}


def test_a_worker_speaks_by_its_one_way_and_is_a_stranger_by_the_other(both: dict[str, Endpoint]) -> None:
    assert both["plain-http"].ran({"do": "visit"})["output"] == 200
    assert both["plain-link"].ran({"do": "visit"})["output"] == 401


def test_a_job_that_came_by_the_link_can_ask_the_platform_for_something_itself(both: dict[str, Endpoint]) -> None:
    assert both["plain-link"].ran({"do": "ask"})["output"] == ["from within"]


@pytest.mark.parametrize(
    "pieces", [["a", {"b": 1}, None], [], ["a", {"error": "bad"}, "never"], ["a", "set", "never"]], ids=str
)
def test_a_caller_finds_the_same_stream(both: dict[str, Endpoint], pieces: list[Any]) -> None:
    link, http = (both[f"pieces-{way}"].streamed({"pieces": pieces}) for way in WAYS)
    assert link == http


@pytest.mark.parametrize("way", WAYS)
def test_a_caller_sees_how_far_a_job_is_and_can_stop_it(both: dict[str, Endpoint], way: str) -> None:
    endpoint = both[f"pieces-{way}"]
    job_id = endpoint.post("run", {"input": {"pieces": ["a", "b"], "wait": True}})["id"]
    until = time.monotonic() + 30
    while endpoint.get(f"status/{job_id}").get("output") != {"at": "b"}:
        assert time.monotonic() < until
        time.sleep(0.02)
    assert endpoint.post(f"cancel/{job_id}")["status"] == "CANCELLED"
    assert endpoint.ended(job_id)["status"] == "CANCELLED"
    assert endpoint.ran({"pieces": ["next"]})["output"] == ["next"]


@pytest.mark.parametrize("way", WAYS)
def test_a_worker_that_asks_for_it_is_replaced_behind_its_job(both: dict[str, Endpoint], way: str) -> None:
    endpoint = both[f"plain-{way}"]
    first = endpoint.ran({"do": "replace"})
    assert first["status"] == "COMPLETED"
    assert endpoint.ran({"do": "pid"})["output"] != first["output"]["pid"]


@pytest.mark.parametrize("end", ["die", "exit", "interrupt"])
def test_a_job_whose_worker_ends_is_tried_again_as_often(both: dict[str, Endpoint], end: str) -> None:
    link, http = (both[f"plain-{way}"].ran({"do": end}) for way in WAYS)
    assert link == http
    assert link["status"] == "FAILED"
    assert link["retries"] > 0
