"""What an author's program may do to its process, and find in it, as in any other: forks, children, streams."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.unit.worker.server import FakeServer
from trivet.protocol.frames import Kind

FORKS = """
    import asyncio, os, sys, trivet

    def begin(how: str) -> int:
        child = os.fork()
        if child == 0:
            if how == "raise":
                raise ValueError("in the child")
            if how != "return":
                sys.exit({"one word": "said at the end", "nothing": None}.get(how, 7))
        return child

    def status(child: int) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    @trivet.endpoint
    def comes_back(how: str) -> list[int]:
        child = begin(how)
        return [child and status(child), os.getpid()]

    @trivet.endpoint
    async def acomes_back(how: str) -> list[int]:
        child = begin(how)
        return [child and await asyncio.to_thread(status, child), os.getpid()]

    @trivet.endpoint
    def pieces(how: str):
        child = begin(how)
        yield child and status(child)
        yield os.getpid()
"""


@pytest.mark.parametrize(
    ("handler", "concurrency"), [("comes_back", 1), ("comes_back", 2), ("acomes_back", 1), ("pieces", 1)]
)
def test_what_a_handler_forks_off_ends_as_a_program_does_and_the_worker_goes_on(
    server: FakeServer, handler: str, concurrency: int
) -> None:
    server.start(FORKS, handler, concurrency=concurrency)
    assert server.process is not None
    for how, status in [("return", 0), ("exit", 7), ("nothing", 0), ("one word", 1), ("raise", 1)] * 2:
        frame = server.call(json.dumps(how).encode())
        assert frame.kind is Kind.RESULT
        assert json.loads(frame.body) == [status, server.process.pid]
    told = server.stderr.read_text()
    assert told.count("said at the end\n") == 2
    assert told.count("ValueError: in the child\n") == 2
    assert "trivet/worker" not in told


SURROUNDED = """
    import asyncio, io, signal, subprocess, sys, threading, trivet

    @trivet.endpoint
    def child_hears_interrupts() -> bool:
        code = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
        return eval(subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True).stdout)

    @trivet.endpoint
    def streams() -> list[str]:
        return [sys.stdout.name, sys.stdout.mode, sys.stderr.name, sys.stderr.mode]

    @trivet.endpoint
    def rewrap(word: str) -> None:
        kept = sys.stdout
        sys.stdout = io.TextIOWrapper(sys.stdout.detach(), encoding="utf-8", write_through=True)
        print(word)
        sys.stdout = kept

    @trivet.endpoint
    async def in_a_pool(word: str) -> None:
        await asyncio.get_running_loop().run_in_executor(None, print, word)
        await asyncio.get_running_loop().run_in_executor(None, trivet.progress, 0.5, word)

    @trivet.endpoint(concurrency=2)
    async def leaves_a_task(path: str) -> None:
        async def speak() -> None:
            while True:
                print("left behind")
                sys.stdout.flush()
                await asyncio.sleep(0.01)

        if path:
            while "left behind" not in open(path).read():
                await asyncio.sleep(0.01)
        else:
            leaves_a_task.task = asyncio.create_task(speak())
"""


def test_a_program_that_a_handler_starts_can_be_interrupted(server: FakeServer) -> None:
    server.start(SURROUNDED, "child_hears_interrupts")
    assert server.call().body == b"true"


def test_the_streams_have_the_names_of_standard_streams(server: FakeServer) -> None:
    server.start(SURROUNDED, "streams")
    assert json.loads(server.call().body) == ["<stdout>", "w", "<stderr>", "w"]


def test_another_text_layer_on_the_detached_bytes_writes_to_the_job(server: FakeServer) -> None:
    server.start(SURROUNDED, "rewrap")
    frame = server.call(b'"wrapped"')
    assert [log.body for log in server.of(Kind.LOG, frame.attempt)] == [b"wrapped\n"]


def test_a_pool_of_an_async_handler_that_runs_alone_speaks_for_the_job(server: FakeServer) -> None:
    server.start(SURROUNDED, "in_a_pool")
    for word in ("one", "two"):
        frame = server.call(json.dumps(word).encode())
        assert b"".join(log.body for log in server.of(Kind.LOG, frame.attempt)) == f"{word}\n".encode()
        assert [each.meta["message"] for each in server.of(Kind.PROGRESS, frame.attempt)] == [word]


def test_what_a_job_leaves_behind_prints_to_the_log_of_the_worker(server: FakeServer) -> None:
    server.start(SURROUNDED, "leaves_a_task", concurrency=2)
    assert server.call(b'""').kind is Kind.RESULT
    assert server.call(json.dumps(str(server.stdout)).encode()).kind is Kind.RESULT


def test_streams_that_a_warm_parent_has_replaced_stay_as_they_are() -> None:
    """What a library took hold of when the parent imported it must be what its child prints by."""
    program = """if True:
        import logging, sys
        from trivet.worker.outputs import JobStream, capture
        capture()
        handler = logging.StreamHandler()
        capture()
        print(isinstance(handler.stream, JobStream) and handler.stream is sys.stderr)
    """
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "True\n"
