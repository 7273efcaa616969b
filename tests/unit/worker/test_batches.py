"""Handlers that take batches, in a real worker process: how batches form, and what becomes of each job in them."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator

import pytest

from tests.unit.worker.server import FakeServer
from trivet.protocol.frames import Decoder, Frame, Kind
from trivet.worker.attempt import Attempt
from trivet.worker.batches import Batch
from trivet.worker.intake import Intake
from trivet.worker.link import Link

KINDS = """
    import trivet

    @trivet.endpoint(max_batch_size=4, batch_wait=30)
    def plain(texts: list[str]) -> list[str]:
        return [f"{text} of {len(texts)}" for text in texts]

    @trivet.endpoint(max_batch_size=4, batch_wait=30)
    async def later(texts: list[str]) -> list[str]:
        return [f"{text} of {len(texts)}" for text in texts]

    @trivet.endpoint(max_batch_size=4, batch_wait=30)
    class Loaded:
        def setup(self):
            self.word = "of"

        def predict(self, texts: list[str]) -> list[str]:
            return [f"{text} {self.word} {len(texts)}" for text in texts]
"""
MODES = [("plain", 1), ("plain", 2), ("later", 1), ("Loaded", 1)]


def answers(server: FakeServer, numbers: list[int]) -> list[Frame]:
    """The final frames of these attempts, which may come in any order."""
    final = {Kind.RESULT, Kind.ERROR, Kind.STOPPED, Kind.RETURNED}
    found = {frame.attempt: frame for frame in server.seen if frame.kind in final}
    while not found.keys() >= set(numbers):
        frame = server.expect(*final)
        found[frame.attempt] = frame
    return [found[number] for number in numbers]


@pytest.mark.parametrize(("handler", "concurrency"), MODES)
def test_a_full_batch_does_not_wait(server: FakeServer, handler: str, concurrency: int) -> None:
    server.start(KINDS, handler, concurrency=concurrency)
    numbers = [server.submit(json.dumps(letter).encode()) for letter in "abcd"]
    assert [frame.body for frame in answers(server, numbers)] == [b'"a of 4"', b'"b of 4"', b'"c of 4"', b'"d of 4"']


@pytest.mark.parametrize(("handler", "concurrency"), MODES)
def test_a_batch_that_does_not_fill_goes_when_its_first_has_waited(
    server: FakeServer, handler: str, concurrency: int
) -> None:
    server.start(KINDS.replace("batch_wait=30", "batch_wait=0.05"), handler, concurrency=concurrency)
    assert server.call(b'"a"').body == b'"a of 1"'
    assert server.call(b'"b"').body == b'"b of 1"'


@pytest.mark.parametrize(("handler", "concurrency"), MODES)
def test_what_waits_for_company_can_be_handed_back(server: FakeServer, handler: str, concurrency: int) -> None:
    server.start(KINDS, handler, concurrency=concurrency)
    numbers = [server.submit(b'"a"'), server.submit(b'"b"')]
    server.say(Kind.DRAIN)
    assert {frame.kind for frame in answers(server, numbers)} == {Kind.RETURNED}
    server.expect(Kind.BYE)
    assert server.wait() == 0


def test_a_cancel_of_what_waits_for_company_takes_at_once(server: FakeServer) -> None:
    server.start(KINDS, "plain")
    number = server.submit(b'"a"')
    server.cancel(number)
    assert server.answer(number).kind is Kind.STOPPED
    numbers = [server.submit(json.dumps(letter).encode()) for letter in "bcde"]
    assert answers(server, numbers)[0].body == b'"b of 4"'


EACH = """
    import trivet
    from dataclasses import dataclass

    @dataclass
    class Word:
        text: str

        def __post_init__(self):
            if self.text == "refused":
                raise ValueError("that word is refused")

    @trivet.endpoint(max_batch_size=4, batch_wait=30)
    def each(words: list[Word]) -> list[str | Exception]:
        return [KeyError("no such word") if word.text == "unknown" else outcome(word.text, len(words)) for word in words]

    @trivet.endpoint(max_batch_size=4, batch_wait=30)
    async def aeach(words: list[Word]) -> list[str | Exception]:
        return each(words)

    def outcome(text, count):
        if text == "odd":
            return object()
        return "x" * 2_000_000 if text == "long" else f"{text} of {count}"
