"""A fleet of workers that speak RunPod's protocol, played at the wire: many that idle, some that lie, some that vanish.

They live elsewhere and show a key with the scope ``work``; the endpoint itself is switched off, so that nobody else works for it.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import json
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

import trivet
from tests.conftest import RunningPlatform

HOLD = 3.0
"""Seconds that this platform holds a worker's question."""
FLEET = 200
PATIENCE = 30.0
PROGRAM = """
import trivet

@trivet.endpoint(workers=(0, 1), concurrency=4)
def elsewhere(value):
    raise RuntimeError("the workers of this endpoint live elsewhere")
"""


@dataclass(frozen=True)
class Place:
    """Where the fleet works."""

    platform: RunningPlatform
    endpoint: str
    key: str
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def port(self) -> int:
        return int(self.platform.url.rpartition(":")[2])

    def worker(self, key: str | None = None) -> Worker:
        return Worker(self.port, self.endpoint, key or self.key, f"elsewhere-{next(self.numbers)}")

    def cpu(self) -> float:
        times = psutil.Process(self.platform.pid).cpu_times()
        return times.user + times.system


class Line:
    """One keep-alive connection, which is opened when it is needed."""

    def __init__(self, port: int, key: str) -> None:
        self._port = port
        self._key = key
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        head = [f"{method} {path} HTTP/1.1", "Host: x", f"Authorization: {self._key}"]
        if body is not None:
            head += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}"]
        writer.write("\r\n".join([*head, "", ""]).encode() + (body or b""))
        answer = (await reader.readuntil(b"\r\n\r\n")).decode().lower().splitlines()
        length = next((int(line.partition(":")[2]) for line in answer if line.startswith("content-length:")), 0)
        return int(answer[0].split()[1]), await reader.readexactly(length)

    def cut(self) -> None:
        """The connection is gone, without a word."""
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None


class Worker:
    """One worker. ``polls`` are the statuses and seconds of those of its polls that were answered, for jobs and for stops."""

    def __init__(self, port: int, endpoint: str, key: str, name: str) -> None:
        self.name = name
        self.polls: dict[str, list[tuple[int, float]]] = {"job-take": [], "job-take-batch": [], "job-stop": []}
        self.taken: list[str] = []
        self._base = f"/runpod/v2/{endpoint}"
        self._lines = Line(port, key), Line(port, key)

    async def take(self, slots: int = 1) -> list[dict[str, Any]]:
        """One question for jobs; [] where there was none."""
        verb, more = ("job-take", "") if slots == 1 else ("job-take-batch", f"&batch_size={slots}")
        status, body = await self._poll(self._lines[0], verb, more)
        if status != 200:
            return []
        given = json.loads(body)
        jobs = given if isinstance(given, list) else [given]
        self.taken += [job["id"] for job in jobs]
        return jobs

    async def take_some(self) -> list[dict[str, Any]]:
        """Asks until there is a job."""
        while not (jobs := await self.take()):
            pass
        return jobs

    async def finish(self, job: dict[str, Any]) -> int:
        """Posts the result of a job, as the package does: JSON that says to be a form."""
        body = json.dumps({"output": job["input"]["value"]}).encode()
        path = f"{self._base}/job-done/{self.name}/{job['id']}?gpu=none&isStream=false"
        return (await self._lines[0].ask("POST", path, body))[0]

    async def work(self) -> None:
        """Asks for jobs for ever, at once when there was none; what comes is done."""
        while True:
            for job in await self.take():
                await self.finish(job)

    async def heed(self) -> None:
        """Asks what to stop for ever, a second after it heard that there is nothing."""
        while True:
            await self._poll(self._lines[1], "job-stop")
            await asyncio.sleep(1)

    def vanish(self) -> None:
        """All connections are gone, without a word."""
        for line in self._lines:
            line.cut()

    async def _poll(self, line: Line, verb: str, more: str = "") -> tuple[int, bytes]:
        began = time.monotonic()
        answer = await line.ask("GET", f"{self._base}/{verb}/{self.name}?gpu=none{more}&job_in_progress=0")
        self.polls[verb].append((answer[0], time.monotonic() - began))
        return answer


def polls_of(workers: list[Worker]) -> list[tuple[int, float]]:
    """Those of their polls that were answered."""
    return [poll for worker in workers for verb in ("job-take", "job-stop") for poll in worker.polls[verb]]


async def eventually(holds: Callable[[], bool]) -> None:
    """Waits until something holds."""
    async with asyncio.timeout(PATIENCE):
        while not holds():
            await asyncio.sleep(0.05)


async def finish(workers: list[Worker], given: list[list[dict[str, Any]]]) -> None:
    """Every worker posts the results of what it was given, and leaves."""
    for worker, some in zip(workers, given, strict=True):
        assert [await worker.finish(job) for job in some] == [200] * len(some)
        worker.vanish()


