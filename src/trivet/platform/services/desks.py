"""A desk: the link to a worker that comes and asks for its jobs, as it is between two visits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from trivet.platform.core import takes as rules
from trivet.platform.core.takes import Ghost, HeldAttempt
from trivet.platform.ports.clock import Clock
from trivet.platform.ports.notifier import Notifier
from trivet.platform.ports.runtime import AttemptOrder, AttemptRef


class Turn:
    """One open poll. It is over when the desk has another one, or none."""


@dataclass(slots=True, eq=False)
class Desk:
    """What a worker that polls was given, and what it is to be told. It is a `WorkerLink` for the services.

    Attributes:
        worker_id: the worker.
        endpoint_id: what it works for.
        version_id: the build that it works for.
        token: what it has to show.
        remote: whether it lives elsewhere.
        clock: seconds that go on evenly.
        notifier: wakes open polls.
        on_stopped: told an attempt that was stopped. It must not go back to the dispatcher in the same call.
        on_drain: told that the worker is to be let go. The same holds.
        waiting: what was sent and went into no answer yet, by number.
        held: what went into answers and has not ended, by job.
        ghosts: what was stopped and may still be at work in the worker, by job.
        to_stop: the jobs that the next poll for stops is told.
    """

    worker_id: str
    endpoint_id: str
    version_id: str
    token: str = field(repr=False)
    remote: bool
    clock: Clock
    notifier: Notifier
    on_stopped: Callable[[AttemptRef], None]
    on_drain: Callable[[Desk], None]
    waiting: dict[int, AttemptOrder] = field(default_factory=dict)
    held: dict[str, HeldAttempt] = field(default_factory=dict)
    ghosts: dict[str, Ghost] = field(default_factory=dict)
    to_stop: dict[str, None] = field(default_factory=dict)
    take: Turn | None = None
    take_began_at: float = 0.0
    stop: Turn | None = None
    ready: bool = False
    draining: bool = False
    muted: bool = False
    polled_at: float = 0.0
    pinged_at: float | None = None
    ping_interval: float = rules.PING_INTERVAL
    pings_name_jobs: bool = False
    """Whether its pings have ever named a job: only then does their silence about one mean something."""
    capacity: int = 1
    """How many jobs it works on at a time, as its polls have shown."""

    @property
    def take_topic(self) -> str:
        """What wakes its poll for jobs."""
        return f"desk:{self.worker_id}:take"

    @property
    def stop_topic(self) -> str:
        """What wakes its poll for stops."""
        return f"desk:{self.worker_id}:stop"

    @property
    def voice_topic(self) -> str:
        """What wakes those who bring what it says."""
        return f"desk:{self.worker_id}:voice"

    def ref(self, attempt: HeldAttempt | AttemptOrder) -> AttemptRef:
        """How the dispatcher knows an attempt."""
        return AttemptRef(self.worker_id, attempt.number, attempt.token)

    # -- as the services see it -----------------------------------------------------------------------------------------

    def send(self, order: AttemptOrder) -> None:
        """Keeps an attempt for the answer to the worker's poll."""
        self.waiting[order.number] = order
        self.notifier.notify(self.take_topic)

    def cancel(self, number: int, reason: str) -> None:
        """Stops an attempt: it is over at once, and the worker is told with its next poll for stops."""
        order = self.waiting.pop(number, None)
        if order is not None:
            self.on_stopped(self.ref(order))
            return
        attempt = next((held for held in self.held.values() if held.number == number), None)
        if attempt is not None:
            del self.held[attempt.job_id]
            self.haunt(attempt.job_id)
            self.on_stopped(self.ref(attempt))

    def recall(self) -> None:
        """Nothing can be asked back: what was given is with the worker, and what was not is handed back when its poll ends."""

    def listen(self, *, on: bool) -> None:
        """Lets those wait who bring what the worker says, or go on."""
        self.muted = not on
        if on:
            self.notifier.notify(self.voice_topic)

    def drain(self) -> None:
        """Gives nothing any more, and lets the worker go once it holds nothing."""
        if not self.draining:
            self.draining = True
            self.on_drain(self)

    def close(self) -> None:
        """Ends its polls."""
        self.end_take()
        self.stop = None
        self.notifier.notify(self.stop_topic)

    # -- for the takes service ------------------------------------------------------------------------------------------

    def end_take(self) -> None:
        """Ends the open poll for jobs."""
        self.take = None
        self.notifier.notify(self.take_topic)

    def haunt(self, job_id: str) -> None:
        """Something of a job may go on in the worker that must stop."""
        self.ghosts.setdefault(job_id, Ghost(job_id, self.clock()))
        self.offer_stop(job_id)

    def offer_stop(self, job_id: str) -> None:
        """Has the worker told, once, to stop a job."""
        self.to_stop[job_id] = None
        self.notifier.notify(self.stop_topic)

    def lay(self, job_id: str) -> None:
        """The worker is free of a job that was stopped."""
        if self.ghosts.pop(job_id, None) is not None:
            self.to_stop.pop(job_id, None)
            self.notifier.notify(self.take_topic)  # the same job may wait for that

    def deliverable(self) -> list[AttemptOrder]:
        """What can go into an answer now: no second attempt of a job whose first may still be at work there."""
        return [order for order in self.waiting.values() if order.job_id not in self.ghosts]
