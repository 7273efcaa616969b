"""The recorder: brings what happened to jobs to disk, many at a time, in order, and only then tells."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from trivet.platform.core.errors import CoreError
from trivet.platform.core.jobs import Job, JobEvent
from trivet.platform.ports.background import Background, Sleep
from trivet.platform.ports.stores import Store, Transaction

logger = logging.getLogger(__name__)

_BATCH = 256
_RETRY_PAUSE = 0.5


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing to record: a job as it stands, events of it, or both. ``then`` is called once it is on disk."""

    job: Job | None
    events: Sequence[JobEvent]
    then: Callable[[], None] | None


class Recorder:
    """Gathers entries while the last batch is being written.

    Where the disk is full the same batch is tried again until it holds, and everything behind it waits its turn, because a
    later state must not overtake an earlier one. Only an entry that can't be stored at all is left out, alone, and logged.
    """

    def __init__(self, store: Store, background: Background, sleep: Sleep) -> None:
        self._store = store
        self._background = background
        self._sleep = sleep
        self._pending: list[Entry] = []
        self._busy = False
        self.stalled: CoreError | None = None
        """Why nothing is being written at the moment; None while all is well."""

    def record(self, job: Job | None, events: Sequence[JobEvent] = (), then: Callable[[], None] | None = None) -> None:
        """Hands an entry over; returns at once."""
        self._pending.append(Entry(job, events, then))
        if not self._busy:
            self._busy = True
            self._background(self._drain())

    async def _drain(self) -> None:
        try:
            while self._pending:
                batch = self._pending[:_BATCH]
                del self._pending[:_BATCH]
                try:
                    await self._write(batch)
                except Exception:
                    logger.exception("%d entries can't be recorded together; now one by one", len(batch))
                    for entry in batch:
                        await self._write_alone(entry)
                else:
                    for entry in batch:
                        _tell(entry)
        finally:
            self._busy = False

    async def _write_alone(self, entry: Entry) -> None:
        try:
            await self._write([entry])
        except Exception:
            logger.exception("job %s can't be recorded", entry.job.id if entry.job is not None else "")
        else:
            _tell(entry)

    async def _write(self, batch: Sequence[Entry]) -> None:
        def unit(tx: Transaction) -> None:
            for entry in batch:
                if entry.events:
                    tx.jobs.add_events(entry.events)
                if entry.job is not None:
                    tx.jobs.put(entry.job)

        while True:
            try:
                await self._store.write(unit)
            except CoreError as error:
                if self.stalled is None:
                    logger.warning("jobs can't be recorded now, trying again: %s", error.detail)
                self.stalled = error
                await self._sleep(_RETRY_PAUSE)
            else:
                if self.stalled is not None:
                    logger.info("jobs are being recorded again")
                self.stalled = None
                return


def _tell(entry: Entry) -> None:
    if entry.then is not None:
        entry.then()
