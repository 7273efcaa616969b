"""Calls over a real connection: past ASGI and by it the answers are alike, byte for byte."""

from __future__ import annotations

import asyncio
import json
import re

import pytest

from tests.wire.algorithmia.fakes import AlgorithmiaWorld, fails, hold
from tests.wire.test_over_http import Connect, over_http
from trivet.platform.core.jobs import JobError
from trivet.platform.wire.hot import Head, HotPath

MAX_INPUT = 2000
OWN = re.compile(rb'job_[0-9a-f]{28}|"duration":[0-9.]+')
LARGE = b'"%b"' % (b"x" * 300_000)


class Served(AlgorithmiaWorld):
    """The world behind a server; counts the requests that went past ASGI."""

    def __init__(self) -> None:
        super().__init__(max_input=MAX_INPUT, concurrent=2)
        self.client = self.caller
        self.hot = 0
        routes = self.algorithmia.hot_routes

        def counted(head: Head) -> HotPath | None:
            path = routes(head)
            if path is None:
                return None

            def count(body: bytes, exchange: object) -> None:
                self.hot += 1
                path(body, exchange)  # type: ignore[arg-type]  # handed on as it came

            return count

        self.algorithmia.hot_routes = counted  # type: ignore[assignment]  # stands in front of the real one


def request(world: Served, name: str, body: bytes = b"x", kind: str = "text/plain", key: str | None = None) -> bytes:
    head = [f"POST /algorithmia/v1/algo/{name} HTTP/1.1", "Host: trivet", f"Content-Type: {kind}"]
    credential = str(world.admin_token) if key is None else key
    if credential:
        head.append(f"Authorization: {credential}")
    return "\r\n".join([*head, f"Content-Length: {len(body)}", "", ""]).encode() + body


async def answer_of(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    assert length is not None
    body = await reader.readexactly(int(length[1]))
    assert head.count(b"\r\ntrivet-version: ") == 1, head  # the drop-in modules know us by it, also where we refuse
    kept = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"date:")]
    return OWN.sub(b"OWN", b"\r\n".join(kept) + body)


def answers(way: str) -> tuple[list[bytes], int]:
    world = Served()
    found: list[bytes] = []

    async def scenario(connect: Connect) -> None:
        reader, writer = await connect()

        async def ask(name: str, body: bytes = b"x", kind: str = "text/plain", key: str | None = None) -> None:
            writer.write(request(world, name, body, kind, key))
            found.append(await answer_of(reader))

        await ask("admin/hello")
        await ask("admin/hello/1.0.*?timeout=60&stdout=False", b'{"a" : 1.50}', "application/json")
        await ask("admin/hello", b"\x00\xff", "application/octet-stream")
        await ask("admin/hello?output=raw", "hä".encode())
        await ask("admin/hello?output=void")
        await ask("admin/hello?stdout=True")
        await ask("admin/hello", b"{", "application/json")
        await ask("admin/hello", b"x", "image/png")
        await ask("admin/hello?timeout=0")
        await ask("admin/hello?output=raw", b"{", "application/json")
        await ask("a/b")
        await ask("admin/hello/9.9")
        await ask("admin/hello", b"x" * (MAX_INPUT + 1))
        await ask("admin/hello", key="")
        await ask("admin/hello", key="Bearer wrong")
        world.handler = fails(JobError("handler_error", "no", "ValueError", "Trace"))
        await ask("admin/hello")
        await ask("admin/hello?output=raw")
        world.handler = lambda worker, order: worker.give(order, LARGE)
        await ask("admin/hello")
        world.handler = hold
        await ask("admin/hello?output=void")
        await ask("admin/hello?output=void")
        await ask("admin/hello")
        for worker, order in world.held:
            worker.give(order, b"1")

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


def test_every_answer_has_the_status_that_clients_need(by_the_front: tuple[list[bytes], int]) -> None:
    found, _ = by_the_front
    statuses = [int(answer.split(b" ", 2)[1]) for answer in found]
    assert statuses == [*[200] * 9, 400, *[200] * 6, 400, 200, 200, 200, 429]
    documents = [answer.partition(b"\r\n\r\n")[2] for answer in found if b"application/json" in answer]
    assert all(
        isinstance(json.loads(document.replace(b"OWN", b"")), dict) for document in documents if b"OWN" not in document
    )
    assert b"retry-after" in found[-1]
    assert "hä".encode() in found[3]
    assert len(found[17]) > 300_000
