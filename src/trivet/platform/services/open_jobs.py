"""Open jobs: those whose end is not told yet, and, for a moment, those whose end was told just now."""

from __future__ import annotations

import hmac
from collections import OrderedDict
from collections.abc import Callable, Iterator

from trivet.platform.core.jobs import Job, JobEvent
from trivet.platform.ports.clock import Clock
from trivet.platform.ports.notifier import Notifier
from trivet.platform.services.chronicle import Chronicle
from trivet.platform.services.live import LiveJob
from trivet.platform.services.recorder import Recorder

REMEMBERED = 256
"""Jobs that have ended, and stay in memory for those who ask at once."""
REMEMBERED_SIZE = 16 * 1024
"""Bytes of input and output that such a job may have."""


class OpenJobs:
    """Knows open jobs by their ids, shows them, and ends them.

    Args:
        recorder: brings ends to disk.
        chronicle: brings jobs to disk that go on.
        notifier: wakes those who follow a job.
        wall: the time of day.
    """

    def __init__(self, recorder: Recorder, chronicle: Chronicle, notifier: Notifier, wall: Clock) -> None:
        self._recorder = recorder
        self._chronicle = chronicle
        self._notifier = notifier
        self._wall = wall
        self._live: dict[str, LiveJob] = {}
        self._ended_lately: OrderedDict[str, Job] = OrderedDict()
        """Who waits for a job asks for it in the moment after its end."""
        self.on_end: Callable[[Job], None] = _no_end
        """Told each job that has ended, once, just before callers are told."""

    def __len__(self) -> int:
        return len(self._live)

    def __iter__(self) -> Iterator[str]:
        return iter(self._live)

    def __contains__(self, job_id: object) -> bool:
        return job_id in self._live

    def add(self, live: LiveJob) -> None:
        """A job comes in."""
        self._live[live.job.id] = live

    def live(self, job_id: str) -> LiveJob | None:
        """An open job with all that belongs to it; None where it is none."""
        return self._live.get(job_id)

    # -- ends ---------------------------------------------------------------------------------------------------------

    def settle(self, live: LiveJob, after: Job | None) -> None:
        """Brings the decided end of a job to disk, and tells it: of a recorded job only then. An end is told once."""
        if after is None or live.job.is_final:
            return
        live.ending = after
        events = live.story.take()
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
            self.on_end(live.job)  # first, as a caller who is told may be answered in that very moment
            self._notifier.notify(live.job.id)

    def _forget(self, live: LiveJob) -> None:
        job = live.job
        self._live.pop(job.id, None)
        if (job.input.size + (job.output.size if job.output is not None else 0)) <= REMEMBERED_SIZE:
            self._ended_lately[job.id] = job
            if len(self._ended_lately) > REMEMBERED:
                self._ended_lately.popitem(last=False)

    # -- views --------------------------------------------------------------------------------------------------------

    def job(self, job_id: str) -> Job | None:
        """An open job as callers may see it, or one that has just ended; None where the store knows better."""
        live = self._live.get(job_id)
        if live is not None:
            return live.job
        ended = self._ended_lately.get(job_id)
        return ended if ended is not None and (ended.forget_at or 0.0) > self._wall() else None

    def at_work(self, job_id: str, token: str) -> Job | None:
        """The open job whose attempt a worker has under this token, begun or sent ahead; None where it is none."""
        live = self._live.get(job_id)
        if live is None or not live.is_open or not live.token:
            return None
        return live.job if hmac.compare_digest(live.token.encode(), token.encode(errors="replace")) else None

    def recent_events(self, job_id: str, after: int) -> list[JobEvent] | None:
        """Events above ``after`` that readers may see, from memory; None where they are not all there (then ask the store)."""
        live = self._live.get(job_id)
        if live is None:
            return None
        story = live.story
        # nobody knows of a job that is not recorded but the caller who holds it, and it falls with the server
        return story.after(after, story.seq if live.recorded is None else story.saved)

    def persist(self, job_id: str, then: Callable[[], None]) -> bool:
        """Brings a job to disk now, and calls ``then`` once it is there. False where it was there already."""
        live = self._live.get(job_id)
        if live is None:
            return False
        if live.recorded is None and live.is_open:
            self._chronicle.save(live)
        self._recorder.record(None, then=then)  # in its turn: behind all that is on its way about this job
        return True

    def jobs(self) -> list[Job]:
        """The jobs that have not ended, as callers may see them."""
        return [live.job for live in self._live.values() if not live.job.is_final]

    def versions_of(self, endpoint_id: str) -> set[str]:
        """The versions of an endpoint that have open jobs, whether they still exist or not."""
        return {live.job.version_id for live in self._live.values() if live.job.endpoint_id == endpoint_id}


def _no_end(_: Job) -> None:
    """Listens until somebody else does."""
