"""Streams read in turns: each piece once, the end behind the last, and readers that come, go and stand beside each other."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from tests.wire.fakes import Answer, Worker
from tests.wire.runpod.fakes import RunPodWorld, fails, fault
from trivet.platform.core.jobs import JobError
from trivet.platform.dialects.runpod import app, streams
from trivet.platform.dialects.runpod.streams import MOST_PIECES, Page, Streams
from trivet.platform.ports.runtime import AttemptOrder
from trivet.platform.wire.bodies import ClientGone


class Singer:
    """A worker whose next piece the test chooses."""

    def __init__(self, world: RunPodWorld) -> None:
        self.world = world
        self.worker: Worker | None = None
        self.order: AttemptOrder | None = None
        world.handler = self.take
        self.job_id = world.begin()

    def take(self, worker: Worker, order: AttemptOrder) -> None:
        self.worker, self.order = worker, order

    @property
    def ref(self) -> Any:
        assert self.worker is not None
        assert self.order is not None
        return self.worker.ref(self.order)

    def sing(self, *pieces: bytes, kind: str = "application/json") -> None:
        async def all_of_them() -> None:
            for piece in pieces:
                self.world.dispatcher.attempts.piece(self.ref, kind, piece)
            await self.settle()

        self.world.run(all_of_them())

    async def settle(self) -> None:
        """Until what was said is on disk: only then a reader sees it."""
        self.world.dispatcher.tick()
        for _ in range(50):
            await asyncio.sleep(0)
        await asyncio.sleep(0.02)

    def end(self) -> None:
        self.do(lambda: self.world.dispatcher.attempts.succeed(self.ref, "application/json", b"[]", 0))

    def do(self, what: Callable[[], object]) -> None:
        async def then() -> None:
            what()
            await self.settle()

        self.world.run(then())

    def read(self, method: str = "GET") -> Any:
        answer = self.world.call(method, f"/{self.world.hello}/stream/{self.job_id}")
        assert answer.status == 200, answer.body
        return answer.json

    def outputs(self) -> list[Any]:
        return [chunk["output"] for chunk in self.read()["stream"]]


@pytest.fixture
def singer(monkeypatch: pytest.MonkeyPatch) -> Singer:
    monkeypatch.setattr(app, "STREAM_HOLD", 0.1)
    return Singer(RunPodWorld())


def test_what_a_reader_that_left_in_that_moment_did_not_get_is_for_the_next(singer: Singer) -> None:
    singer.sing(b"1", b"2")
    world = singer.world
    sent: list[object] = []
    stream = world.runpod._verbs.stream

    @asynccontextmanager
    async def held_up(*asked: Any) -> AsyncIterator[Page]:
        async with stream(*asked) as page:
            await asyncio.sleep(0.0)
            time.sleep(0.02)  # noqa: ASYNC251 - the loop is held up, so that whatever is due comes at once
            await asyncio.sleep(0.0)
            yield page

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0.01)
        return {"type": "http.disconnect"}

    async def send(message: object) -> None:
        sent.append(message)

    world.runpod._verbs.stream = held_up  # type: ignore[assignment, method-assign] # until both have happened
    path = f"/runpod/v2/{world.hello}/stream/{singer.job_id}"
    headers = [(b"authorization", f"Bearer {world.admin_token}".encode())]
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": headers}
    world.run(world.runpod(scope, receive, cast("Any", send)))
    world.runpod._verbs.stream = stream  # type: ignore[method-assign]
    assert sent == []
    assert singer.outputs() == [1, 2]
    assert singer.outputs() == []


def test_what_could_not_be_sent_is_for_the_next_reader(singer: Singer) -> None:
    singer.sing(b"1", b"2")
    world = singer.world

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(60.0)
        return {"type": "http.disconnect"}

    async def send(message: object) -> None:
        raise OSError("the connection is gone")

    path = f"/runpod/v2/{world.hello}/stream/{singer.job_id}"
    headers = [(b"authorization", f"Bearer {world.admin_token}".encode())]
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": headers}
    world.run(world.runpod(scope, receive, cast("Any", send)))
    assert singer.outputs() == [1, 2]
    assert singer.outputs() == []


def test_nobody_reads_on_while_a_page_is_on_its_way(singer: Singer) -> None:
    world = singer.world
    readers = Streams(world.jobs)
    view = world.run(world.jobs.get(world.admin, singer.job_id))
    singer.sing(b"1")

    async def begin_to_send() -> None:
        async with readers.read(world.admin, view, 0.5) as first:
            async with readers.read(world.admin, view, 0.05) as second:
                assert (len(first.pieces), second.pieces) == (1, [])
            raise ClientGone

    async def scenario() -> None:
        with pytest.raises(ClientGone):
            await begin_to_send()
        async with readers.read(world.admin, view, 0.5) as again:
            assert [piece.data for piece in again.pieces] == [b"1"]
        async with readers.read(world.admin, view, 0.05) as last:
            assert last.pieces == []

    world.run(scenario())


@pytest.mark.parametrize(
    ("query", "held"), [("", 5.0), ("?wait=20000", 20.0), ("?wait=1", 1.0), ("?wait=9999999", 300.0)]
)
def test_a_read_waits_for_as_long_as_it_says_and_five_seconds_otherwise(query: str, held: float) -> None:
    singer = Singer(RunPodWorld())
    world = singer.world
    asked: list[float] = []
    stream = world.runpod._verbs.stream

    @asynccontextmanager
    async def watched(principal: Any, reference: Any, job_id: str, hold: float) -> AsyncIterator[Page]:
        asked.append(hold)
        async with stream(principal, reference, job_id, 0.01) as page:
            yield page

    world.runpod._verbs.stream = watched  # type: ignore[method-assign] # nobody waits so long here
    assert world.call("GET", f"/{world.hello}/stream/{singer.job_id}{query}").status == 200
    assert asked == [held]


def test_each_piece_is_read_once_and_the_end_comes_with_the_last(singer: Singer) -> None:
    singer.sing(b'{"text": "la"}', b'"b"')
    assert singer.read() == {"status": "IN_PROGRESS", "stream": [{"output": {"text": "la"}}, {"output": "b"}]}
    assert singer.read() == {"status": "IN_PROGRESS", "stream": []}
    singer.sing(b"3")
    singer.end()
    assert singer.read("POST") == {"status": "COMPLETED", "stream": [{"output": 3}]}
    assert singer.read() == {"status": "COMPLETED", "stream": []}
    assert singer.read() == {"status": "COMPLETED", "stream": []}


def test_a_piece_is_passed_on_byte_for_byte_and_bytes_as_a_data_url(singer: Singer) -> None:
    singer.sing(b'{ "a" : 1.50 }')
    answer = singer.world.call("GET", f"/{singer.world.hello}/stream/{singer.job_id}")
    assert b'{"output":{ "a" : 1.50 }}' in answer.body
    singer.sing(b"\x89PNG", kind="image/png")
    assert singer.outputs() == ["data:image/png;base64,iVBORw=="]


def test_a_reader_is_woken_by_the_next_piece_and_by_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "STREAM_HOLD", 8.0)
    singer = Singer(RunPodWorld())
    world, path = singer.world, f"/runpod/v2/{singer.world.hello}/stream/{singer.job_id}"

    async def read_while(what: Callable[[], object]) -> Answer:
        reading = asyncio.ensure_future(world.caller.ask("GET", path, token=world.admin_token))
        await asyncio.sleep(0.02)
        assert not reading.done()
        what()
        await singer.settle()
        return await asyncio.wait_for(reading, 4)

    async def scenario() -> None:
        first = await read_while(lambda: world.dispatcher.attempts.piece(singer.ref, "application/json", b"1"))
        assert first.json == {"status": "IN_PROGRESS", "stream": [{"output": 1}]}
        last = await read_while(lambda: world.dispatcher.attempts.succeed(singer.ref, "application/json", b"[1]", 0))
        assert last.json == {"status": "COMPLETED", "stream": []}

    world.run(scenario())


def test_a_job_that_streams_nothing_says_so_and_ends(singer: Singer) -> None:
    assert singer.read() == {"status": "IN_PROGRESS", "stream": []}
    singer.end()
    assert singer.read() == {"status": "COMPLETED", "stream": []}


def test_a_failed_stream_gives_what_there_was_with_its_end(singer: Singer) -> None:
    singer.sing(b"1")
    singer.do(lambda: singer.world.dispatcher.attempts.fail(singer.ref, JobError("handler_error", "no", "ValueError")))
    assert singer.read() == {"status": "FAILED", "stream": [{"output": 1}]}
    assert singer.read() == {"status": "FAILED", "stream": []}


def test_a_cancelled_stream_is_told_once_and_then_not_found_so_that_no_reader_loops_for_ever(singer: Singer) -> None:
    singer.sing(b"1")
    singer.world.call("POST", f"/{singer.world.hello}/cancel/{singer.job_id}")
    assert singer.read() == {"status": "CANCELLED", "stream": [{"output": 1}]}
    answer = singer.world.call("GET", f"/{singer.world.hello}/stream/{singer.job_id}")
    assert answer.status == 404
    assert "cancelled" in fault(answer)
    assert singer.world.look(singer.job_id)["status"] == "CANCELLED"


def test_a_long_stream_comes_in_pages_and_is_final_with_the_last_of_them(singer: Singer) -> None:
    count = 2 * MOST_PIECES + 7
    singer.sing(*(b"%d" % number for number in range(count)))
    singer.end()
    found: list[int] = []
    for expected in (MOST_PIECES, MOST_PIECES, 7):
        page = singer.read()
        assert len(page["stream"]) <= MOST_PIECES
        found += [chunk["output"] for chunk in page["stream"]]
        assert (page["status"] == "COMPLETED") is (len(found) == count)
        assert len(page["stream"]) == expected
    assert found == list(range(count))


def test_a_page_is_bounded_in_bytes(singer: Singer) -> None:
    large = json.dumps("x" * 1_500_000).encode()
    singer.sing(*[large] * 5)
    assert [len(singer.outputs()) for _ in range(3)] == [2, 2, 1]


def test_two_readers_beside_each_other_never_get_the_same_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "STREAM_HOLD", 0.3)
    singer = Singer(RunPodWorld())
    world, path = singer.world, f"/runpod/v2/{singer.world.hello}/stream/{singer.job_id}"

    async def read() -> list[Any]:
        found: list[Any] = []
        while True:
            page = (await world.caller.ask("GET", path, token=world.admin_token)).json
            found += [chunk["output"] for chunk in page["stream"]]
            if page["status"] == "COMPLETED" and not page["stream"]:
                return found

    async def scenario() -> list[list[Any]]:
        readers = [asyncio.ensure_future(read()) for _ in range(4)]
        for number in range(60):
            world.dispatcher.attempts.piece(singer.ref, "application/json", b"%d" % number)
            world.dispatcher.tick()
            await asyncio.sleep(0.002)
        world.dispatcher.attempts.succeed(singer.ref, "application/json", b"[]", 0)
        return list(await asyncio.gather(*readers))

    found = world.run(scenario())
    assert sorted(piece for pieces in found for piece in pieces) == list(range(60))
    assert all(pieces == sorted(pieces) for pieces in found)


def test_a_reader_that_leaves_takes_no_piece_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "STREAM_HOLD", 5.0)
    singer = Singer(RunPodWorld())
    world, path = singer.world, f"/runpod/v2/{singer.world.hello}/stream/{singer.job_id}"

    async def leave() -> Answer:
        gone = asyncio.Event()
        reading = asyncio.ensure_future(world.caller.ask("GET", path, token=world.admin_token, gone=gone))
        await asyncio.sleep(0.02)
        gone.set()
        return await asyncio.wait_for(reading, 4)

    assert world.run(leave()).status == 0
    singer.sing(b"1")
    assert singer.outputs() == [1]


def test_asking_for_the_head_alone_takes_no_piece_away(singer: Singer) -> None:
    singer.sing(b"1")
    answer = singer.world.call("HEAD", f"/{singer.world.hello}/stream/{singer.job_id}")
    assert (answer.status, answer.body) == (200, b"")
    assert singer.outputs() == [1]


def test_the_stream_of_a_retry_begins_anew(singer: Singer) -> None:
    world = singer.world
    singer.sing(b'"first"')
    singer.do(lambda: world.dispatcher.attempts.fail(singer.ref, JobError("handler_error", "no")))
    assert singer.outputs() == ["first"]
    world.call("POST", f"/{world.hello}/retry/{singer.job_id}")
    singer.sing(b'"second"')
    assert singer.outputs() == ["second"]


def test_cursors_are_bounded_and_those_in_use_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MOST_CURSORS", 3)
    world = RunPodWorld()
    world.handler = fails(JobError("handler_error", "no"))
    jobs = [world.begin() for _ in range(6)]
    read = Streams(world.jobs)

    async def scenario() -> None:
        views = [await world.jobs.get(world.admin, job_id) for job_id in jobs]
        for view in views:
            async with read.read(world.admin, view, 1.0) as page:
                assert page.is_last
        assert list(read._cursors) == jobs[3:]
        await read._cursors[jobs[3]].turn.acquire()
        for view in views[:2]:
            async with read.read(world.admin, view, 1.0):
                pass
        assert jobs[3] in read._cursors
        async with read.read(world.admin, views[3], 0.05) as waiting:
            assert (waiting.pieces, waiting.status) == ([], "running")  # another reads it: its end is not for this one

    world.run(scenario())
