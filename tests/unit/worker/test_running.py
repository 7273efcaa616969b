"""What becomes of a job in a real worker process: outputs, streams, failures."""

from __future__ import annotations

import json
import os

import pytest

from tests.unit.worker.server import FakeServer
from trivet.protocol.frames import Kind

KINDS = """
    import asyncio, trivet

    @trivet.endpoint
    def plain(name: str, times: int = 1) -> str:
        return " ".join([f"Hello {name}"] * times)

    @trivet.endpoint
    async def later(name: str, times: int = 1) -> str:
        await asyncio.sleep(0)
        return " ".join([f"Hello {name}"] * times)

    @trivet.endpoint
    class Loaded:
        def setup(self):
            self.word = "Hello"

        def __call__(self, name: str, times: int = 1) -> str:
            return " ".join([f"{self.word} {name}"] * times)

    @trivet.endpoint
    class LoadedLater:
        async def setup(self):
            self.word = await asyncio.sleep(0, "Hello")

        async def predict(self, name: str, times: int = 1) -> str:
            return " ".join([f"{self.word} {name}"] * times)
"""


@pytest.mark.parametrize("handler", ["plain", "later", "Loaded", "LoadedLater"])
def test_every_kind_of_handler_answers_an_object_and_a_bare_value(server: FakeServer, handler: str) -> None:
    server.start(KINDS, handler)
    frame = server.call(b'{"name":"Bond","times":2}')
    assert (frame.kind, frame.meta["type"], frame.body) == (Kind.RESULT, "application/json", b'"Hello Bond Hello Bond"')
    assert server.call(b'"Bond"').body == b'"Hello Bond"'


def test_a_plain_handler_may_run_in_several_threads(server: FakeServer) -> None:
    source = """
        import threading, trivet
        both = threading.Barrier(2, timeout=20)

        @trivet.endpoint(concurrency=2)
        def meet(name: str) -> str:
            both.wait()
            return name
    """
    server.start(source, "meet", concurrency=2)
    numbers = [server.submit(b'"a"'), server.submit(b'"b"')]
    bodies = {frame.attempt: frame.body for frame in (server.expect(Kind.RESULT), server.expect(Kind.RESULT))}
    assert bodies == dict(zip(numbers, (b'"a"', b'"b"'), strict=True))


def test_two_async_jobs_run_at_the_same_time(server: FakeServer) -> None:
    source = """
        import asyncio, trivet
        waiting = []

        @trivet.endpoint(concurrency=2)
        async def meet(name: str) -> str:
            if waiting:
                waiting.pop().set_result(name)
                return "second"
            waiting.append(asyncio.get_running_loop().create_future())
            return await waiting[0]
    """
    server.start(source, "meet", concurrency=2)
    first, second = server.submit(b'"a"'), server.submit(b'"b"')
    answers = {frame.attempt: frame.body for frame in (server.expect(Kind.RESULT), server.expect(Kind.RESULT))}
    assert answers == {first: b'"b"', second: b'"second"'}


def test_an_async_worker_runs_no_more_jobs_at_a_time_than_it_may(server: FakeServer) -> None:
    source = """
        import asyncio, trivet
        running = 0

        @trivet.endpoint
        async def alone() -> int:
            global running
            running += 1
            most = running
            for _ in range(5):
                await asyncio.sleep(0)
                most = max(most, running)
            running -= 1
            return most
    """
    server.start(source, "alone", concurrency=2)
    numbers = [server.submit() for _ in range(6)]
    assert {server.answer(number).body for number in numbers} <= {b"1", b"2"}


GENERATORS = """
    import trivet

    @trivet.endpoint
    def count(n: int):
        for i in range(n):
            yield {"i": i}

    @trivet.endpoint
    async def acount(n: int):
        for i in range(n):
            yield {"i": i}

    @trivet.endpoint
    def indirect(n: int):
        return iter([{"i": i} for i in range(n)])
"""


@pytest.mark.parametrize("handler", ["count", "acount", "indirect"])
def test_a_generator_sends_its_pieces_and_then_their_list(server: FakeServer, handler: str) -> None:
    server.start(GENERATORS, handler)
    frame = server.call(b"3")
    assert [piece.body for piece in server.of(Kind.PIECE, frame.attempt)] == [b'{"i":0}', b'{"i":1}', b'{"i":2}']
    assert frame.meta["pieces"] == 3
    assert json.loads(frame.body) == [{"i": 0}, {"i": 1}, {"i": 2}]
    assert server.call(b"0").body == b"[]"


def test_a_stream_too_large_to_repeat_ends_with_an_empty_body(server: FakeServer) -> None:
    source = """
        import trivet

        @trivet.endpoint
        def large():
            for _ in range(10):
                yield "x" * 1_000_000
    """
    server.start(source, "large")
    frame = server.call()
    assert (frame.kind, frame.body, frame.meta["pieces"], frame.meta["truncated"]) == (Kind.RESULT, b"", 10, True)
    assert len(server.of(Kind.PIECE, frame.attempt)) == 10


def test_a_piece_leaves_before_the_next_one_is_made(server: FakeServer) -> None:
    source = """
        import os, trivet

        @trivet.endpoint
        def steps(pipe: str):
            yield "first"
            with open(pipe) as waiting:
                yield waiting.read()
    """
    pipe = server.folder / "pipe"
    os.mkfifo(pipe)
    server.start(source, "steps")
    number = server.submit(json.dumps(str(pipe)).encode())
    assert server.expect(Kind.PIECE, number=number).body == b'"first"'
    pipe.write_text("second")
    assert server.expect(Kind.PIECE, number=number).body == b'"second"'
    assert server.answer(number).meta["pieces"] == 2


