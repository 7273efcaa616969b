"""The busy verbs over a real connection: past ASGI and by it the answers are alike, byte for byte."""

from __future__ import annotations

import asyncio
import json
import re

import pytest

from tests.wire.runpod.fakes import MAX_RUN, RunPodWorld, fails, hold
from tests.wire.test_over_http import Connect, over_http
from trivet.platform.core.jobs import JobError
from trivet.platform.wire.hot import Head, HotPath

JOB_ID = re.compile(rb"job_[0-9a-f]{28}")
LARGE = json.dumps({"input": "x" * 300_000}).encode()


class Served(RunPodWorld):
    """The world behind a server; counts the requests that went past ASGI."""

    def __init__(self) -> None:
        super().__init__(hold=0.05)
        self.client = self.caller
        self.hot = 0
        routes = self.runpod.hot_routes
        failing, _ = self.offer("admin/failing", slots=0)
        silent, _ = self.offer("admin/silent", slots=0)
        self.failing, self.silent = failing.id, silent.id

        def counted(head: Head) -> HotPath | None:
            path = routes(head)
            if path is None:
                return None

            def count(body: bytes, exchange: object) -> None:
                self.hot += 1
                path(body, exchange)  # type: ignore[arg-type]  # handed on as it came

            return count

        self.runpod.hot_routes = counted  # type: ignore[assignment]  # stands in front of the real one


def request(world: RunPodWorld, method: str, path: str, body: bytes = b"", key: str | None = None) -> bytes:
    credential = f"Bearer {world.admin_token}" if key is None else key
    head = [f"{method} /runpod/v2/{path} HTTP/1.1", "Host: trivet", "Content-Type: application/json"]
    if credential:
        head.append(f"Authorization: {credential}")
    if method == "POST":
        head.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*head, "", ""]).encode() + body


async def answer_of(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    assert length is not None
    body = await reader.readexactly(int(length[1]))
    assert head.count(b"\r\ntrivet-version: ") == 1, head  # the drop-in modules know us by it, also where we refuse
    kept = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"date:")]
    return JOB_ID.sub(b"JOB", b"\r\n".join(kept) + body)


def answers(way: str) -> tuple[list[bytes], int]:
    world = Served()
    bare = str(world.admin_token)
    found: list[bytes] = []

    async def scenario(connect: Connect) -> None:
        reader, writer = await connect()
        sent = [
            request(world, "POST", f"{world.hello}/runsync", b'{"input": {"a" : 1.50}}'),
            request(world, "POST", f"{world.hello}/runsync", b'{"input": 1}', key=bare),
            request(world, "POST", "admin~hello/runsync", b'{"input": 1, "policy": {"ttl": 10000}}'),
            request(world, "POST", f"{world.hello}/runsync", b'{"inputs": 1}'),
            request(world, "POST", f"{world.hello}/runsync", b""),
            request(world, "POST", f"{world.hello}/runsync?wait=abc", b'{"input": 1}'),
            request(world, "POST", f"{world.hello}/run", b'{"input": 1}'),
            request(world, "POST", f"{world.hello}/run", b"{"),
            request(world, "POST", f"{world.hello}/run", b'{"input": "%b"}' % (b"x" * MAX_RUN)),
            request(world, "POST", "nothing/run", b'{"input": 1}'),
            request(world, "GET", f"{world.hello}/status/job_nothing"),
            request(world, "POST", f"{world.hello}/runsync", b'{"input": 1}', key=""),
            request(world, "POST", f"{world.hello}/runsync", b'{"input": 1}', key="Bearer wrong"),
            request(world, "GET", f"{world.hello}/run"),
            request(world, "POST", f"{world.silent}/runsync", b'{"input": 1}'),
        ]
        for one in sent:
            writer.write(one)
            found.append(await answer_of(reader))
        writer.write(request(world, "POST", f"{world.hello}/run", b'{"input": "looked at"}'))
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        assert length is not None
        job_id = json.loads(await reader.readexactly(int(length[1])))["id"]
        for method in ("GET", "POST"):
            writer.write(request(world, method, f"{world.hello}/status/{job_id}"))
            found.append(await answer_of(reader))
        world.handler = fails(JobError("handler_error", "no", "ValueError", "Trace"))
        writer.write(request(world, "POST", f"{world.hello}/runsync", b'{"input": 1}'))
        found.append(await answer_of(reader))
        world.handler = hold
        writer.write(request(world, "POST", f"{world.hello}/runsync", b'{"input": 1}'))
        found.append(await answer_of(reader))
        world.handler = lambda worker, order: worker.give(order, LARGE)
        writer.write(request(world, "POST", f"{world.hello}/runsync", b'{"input": 1}'))
        found.append(await answer_of(reader))

    over_http(world, scenario, way)
    return found, world.hot


@pytest.fixture(scope="module")
def by_uvicorn() -> tuple[list[bytes], int]:
    return answers("uvicorn")


@pytest.fixture(scope="module")
def by_the_front() -> tuple[list[bytes], int]:
    return answers("front")


def test_both_ways_give_the_same_answers(
    by_uvicorn: tuple[list[bytes], int], by_the_front: tuple[list[bytes], int]
) -> None:
    for one, other in zip(by_uvicorn[0], by_the_front[0], strict=True):
        assert one.replace(b"HTTP/1.1", b"") == other.replace(b"HTTP/1.1", b"")
    assert by_uvicorn[1] == 0
    assert by_the_front[1] >= 14


def test_every_answer_is_a_json_object_with_the_status_that_it_should_have(
    by_the_front: tuple[list[bytes], int],
) -> None:
    found, _ = by_the_front
    statuses = [int(answer.split(b" ", 2)[1]) for answer in found]
    assert statuses == [200, 200, 200, 400, 400, 400, 200, 400, 413, 404, 404, 401, 401, 405, 200, *[200] * 5]
    for answer in found:
        head, _, body = answer.partition(b"\r\n\r\n")
        assert b"content-type: application/json\r\n" in head.lower() + b"\r\n"
        assert isinstance(json.loads(body), dict)
    assert json.loads(found[14].partition(b"\r\n\r\n")[2])["status"] == "IN_QUEUE"
    said = [json.loads(answer.partition(b"\r\n\r\n")[2])["status"] for answer in found[15:]]
    assert said == ["COMPLETED", "COMPLETED", "FAILED", "IN_PROGRESS", "COMPLETED"]
    assert len(found[19]) > 300_000