"""


@pytest.mark.parametrize("handler", ["each", "aeach"])
def test_each_job_of_a_batch_has_an_outcome_of_its_own(server: FakeServer, handler: str) -> None:
    server.start(EACH, handler)
    bad = [server.submit(b'{"text":"refused"}'), server.submit(b"5")]
    good = [server.submit(json.dumps({"text": text}).encode()) for text in ("fine", "unknown")]
    refused, unfit, fine, unknown = answers(server, bad + good)
    assert (refused.kind, refused.meta["code"]) == (Kind.ERROR, "invalid_input")
    assert "that word is refused" in refused.meta["message"]
    assert unfit.meta["code"] == "invalid_input"
    assert (fine.kind, fine.body) == (Kind.RESULT, b'"fine of 2"')
    assert (unknown.kind, unknown.meta["code"], unknown.meta["type"]) == (Kind.ERROR, "handler_error", "KeyError")
    assert "no such word" in unknown.meta["message"]


def test_an_output_without_a_form_or_beyond_the_limit_fails_alone(server: FakeServer) -> None:
    server.start(EACH, "each")
    numbers = [server.submit(json.dumps({"text": text}).encode()) for text in ("odd", "long", "fine", "good")]
    odd, long, fine, good = answers(server, numbers)
    assert (odd.meta["code"], long.meta["code"]) == ("unserializable_output", "output_too_large")
    assert (fine.body, good.body) == (b'"fine of 4"', b'"good of 4"')


def test_a_batch_without_a_single_fitting_input_calls_nobody(server: FakeServer) -> None:
    server.start(EACH, "each")
    numbers = [server.submit(b"1") for _ in range(4)]
    assert {frame.meta["code"] for frame in answers(server, numbers)} == {"invalid_input"}
    numbers = [server.submit(b'{"text":"fine"}') for _ in range(4)]
    assert answers(server, numbers)[3].body == b'"fine of 4"'


WRONG = """
    import trivet

    def wrong(how):
        if how == "raise":
            raise ValueError("that went wrong")
        if how == "exit":
            raise SystemExit(3)
        return {"short": ["one"], "dict": {"a": 1, "b": 2}, "text": "ab", "none": None, "numbers": (1, 2)}[how]

    @trivet.endpoint(max_batch_size=2, batch_wait=30)
    def plain(hows: list[str]):
        return wrong(hows[0])

    @trivet.endpoint(max_batch_size=2, batch_wait=30)
    async def later(hows: list[str]):
        return wrong(hows[0])
"""


@pytest.mark.parametrize(("handler", "concurrency"), [("plain", 1), ("plain", 2), ("later", 1)])
@pytest.mark.parametrize(
    ("how", "code", "said"),
    [
        ("raise", "handler_error", "that went wrong"),
        ("exit", "handler_exited", "status 3"),
        ("short", "batch_mismatch", "a batch of 2 inputs, and it returned a list of 1"),
        ("dict", "batch_mismatch", "of the type dict"),
        ("text", "batch_mismatch", "of the type str"),
        ("none", "batch_mismatch", "of the type NoneType"),
    ],
)
def test_what_goes_wrong_with_the_batch_goes_wrong_for_all(
    server: FakeServer, handler: str, concurrency: int, how: str, code: str, said: str
) -> None:
    server.start(WRONG, handler, concurrency=concurrency)
    numbers = [server.submit(json.dumps(how).encode()) for _ in range(2)]
    for frame in answers(server, numbers):
        assert (frame.kind, frame.meta["code"], frame.meta["token"]) == (Kind.ERROR, code, f"t{frame.attempt}")
        assert said in frame.meta["message"]
    numbers = [server.submit(b'"numbers"') for _ in range(2)]
    assert [frame.body for frame in answers(server, numbers)] == [b"1", b"2"]


SLOW = """
    import asyncio, time, trivet

    @trivet.endpoint(max_batch_size=2, batch_wait=30)
    def plain(pipes: list[str]) -> list[str]:
        trivet.progress(0.5, "reading")
        try:
            print("reading", flush=True)
            if pipes[0] == "wait":
                for _ in range(3000):
                    time.sleep(0.01)
            with open(pipes[0]) as waiting:
                return [waiting.read()] * len(pipes)
        finally:
            print("given up", flush=True)

    @trivet.endpoint(max_batch_size=2, batch_wait=30)
    async def later(pipes: list[str]) -> list[str]:
        trivet.progress(0.5, "reading")
        try:
            print("reading", flush=True)
            if pipes[0] == "wait":
                await asyncio.sleep(30)
            return [await asyncio.to_thread(lambda: open(pipes[0]).read())] * len(pipes)
        finally:
            print("given up", flush=True)
