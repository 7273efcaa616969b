"""How running work is stopped: by a cancel, by a drain, by the end of the server."""

from __future__ import annotations

import json
import os
import signal
import sys
import time

import pytest

from tests.unit.worker.server import FakeServer
from trivet.protocol.frames import Kind

SLEEPERS = """
    import asyncio, threading, time, trivet

    @trivet.endpoint
    def sleep(seconds: float = 60.0) -> str:
        trivet.progress(0.5, "asleep")
        time.sleep(seconds)
        return "awake"

    @trivet.endpoint
    async def asleep(seconds: float = 60.0) -> str:
        trivet.progress(0.5, "asleep")
        await asyncio.sleep(seconds)
        return "awake"

    @trivet.endpoint
    def event(seconds: float = 60.0) -> str:
        trivet.progress(0.5, "asleep")
        threading.Event().wait(seconds)
        return "awake"

    @trivet.endpoint
    def stream(seconds: float = 60.0):
        trivet.progress(0.5, "asleep")
        yield "asleep"
        time.sleep(seconds)
        yield "awake"

    @trivet.endpoint
    async def astream(seconds: float = 60.0):
        trivet.progress(0.5, "asleep")
        yield "asleep"
        await asyncio.sleep(seconds)
        yield "awake"

    @trivet.endpoint
    def busy(seconds: float = 60.0) -> str:
        trivet.progress(0.5, "asleep")
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            print("x" * 100)
        return "awake"
"""


@pytest.mark.parametrize("handler", ["sleep", "asleep", "event", "stream", "astream", "busy"])
@pytest.mark.parametrize("reason", ["cancelled", "timed_out"])
def test_a_cancel_ends_a_waiting_handler_at_once(server: FakeServer, handler: str, reason: str) -> None:
    server.start(SLEEPERS, handler)
    number = server.submit()
    server.expect(Kind.PROGRESS, number=number)
    asked = time.monotonic()
    server.cancel(number, reason)
    frame = server.answer(number)
    assert time.monotonic() - asked < 10, "it has waited for the handler's sixty seconds"
    assert (frame.kind, frame.meta["reason"]) == (Kind.STOPPED, reason)
    assert server.call(b"0").kind is Kind.RESULT  # the worker is free, and nothing of the cancel is left over


def test_a_cancel_reaches_a_busy_thread_among_several(server: FakeServer) -> None:
    server.start(SLEEPERS, "busy", concurrency=2)
    first, second = server.submit(), server.submit()
    server.cancel(first)
    assert server.answer(first).kind is Kind.STOPPED
    server.cancel(second)
    assert server.answer(second).kind is Kind.STOPPED
    assert [server.call(b"0").body for _ in range(4)] == [b'"awake"'] * 4


def test_a_cancel_of_what_waits_is_answered_at_once(server: FakeServer) -> None:
    server.start(SLEEPERS, "sleep")
    running, waiting = server.submit(), server.submit()
    server.expect(Kind.PROGRESS, number=running)
    server.cancel(waiting)
    assert server.answer(waiting).kind is Kind.STOPPED
    server.cancel(running)
    assert server.answer(running).kind is Kind.STOPPED


def test_a_cancel_that_comes_with_its_job_is_heeded(server: FakeServer) -> None:
    server.start(SLEEPERS, "sleep")
    for _ in range(20):
        number = server.submit()
        server.cancel(number)
        assert server.answer(number).kind is Kind.STOPPED
    assert server.call(b"0").body == b'"awake"'


def test_a_cancel_that_comes_too_late_changes_nothing(server: FakeServer) -> None:
    server.start(SLEEPERS, "sleep")
    for _ in range(50):
        number = server.submit(b"0")
        server.cancel(number)
        assert server.answer(number).kind in (Kind.RESULT, Kind.STOPPED)
        server.cancel(number)
    assert server.call(b"0").body == b'"awake"'


def test_a_cancelled_handler_can_clean_up(server: FakeServer) -> None:
    source = """
        import time, trivet

        @trivet.endpoint
        def careful(quick: bool = False):
            try:
                yield "in"
                time.sleep(0 if quick else 60)
            finally:
                time.sleep(0.05)
                print("cleaned up")
    """
    server.start(source, "careful")
    number = server.submit()
    server.expect(Kind.PIECE, number=number)
    server.cancel(number)
    assert server.answer(number).kind is Kind.STOPPED
    assert [log.body for log in server.of(Kind.LOG, number)] == [b"cleaned up\n"]


def test_a_handler_that_swallows_the_interrupt_is_stopped_when_it_returns(server: FakeServer) -> None:
    source = """
        import time, trivet

        @trivet.endpoint
        def stubborn(seconds: float) -> str:
            try:
                trivet.progress(0.1)
                time.sleep(seconds)
            except BaseException:
                trivet.progress(0.9, "not yet")
            return "finished after all"
    """
    server.start(source, "stubborn")
    number = server.submit(b"60")
    server.expect(Kind.PROGRESS, number=number)
    server.cancel(number)
    assert server.answer(number).kind is Kind.STOPPED
    assert server.of(Kind.PROGRESS, number)[-1].meta["message"] == "not yet"


