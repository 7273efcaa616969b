"""The chronicle: what happens in open jobs, on its way to readers and to the disk."""

from __future__ import annotations

from collections.abc import Callable

from trivet.platform.core.jobs import EventKind, JobEvent
from trivet.platform.ports.notifier import Notifier
from trivet.platform.services.live import LiveJob, Seat
from trivet.platform.services.recorder import Recorder


class Chronicle:
    """Goes on with the stories of open jobs, and saves them while the jobs go on; their ends are for others.

    A reader of a recorded job sees what is on disk. A worker that says more than the disk takes is not listened to until the
    disk has caught up, so that memory stays bounded.

    Args:
        recorder: brings jobs and events to disk, in order.
        notifier: wakes those who follow a job.
        seat_of: a worker's place, by its id.
    """

    def __init__(self, recorder: Recorder, notifier: Notifier, seat_of: Callable[[str], Seat | None]) -> None:
        self._recorder = recorder
        self._notifier = notifier
        self._seat_of = seat_of

    def add(self, live: LiveJob, kind: EventKind, data: bytes, label: str, at: float) -> None:
        """Goes on with the story of a job.

        Args:
            live: the job.
            kind: what the event carries.
            data: the piece or the text as it came.
            label: see `JobEvent`.
            at: seconds since the epoch.
        """
        story = live.story
        story.add(JobEvent(live.job.id, story.seq + 1, live.job.attempt, kind, at, data, label))
        if live.recorded is None:
            self._notifier.notify(live.job.id)
        elif kind is EventKind.PIECE and not story.saving and live.is_open:
            self.save(live)  # what waits for the disk meanwhile goes with the next one
        if story.is_behind:
            seat = self._seat_of(live.job.worker_id or "")
            if seat is not None and not seat.muted:
                seat.muted = True
                seat.link.listen(on=False)

    def save(self, live: LiveJob, then: Callable[[], None] | None = None) -> None:
        """Brings a job and what has happened in it to disk; its readers see that when it is there, and ``then`` is called."""
        story = live.story
        events = story.take()
        live.recorded = live.job
        story.saving = True
        last = story.seq

        def saved() -> None:
            shown = story.saved
            story.keep(last)
            if not story.unsaved:
                story.saving = False
            elif live.is_open:
                self.save(live)
            self._listen(live)
            if then is not None:
                then()
            if story.saved > shown:
                self._notifier.notify(live.job.id)

        self._recorder.record(live.job, events, saved)

    def save_changes(self, live: LiveJob) -> None:
        """Brings to disk what has changed about a recorded job since it was last."""
        job, recorded = live.job, live.recorded
        if recorded is None or not live.is_open:
            return
        is_same = (
            recorded.status is job.status and recorded.attempt == job.attempt and recorded.progress is job.progress
        )
        if not is_same or live.story.unsaved:
            self.save(live)

    def _listen(self, live: LiveJob) -> None:
        """Listens to a worker again whose pieces have found their way to the disk."""
        seat = self._seat_of(live.job.worker_id or "")
        if seat is not None and seat.muted and not any(other.story.is_behind for other in seat.held.values()):
            seat.muted = False
            seat.link.listen(on=True)
