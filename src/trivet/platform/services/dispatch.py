"""The dispatcher: open jobs in memory, and which worker gets which.

On one node the queue lives here and the store is its log. What is promised about the disk:

- A submitted job is on disk before it is acknowledged, and its final state is before anybody is told of it.
- A held call (`run`) is acknowledged by its answer alone. It is recorded when it ends, behind the caller's back; one that
  lasts longer than `CHECKPOINT` seconds is recorded as open, and is treated like a submitted one from then on.
- Taking a job needs no write: after a restart every open attempt is stale by definition.

Everything here runs on one thread and never waits, so no two transitions of a job can interleave.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import replace

from trivet.platform.core import ids
from trivet.platform.core import jobs as rules
from trivet.platform.core.errors import CoreError
from trivet.platform.core.jobs import EventKind, Job, JobError, JobEvent, JobStatus, Progress
from trivet.platform.core.payloads import BINARY, JSON, Payload
from trivet.platform.core.workers import Departure
from trivet.platform.ports.background import Background
from trivet.platform.ports.blobs import BlobStore
from trivet.platform.ports.clock import Clock, Entropy
from trivet.platform.ports.notifier import Notifier
from trivet.platform.ports.runtime import AttemptOrder, AttemptRef, WorkerLink
from trivet.platform.services.live import LiveJob, Seat
from trivet.platform.services.recorder import Recorder

CHECKPOINT = 0.1
"""Seconds after which a held call that is still open is recorded."""
STOP_GRACE = 1.0
"""Seconds that a handler has to stop by itself before its worker is killed."""
STOP_GRACE_SHARED = 5.0
"""The same where the worker holds other jobs too: they get the chance to finish first."""
INLINE_LIMIT = 256 * 1024
"""Payloads above this many bytes lie in the blob store."""
LAST_WORDS = 20
"""Lines that a handler printed before its worker was lost, told with the loss."""
LAST_WORDS_SIZE = 8 * 1024
"""The same in bytes."""
RECENT_EVENTS = 1000
"""Events of an open job that stay in memory for its readers, at least."""


class Dispatcher:
    """Matches queued jobs with free workers, and follows each attempt to its end."""

    def __init__(
        self,
        *,
        recorder: Recorder,
        blobs: BlobStore,
        clock: Clock,
        entropy: Entropy,
        notifier: Notifier,
        background: Background,
    ) -> None:
        self._recorder = recorder
        self._blobs = blobs
        self._clock = clock
        self._entropy = entropy
        self._notifier = notifier
        self._background = background
        self._live: dict[str, LiveJob] = {}
        self._queues: dict[str, OrderedDict[str, LiveJob]] = {}
        self._seats: dict[str, Seat] = {}
        self._seats_of: dict[str, dict[str, Seat]] = {}
        self._number = 0
        self._fresh: list[LiveJob] = []
        self._timers: list[tuple[float, str]] = []
        self.on_demand: Callable[[str], None] = _nobody
        """Told a version's id when a job waits and nobody is free."""
        self.on_stuck: Callable[[str], None] = _nobody
        """Told a worker's id when it does not stop an attempt that it was asked to stop."""

    # -- jobs come in -------------------------------------------------------------------------------------------------

    def admit(self, job: Job, *, recorded: bool, seq: int = 0) -> None:
        """Queues a job and hands it to a free worker at once where there is one.

        Args:
            job: a queued job.
            recorded: whether it is on disk.
            seq: the number of its last event on disk.
        """
        live = LiveJob(job, job if recorded else None, seq=seq)
        self._live[job.id] = live
        self._fresh.append(live)
        self._enqueue(live)

    def _enqueue(self, live: LiveJob, *, front: bool = False) -> None:
        version_id = live.job.version_id
        queue = self._queues.get(version_id)
        if queue is None:
            queue = self._queues[version_id] = OrderedDict()
        queue[live.job.id] = live
        if front:
            queue.move_to_end(live.job.id, last=False)
        self._pump(version_id)
        if queue:
            self.on_demand(version_id)

    def _pump(self, version_id: str) -> None:
        queue = self._queues.get(version_id)
        if not queue:
            return
        for seat in self._seats_of.get(version_id, {}).values():
            while queue and seat.free > 0:
                _, live = queue.popitem(last=False)
                self._claim(live, seat)
            if not queue:
                return

    def _claim(self, live: LiveJob, seat: Seat) -> None:
        now = self._clock()
        if now >= live.job.expires_at:
            self._settle(live, rules.expire(live.job, now))
            return
        token = self._entropy(8).hex()
        claimed = rules.claim(live.job, seat.worker_id, token, now)
        if claimed is None:
            return
        self._number += 1
        live.job = claimed
        live.number = self._number
        seat.held[live.number] = live
        seat.idle_since = None
        if claimed.input.data is not None:
            self._send(live, seat, live.number, claimed.input.data)
        else:
            self._background(self._load_and_send(live, seat, live.number))
        if live.recorded is not None or claimed.attempt > 1:
            self._notifier.notify(claimed.id)

    async def _load_and_send(self, live: LiveJob, seat: Seat, number: int) -> None:
        job = live.job
        try:
            body = await self._blobs.get(job.input.blob or "")
        except CoreError as error:
            if seat.held.get(number) is live and job.token is not None:
                failure = JobError("input_lost", f"The input of this job can't be read any more: {error.detail}")
                self._release(seat, number)
                self._settle(live, rules.fail(live.job, job.token, failure, self._clock()))
                self._pump(seat.version_id)
            return
        if seat.held.get(number) is live:
            self._send(live, seat, number, body)

    def _send(self, live: LiveJob, seat: Seat, number: int, body: bytes) -> None:
        job = live.job
        seat.link.send(
            AttemptOrder(number, job.id, job.token or "", job.attempt, job.policy.timeout, job.input.content_type, body)
        )
        if job.stop_reason is not None:
            seat.link.cancel(number, job.stop_reason.value)

    # -- workers come and go ------------------------------------------------------------------------------------------

    def seat(self, worker_id: str, version_id: str, link: WorkerLink, slots: int) -> None:
        """A worker is ready to take jobs."""
        seat = Seat(worker_id, version_id, link, slots, idle_since=self._clock())
        self._seats[worker_id] = seat
        self._seats_of.setdefault(version_id, {})[worker_id] = seat
        self._pump(version_id)

    def stop_taking(self, worker_id: str) -> None:
        """The worker gets no more jobs; what it holds it may finish."""
        seat = self._seats.get(worker_id)
        if seat is not None and seat.taking:
            seat.taking = False
            if self._queues.get(seat.version_id):
                self.on_demand(seat.version_id)

    def depart(self, worker_id: str, departure: Departure) -> None:
        """The worker is gone: what it held is queued again, or ends."""
        seat = self._seats.pop(worker_id, None)
        if seat is None:
            return
        siblings = self._seats_of.get(seat.version_id, {})
        siblings.pop(worker_id, None)
        if not siblings:
            self._seats_of.pop(seat.version_id, None)
        now = self._clock()
        # one that was killed for a single stuck attempt takes the others down without their doing
        blameless = any(live.job.stop_reason is not None for live in seat.held.values())
        for live in reversed(list(seat.held.values())):
            job = live.job
            if not live.is_open or job.token is None:
                continue
            if blameless and job.stop_reason is None and not job.pieces:
                after = rules.hand_back(job, job.token, now)
            else:
                lines = _last_words(live) + departure.last_lines
                after = rules.lose(job, job.token, departure.reason, lines, now)
                lost = after is not None and after.error is not None and after.error.code == "worker_lost"
                if after is not None and after.error is not None and lost and departure.out_of_memory:
                    after = replace(after, error=replace(after.error, code="out_of_memory", hint=_MEMORY_HINT))
            note = f"attempt {job.attempt}: the worker {departure.reason}"
            self._event(live, EventKind.LOG, note.encode(), "system")
            self._after_loss(live, after)
        seat.held.clear()

    def _after_loss(self, live: LiveJob, after: Job | None) -> None:
        if after is None:
            return
        if after.is_final:
            self._settle(live, after)
            return
        live.job = after
        if live.recorded is not None:
            self._save(live)
        self._notifier.notify(after.id)
        self._enqueue(live, front=True)

    def hand_back(self, ref: AttemptRef) -> None:
        """A draining worker returns an attempt that it has not begun."""
        live = self._held(ref)
        if live is None:
            return
        after = rules.hand_back(live.job, ref.token, self._clock())
        if after is not None:
            self._release(self._seats[ref.worker_id], ref.number)
            self._after_loss(live, after)

    # -- what workers report ------------------------------------------------------------------------------------------

    def piece(self, ref: AttemptRef, content_type: str, data: bytes) -> None:
        """One piece of a stream."""
        live = self._held(ref)
        after = rules.add_pieces(live.job, ref.token, 1) if live is not None else None
        if live is not None and after is not None:
            live.job = after
            self._event(live, EventKind.PIECE, data, content_type)

    def progress(self, ref: AttemptRef, progress: Progress) -> None:
        """How far the handler says it is."""
        live = self._held(ref)
        after = rules.report_progress(live.job, ref.token, progress) if live is not None else None
        if live is not None and after is not None:
            live.job = after
            label = "" if progress.fraction is None else f"{progress.fraction:g}"
            self._event(live, EventKind.PROGRESS, progress.message.encode(), label)

    def log(self, ref: AttemptRef, stream: str, data: bytes) -> str | None:
        """What the handler printed. Returns the job's id; None where the attempt is not that worker's, and nothing was kept."""
        live = self._held(ref)
        if live is None or not rules.holds(live.job, ref.token):
            return None
        self._event(live, EventKind.LOG, data, stream)
        return live.job.id

    def succeed(self, ref: AttemptRef, content_type: str, data: bytes, pieces: int) -> None:
        """The attempt's result."""
        live = self._held(ref)
        if live is None:
            return
        now = self._clock()
        after = rules.succeed(live.job, ref.token, Payload.inline(data, content_type or JSON), now, pieces)
        if after is None:
            return
        self._release(self._seats[ref.worker_id], ref.number, done=True)
        if len(data) <= INLINE_LIMIT:
            self._settle(live, after)
        else:
            live.ending = after
            self._background(self._store_output(live, after, data))
        self._pump(live.job.version_id)

    async def _store_output(self, live: LiveJob, after: Job, data: bytes) -> None:
        content_type = after.output.content_type if after.output is not None else BINARY
        try:
            name = await self._blobs.put(data)
        except CoreError as error:
            failure = JobError(
                "storage_full", f"The result of {len(data)} bytes can't be stored: {error.detail}", hint=error.hint
            )
            self._settle(live, replace(after, status=JobStatus.FAILED, output=None, error=failure))
        else:
            self._settle(live, replace(after, output=Payload.stored(name, len(data), content_type)))

    def fail(self, ref: AttemptRef, error: JobError) -> None:
        """The handler failed."""
        self._end(ref, lambda job, now: rules.fail(job, ref.token, error, now))

    def stopped(self, ref: AttemptRef) -> None:
        """The worker has stopped an attempt as it was asked to."""
        self._end(ref, lambda job, now: rules.stop(job, ref.token, now))

    def _end(self, ref: AttemptRef, transition: Callable[[Job, float], Job | None]) -> None:
        live = self._held(ref)
        after = transition(live.job, self._clock()) if live is not None else None
        if live is None or after is None:
            return
        self._release(self._seats[ref.worker_id], ref.number, done=True)
        self._settle(live, after)
        self._pump(live.job.version_id)

    def _held(self, ref: AttemptRef) -> LiveJob | None:
        seat = self._seats.get(ref.worker_id)
        live = seat.held.get(ref.number) if seat is not None else None
        return live if live is not None and live.is_open else None

    def _release(self, seat: Seat, number: int, *, done: bool = False) -> None:
        del seat.held[number]
        seat.jobs_done += done
        if not seat.held:
            seat.idle_since = self._clock()
        if seat.suspect:
            seat.suspect = any(other.job.stop_reason is not None for other in seat.held.values())

    # -- ends ---------------------------------------------------------------------------------------------------------

    def _settle(self, live: LiveJob, after: Job | None) -> None:
        """The job's end is decided: bring it to disk, and tell (a recorded job: only then)."""
        if after is None or live.job.is_final:
            return
        live.ending = after
        events, live.unsaved = live.unsaved, []
        if live.recorded is None:
            self._tell(live)
            self._recorder.record(after, events, lambda: self._forget(live), awaited=False)
        else:

            def told() -> None:
                self._tell(live)
                self._forget(live)

            live.recorded = after
            self._recorder.record(after, events, told)

    def _tell(self, live: LiveJob) -> None:
        if live.ending is not None:
            live.job = live.ending
            self._notifier.notify(live.job.id)

    def _forget(self, live: LiveJob) -> None:
        self._live.pop(live.job.id, None)

    # -- stops --------------------------------------------------------------------------------------------------------

    def cancel(self, job_id: str) -> bool:
        """Asks a job to stop. False where there is nothing to ask: it is not open, or was asked already."""
        live = self._live.get(job_id)
        if live is None or not live.is_open:
            return False
        return self._ask_to_stop(live, rules.cancel(live.job, self._clock()))

    def _ask_to_stop(self, live: LiveJob, after: Job | None) -> bool:
        if after is None:
            return False
        if after.is_final:
            self._dequeue(live)
            self._settle(live, after)
            return True
        live.job = after
        seat = self._seats.get(after.worker_id or "")
        if seat is not None and after.stop_reason is not None:
            seat.link.cancel(live.number, after.stop_reason.value)
        heapq.heappush(self._timers, (self._clock() + STOP_GRACE, after.id))
        if live.recorded is not None:
            self._save(live)
        return True

    def _dequeue(self, live: LiveJob) -> None:
        queue = self._queues.get(live.job.version_id)
        if queue is not None:
            queue.pop(live.job.id, None)
            if not queue:
                del self._queues[live.job.version_id]

    def purge(self, version_ids: Iterable[str]) -> int:
        """Cancels everything that waits for these versions; returns how many jobs that were."""
        waiting = [live for v in version_ids for live in self._queues.get(v, {}).values()]
        return sum(self._ask_to_stop(live, rules.cancel(live.job, self._clock())) for live in waiting)

    def discard(self, version_id: str, error: JobError) -> None:
        """The version is gone: what waits for it fails, what runs is stopped."""
        now = self._clock()
        for live in self._queues.pop(version_id, {}).values():
            self._settle(live, rules.discard(live.job, error, now))
        for seat in self._seats_of.get(version_id, {}).values():
            for live in list(seat.held.values()):
                self._ask_to_stop(live, rules.cancel(live.job, now))

    # -- time ---------------------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """What time brings about: timeouts, times to live, stuck workers, and records of what has become long or grown."""
        now = self._clock()
        fresh, self._fresh = self._fresh, []
        for live in fresh:
            if not live.is_open:
                continue
            if now - live.job.created_at < CHECKPOINT:
                self._fresh.append(live)
                continue
            self._watch(live)
        while self._timers and self._timers[0][0] <= now:
            _, job_id = heapq.heappop(self._timers)
            watched = self._live.get(job_id)
            if watched is not None and watched.is_open:
                self._on_time(watched, now)
        if len(self._timers) > 1000 + 4 * len(self._live):
            self._timers = [entry for entry in self._timers if entry[1] in self._live]
            heapq.heapify(self._timers)
        for seat in self._seats.values():
            for live in seat.held.values():
                self._checkpoint(live)

    def _watch(self, live: LiveJob) -> None:
        self._wake_for(live.job)
        if live.recorded is None:
            self._save(live)

    def _checkpoint(self, live: LiveJob) -> None:
        """Brings to disk what has changed about a running job since."""
        if live.recorded is None or not live.is_open:
            return
        recorded = live.recorded
        if recorded.status is not live.job.status or recorded.attempt != live.job.attempt:
            self._wake_for(live.job)
            self._save(live)
        elif live.unsaved or recorded.progress is not live.job.progress:
            self._save(live)

    def _save(self, live: LiveJob) -> None:
        events, live.unsaved = live.unsaved, []
        live.recorded = live.job
        saved = live.seq

        def trim() -> None:
            while len(live.events) > RECENT_EVENTS and live.events[0].seq <= saved:
                live.events.popleft()

        self._recorder.record(live.job, events, trim)

    def _on_time(self, live: LiveJob, now: float) -> None:
        job = live.job
        expired = rules.expire(job, now)
        if expired is not None:
            self._dequeue(live)
            self._settle(live, expired)
            return
        if self._ask_to_stop(live, rules.overrun(job, now)):
            return
        if job.stop_asked_at is not None:
            self._check_stuck(live, now)
        else:
            self._wake_for(job)

    def _wake_for(self, job: Job) -> None:
        moment = job.expires_at if job.deadline is None else min(job.deadline, job.expires_at)
        heapq.heappush(self._timers, (moment, job.id))

    def _check_stuck(self, live: LiveJob, now: float) -> None:
        """A handler that was asked to stop and did not: its worker is killed, others on it may finish first for a while."""
        waited = now - (live.job.stop_asked_at or now) + 1e-6
        seat = self._seats.get(live.job.worker_id or "")
        if seat is None:
            return
        if waited >= STOP_GRACE:
            seat.suspect = True
            alone = all(other.job.stop_reason is not None for other in seat.held.values())
            if alone or waited >= STOP_GRACE_SHARED:
                self.on_stuck(seat.worker_id)
        heapq.heappush(self._timers, (now + 0.25, live.job.id))

    # -- events -------------------------------------------------------------------------------------------------------

    def _event(self, live: LiveJob, kind: EventKind, data: bytes, label: str) -> None:
        live.seq += 1
        event = JobEvent(live.job.id, live.seq, live.job.attempt, kind, self._clock(), data, label)
        live.events.append(event)
        live.unsaved.append(event)
        self._notifier.notify(live.job.id)

    def recent_events(self, job_id: str, after: int) -> list[JobEvent] | None:
        """Events above ``after`` from memory; None where they are not all there (then ask the store)."""
        live = self._live.get(job_id)
        if live is None:
            return None
        if after >= live.seq:
            return []
        if not live.events or live.events[0].seq > after + 1:
            return None
        return [event for event in live.events if event.seq > after]

    # -- views --------------------------------------------------------------------------------------------------------

    def job(self, job_id: str) -> Job | None:
        """An open job as callers may see it, or one that has just ended; None where the store knows better."""
        live = self._live.get(job_id)
        return live.job if live is not None else None

    def persist(self, job_id: str, then: Callable[[], None]) -> bool:
        """Brings a job to disk now, and calls ``then`` once it is there. False where it was there already."""
        live = self._live.get(job_id)
        if live is None:
            return False
        if live.recorded is None and live.is_open:
            self._save(live)
        self._recorder.record(None, then=then)  # in its turn: behind all that is on its way about this job
        return True

    def position(self, job: Job) -> int | None:
        """The job's place in its queue, from 1."""
        for place, job_id in enumerate(self._queues.get(job.version_id, ()), 1):
            if job_id == job.id:
                return place
        return None

    def queued(self, version_id: str) -> int:
        """How many jobs wait for the version."""
        return len(self._queues.get(version_id, ()))

    def running(self, version_id: str) -> int:
        """How many jobs its workers hold."""
        return sum(len(seat.held) for seat in self._seats_of.get(version_id, {}).values())

    def oldest_wait(self, version_id: str) -> float:
        """Seconds that the first in the queue has waited; 0 where nobody waits."""
        queue = self._queues.get(version_id)
        if not queue:
            return 0.0
        first = next(iter(queue.values())).job
        return max(0.0, self._clock() - (first.queued_at or first.created_at))

    def waiting_versions(self) -> list[str]:
        """The versions that jobs wait for."""
        return [version_id for version_id, queue in self._queues.items() if queue]

    def versions_of(self, endpoint_id: str) -> set[str]:
        """The versions of an endpoint that have open jobs, whether they still exist or not."""
        return {live.job.version_id for live in self._live.values() if live.job.endpoint_id == endpoint_id}

    def seats(self, version_id: str) -> list[Seat]:
        """The places of the version's workers that are ready, or draining."""
        return list(self._seats_of.get(version_id, {}).values())

    def seat_of(self, worker_id: str) -> Seat | None:
        """A worker's place."""
        return self._seats.get(worker_id)

    def open_jobs(self) -> int:
        """How many jobs are open."""
        return len(self._live)


def _nobody(_: str) -> None:
    """Listens until somebody else does."""


def _last_words(live: LiveJob) -> tuple[str, ...]:
    """The last lines that the handler printed in this attempt, which went into the job's log and not the worker's own."""
    attempt, words, size = live.job.attempt, deque[bytes](), 0
    for event in reversed(live.events):
        if event.attempt != attempt or size >= LAST_WORDS_SIZE:
            break
        if event.kind is EventKind.LOG:
            words.appendleft(event.data)
            size += len(event.data)
    return tuple(b"".join(words)[-LAST_WORDS_SIZE:].decode("utf-8", "replace").splitlines()[-LAST_WORDS:])


_MEMORY_HINT = "Raise `memory=` of the endpoint, or let the handler hold less at a time."


def job_id(now: float, entropy: Entropy) -> str:
    """A new job's id."""
    return ids.make("job", now, entropy(8))
