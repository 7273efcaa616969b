"""Upkeep: forgets what has had its time, in small steps."""

from __future__ import annotations

from trivet.platform.ports.blobs import BlobStore
from trivet.platform.ports.clock import Clock
from trivet.platform.ports.stores import Store, Transaction

_STEP = 200


class Upkeep:
    """Removes jobs that ended longer ago than the retention, with their events and blobs."""

    def __init__(self, *, store: Store, blobs: BlobStore, clock: Clock, retention: float) -> None:
        self._store = store
        self._blobs = blobs
        self._clock = clock
        self._retention = retention

    async def tick(self) -> int:
        """Step by step until nothing is left that has had its time; returns how many jobs were forgotten."""
        moment = self._clock() - self._retention
        forgotten = 0
        while step := await self._step(moment):
            forgotten += step
        return forgotten

    async def _step(self, moment: float) -> int:
        old = await self._store.read(lambda tx: tx.jobs.ended_before(moment, _STEP))
        if not old:
            return 0

        def forget(tx: Transaction) -> None:
            tx.jobs.remove([job.id for job in old])

        await self._store.write(forget)
        # the rows first: a blob without a row is waste, a row without its blob would be a lie
        for job in old:
            for payload in (job.input, job.output):
                if payload is not None and payload.blob is not None:
                    await self._blobs.delete(payload.blob)
        return len(old)
