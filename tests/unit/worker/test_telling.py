"""What a worker tells meanwhile: logs, progress, heartbeats, and why it can't work."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from itertools import groupby
from operator import itemgetter

import pytest

from tests.unit.worker.server import FakeServer
from trivet.protocol.frames import Kind, encode
from trivet.worker.attempt import MAX_LOG

PRINTERS = """
    import asyncio, logging, os, sys, threading, trivet
    from concurrent.futures import ThreadPoolExecutor

    logging.basicConfig(format="%(levelname)s %(message)s", level="INFO")
    print("at the import")

    @trivet.endpoint
    def speak(words: list[str]) -> None:
        print(words[0])
        sys.stdout.writelines(f"{word}\\n" for word in words[1:])
        print("to stderr", file=sys.stderr)
        logging.info("by logging")
        sys.stdout.buffer.write("as bytes: é\\n".encode())
        sys.stdout.flush()
        print("no newline", end="")

    @trivet.endpoint
    async def aspeak(word: str) -> None:
        for _ in range(3):
            print(word)
            await asyncio.sleep(0)

    @trivet.endpoint
    def much(lines: int) -> str:
        for number in range(lines):
            print("x" * 999)
        return "printed"

    @trivet.endpoint
    def thread() -> None:
        with ThreadPoolExecutor() as pool:
            pool.submit(print, "from a thread").result()
            pool.submit(trivet.progress, 0.7, "from a thread").result()

    @trivet.endpoint
    def slow(pipe: str) -> str:
        print("before the wait")
        return open(pipe).read()

    @trivet.endpoint
    def die(way: str) -> None:
        if way == "stderr":
            sys.stderr.write("last words\\n")
        elif way == "bytes":
            sys.stdout.buffer.write(b"last words\\n")
            sys.stdout.buffer.flush()
        else:
            print("last words", flush=True)
        os._exit(3)

    @trivet.endpoint
    def tell(n: int) -> None:
        for i in range(n):
            trivet.progress(i / n, f"step {i}")
        trivet.progress(2, "done")
