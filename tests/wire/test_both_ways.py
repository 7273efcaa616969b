"""The front and uvicorn's own protocol answer every request alike, byte for byte but for dates, ids and durations."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

import pytest

from tests.wire.fakes import MAX_INPUT, Worker, World
from tests.wire.test_over_http import Connect, over_http, request
from trivet.platform.core.jobs import JobError
from trivet.platform.ports.runtime import AttemptOrder
from trivet.platform.wire.hot import Head, HotPath

RUN = "/endpoints/admin/hello/run"
JSON = "Content-Type: application/json"
VARYING = [
    (rb"job_[0-9a-f]{28}", b"JOB"),
    (rb"(?m)^date: .*\r$", b"date: DATE\r"),
    (rb"(?m)^(trivet-duration|trivet-queued): [0-9.]+\r$", rb"\1: N\r"),
    (rb"incident [0-9a-f]{8}|under [0-9a-f]{8}", b"NUMBER"),
]


class Case(NamedTuple):
    """What is sent, in pieces, and how many answers come. ``hot``: how many of the requests the front answers itself."""

    pieces: list[bytes]
    answers: int = 1
    hot: int = 0


class Answered(NamedTuple):
    """The answers to a case, what varies left out; whether the connection is closed after them; how many were hot."""

    answers: list[bytes]
    closed: bool
    hot: int


def answered(way: str) -> dict[str, Answered]:
    """What comes of every case, each on a connection of its own."""
    world = made_world()
    counting = Counting(world)
    found: dict[str, Answered] = {}

    async def scenario(connect: Connect) -> None:
        for name, case in CASES.items():
            before = counting.answered
            reader, writer = await connect()
            for piece in case.pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.002)
            answers = [await one_answer(reader) for _ in range(case.answers)]
            closed = True
            with contextlib.suppress(TimeoutError):
                closed = await asyncio.wait_for(reader.read(1), 0.01) == b""
            found[name] = Answered(answers, closed and reader.at_eof(), counting.answered - before)

    over_http(world, scenario, way)
    return found


@pytest.fixture(scope="module")
def both_ways() -> tuple[dict[str, Answered], dict[str, Answered]]:
    return answered("front"), answered("uvicorn")


class Counting:
    """Counts the requests that take a hot path to its end."""

    def __init__(self, world: World) -> None:
        self.answered = 0
        self._routes = world.client.app.hot_routes
        world.client.app.hot_routes = self.find

    def find(self, head: Head) -> HotPath | None:
        path = self._routes(head)
        if path is None:
            return None
        found = path

        def counted(body: bytes, exchange: Any) -> None:
            found(body, exchange)
            self.answered += 1

        return counted


async def one_answer(reader: asyncio.StreamReader) -> bytes:
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    length = re.search(rb"(?mi)^content-length: (\d+)", head)
    if re.search(rb"(?mi)^transfer-encoding: chunked", head):
        body = await asyncio.wait_for(reader.readuntil(b"0\r\n\r\n"), 5)
    elif b"trivet-test-head" in head or length is None:
        body = b""
    else:
        body = await asyncio.wait_for(reader.readexactly(int(length[1])), 5)
    whole = head + body
    for pattern, text in VARYING:
        whole = re.sub(pattern, text, whole)
    return re.sub(rb"(?mi)^content-length: \d+", b"content-length: N", whole) if b"NUMBER" in whole else whole


def made_world() -> World:
    """A world whose jobs have done some things already; the same each time."""
    world = World()
    world.offer()
    world.offer("admin/idle", slots=0)
    world.offer("admin/strict", schema={"type": "object", "required": ["name"]})
    world.ask("POST", RUN, body=b'"first"')
    wanted = {"label": "limited", "rate": "2/min", "concurrent": 5}
    world.limited = world.ask("POST", "/keys", json_body=wanted).json["key"]  # type: ignore[attr-defined]  # ours alone
    world.handler = handler
    return world


def handler(worker: Worker, order: AttemptOrder) -> None:
    """Does what the input says."""
    if order.body == b'"fail"':
        worker.world.dispatcher.attempts.fail(
            worker.ref(order), JobError("handler_error", "no", "ValueError", hint="Mend it.")
        )
    elif order.body == b'"picture"':
        worker.give(order, b"\x89PNG\r\n\r\n", "image/png")
    elif order.body == b'"odd type"':
        worker.give(order, b"1", "text/html\r\nset-cookie: a=b")
    elif order.body == b'"large"':
        worker.give(order, b'"' + b"x" * 300_000 + b'"')
    elif order.body == b'"nothing"':
        worker.give(order, b"")
    else:
        worker.give(order, order.body, order.content_type)


WORLD = made_world()
"""Its key is the key of each world: they are made alike."""


def call(*headers: str, body: bytes = b"1", path: str = RUN, method: str = "POST") -> bytes:
    return request(WORLD, method, path, *headers, body=body)


def known_job() -> str:
    return str(WORLD.ask("GET", "/jobs").json["items"][0]["id"])


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    edges = [0, *places, len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


PLAIN = call(JSON, body=b'{"a": [1, 2.50]}')
JOB = known_job()
LIMITED = PLAIN.replace(str(WORLD.admin_token).encode(), WORLD.limited.encode())  # type: ignore[attr-defined]  # as above

CASES: dict[str, Case] = {
    "run": Case([PLAIN], hot=1),
    "run without a body": Case([call(body=b"")], hot=1),
    "run with an empty body and a length": Case([call("Content-Length: 0", body=b"")], hot=1),
    "run with text": Case([call("Content-Type: text/plain", body="grüß".encode())], hot=1),
    "run with bytes": Case([call("Content-Type: image/png", body=bytes(range(256)))], hot=1),
    "run by id and version": Case([call(path="/endpoints/admin/hello@1.0.0/run?timeout=5&ttl=60")], hot=1),
    "run that fails": Case([call(body=b'"fail"')], hot=1),
    "run that gives a picture": Case([call(body=b'"picture"')], hot=1),
    "run that gives an odd content type": Case([call(body=b'"odd type"')], hot=1),
    "run that gives much": Case([call(body=b'"large"')], hot=1),
    "run that gives nothing": Case([call(body=b'"nothing"')], hot=1),
    "run that does not wait": Case([call(path="/endpoints/admin/idle/run?wait=0")], hot=1),
    "run that waits a moment": Case([call(path="/endpoints/admin/idle/run?wait=0.02")], hot=1),
    "run with a key of its own": Case([call("Idempotency-Key: once")] * 2, answers=2, hot=2),
    "run with an idempotency key that can't be": Case([call("Idempotency-Key: a b")], hot=1),
    "run with a percent in its path": Case([call(path="/endpoints/%61dmin/hello/run")], hot=1),
    "run with a slash behind": Case([call(path=f"{RUN}/")], hot=1),
    "run with a slash hidden": Case([call(path="/endpoints/admin%2fhello/run")]),
    "run with unsound JSON": Case([call(JSON, body=b"{")], hot=1),
    "run with deep JSON": Case([call(JSON, body=b"[" * 101 + b"]" * 101)], hot=1),
    "run that misses the schema": Case([call(JSON, body=b"{}", path="/endpoints/admin/strict/run")], hot=1),
    "run of nobody's": Case([call(path="/endpoints/admin/nobody/run")], hot=1),
    "run of an unknown version": Case([call(path=f"{RUN}?version=9")], hot=1),
    "run with a query that can't be": Case([call(path=f"{RUN}?wait=soon")]),
    "run with a timeout that can't be": Case([call(path=f"{RUN}?timeout=0")], hot=1),
    "run with a form": Case([call("Content-Type: application/x-www-form-urlencoded")]),
    "run with a wrong key": Case([PLAIN.replace(b"Bearer ", b"Bearer x")]),
    "run with another's secret": Case([PLAIN.replace(b"\r\nContent-Type", b"x\r\nContent-Type")]),
    "run without a key": Case([PLAIN.replace(b"Authorization", b"X-Authorization")]),
    "run with two keys": Case([call(f"Authorization: Bearer {WORLD.admin_token}")]),
    "run with basic authorization": Case([PLAIN.replace(b"Bearer ", b"Simple ")], hot=1),
    "run with a body over the limit": Case([call(f"Content-Length: {MAX_INPUT + 1}", body=b"")]),
    "run with a large body": Case([call(JSON, body=b'"' + b"x" * 100_000 + b'"')]),
    "run, chunked": Case([call("Transfer-Encoding: chunked", body=b"") + b"2\r\n[1\r\n1\r\n]\r\n0\r\n\r\n"]),
    "run that expects to be told to go on": Case(
        [call("Expect: 100-continue", "Content-Length: 1", body=b""), b"1"], answers=2
    ),
    "run on a connection that ends": Case([call("Connection: close")]),
    "run on a connection that stays": Case([call("Connection: keep-alive")], hot=1),
    "run in HTTP/1.0": Case([PLAIN.replace(b"HTTP/1.1", b"HTTP/1.0")]),
    "run that would upgrade": Case([call("Connection: Upgrade", "Upgrade: h2c")]),
    "run with an absolute URL": Case([PLAIN.replace(b"POST /", b"POST http://trivet/")], hot=1),
    "run with two lengths": Case([call("Content-Length: 1", "Content-Length: 1", body=b"")[:-4] + b"\r\n\r\n1"]),
    "run with a length that is none": Case([call("Content-Length: 1x", body=b"") + b"1"]),
    "run with bare line feeds": Case([PLAIN.replace(b"\r\n", b"\n")]),
    "run with a length and line feeds that hide another": Case(
        [b"POST / HTTP/1.1\nContent-Length: 60\n\n" + PLAIN], answers=1
    ),
    "run with a header that goes on": Case([call("X-Long: a\r\n b")]),
    "run with a header that is none": Case([call("X Long: a")]),
    "run with an empty line before": Case([b"\r\n" + PLAIN], hot=1),
    "no HTTP at all": Case([b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 nothing\r\n\r\n"]),
    "run with a key that was not used before": Case([LIMITED]),
    "run with a key that may not call often": Case([LIMITED * 2], answers=2, hot=2),
    "submit": Case([call(path="/endpoints/admin/hello/submit")], hot=1),
    "submit with unsound JSON": Case([call(JSON, body=b"[", path="/endpoints/admin/hello/submit")], hot=1),
    "stream": Case([call(path="/endpoints/admin/hello/stream")]),
    "a job": Case([call(path=f"/jobs/{JOB}", method="GET", body=b"")], hot=1),
    "a job's result": Case([call(path=f"/jobs/{JOB}/result?wait=1", method="GET", body=b"")], hot=1),
    "a job that is none": Case([call(path="/jobs/job_x", method="GET", body=b"")], hot=1),
    "a job's result that is none": Case([call(path="/jobs/job_x/result", method="GET", body=b"")], hot=1),
    "a job with a query that it has not": Case([call(path=f"/jobs/{JOB}?wait=1&x=2", method="GET", body=b"")]),
    "a method that is not known here": Case([call(path=f"/jobs/{JOB}", method="DELETE", body=b"")]),
    "another path": Case([call(path="/endpoints/admin/hello", method="GET", body=b"")]),
    "no such path": Case([call(path="/nowhere", method="GET", body=b"")]),
    "calls in a row, sent at once": Case([PLAIN * 5], answers=5, hot=5),
    "calls of many kinds, sent at once": Case(
        [PLAIN + call(path=f"/jobs/{JOB}", method="GET", body=b"") + call(JSON, body=b"{") + PLAIN],
        answers=4,
        hot=4,
    ),
    "a call behind another path, sent at once": Case(
        [PLAIN + call(path="/endpoints", method="GET", body=b"") + PLAIN], answers=3, hot=1
    ),
    "a call and the beginning of the next": Case(cut(PLAIN * 2, [len(PLAIN) + 40]), answers=2, hot=1),
    "a call behind another path, sent after its answer": Case(
        [call(path="/endpoints", method="GET", body=b""), b"", b"", b"", PLAIN], answers=2, hot=1
    ),
    "head and body in two pieces": Case(cut(PLAIN, [PLAIN.index(b"\r\n\r\n") + 4]), hot=1),
    "a body in three pieces": Case(cut(PLAIN, [len(PLAIN) - 9, len(PLAIN) - 3]), hot=1),
    "a head in two pieces": Case(cut(PLAIN, [30])),
    "a head cut in its end": Case(cut(PLAIN, [PLAIN.index(b"\r\n\r\n") + 2])),
}


@pytest.mark.parametrize("name", CASES)
def test_a_request_is_answered_alike_by_both_ways(
    name: str, both_ways: tuple[dict[str, Answered], dict[str, Answered]]
) -> None:
    by_front, by_uvicorn = both_ways[0][name], both_ways[1][name]
    assert by_front.answers == by_uvicorn.answers
    assert by_front.closed == by_uvicorn.closed
    assert (by_front.hot, by_uvicorn.hot) == (CASES[name].hot, 0)


def test_every_kind_of_hot_path_was_compared() -> None:
    assert {"run", "submit", "a job", "a job's result"} <= {name for name, case in CASES.items() if case.hot}