def test_bytes_go_in_and_out_as_they_are(server: FakeServer) -> None:
    source = """
        import trivet

        @trivet.endpoint
        def mirror(data: trivet.Blob) -> trivet.Blob:
            return trivet.Blob(data.data[::-1], data.content_type)
    """
    server.start(source, "mirror")
    frame = server.call(b"\x00\x01\xff", "image/png")
    assert (frame.meta["type"], frame.body) == ("image/png", b"\xff\x01\x00")


FAILURES = """
    import sys, trivet

    class Odd(Exception):
        def __str__(self):
            raise RuntimeError("no words")

    def deep(n):
        if n:
            return deep(n - 1)
        raise ValueError("that went wrong")

    @trivet.endpoint
    def fail(how: str):
        if how == "raise":
            deep(2)
        if how == "exit":
            sys.exit(3)
        if how == "memory":
            raise MemoryError
        if how == "object":
            return {"things": [1, object()]}
        if how == "nan":
            return [float("nan")]
        if how == "large":
            return "x" * 2_000_000
        if how == "odd":
            raise Odd
        if how == "quit":
            raise KeyboardInterrupt
        if how == "group":
            raise ExceptionGroup("both", [ValueError("a"), TypeError("b")])
        return "fine"
"""


@pytest.mark.parametrize(
    ("how", "code", "words"),
    [
        ("raise", "handler_error", "that went wrong"),
        ("exit", "handler_exited", "exit status 3"),
        ("memory", "out_of_memory", "memory"),
        ("object", "unserializable_output", "/things/1"),
        ("nan", "unserializable_output", "/0 is nan"),
        ("large", "output_too_large", "1,048,576"),
        ("odd", "handler_error", "RuntimeError"),
        ("quit", "handler_error", "KeyboardInterrupt"),
        ("group", "handler_error", "both"),
    ],
)
def test_a_handler_that_fails_says_why_and_the_worker_goes_on(
    server: FakeServer, how: str, code: str, words: str
) -> None:
    server.start(FAILURES, "fail")
    frame = server.call(json.dumps(how).encode())
    assert (frame.kind, frame.meta["code"]) == (Kind.ERROR, code)
    assert words in frame.meta["message"]
    assert server.call(b'"nothing"').body == b'"fine"'


def test_a_traceback_shows_the_authors_frames_and_no_others(server: FakeServer) -> None:
    server.start(FAILURES, "fail")
    meta = server.call(b'"raise"').meta
    assert meta["type"] == "ValueError"
    assert 'File "main.py"' in meta["traceback"]
    assert "deep(n - 1)" in meta["traceback"]
    assert "trivet/" not in meta["traceback"]
    assert str(server.folder) not in meta["traceback"]


@pytest.mark.parametrize("body", [b'{"nobody":1}', b"5", b"{", b"[NaN]", b"\xff", b"[" * 100_000])
def test_an_input_that_does_not_fit_is_refused_with_the_reason(server: FakeServer, body: bytes) -> None:
    server.start(FAILURES, "fail")
    meta = server.call(body).meta
    assert meta["code"] == "invalid_input"
    assert server.call(b'"nothing"').body == b'"fine"'


def test_a_fork_in_a_handler_is_no_second_worker(server: FakeServer) -> None:
    source = """
        import os, trivet

        @trivet.endpoint
        def fork(how: str) -> str:
            child = os.fork()
            if child == 0:
                print("from the child")
                if how == "exit":
                    os._exit(0)
                return "the child's"
            os.waitpid(child, 0)
            print("from the parent")
            return "the parent's"
    """
    server.start(source, "fork")
    for how in (b'"return"', b'"exit"', b'"return"'):
        frame = server.call(how)
        assert frame.body == b'"the parent\'s"'
        assert [log.body for log in server.of(Kind.LOG, frame.attempt)] == [b"from the parent\n"]


def test_the_authors_code_never_sees_the_workers_token(server: FakeServer) -> None:
    source = """
        import os, trivet

        @trivet.endpoint
        def look() -> list[str]:
            return [value for value in os.environ.values()]
    """
    server.start(source, "look")
    assert "secret-of-the-worker" not in json.loads(server.call().body)


def test_context_variables_of_one_job_do_not_reach_the_next(server: FakeServer) -> None:
    source = """
        import contextvars, trivet
        seen = contextvars.ContextVar("seen", default=0)

        @trivet.endpoint
        def add() -> int:
            seen.set(seen.get() + 1)
            return seen.get()
    """
    server.start(source, "add")
    assert [server.call().body for _ in range(3)] == [b"1", b"1", b"1"]


def test_a_handler_that_asks_for_more_memory_than_its_limit_fails_alone(server: FakeServer) -> None:
    source = """
        import trivet

        @trivet.endpoint
        def hold(mebibytes: int) -> int:
            return len(bytearray(mebibytes << 20))
    """
    limit = {"TRIVET_MEMORY_LIMIT": str(1 << 30), "TRIVET_MEMORY_ENFORCE": "rlimit"}
    server.start(source, "hold", environ=limit)
    assert server.call(b"2048").meta["code"] == "out_of_memory"
    assert server.call(b"1").body == b"1048576"