"""


def test_what_a_handler_prints_belongs_to_its_job(server: FakeServer) -> None:
    server.start(PRINTERS, "speak")
    for words in (["one", "two"], ["three"]):
        frame = server.call(json.dumps([*words]).encode())
        logs = [(log.meta["stream"], log.body.decode()) for log in server.of(Kind.LOG, frame.attempt)]
        assert [(stream, "".join(text for _, text in of)) for stream, of in groupby(logs, itemgetter(0))] == [
            ("stdout", "".join(f"{word}\n" for word in words)),
            ("stderr", "to stderr\nINFO by logging\n"),
            ("stdout", "as bytes: é\nno newline"),
        ]
    assert server.stdout.read_text() == "at the import\n"


def test_async_jobs_that_take_turns_keep_their_output_apart(server: FakeServer) -> None:
    server.start(PRINTERS, "aspeak", concurrency=2)
    numbers = {server.submit(b'"a"'): "a", server.submit(b'"b"'): "b"}
    for _ in numbers:
        server.expect(Kind.RESULT)
    for number, word in numbers.items():
        assert b"".join(log.body for log in server.of(Kind.LOG, number)).decode() == f"{word}\n" * 3


def test_a_handler_that_prints_megabytes_is_cut_off_and_told_so(server: FakeServer) -> None:
    server.start(PRINTERS, "much")
    frame = server.call(b"3000")
    logs = server.of(Kind.LOG, frame.attempt)
    assert frame.body == b'"printed"'
    assert sum(len(log.body) for log in logs) == MAX_LOG
    assert [log.meta.get("truncated", False) for log in logs] == [False] * (len(logs) - 1) + [True]


@pytest.mark.parametrize("way", ["flushed", "stderr", "bytes"])
def test_the_last_words_of_a_handler_that_ends_its_process_arrive(server: FakeServer, way: str) -> None:
    server.start(PRINTERS, "die")
    number = server.submit(json.dumps(way).encode())
    assert server.expect(Kind.LOG, number=number).body == b"last words\n"


def test_a_thread_of_the_handler_speaks_for_the_job(server: FakeServer) -> None:
    server.start(PRINTERS, "thread")
    frame = server.call()
    assert [log.body for log in server.of(Kind.LOG, frame.attempt)] == [b"from a thread\n"]
    assert [each.meta["fraction"] for each in server.of(Kind.PROGRESS, frame.attempt)] == [0.7]


def test_output_is_sent_while_the_handler_still_runs(server: FakeServer) -> None:
    pipe = server.folder / "pipe"
    os.mkfifo(pipe)
    server.start(PRINTERS, "slow")
    number = server.submit(json.dumps(str(pipe)).encode())
    assert server.expect(Kind.LOG, number=number).body == b"before the wait\n"
    pipe.write_text("")
    assert server.answer(number).kind is Kind.RESULT


def test_of_many_steps_the_first_and_the_last_are_told(server: FakeServer) -> None:
    server.start(PRINTERS, "tell")
    frame = server.call(b"10000")
    told = [(each.meta["fraction"], each.meta["message"]) for each in server.of(Kind.PROGRESS, frame.attempt)]
    assert told[0] == (0.0, "step 0")
    assert told[-1] == (1.0, "done")
    assert len(told) < 1000


def test_heartbeats_name_what_is_held_while_the_handler_is_busy(server: FakeServer) -> None:
    pipe = server.folder / "pipe"
    os.mkfifo(pipe)
    server.start(PRINTERS, "slow", heartbeat=0.05)
    number = server.submit(json.dumps(str(pipe)).encode())
    waiting = server.submit(json.dumps(str(pipe)).encode())
    while server.expect(Kind.HEARTBEAT).meta["attempts"] != [number, waiting]:
        pass
    for each in (number, waiting):
        pipe.write_text("")
        assert server.answer(each).kind is Kind.RESULT
    while server.expect(Kind.HEARTBEAT).meta["attempts"]:
        pass


@pytest.mark.parametrize(
    ("source", "handler", "message"),
    [
        ("import nothing_like_this", "f", "ModuleNotFoundError: No module named 'nothing_like_this'"),
        ("raise SystemExit(3)", "f", "SystemExit: 3"),
        ("def f(:", "f", "SyntaxError"),
        ("def f(): pass", "f", "no endpoint"),
        ("import trivet\n@trivet.endpoint\ndef g(): pass", "f", "no endpoint"),
        (
            "import trivet\n@trivet.endpoint\nclass F:\n  def setup(self): 1 / 0\n  def __call__(self): pass",
            "F",
            "ZeroDivision",
        ),
        (
            "import trivet\n@trivet.endpoint\nclass F:\n  async def setup(self): 1 / 0\n  async def __call__(self): pass",
            "F",
            "ZeroDivision",
        ),
        (
            "import trivet\n@trivet.endpoint\nclass F:\n  def __init__(self, x): pass\n  def __call__(self): pass",
            "F",
            "TypeError",
        ),
    ],
)
def test_a_handler_that_cannot_be_loaded_is_unfit(server: FakeServer, source: str, handler: str, message: str) -> None:
    server.start(source, handler, ready=False)
    unfit = server.expect(Kind.UNFIT)
    assert message in unfit.meta["message"]
    assert unfit.meta["message"].partition(":")[0] in unfit.meta["traceback"]
    assert server.wait() == 70
    assert unfit.meta["message"].partition(":")[0] in server.stderr.read_text()


def test_a_worker_that_is_refused_says_so_and_ends(server: FakeServer) -> None:
    path = str(server.folder / "other.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        listener.settimeout(20)
        environ = dict.fromkeys(("TRIVET_WORKER_ID", "TRIVET_WORKER_TOKEN", "TRIVET_BUNDLE", "TRIVET_HANDLER"), "x:x")
        process = subprocess.Popen(
            [sys.executable, "-I", "-m", "trivet.worker"],
            env={**environ, "TRIVET_LINK": f"unix:{path}"},
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            link, _ = listener.accept()
            with link:
                link.sendall(encode(Kind.REFUSED, 0, {"code": "unauthenticated", "message": "that token is not known"}))
                _, stderr = process.communicate(timeout=20)
        finally:
            if process.poll() is None:
                os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == 77
    assert "that token is not known" in stderr


def test_a_worker_without_its_environment_says_what_is_missing() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-m", "trivet.worker"], env={}, capture_output=True, text=True, timeout=20, check=False
    )
    assert done.returncode == 2
    assert "TRIVET_LINK is not set" in done.stderr
