"""Upkeep: forgets what has had its time, in small steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from trivet.platform.core.jobs import Job
from trivet.platform.ports.background import Sleep
from trivet.platform.ports.blobs import BlobStore
from trivet.platform.ports.clock import Clock
from trivet.platform.ports.stores import Store, Transaction

T = TypeVar("T")

_STEP = 200
_EVENTS = 1000
"""Events that go in one unit of work: a stream may have a million of them."""
_IDLE_SHARE = 3.0
"""Seconds of rest for each second of work, so that callers have the store to themselves most of the time."""
_LONGEST_REST = 10.0
"""Seconds of rest at most: the time of day may jump while a step is at work."""


class Upkeep:
    """Removes jobs whose time is over, with their events and blobs.

    Args:
        store: where jobs lie.
        blobs: where their large payloads lie.
        clock: the time of day.
        sleep: rests between two steps.
    """

    def __init__(self, *, store: Store, blobs: BlobStore, clock: Clock, sleep: Sleep) -> None:
        self._store = store
        self._blobs = blobs
        self._clock = clock
        self._sleep = sleep

    async def forget_lost_blobs(self) -> int:
        """Removes blobs that no job and no file knows of, which a platform that was killed may have left; returns how many.

        Only at the start, before anybody stores any.
        """
        return await self._blobs.forget_others(await self._store.read(lambda tx: tx.jobs.blobs() | tx.data.blobs()))

    async def tick(self) -> int:
        """Step by step until nothing is left that has had its time; returns how many jobs were forgotten."""
        forgotten = 0
        while jobs := await self._store.read(lambda tx: tx.jobs.outdated(self._clock(), _STEP)):
            for job in jobs:
                await self._shorten(job)
            await self._forget(jobs)
            forgotten += len(jobs)
        return forgotten

    async def _shorten(self, job: Job) -> None:
        """Removes the events of a job that has many of them, some at a time."""
        if job.pieces < _EVENTS:
            return
        while await self._step(lambda tx: tx.jobs.remove_events(job.id, _EVENTS)) == _EVENTS:
            pass

    async def _forget(self, jobs: list[Job]) -> None:
        await self._step(lambda tx: tx.jobs.remove([job.id for job in jobs]))
        # the rows first: a blob without a row is waste, a row without its blob would be a lie
        for job in jobs:
            for payload in (job.input, job.output):
                if payload is not None and payload.blob is not None:
                    await self._blobs.delete(payload.blob)

    async def _step(self, work: Callable[[Transaction], T]) -> T:
        began = self._clock()
        done = await self._store.write(work)
        worked = max(0.0, self._clock() - began)
        await self._sleep(min(worked * _IDLE_SHARE, _LONGEST_REST))
        return done
