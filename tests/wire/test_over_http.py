"""The application behind the server that it runs behind: what only a real connection shows."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvicorn

from tests.wire.fakes import MAX_INPUT, Worker, World
from trivet.platform.ports.runtime import AttemptOrder
from trivet.platform.server.front import FrontProtocol

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[], Awaitable[Connection]]


@pytest.fixture(params=["front", "uvicorn"])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def over_http(
    world: World,
    scenario: Callable[[Connect], Awaitable[None]],
    way: str = "front",
    behind: Callable[[], Awaitable[None]] | None = None,
    **front: Any,
) -> None:
    """Serves the world on a free port of the loopback while the scenario runs.

    Args:
        world: what is served.
        scenario: given a function that connects.
        way: ``front``, or ``uvicorn`` for its own protocol alone.
        behind: what is left to see once the server has begun to stop; what was opened is closed after it.
        front: what the front is given besides.
    """

    async def whole() -> None:
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        http = functools.partial(FrontProtocol, world.client.app.hot_routes, **front) if way == "front" else "httptools"
        config = uvicorn.Config(
            world.client.app,
            http=http,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            ws="none",
        )
        server = uvicorn.Server(config)
        server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]  # they are pytest's
        serving = asyncio.ensure_future(server.serve(sockets=[listening]))
        opened: list[asyncio.StreamWriter] = []

        async def connect() -> Connection:
            reader, writer = await asyncio.open_connection(*listening.getsockname())
            opened.append(writer)
            return reader, writer

        try:
            while not server.started:
                await asyncio.sleep(0.005)
            await scenario(connect)
        finally:
            if behind is None:
                for writer in opened:
                    writer.close()
            server.should_exit = True
            if behind is not None:
                while any(listener.is_serving() for listener in server.servers):
                    await asyncio.sleep(0.005)
                await behind()
            await serving
            for writer in opened:
                writer.close()
            listening.close()

    world.run(whole())


def request(world: World, method: str, path: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"{method} /api/v1{path} HTTP/1.1", "Host: trivet", f"Authorization: Bearer {world.admin_token}", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


async def head_of(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
    return int(lines[0].split()[1]), headers


async def answer_of(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    status, headers = await head_of(reader)
    return status, headers, await reader.readexactly(int(headers.get("content-length", "0")))


def test_a_connection_serves_one_call_after_another_whatever_their_outcomes(way: str) -> None:
    world = World()
    world.offer()

    async def scenario(connect: Connect) -> None:
        reader, writer = await connect()
        for method, path, body, status in [
            ("POST", "/endpoints/admin/hello/run", b'{"a":1}', 200),
            ("POST", "/endpoints/admin/hello/run", b"{", 400),
            ("GET", "/nope", b"", 404),
            ("HEAD", "/jobs", b"", 200),
            ("DELETE", "/jobs", b"", 405),
            ("OPTIONS", "/jobs", b"", 204),
            ("POST", "/endpoints/admin/hello/submit", b"2", 202),
            ("GET", "/endpoints/admin%2Fhello", b"", 404),
        ]:
            writer.write(request(world, method, path, body=body))
            got, headers = await head_of(reader)
            assert got == status
            assert headers["trivet-version"] == "1.2.3"
            if method != "HEAD":
                await reader.readexactly(int(headers.get("content-length", "0")))

    over_http(world, scenario, way)


def test_a_body_announced_over_the_limit_is_refused_before_it_is_sent(way: str) -> None:
    world = World()
    world.offer()

    async def scenario(connect: Connect) -> None:
        reader, writer = await connect()
        announced = f"Content-Length: {MAX_INPUT + 1}"
        writer.write(request(world, "POST", "/endpoints/admin/hello/run", announced))
        status, _, body = await answer_of(reader)
        assert (status, json.loads(body)["limit"]) == (413, MAX_INPUT)

    over_http(world, scenario, way)


def test_a_chunked_body_over_the_limit_is_refused_while_it_is_sent(way: str) -> None:
    world = World()
    world.offer()

    async def scenario(connect: Connect) -> None:
        reader, writer = await connect()
        kind = ("Transfer-Encoding: chunked", "Content-Type: application/octet-stream")
        writer.write(request(world, "POST", "/endpoints/admin/hello/run", *kind))
        answered = asyncio.ensure_future(answer_of(reader))
        chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
        while not answered.done():  # there is no end to it: only the refusal ends it
            writer.write(chunk)
            await writer.drain()
            await asyncio.sleep(0)
        status, _, body = await answered
        assert (status, json.loads(body)["code"]) == (413, "too_large")

    over_http(world, scenario, way)


def test_a_reader_of_events_that_hangs_up_is_noticed(way: str) -> None:
    world = World()
    world.offer()

    def first_piece(worker: Worker, order: AttemptOrder) -> None:
        worker.world.dispatcher.attempts.piece(worker.ref(order), "application/json", b"1")

    world.handler = first_piece

    async def scenario(connect: Connect) -> None:
        reader, writer = await connect()
        writer.write(request(world, "POST", "/endpoints/admin/hello/stream", body=b"1"))
        status, headers = await head_of(reader)
        assert (status, headers["content-type"]) == (200, "text/event-stream")
        await reader.readuntil(b"event: piece")
        assert world.notifier._topics
        writer.close()
        while world.notifier._topics:  # the stream lets go of the job's topic when its reader is gone
            await asyncio.sleep(0.005)
        assert len(world.dispatcher.open_jobs) == 1

    over_http(world, scenario, way)


def silent(worker: Worker, order: AttemptOrder) -> None:
    """Takes the job, and says nothing."""


def test_a_caller_who_leaves_while_its_call_is_held_does_not_end_the_job(way: str) -> None:
    world = World()
    _, version = world.offer()
    world.handler = silent

    async def scenario(connect: Connect) -> None:
        _, writer = await connect()
        writer.write(request(world, "POST", "/endpoints/admin/hello/run", body=b"1"))
        while not len(world.dispatcher.open_jobs):
            await asyncio.sleep(0.001)
        writer.close()
        await asyncio.sleep(0.01)
        (seat,) = world.dispatcher.board.seats(version.id)
        worker: Any = seat.link
        worker.give(worker.orders[0], b"2")
        job_id = worker.orders[0].job_id
        reader, writer = await connect()
        writer.write(request(world, "GET", f"/jobs/{job_id}/result"))
        assert (await answer_of(reader))[2] == b"2"

    over_http(world, scenario, way)


def test_a_held_call_is_answered_with_its_job_when_the_platform_stops(way: str) -> None:
    world = World()
    world.offer(slots=0)

    async def scenario(connect: Connect) -> None:
        reader, writer = await connect()
        writer.write(request(world, "POST", "/endpoints/admin/hello/run", body=b"1"))
        while not len(world.dispatcher.open_jobs):
            await asyncio.sleep(0.001)
        world.notifier.close()
        status, headers, body = await answer_of(reader)
        assert (status, json.loads(body)["status"]) == (202, "queued")
        assert headers["location"].endswith(json.loads(body)["id"])

    over_http(world, scenario, way)


def test_a_server_that_stops_lets_a_held_call_finish_and_closes_its_connection(way: str) -> None:
    world = World()
    _, version = world.offer()
    world.handler = silent
    opened: list[asyncio.StreamReader] = []

    async def scenario(connect: Connect) -> None:
        reader, writer = await connect()
        opened.append(reader)
        writer.write(request(world, "POST", "/endpoints/admin/hello/run", body=b"1"))
        while not len(world.dispatcher.open_jobs):
            await asyncio.sleep(0.001)

    async def answered() -> None:
        (seat,) = world.dispatcher.board.seats(version.id)
        worker: Any = seat.link
        worker.give(worker.orders[0], b"2")
        status, headers, body = await answer_of(opened[0])
        assert (status, headers["connection"], body) == (200, "close", b"2")
        assert await opened[0].read() == b""

    over_http(world, scenario, way, answered)