"""
SLOW_MODES = [("plain", 1), ("plain", 2), ("later", 1)]


@pytest.mark.parametrize(("handler", "concurrency"), SLOW_MODES)
def test_what_a_batch_prints_and_reports_goes_to_each_of_its_jobs(
    server: FakeServer, handler: str, concurrency: int
) -> None:
    pipe = server.folder / "pipe"
    os.mkfifo(pipe)
    server.start(SLOW, handler, concurrency=concurrency)
    numbers = [server.submit(json.dumps(str(pipe)).encode()) for _ in range(2)]
    for _ in numbers:
        server.expect(Kind.LOG)
    for number in numbers:
        (progress,) = server.of(Kind.PROGRESS, number)
        assert (progress.meta["fraction"], progress.meta["token"]) == (0.5, f"t{number}")
        assert b"".join(frame.body for frame in server.of(Kind.LOG, number)) == b"reading\n"
    pipe.write_text("word")
    assert [frame.body for frame in answers(server, numbers)] == [b'"word"', b'"word"']


@pytest.mark.parametrize(("handler", "concurrency"), SLOW_MODES)
def test_one_that_is_cancelled_in_a_running_batch_is_let_go_and_the_others_go_on(
    server: FakeServer, handler: str, concurrency: int
) -> None:
    pipe = server.folder / "pipe"
    os.mkfifo(pipe)
    server.start(SLOW, handler, concurrency=concurrency)
    first, second = (server.submit(json.dumps(str(pipe)).encode()) for _ in range(2))
    server.expect(Kind.LOG, number=second)
    server.cancel(second)
    stopped = server.answer(second)
    assert (stopped.kind, stopped.meta["reason"]) == (Kind.STOPPED, "cancelled")
    pipe.write_text("word")
    assert server.answer(first).body == b'"word"'
    assert len([frame for frame in server.seen if frame.attempt == second and frame.kind is Kind.RESULT]) == 0


@pytest.mark.parametrize(("handler", "concurrency"), SLOW_MODES)
def test_a_batch_that_nobody_waits_for_any_more_is_interrupted(
    server: FakeServer, handler: str, concurrency: int
) -> None:
    server.start(SLOW, handler, concurrency=concurrency)
    first, second = (server.submit(b'"wait"') for _ in range(2))
    server.expect(Kind.LOG, number=second)
    server.cancel(first)
    assert server.answer(first).kind is Kind.STOPPED
    server.cancel(second, "timed_out")
    stopped = server.answer(second)
    assert (stopped.kind, stopped.meta["reason"]) == (Kind.STOPPED, "timed_out")
    assert b"given up\n" in [frame.body for frame in server.of(Kind.LOG, second)]


@pytest.mark.parametrize(("handler", "concurrency"), SLOW_MODES)
def test_a_worker_that_drains_finishes_its_batch(server: FakeServer, handler: str, concurrency: int) -> None:
    pipe = server.folder / "pipe"
    os.mkfifo(pipe)
    server.start(SLOW, handler, concurrency=concurrency)
    numbers = [server.submit(json.dumps(str(pipe)).encode()) for _ in range(2)]
    server.expect(Kind.LOG)
    server.say(Kind.DRAIN)
    pipe.write_text("word")
    assert [frame.body for frame in answers(server, numbers)] == [b'"word"', b'"word"']
    server.expect(Kind.BYE)
    assert server.wait() == 0


def test_two_batches_run_at_a_time_where_the_author_says_so(server: FakeServer) -> None:
    source = """
        import threading, trivet
        both = threading.Barrier(2, timeout=20)

        @trivet.endpoint(max_batch_size=3, batch_wait=30, concurrency=2)
        def meet(names: list[str]) -> list[int]:
            both.wait()
            return [len(names)] * len(names)
    """
    server.start(source, "meet", concurrency=2)
    numbers = [server.submit(b'"a"') for _ in range(6)]
    assert [frame.body for frame in answers(server, numbers)] == [b"3"] * 6


def test_more_than_a_batch_holds_goes_into_the_next(server: FakeServer) -> None:
    server.start(KINDS, "plain")
    numbers = [server.submit(b'"a"') for _ in range(12)]
    assert [frame.body for frame in answers(server, numbers)] == [b'"a of 4"'] * 12


def test_a_job_that_is_tried_again_is_worked_on_alone_and_at_once(server: FakeServer) -> None:
    server.start(KINDS, "plain")
    assert server.answer(server.submit(b'"a"', attempt=2)).body == b'"a of 1"'
    numbers = [server.submit(b'"b"'), server.submit(b'"c"', attempt=2), *(server.submit(b'"d"') for _ in range(4))]
    assert [frame.body for frame in answers(server, numbers)] == [b'"b of 1"', b'"c of 1"'] + [b'"d of 4"'] * 4


@pytest.mark.parametrize(("handler", "concurrency"), SLOW_MODES)
def test_a_lost_link_ends_a_batch_and_its_worker(server: FakeServer, handler: str, concurrency: int) -> None:
    server.start(SLOW, handler, concurrency=concurrency)
    for _ in range(2):
        server.submit(b'"wait"')
    server.expect(Kind.LOG)
    server.hang_up()
    assert server.wait() == 75


# -- a batch by itself --------------------------------------------------------------------------------------------------


@pytest.fixture
def ends() -> Iterator[tuple[Intake, socket.socket]]:
    ours, theirs = socket.socketpair()
    theirs.settimeout(10)
    yield Intake(Link(ours, {})), theirs
    ours.close()
    theirs.close()


def taken(intake: Intake, count: int) -> list[Attempt]:
    """Attempts as they come out of the intake."""
    intake.take(Frame(Kind.JOB, number, {"token": f"t{number}"}, b"") for number in range(1, count + 1))
    attempts = [intake.next() for _ in range(count)]
    return [attempt for attempt in attempts if attempt is not None]


def told(theirs: socket.socket, count: int) -> list[tuple[Kind, int]]:
    decoder, frames = Decoder(), list[Frame]()
    while len(frames) < count:
        frames += decoder.feed(theirs.recv(1 << 20))
    return [(frame.kind, frame.attempt) for frame in frames]


def test_a_stop_that_came_while_the_batch_was_formed_is_not_missed(ends: tuple[Intake, socket.socket]) -> None:
    intake, theirs = ends
    first, second = taken(intake, 2)
    first.reason = "cancelled"
    batch = Batch([first, second], intake)
    assert (batch.reason, batch.open) == (None, [second])
    assert told(theirs, 1) == [(Kind.STOPPED, 1)]
    assert list(intake.held) == [2]


def test_a_batch_whose_jobs_are_all_to_stop_is_to_stop_itself(ends: tuple[Intake, socket.socket]) -> None:
    intake, _ = ends
    attempts = taken(intake, 2)
    for attempt in attempts:
        attempt.reason = "timed_out"
    batch = Batch(attempts, intake)
    assert (batch.reason, batch.open) == ("timed_out", attempts)


def test_each_job_of_a_batch_is_answered_once(ends: tuple[Intake, socket.socket]) -> None:
    intake, theirs = ends
    first, second = taken(intake, 2)
    batch = Batch([first, second], intake)
    first.reason = "cancelled"
    assert not batch.release(first)
    assert not batch.release(first)
    batch.answer([(each, (Kind.RESULT, {}, b"1")) for each in (first, second)])
    assert told(theirs, 2) == [(Kind.STOPPED, 1), (Kind.RESULT, 2)]
    second.reason = "cancelled"
    assert not batch.release(second)
    assert not intake.held


def test_a_stop_on_a_lost_link_is_told_nobody_and_raises_nothing(ends: tuple[Intake, socket.socket]) -> None:
    intake, theirs = ends
    attempts = taken(intake, 2)
    batch = Batch(attempts, intake)
    theirs.close()
    attempts[0].reason = "link_lost"
    assert not batch.release(attempts[0])
    attempts[1].reason = "link_lost"
    assert batch.release(attempts[1])


def test_large_answers_do_not_pile_up_before_they_are_written(ends: tuple[Intake, socket.socket]) -> None:
    intake, theirs = ends
    attempts = taken(intake, 5)
    batch = Batch(attempts, intake)
    received: list[tuple[Kind, int]] = []
    reader = threading.Thread(target=lambda: received.extend(told(theirs, 5)))
    reader.start()
    batch.answer([(each, (Kind.RESULT, {}, b"x" * 700_000)) for each in attempts])
    reader.join(10)
    assert received == [(Kind.RESULT, number) for number in range(1, 6)]
