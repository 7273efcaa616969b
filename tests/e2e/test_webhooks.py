"""Webhooks of a real platform, to a real receiver on loopback that an operator has allowed."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import trivet
import trivet.webhooks
from tests.conftest import RunningPlatform
from tests.e2e.conftest import PROGRAMS
from tests.e2e.test_jobs_tell_the_truth import eventually

GIVEN_UP = 15.0
"""Seconds after which the platform waits no longer for a receiver's answer."""


class Receiver:
    """Keeps what it is sent; answers with ``status``, or not at all while ``silent`` is set."""

    def __init__(self) -> None:
        self.status = 204
        self.silent = threading.Event()
        self.closing = threading.Event()
        self.got: list[tuple[dict[str, str], bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                if receiver.silent.is_set():
                    receiver.closing.wait(60)
                    return
                self.send_response(receiver.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/hooks?token=t"

    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.got]

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture(scope="module")
def sending(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    """A platform that may send to this machine, with the zoo deployed."""
    running = RunningPlatform(tmp_path_factory.mktemp("sending"), TRIVET_WEBHOOK_ALLOW="127.0.0.1")
    try:
        running.start()
        with trivet.Client(running.url, running.key) as client:
            client.deploy(PROGRAMS / "zoo.py")
        yield running
    finally:
        running.stop()


@pytest.fixture
def client(sending: RunningPlatform) -> Iterator[trivet.Client]:
    with trivet.Client(sending.url, sending.key) as client:
        yield client


def test_a_message_arrives_signed_and_is_believed(client: trivet.Client, receiver: Receiver) -> None:
    job = client.endpoint("admin/echo").submit({"value": [1, 2]}, webhook=receiver.url)
    assert eventually(lambda: receiver.got)
    ((headers, body),) = receiver.got
    message = trivet.webhooks.verify(body, headers, client.webhooks.secret().secret)
    assert message["type"] == "job.succeeded"
    assert (message["data"]["id"], message["data"]["output"]) == (job.id, job.result())
    assert eventually(lambda: client.webhooks.get(job.id).status == "delivered")


def test_every_end_of_a_job_is_told(client: trivet.Client, receiver: Receiver) -> None:
    failing = client.endpoint("admin/misbehave").submit({"how": "raise"}, webhook=receiver.url)
    cancelled = client.endpoint("admin/sleeper").submit({"seconds": 30}, webhook=receiver.url)
    assert eventually(lambda: str(client.jobs.get(cancelled.id).status) == "running")
    cancelled.cancel()
    assert eventually(lambda: len(receiver.got) == 2)
    told = {message["data"]["id"]: message["type"] for message in receiver.messages()}
    assert told == {failing.id: "job.failed", cancelled.id: "job.cancelled"}


def test_a_call_in_runpods_words_is_told_in_them_and_a_retry_under_the_id_of_the_first(
    sending: RunningPlatform, receiver: Receiver
) -> None:
    def post(path: str, body: Any) -> dict[str, Any]:
        url, headers = (
            f"{sending.url}/runpod/v2/{path}",
            {"authorization": sending.key, "content-type": "application/json"},
        )
        request = urllib.request.Request(url, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            document: dict[str, Any] = json.load(answer)
        return document

    done = post("admin~echo/run", {"input": {"value": [1, 2]}, "webhook": receiver.url})
    assert eventually(lambda: receiver.got)
    told = receiver.messages()[0]
    assert (told["id"], told["status"], told["output"]) == (done["id"], "COMPLETED", [1, 2])
    assert told == post(f"admin~echo/status/{done['id']}", None)
    failing = post("admin~misbehave/run", {"input": {"how": "raise"}, "webhook": receiver.url})
    assert eventually(lambda: len(receiver.got) == 2)
    assert post(f"admin~misbehave/retry/{failing['id']}", {}) == {"id": failing["id"], "status": "IN_QUEUE"}
    assert eventually(lambda: len(receiver.got) == 3)
    for told in receiver.messages()[1:]:
        assert (told["id"], told["status"]) == (failing["id"], "FAILED")
        assert "that went wrong" in told["error"]


def test_a_receiver_that_never_answers_holds_up_no_job_and_no_other_receiver(
    client: trivet.Client, receiver: Receiver
) -> None:
    deaf = Receiver()
    deaf.silent.set()
    try:
        echo = client.endpoint("admin/echo")
        for number in range(20):
            echo.run({"value": number}, webhook=deaf.url)
        began = time.monotonic()
        job = echo.submit({"value": 1}, webhook=receiver.url)
        job.result(timeout=30)
        assert eventually(lambda: receiver.got)
        assert eventually(lambda: len(deaf.got) >= 4)
        assert time.monotonic() - began < GIVEN_UP, "it has waited until one of the others was given up"
        assert len(deaf.got) == 4
    finally:
        deaf.close()


def test_what_was_not_taken_is_listed_and_sent_again_by_the_command_line(
    sending: RunningPlatform, client: trivet.Client, receiver: Receiver
) -> None:
    receiver.status = 410
    call = sending.trivet("call", "admin/echo", '{"value": 1}', "--submit", "--webhook", receiver.url)
    job_id = call.stdout.strip()
    assert eventually(lambda: receiver.got)
    assert eventually(lambda: "The receiver answered 410." in sending.trivet("webhooks", "show", job_id).stdout)
    assert job_id in sending.trivet("webhooks", "ls", "--status", "failed").stdout
    receiver.status = 200
    assert sending.trivet("webhooks", "redeliver", job_id).returncode == 0
    assert eventually(lambda: client.webhooks.get(job_id).status == "delivered")
    assert [attempt.status_code for attempt in client.webhooks.get(job_id).attempts] == [410, 200]
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1


def test_a_message_that_was_due_when_the_server_was_killed_is_sent_by_the_next(
    tmp_path: Path, receiver: Receiver
) -> None:
    running = RunningPlatform(tmp_path, TRIVET_WEBHOOK_ALLOW="127.0.0.0/8")
    receiver.silent.set()
    try:
        running.start()
        with trivet.Client(running.url, running.key) as client:
            client.deploy(PROGRAMS / "hello.py")
            job = client.endpoint("admin/hello").submit({"name": "Bond"}, webhook=receiver.url)
            job.result(30)
            assert eventually(lambda: receiver.got)
            running.kill()
            receiver.silent.clear()
            running.start()
            assert eventually(lambda: len(receiver.got) == 2)
            assert eventually(lambda: client.webhooks.get(job.id).status == "delivered")
        assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    finally:
        running.stop()


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8300/api/v1",
        "http://0x7f.1/",
        "http://[::ffff:169.254.169.254]/latest/meta-data/",
        "http://localhost/",
    ],
)
def test_nobody_reaches_the_inside_through_a_platform_that_allows_nothing(platform: RunningPlatform, url: str) -> None:
    with trivet.Client(platform.url, platform.key) as client:
        client.deploy(PROGRAMS / "hello.py")
        with pytest.raises(trivet.InvalidRequestError, match="private network"):
            client.endpoint("admin/hello").submit({"name": "Bond"}, webhook=url)
