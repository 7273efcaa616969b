"""Upkeep: what has had its time is forgotten with all that belongs to it, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import pytest

from trivet.platform.core.data import Collection, File, ReadAcl
from trivet.platform.core.data_paths import Space
from trivet.platform.core.jobs import EventKind, Job, JobEvent, JobPolicy, JobStatus
from trivet.platform.core.payloads import BINARY, Payload
from trivet.platform.ports.stores import Transaction
from trivet.platform.services.upkeep import Upkeep
from trivet.platform.stores.memory import MemoryBlobs, MemoryStore

T = TypeVar("T")

RETENTION = 100.0


class Shelf(MemoryStore):
    """Counts what its units of work remove, each of which takes ``pace`` seconds of the attic's time."""

    def __init__(self, attic: Attic) -> None:
        super().__init__()
        self.attic = attic
        self.removals: list[int] = []
        self.pace = 0.0

    async def write(self, work: Callable[[Transaction], T]) -> T:
        done = await super().write(work)
        self.attic.now += self.pace
        if isinstance(done, int):
            self.removals.append(done)
        return done


class Attic:
    def __init__(self) -> None:
        self.rests: list[float] = []
        self.now = 1000.0
        self.store = Shelf(self)
        self.blobs = MemoryBlobs()
        self.upkeep = Upkeep(store=self.store, blobs=self.blobs, clock=lambda: self.now, sleep=self.rest)

    async def rest(self, seconds: float) -> None:
        self.rests.append(seconds)

    async def keep(self, name: str, ended: float | None, *, blobs: bool = False, pieces: int = 1) -> None:
        data = [await self.blobs.put(name.encode()) if blobs else None for _ in range(2)]
        given, taken = (Payload.inline(b"1") if blob is None else Payload.stored(blob, 1, BINARY) for blob in data)
        status = JobStatus.RUNNING if ended is None else JobStatus.SUCCEEDED
        job = Job(f"job_{name}", "e", "v", "acc", given, JobPolicy(), 0.0, status, finished_at=ended, output=taken)
        job = replace(job, pieces=pieces, forget_at=None if ended is None else ended + RETENTION)

        def unit(tx: Transaction) -> None:
            tx.jobs.put(job)
            tx.jobs.add_events([JobEvent(job.id, n, 1, EventKind.PIECE, 0.0, b"line") for n in range(1, pieces + 1)])

        await self.store.write(unit)

    async def names(self) -> list[str]:
        jobs = await self.store.read(lambda tx: tx.jobs.page(limit=10_000))
        return sorted(job.id.removeprefix("job_") for job in jobs)


@pytest.fixture
def attic() -> Attic:
    return Attic()


def test_payloads_that_no_job_knows_of_are_removed_at_the_start(attic: Attic) -> None:
    async def scene() -> None:
        await attic.keep("old", attic.now, blobs=True)
        await attic.blobs.put(b"between two writes when the platform was killed")
        assert await attic.upkeep.forget_lost_blobs() == 1
        assert sorted(attic.blobs.blobs.values()) == [b"old", b"old"]

    asyncio.run(scene())


def test_the_bytes_of_files_are_not_lost(attic: Attic) -> None:
    async def scene() -> None:
        stored = await attic.blobs.put(b"a file's")
        collection = Collection("c", "acc", "bond", "photos", Space.HOSTED, ReadAcl.PRIVATE, 0.0, 0.0)
        file = File("c", "f", 8, "md5", "sha256", None, stored, 0.0, 0.0)
        await attic.store.write(lambda tx: (tx.data.add(collection), tx.data.put_file(file)))
        await attic.blobs.put(b"of an upload that was cut off")
        assert await attic.upkeep.forget_lost_blobs() == 1
        assert list(attic.blobs.blobs.values()) == [b"a file's"]

    asyncio.run(scene())


def test_a_stream_of_many_pieces_is_forgotten_some_at_a_time(attic: Attic) -> None:
    async def scene() -> None:
        await attic.keep("long", attic.now - RETENTION - 1, pieces=2500)
        assert await attic.upkeep.tick() == 1
        assert await attic.store.read(lambda tx: tx.jobs.events("job_long")) == []
        assert attic.store.removals == [1000, 1000, 500]

    asyncio.run(scene())


@pytest.mark.parametrize(("took", "rest"), [(0.02, 0.06), (3600.0, 10.0), (-3600.0, 0.0)])
def test_a_step_is_followed_by_a_rest_that_no_jump_of_the_clock_makes_long(
    attic: Attic, took: float, rest: float
) -> None:
    async def scene() -> None:
        await attic.keep("old", attic.now - RETENTION - 1)
        attic.store.pace = took
        await attic.upkeep.tick()
        assert attic.rests == [pytest.approx(rest)]

    asyncio.run(scene())


def test_what_ended_before_the_retention_is_forgotten_and_the_rest_stays(attic: Attic) -> None:
    async def scene() -> None:
        await attic.keep("old", attic.now - RETENTION - 1)
        await attic.keep("young", attic.now - RETENTION + 1)
        await attic.keep("open", None)
        assert await attic.upkeep.tick() == 1
        assert await attic.names() == ["open", "young"]
        assert await attic.store.read(lambda tx: tx.jobs.events("job_old")) == []
        assert len(await attic.store.read(lambda tx: tx.jobs.events("job_young"))) == 1
        attic.now += 2
        assert await attic.upkeep.tick() == 1
        assert await attic.names() == ["open"]

    asyncio.run(scene())


def test_the_blobs_of_a_forgotten_job_go_with_it(attic: Attic) -> None:
    async def scene() -> None:
        await attic.keep("old", 1.0, blobs=True)
        await attic.keep("young", attic.now, blobs=True)
        await attic.upkeep.tick()
        assert sorted(attic.blobs.blobs.values()) == [b"young", b"young"]

    asyncio.run(scene())


def test_a_long_list_is_worked_off_in_one_go(attic: Attic) -> None:
    async def scene() -> None:
        for number in range(450):
            await attic.keep(f"{number:04}", 1.0)
        assert await attic.upkeep.tick() == 450
        assert await attic.names() == []

    asyncio.run(scene())


def test_a_full_disk_keeps_the_blobs_of_jobs_that_are_still_listed(attic: Attic) -> None:
    async def scene() -> None:
        await attic.keep("old", 1.0, blobs=True)
        attic.store.out_of_space = True
        with pytest.raises(Exception, match="disk is full"):
            await attic.upkeep.tick()
        assert await attic.names() == ["old"]
        assert len(attic.blobs.blobs) == 2

    asyncio.run(scene())


def test_nothing_old_means_nothing_to_do(attic: Attic) -> None:
    assert asyncio.run(attic.upkeep.tick()) == 0
