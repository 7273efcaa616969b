"""The asynchronous half: what only it does, and that the shared parts work in it too."""

from __future__ import annotations

import asyncio
import atexit
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from tests.unit.sdk.server import KEY, Exchange, Server, accepted, job
from tests.unit.sdk.test_map import RUN as DOUBLE
from tests.unit.sdk.test_map import Doubler
from tests.unit.sdk.test_streams import EVENTS, STREAM, cut_after_two, rest
from trivet.sdk import AsyncClient
from trivet.sdk._async import concurrency
from trivet.sdk.errors import InvalidInputError, ServiceUnavailableError, TimedOutError

RUN = "/endpoints/admin/hello/run"


def do(server: Server, work: Callable[[AsyncClient], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        async with AsyncClient(server.url, KEY, timeout=5.0) as client:
            return await asyncio.wait_for(work(client), 20)

    return asyncio.run(main())


def test_run_gives_the_output(server: Server) -> None:
    server.on("POST", RUN, accepted(job("running")))
    server.on("GET", "/jobs/job_1/result", lambda exchange: exchange.output("Hello Bond"))
    assert do(server, lambda client: client.endpoint("admin/hello").run({"name": "Bond"})) == "Hello Bond"


def test_many_calls_wait_at_the_same_time(server: Server) -> None:
    async def work(client: AsyncClient) -> list[Any]:
        endpoint = client.endpoint("admin/double")
        return await asyncio.gather(*(endpoint.run(number) for number in range(10)))

    doubler = Doubler()
    server.on("POST", DOUBLE, doubler)
    assert do(server, work) == [number * 2 for number in range(10)]


def test_a_stream_goes_on_where_it_was(server: Server) -> None:
    server.on("POST", STREAM, cut_after_two)
    server.on("GET", EVENTS, rest)

    async def work(client: AsyncClient) -> list[Any]:
        async with client.endpoint("admin/hello").stream() as stream:
            return [piece async for piece in stream]

    assert do(server, work) == ["a", "b", "c", "d"]


def test_leaving_a_stream_early_closes_it(server: Server) -> None:
    def endless(exchange: Exchange) -> None:
        exchange.begin()
        exchange.event("job", job("running"))
        exchange.event("piece", 1, 0)
        exchange.hold()

    server.on("POST", STREAM, endless)

    async def work(client: AsyncClient) -> Any:
        async with client.endpoint("admin/hello").stream() as stream:
            return await anext(stream), stream.job

    piece, handle = do(server, work)
    assert piece == 1
    assert handle.id == "job_1"


def test_map_keeps_order_and_takes_asynchronous_inputs(server: Server) -> None:
    doubler = Doubler()
    server.on("POST", DOUBLE, doubler)

    async def numbers() -> AsyncIterator[int]:
        for number in range(12):
            await asyncio.sleep(0)
            yield number

    async def work(client: AsyncClient) -> list[Any]:
        return [output async for output in client.endpoint("admin/double").map(numbers(), concurrency=3)]

    assert do(server, work) == [number * 2 for number in range(12)]
    assert doubler.most <= 3


def test_map_raises_at_the_item_or_gives_the_error_in_its_place(server: Server) -> None:
    server.on("POST", DOUBLE, Doubler())

    async def raising(client: AsyncClient) -> list[Any]:
        return [output async for output in client.endpoint("admin/double").map([1, -1])]

    async def giving(client: AsyncClient) -> list[Any]:
        return [output async for output in client.endpoint("admin/double").map([1, -1], return_exceptions=True)]

    with pytest.raises(InvalidInputError):
        do(server, raising)
    first, second = do(server, giving)
    assert first == 2
    assert isinstance(second, InvalidInputError)


def test_cancelling_a_task_ends_its_wait_at_once(server: Server) -> None:
    server.on("POST", RUN, Exchange.hold)

    async def work(client: AsyncClient) -> None:
        await asyncio.wait_for(client.endpoint("admin/hello").run(), 0.2)

    with pytest.raises(TimeoutError) as caught:
        do(server, work)
    assert not isinstance(caught.value, TimedOutError)


def test_errors_and_retries_are_those_of_the_other_half(server: Server) -> None:
    server.on("GET", "/jobs/job_1", Exchange.drop, lambda exchange: exchange.json(job("running")))
    assert do(server, lambda client: client.job("job_1").refresh()).status == "running"
    server.on("POST", RUN, Exchange.drop)
    with pytest.raises(ServiceUnavailableError):
        do(server, lambda client: client.endpoint("admin/hello").run())
    assert len(server.seen) == 3


def test_listings_are_asynchronous_iterators(server: Server) -> None:
    server.on("GET", "/jobs", lambda exchange: exchange.json({"items": [job(), job(job_id="job_2")], "next": None}))

    async def work(client: AsyncClient) -> list[str]:
        return [each.id async for each in client.jobs.list(limit=1)]

    assert do(server, work) == ["job_1"]


def test_the_threads_of_the_http_library_get_a_moment_at_the_end_of_the_program(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    planned: list[tuple[Any, ...]] = []
    monkeypatch.setattr(atexit, "register", lambda *plan: planned.append(plan))
    concurrency._let_threads_finish.cache_clear()

    async def twice() -> None:
        for _ in range(2):
            await concurrency.interruptible(asyncio.sleep, 0)

    asyncio.run(twice())
    assert planned == [(time.sleep, concurrency.LAST_CALLS)]
