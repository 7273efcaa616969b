"""The recorder: brings what happened to jobs to disk, many at a time, in order, and only then tells."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from trivet.platform.core import webhooks
from trivet.platform.core.errors import CoreError
from trivet.platform.core.jobs import Job, JobEvent
from trivet.platform.core.values import value
from trivet.platform.ports.background import Background, Sleep
from trivet.platform.ports.stores import Store, Transaction

logger = logging.getLogger(__name__)

GATHERING = 0.005
"""Seconds that entries which nobody waits for are kept back, so that one commit serves many."""
_BATCH = 256
_RETRY_PAUSE = 0.5


@value
class Entry:
    """One thing to record: a job as it stands, events of it, or both. ``then`` is called once it is on disk."""

    job: Job | None
    events: Sequence[JobEvent]
    then: Callable[[], None] | None


def put_job(tx: Transaction, job: Job) -> None:
    """Records a job as it stands, and with its end the delivery of its webhook: both, or neither."""
    tx.jobs.put(job)
    if job.policy.webhook is not None:
        delivery = webhooks.plan(job)
        if delivery is not None:
            tx.webhooks.plan(delivery)


class Recorder:
    """Gathers entries while the last batch is being written, and for a moment where nobody waits for any of them.

    Where the disk is full the same batch is tried again until it holds, and everything behind it waits its turn, because a
    later state must not overtake an earlier one. Only an entry that can't be stored at all is left out, alone, and logged.
    """

    def __init__(self, store: Store, background: Background, sleep: Sleep) -> None:
        self._store = store
        self._background = background
        self._sleep = sleep
        self._pending: list[Entry] = []
        self._keeps_back = True
        self._awaited = False
        self._gathers = False
        self._busy = False
        self.stalled: CoreError | None = None
        """Why nothing is being written at the moment; None while all is well."""
        self.on_planned: Callable[[Job], None] = _nobody
        """Told of each job whose end is on disk, and the delivery of its webhook with it."""

    def record(
        self,
        job: Job | None,
        events: Sequence[JobEvent] = (),
        then: Callable[[], None] | None = None,
        *,
        awaited: bool = True,
    ) -> None:
        """Hands an entry over; returns at once.

        Args:
            job: the job as it stands.
            events: what is to be kept of its story.
            then: called once all that is on disk.
            awaited: whether somebody waits for that; otherwise it may take `GATHERING` seconds longer.
        """
        self._pending.append(Entry(job, events, then))
        self._awaited = self._awaited or awaited or not self._keeps_back
        self._go_on()

    def hurry(self) -> None:
        """Keeps nothing back from now on: the platform is stopping."""
        self._keeps_back = False
        self._awaited = bool(self._pending)
        self._go_on()

    def _go_on(self) -> None:
        if self._busy:
            return
        if self._awaited:
            self._busy = True
            self._background(self._drain())
        elif self._pending and not self._gathers:
            self._gathers = True
            self._background(self._gather())

    async def _gather(self) -> None:
        await self._sleep(GATHERING)
        self._gathers = False
        self._awaited = bool(self._pending)
        self._go_on()

    async def _drain(self) -> None:
        try:
            while self._awaited:
                batch = self._pending[:_BATCH]
                del self._pending[:_BATCH]
                self._awaited = bool(self._pending)
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
        self._go_on()

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
                    put_job(tx, entry.job)

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
                for entry in batch:
                    if entry.job is not None and entry.job.policy.webhook is not None and entry.job.is_final:
                        self.on_planned(entry.job)
                return


def _nobody(_: Job) -> None:
    """Stands where nobody listens."""


def _tell(entry: Entry) -> None:
    if entry.then is not None:
        entry.then()