def awaited(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Lets a coroutine be a test."""

    @functools.wraps(test)
    def run(**fixtures: Any) -> None:
        asyncio.run(test(**fixtures))

    return run


@asynccontextmanager
async def working(workers: list[Worker]) -> AsyncIterator[None]:
    """The workers ask and work for as long as the block lasts."""
    tasks = [asyncio.create_task(life) for worker in workers for life in (worker.work(), worker.heed())]
    try:
        yield
    finally:
        broken = [task.exception() for task in tasks if task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for worker in workers:
            worker.vanish()
        assert not broken


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("fleet")
    (folder / "elsewhere.py").write_text(PROGRAM)
    platform = RunningPlatform(folder, TRIVET_RUNPOD_POLL=f"{HOLD:g}")
    platform.start()
    try:
        with trivet.Client(platform.url, platform.key) as client:
            client.deploy(Path(folder) / "elsewhere.py")
            endpoint = client.endpoints.update("admin/elsewhere", workers=(0, 0))
            key = client.keys.create(label="fleet", scopes=["work"]).key
        yield Place(platform, endpoint.id, key)
    finally:
        platform.stop()


@pytest.fixture
def jobs(place: Place) -> Iterator[Jobs]:
    with trivet.Client(place.platform.url, place.platform.key) as client:
        yield Jobs(client)


class Jobs:
    """The callers' side."""

    def __init__(self, client: trivet.Client) -> None:
        self._client = client

    async def submit(self, count: int) -> list[str]:
        endpoint = self._client.endpoint("admin/elsewhere")
        return [(await asyncio.to_thread(endpoint.submit, {"value": value})).id for value in range(count)]

    async def outputs(self, ids: list[str]) -> list[object]:
        return [await asyncio.to_thread(self._client.job(job_id).result, timeout=2 * PATIENCE) for job_id in ids]

    def attempts(self, ids: list[str]) -> list[int]:
        return [self._client.job(job_id).refresh().attempts for job_id in ids]


@awaited
async def test_a_fleet_that_idles_asks_once_per_hold_and_costs_next_to_nothing(place: Place, jobs: Jobs) -> None:
    fleet = [place.worker() for _ in range(FLEET)]
    async with working(fleet):
        await asyncio.sleep(HOLD / 2)  # all have come
        cpu, began = place.cpu(), time.monotonic()
        await asyncio.sleep(2 * HOLD)
        share = (place.cpu() - cpu) / (time.monotonic() - began)
        await eventually(lambda: len(polls_of(fleet)) >= 3 * FLEET)
        polls = polls_of(fleet)
        (job_id,) = await jobs.submit(1)
        assert await jobs.outputs([job_id]) == [0]
    assert {status for status, _ in polls} == {204}
    assert min(seconds for _, seconds in polls) >= 0.9 * HOLD
    assert [worker.taken for worker in fleet if worker.taken] == [[job_id]]
    assert share < 0.25, f"the server used {share:.0%} of a core for {FLEET} idle workers"


@awaited
async def test_three_waves_of_workers_with_a_free_place_each_get_a_job_each(place: Place, jobs: Jobs) -> None:
    fleet = [place.worker() for _ in range(20)]
    for _ in range(3):
        asked = [asyncio.create_task(worker.take_some()) for worker in fleet]
        await asyncio.sleep(0.2)  # all are waiting
        ids = await jobs.submit(20)
        given = await asyncio.gather(*asked)
        assert sorted(job["id"] for some in given for job in some) == sorted(ids)
        assert [len(some) for some in given] == [1] * 20
        await finish(fleet, given)
        assert await jobs.outputs(ids) == list(range(20))


@awaited
async def test_three_waves_of_a_worker_with_four_free_places_get_four_jobs_each(place: Place, jobs: Jobs) -> None:
    fleet = [place.worker()]
    for _ in range(3):
        ids = await jobs.submit(4)
        given = [await fleet[0].take(4)]
        assert [job["id"] for job in given[0]] == ids
        await finish(fleet, given)
        assert await jobs.outputs(ids) == list(range(4))


@awaited
async def test_a_stranger_can_ask_once_in_five_seconds(place: Place) -> None:
    strangers = [place.worker(f"rp_{number}") for number in range(20)]
    began = time.monotonic()
    async with working(strangers):
        await asyncio.sleep(6.5)
        await eventually(lambda: all(worker.polls["job-take"] and worker.polls["job-stop"] for worker in strangers))
    seconds = time.monotonic() - began
    for verb in ("job-take", "job-stop"):
        assert {status for worker in strangers for status, _ in worker.polls[verb]} == {401}
        assert max(len(worker.polls[verb]) for worker in strangers) <= seconds / 5


@awaited
async def test_workers_that_vanish_while_they_wait_lose_nothing(place: Place, jobs: Jobs) -> None:
    for worker in [place.worker() for _ in range(20)]:
        waiting = asyncio.create_task(worker.take())
        await asyncio.sleep(0.02)
        worker.vanish()
        with suppress(OSError, asyncio.IncompleteReadError):
            await waiting
    ids = await jobs.submit(20)
    async with working([place.worker() for _ in range(5)]):
        assert await jobs.outputs(ids) == list(range(20))
    assert jobs.attempts(ids) == [1] * 20


@awaited
async def test_a_job_that_was_given_to_a_connection_that_is_gone_is_given_again(place: Place, jobs: Jobs) -> None:
    worker = place.worker()
    (job_id,) = await jobs.submit(1)
    assert [job["id"] for job in await worker.take()] == [job_id]
    worker.vanish()  # the answer is taken to have been lost: the worker comes back, and has nothing
    async with working([worker]):
        assert await jobs.outputs([job_id]) == [0]
    assert worker.taken == [job_id, job_id]
    assert jobs.attempts([job_id]) == [1]  # it never reached a handler, so it does not count
