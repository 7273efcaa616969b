"""What the dispatcher holds in memory: open jobs, and the places of workers that are ready."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from trivet.platform.core.jobs import Job
from trivet.platform.ports.clock import Clock
from trivet.platform.ports.runtime import WorkerLink
from trivet.platform.services.story import Story

AHEAD_WINDOW = 0.004
"""Seconds of work that a busy worker is sent ahead, so that it need not be woken for each job."""
AHEAD_LIMIT = 32
"""Jobs that are sent ahead at most."""
_NEWEST = 0.25
"""The weight of the newest attempt in a worker's pace."""


@dataclass(slots=True, eq=False)
class LiveJob:
    """An open job and what belongs to it while it is open.

    ``job`` is what callers may be told. ``ending`` is its final state on the way to the disk: nothing can change it any
    more, and nobody has been told. ``recorded`` is the state that is on disk, or on its way there. ``number`` and ``token``
    are of the attempt that a worker was sent last.
    """

    job: Job
    recorded: Job | None = None
    offset: float = 0.0
    """What the dispatcher's clock lacks to the job's own time, in which its moments are written."""
    ending: Job | None = None
    number: int = 0
    token: str = ""
    watched: bool = False
    """Whether its limits of time are watched: most jobs end before that begins."""
    ahead_at: Seat | None = None
    """The place it was sent to ahead of its turn; to callers it is still queued."""
    insights: int = 0
    """How many metrics it has reported."""
    story: Story = field(default_factory=Story)

    @property
    def is_open(self) -> bool:
        """Whether its end is still undecided."""
        return self.ending is None and not self.job.is_final

    @property
    def limit(self) -> float:
        """When it is over its time, whether it waits or is worked on: a moment of its own time."""
        job = self.job
        return job.expires_at if job.deadline is None else min(job.deadline, job.expires_at)

    def now(self, clock: Clock) -> float:
        """The time in the job's life: it goes on evenly from when the job came in, whatever happens to the machine's clock.

        Args:
            clock: the dispatcher's.
        """
        return clock() + self.offset


@dataclass(slots=True, eq=False)
class Seat:
    """A worker's place at the dispatcher: how many jobs it can take, and which it holds, by their numbers on the link.

    Of what it was sent, in order, it works on the first ``slots``; those behind them were sent ``ahead`` and begin when
    one before them ends, so both sides know without a word when that is.

    ``tells``: which of those first ``slots`` it has begun it says itself, as its handler takes batches.

    ``asks``: it is given nothing but what it has asked for, ``asked`` jobs at most now; ``slots`` bounds nothing then.

    ``suspect``: it holds an attempt that does not stop though asked to; it gets nothing new until that one has ended.
    """

    worker_id: str
    version_id: str
    link: WorkerLink
    slots: int
    tells: bool = False
    asks: bool = False
    asked: int = 0
    taking: bool = True
    suspect: bool = False
    held: dict[int, LiveJob] = field(default_factory=dict)
    ahead: dict[int, LiveJob] = field(default_factory=dict)
    loading: int = 0
    """How many of those held wait for their input, and are not sent yet."""
    pace: float | None = None
    """Seconds that an attempt takes here, on average; None before the first has ended."""
    recalled: bool = False
    """Whether it was asked to give back what it has not begun."""
    muted: bool = False
    """Whether it is not listened to, because what it said has not found its way to the disk yet."""
    idle_since: float | None = None
    jobs_done: int = 0
    account_id: str | None = None
    """Whose job it began last."""
    callers: int = 0
    """How often that was another's than the one before."""

    @property
    def free(self) -> int:
        """How many more jobs it can begin now."""
        if not self.taking or self.suspect:
            return 0
        return self.asked if self.asks else self.slots - len(self.held)

    @property
    def is_busy(self) -> bool:
        """Whether it works on something."""
        oldest = next(iter(self.held.values()), None)
        return oldest is not None and oldest.job.started_at is not None

    @property
    def room_ahead(self) -> int:
        """How many more jobs it may be sent ahead: as many as it is through with in a moment."""
        pace = self.pace
        if pace is None or pace > AHEAD_WINDOW or not self.taking or self.suspect or self.loading or self.recalled:
            return 0
        if self.asks:
            return 0
        wanted = AHEAD_LIMIT if pace * AHEAD_LIMIT <= AHEAD_WINDOW else int(AHEAD_WINDOW / pace)
        return wanted - len(self.ahead)

    def find(self, number: int) -> LiveJob | None:
        """The job of an attempt that it was sent and has not answered."""
        live = self.held.get(number)
        return live if live is not None else self.ahead.get(number)

    def lives(self) -> Iterator[LiveJob]:
        """All that it was sent and has not answered, in order."""
        yield from self.held.values()
        yield from self.ahead.values()

    def took(self, seconds: float) -> None:
        """An attempt has ended after so many seconds."""
        self.pace = seconds if self.pace is None else self.pace + _NEWEST * (seconds - self.pace)