@pytest.mark.parametrize("word", ["", "async "])
def test_a_stream_that_swallows_the_interrupt_is_stopped_at_its_next_piece(server: FakeServer, word: str) -> None:
    source = f"""
        import asyncio, time, trivet

        @trivet.endpoint
        {word}def stubborn():
            while True:
                try:
                    yield 1
                    {"await asyncio" if word else "time"}.sleep(0.01)
                except GeneratorExit:
                    raise
                except BaseException:
                    pass
    """
    server.start(source, "stubborn")
    for _ in range(2):
        number = server.submit()
        server.expect(Kind.PIECE, number=number)
        server.cancel(number)
        assert server.answer(number).kind is Kind.STOPPED


def test_one_of_two_async_jobs_is_cancelled_alone(server: FakeServer) -> None:
    server.start(SLEEPERS, "asleep", concurrency=2)
    first, second = server.submit(), server.submit(b"0.3")
    server.cancel(first)
    assert server.answer(first).kind is Kind.STOPPED
    assert server.answer(second).body == b'"awake"'


def test_a_term_signal_drains_the_worker(server: FakeServer) -> None:
    source = """
        import trivet

        @trivet.endpoint
        def read(path: str) -> str:
            trivet.progress(0.5, "waiting")
            with open(path) as pipe:
                return pipe.read()
    """
    pipe = server.folder / "pipe"
    os.mkfifo(pipe)
    path = json.dumps(str(pipe)).encode()
    server.start(source, "read")
    running, waiting = server.submit(path), server.submit(path)
    server.expect(Kind.PROGRESS, number=running)
    server.terminate()
    server.expect(Kind.DRAINING)
    late = server.submit(path)
    assert server.answer(waiting).kind is Kind.RETURNED
    assert server.answer(late).kind is Kind.RETURNED
    pipe.write_text("word")
    assert server.answer(running).body == b'"word"'
    server.expect(Kind.BYE)
    assert server.wait() == 0


@pytest.mark.parametrize(("handler", "concurrency"), [("sleep", 1), ("sleep", 2), ("asleep", 1)])
@pytest.mark.parametrize("how", ["signal", "frame"])
def test_an_idle_worker_ends_when_it_is_drained(server: FakeServer, handler: str, concurrency: int, how: str) -> None:
    server.start(SLEEPERS, handler, concurrency=concurrency)
    server.call(b"0")
    if how == "signal":
        server.terminate()
        server.expect(Kind.DRAINING)
    else:
        server.say(Kind.DRAIN)
    server.expect(Kind.BYE)
    assert server.wait() == 0


def test_a_drained_worker_runs_the_authors_teardown(server: FakeServer) -> None:
    source = """
        import sys, trivet

        @trivet.endpoint
        class Loaded:
            def __call__(self):
                return None

            async def teardown(self):
                print("torn down", file=sys.stderr)
    """
    server.start(source, "Loaded")
    server.say(Kind.DRAIN)
    server.expect(Kind.BYE)
    assert server.wait() == 0
    assert server.stderr.read_text() == "torn down\n"


def test_an_interrupt_from_the_keyboard_is_left_to_the_server(server: FakeServer) -> None:
    server.start(SLEEPERS, "sleep")
    assert server.process is not None
    server.process.send_signal(signal.SIGINT)
    assert server.call(b"0").body == b'"awake"'


@pytest.mark.parametrize(("handler", "concurrency"), [("sleep", 1), ("busy", 2), ("asleep", 1)])
@pytest.mark.parametrize("at_work", [True, False])
def test_a_worker_ends_when_its_server_is_gone(
    server: FakeServer, handler: str, concurrency: int, at_work: bool
) -> None:
    server.start(SLEEPERS, handler, concurrency=concurrency)
    if at_work:
        server.expect(Kind.PROGRESS, number=server.submit())
    server.hang_up()
    assert server.wait() == 75


def test_a_worker_that_loads_ends_when_its_server_is_gone(server: FakeServer) -> None:
    source = """
        import os, time, trivet
        open(os.environ["TRIVET_BUNDLE"] + "/pipe", "w").close()
        time.sleep(60)
    """
    pipe = server.folder / "bundle" / "pipe"
    pipe.parent.mkdir()
    os.mkfifo(pipe)
    server.start(source, "nothing", ready=False)
    pipe.read_text()
    server.hang_up()
    assert server.wait() == 75


def test_a_worker_that_loads_ends_at_a_term_signal(server: FakeServer) -> None:
    source = """
        import os, time, trivet
        open(os.environ["TRIVET_BUNDLE"] + "/pipe", "w").close()
        time.sleep(60)
    """
    pipe = server.folder / "bundle" / "pipe"
    pipe.parent.mkdir()
    os.mkfifo(pipe)
    server.start(source, "nothing", ready=False)
    pipe.read_text()
    server.terminate()
    server.expect(Kind.BYE)
    assert server.wait() == 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells a process of its parent's end")
def test_a_worker_ends_with_the_process_that_started_it(server: FakeServer) -> None:
    starter = [sys.executable, "-c", "import subprocess, sys; subprocess.Popen(sys.argv[1:]).wait()"]
    server.start(SLEEPERS, "sleep", starter=starter)
    server.expect(Kind.PROGRESS, number=server.submit())
    assert server.process is not None
    server.process.kill()
    with pytest.raises(EOFError):  # the link was not closed by us
        server.next()
