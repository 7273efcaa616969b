"""Ctrl-C comes through at once, whatever the server is doing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

from tests.unit.sdk.server import KEY, Exchange, Server, job
from trivet.sdk import Client
from trivet.sdk._sync.concurrency import interruptible

pytestmark = pytest.mark.usefixtures("both_ways")

CALLS: dict[str, Callable[[Client], object]] = {
    "run": lambda client: client.endpoint("admin/hello").run(),
    "submit": lambda client: client.endpoint("admin/hello").submit(),
    "result": lambda client: client.job("job_1").result(),
    "wait": lambda client: client.job("job_1").wait(),
    "stream": lambda client: list(client.endpoint("admin/hello").stream()),
    "map": lambda client: list(client.endpoint("admin/hello").map([1, 2, 3])),
}


@pytest.mark.parametrize("name", CALLS)
def test_ctrl_c_comes_through_within_a_fifth_of_a_second(server: Server, client: Client, name: str) -> None:
    pressed: list[float] = []
    taken: list[float] = []

    def press() -> None:
        pressed.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    def held(exchange: Exchange) -> None:
        if name == "stream":
            exchange.begin()
            exchange.event("job", job("running"))
            exchange.event("piece", 1, 0)
        if len(pressed) == len(taken) and not waiting.is_set():
            waiting.set()
            threading.Timer(0.05, press).start()
        exchange.hold()

    for method, path in [
        ("POST", "/endpoints/admin/hello/run"),
        ("POST", "/endpoints/admin/hello/submit"),
        ("POST", "/endpoints/admin/hello/stream"),
        ("GET", "/jobs/job_1"),
        ("GET", "/jobs/job_1/result"),
    ]:
        server.on(method, path, held)
    for _ in range(8):  # a busy machine may delay some; a call that really held on would delay them all
        waiting = threading.Event()
        with pytest.raises(KeyboardInterrupt):
            CALLS[name](client)
        taken.append(time.monotonic() - pressed[-1])
        if taken[-1] < 0.2:
            return
    pytest.fail(f"it took {taken} seconds")


def test_a_client_goes_on_working_after_an_interrupt(server: Server, client: Client) -> None:
    def press(exchange: Exchange) -> None:
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
        exchange.hold()

    server.on("GET", "/jobs/job_1", press, lambda exchange: exchange.json(job("running")))
    with pytest.raises(KeyboardInterrupt):
        client.jobs.get("job_1")
    assert client.jobs.get("job_1").status == "running"


def test_one_helper_thread_serves_all_calls_of_the_main_thread() -> None:
    helpers = {interruptible(threading.get_ident) for _ in range(20)}
    assert len(helpers) == 1
    assert helpers != {threading.get_ident()}


def test_what_a_call_raises_is_raised_where_it_was_asked_for() -> None:
    with pytest.raises(ZeroDivisionError):
        interruptible(lambda: 1 / 0)
    assert interruptible(divmod, 7, 2) == (3, 1)


def test_another_thread_makes_its_calls_itself() -> None:
    found: list[bool] = []
    thread = threading.Thread(target=lambda: found.append(interruptible(threading.get_ident) == threading.get_ident()))
    thread.start()
    thread.join(5)
    assert found == [True]


ASK = """
import sys, trivet
client = trivet.Client(sys.argv[1], sys.argv[2])
try:
    client.endpoint("admin/hello").run()
except KeyboardInterrupt:
    print("interrupted")
"""


def test_an_interrupted_program_ends_clean_though_its_call_is_still_held(server: Server) -> None:
    asked = threading.Event()

    def hold(exchange: Exchange) -> None:
        asked.set()
        exchange.hold()

    server.on("POST", "/endpoints/admin/hello/run", hold)
    program = subprocess.Popen(
        [sys.executable, "-c", ASK, server.url, KEY], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert asked.wait(20)
    program.send_signal(signal.SIGINT)
    out, err = program.communicate(timeout=10)
    assert (program.returncode, out, err) == (0, b"interrupted\n", b"")
