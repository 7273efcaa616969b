"""What the dispatcher holds in memory: open jobs, and the places of workers that are ready."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from trivet.platform.core.jobs import Job, JobEvent
from trivet.platform.ports.runtime import WorkerLink


@dataclass(slots=True, eq=False)
class LiveJob:
    """An open job and what belongs to it while it is open.

    ``job`` is what callers may be told. ``ending`` is its final state on the way to the disk: nothing can change it any
    more, and nobody has been told. ``recorded`` is the state that is on disk, or on its way there.
    """

    job: Job
    recorded: Job | None = None
    ending: Job | None = None
    number: int = 0
    seq: int = 0
    events: deque[JobEvent] = field(default_factory=deque)
    unsaved: list[JobEvent] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        """Whether its end is still undecided."""
        return self.ending is None and not self.job.is_final


@dataclass(slots=True, eq=False)
class Seat:
    """A worker's place at the dispatcher: how many jobs it can take, and which it holds, by their numbers on the link.

    ``suspect``: it holds an attempt that does not stop though asked to; it gets nothing new until that one has ended.
    """

    worker_id: str
    version_id: str
    link: WorkerLink
    slots: int
    taking: bool = True
    suspect: bool = False
    held: dict[int, LiveJob] = field(default_factory=dict)
    idle_since: float | None = None
    jobs_done: int = 0

    @property
    def free(self) -> int:
        """How many more jobs it can take now."""
        return self.slots - len(self.held) if self.taking and not self.suspect else 0
