"""Workers that come and ask for their jobs: what follows from what they say, and from what they do not say.

Such a worker has no open link. What it was given may be lost on its way there, and its result on the way back; all that is known
of it comes from its polls (*takes*), from its pings, which name the jobs it holds, and from what its handlers report. An attempt
that was stopped is over for everybody else at once, but its handler may go on in the worker: such a remainder is a *ghost*.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

from trivet.platform.core.jobs import JobError

RESULT_LOST = "result_lost"
PING_INTERVAL = 10.0
"""Seconds between a worker's pings where they have not shown it yet."""
GHOST_GRACE = 5.0
"""Seconds that a stopped handler may go on in a worker which holds nothing else."""
GHOST_GRACE_SHARED = 30.0
"""The same where the worker holds other jobs too: they get the chance to finish first."""
GHOST_PROBE = 1.0
"""Seconds after which a worker with a ghost is made to ask again, as it then says whether it still holds something."""
GHOST_REMINDER = 0.5
"""Seconds after which a worker is told to stop a job again: it passes over one that it has taken and not begun, for a moment."""
POLL_SILENCE = 30.0
"""Seconds since its last poll for which the pings of a worker that lives elsewhere prove that it lives."""
MOST_LOST_DELIVERIES = 5
"""How often a job may get lost on its way to a worker before that counts as an attempt."""
LONGEST_PAUSE = 15.0
"""Seconds after which a job that got lost on its way goes out again, at most."""
LOST_REST = 1.0
"""Seconds for which a worker gets nothing once it has shown that an answer never reached it."""
TWIN_MEMORY = 60.0
"""Seconds for which what a worker says counts as one of two processes' words, after two polls of a kind were open at a time."""
ANSWER_SIZE = 32 * 1024 * 1024
"""Bytes of inputs that go into one answer, at most, where it is more than one input."""
SURPLUS_PACE = 0.5
"""Seconds that an attempt may take on average for a worker to be given more jobs than it asks for."""
SURPLUS_WINDOW = 1.0
"""Seconds of work that it is given then: a worker that takes one job at a time asks once a second at most."""
SURPLUS_LIMIT = 32
"""Jobs that it is given then, at most."""
_ABSENCES = 2
_LAST_WORDS = 500


_ELSEWHERE = "@"


def name_elsewhere(worker_id: str, endpoint_id: str) -> str:
    """The id under which a worker from elsewhere is registered: its own means something within its endpoint only."""
    return f"{worker_id}{_ELSEWHERE}{endpoint_id}"


def own_name(worker_id: str) -> str:
    """The id by which a worker calls itself."""
    return worker_id.partition(_ELSEWHERE)[0]


@dataclass(frozen=True, slots=True)
class HeldAttempt:
    """An attempt that went to a worker with the answer to its poll, and what has been seen of it since. Times in seconds.

    ``number`` and ``token`` name it to the dispatcher. ``begun_at``: when its turn came inside the worker, None while it waits
    there behind others. ``shown``: whether the worker has given a sign of it. ``absences``: how many pings in a row did not
    name it. ``pieces``: how many it has streamed.
    """

    job_id: str
    number: int
    token: str = field(repr=False)
    timeout: float
    taken_at: float
    begun_at: float | None = None
    shown: bool = False
    absences: int = 0
    pieces: int = 0

    def is_within(self, now: float) -> bool:
        """Whether it can still be at work by its timeout."""
        return self.begun_at is None or now - self.begun_at <= self.timeout


@dataclass(frozen=True, slots=True)
class Ghost:
    """What is left in a worker of an attempt that is over for everybody else, since when; ``reminded``: it was told again."""

    job_id: str
    since: float
    reminded: bool = False


def begin(attempt: HeldAttempt, now: float) -> HeldAttempt:
    """The attempt once it is its turn in the worker."""
    return replace(attempt, begun_at=now)


def show(attempt: HeldAttempt, pieces: int = 0) -> HeldAttempt:
    """The attempt after a sign that it has begun; ``pieces``: how many came with it."""
    if attempt.shown and not attempt.absences and not pieces:
        return attempt
    return replace(attempt, shown=True, absences=0, pieces=attempt.pieces + pieces)


def after_ping(attempt: HeldAttempt, listed: AbstractSet[str]) -> HeldAttempt:
    """The attempt after a ping that named the jobs in ``listed``. One that waits its turn in the worker is not named there."""
    if attempt.job_id in listed:
        return show(attempt)
    return attempt if attempt.begun_at is None else replace(attempt, absences=attempt.absences + 1)


def is_missing(attempt: HeldAttempt, now: float, interval: float) -> bool:
    """Whether pings, ``interval`` seconds apart, show that the worker does not hold the attempt any more, or never did."""
    return attempt.absences >= _ABSENCES and now - attempt.taken_at >= _ABSENCES * interval


def fitting(sizes: Sequence[int]) -> int:
    """How many inputs go into one answer, of those that have so many bytes each: at least one."""
    total = 0
    for count, size in enumerate(sizes):
        total += size
        if count and total > ANSWER_SIZE:
            return count
    return len(sizes)


def redelivery_pause(losses: int) -> float:
    """Seconds before a job goes out again that got lost on its way, for the ``losses``-th time."""
    return min(2.0 ** (losses - 1), LONGEST_PAUSE)


def ping_interval(before: float, gap: float) -> float:
    """Seconds between a worker's pings, after two of them that lay ``gap`` seconds apart; ``before``: what was thought so far."""
    return before if not 0.5 <= gap <= 2 * PING_INTERVAL else max(1.0, gap)


def is_sign_of_life(
    *, remote: bool, polled_at: float, left_at: float | None, attempts: Iterable[HeldAttempt], now: float
) -> bool:
    """Whether a ping proves that the worker lives, and not only the part of it that pings.

    Args:
        remote: whether it lives elsewhere. The end of one that lives here is seen by the runtime.
        polled_at: when its last poll began or ended, in seconds.
        left_at: when it hung up amid a poll, where it has not been heard of since. The end of a process closes its connections;
            one that is only too busy to answer keeps them.
        attempts: what it holds: it may be too busy to poll, but only as long as they may take.
        now: the time, in seconds.
    """
    if remote and left_at is not None and now - left_at > POLL_SILENCE:
        return False
    return not remote or now - polled_at <= POLL_SILENCE or any(attempt.is_within(now) for attempt in attempts)


def must_remind(ghost: Ghost, now: float) -> bool:
    """Whether a worker has to be told again to stop what is left of a job."""
    return not ghost.reminded and now - ghost.since >= GHOST_REMINDER


def must_end(ghosts: Iterable[Ghost], *, alone: bool, now: float) -> bool:
    """Whether a worker has to be killed because a handler that was stopped goes on; ``alone``: it holds nothing else."""
    grace = GHOST_GRACE if alone else GHOST_GRACE_SHARED
    return any(now - ghost.since >= grace for ghost in ghosts)


def surplus(pace: float | None, waiting: int, workers: int) -> int:
    """How many jobs a worker is given beyond those that it has asked for.

    Args:
        pace: seconds that an attempt takes there on average; None where that is not known.
        waiting: how many jobs wait though every worker that asks has been served.
        workers: how many workers share them.
    """
    if pace is None or pace > SURPLUS_PACE or waiting <= 0:
        return 0
    fits = SURPLUS_LIMIT if pace * SURPLUS_LIMIT <= SURPLUS_WINDOW else math.ceil(SURPLUS_WINDOW / pace)
    return min(fits, SURPLUS_LIMIT, math.ceil(waiting / max(1, workers)))


NEVER_ARRIVED = "asks for more and does not have this job: it was lost on its way there"
"""Completes "the worker …" for an attempt of which nothing was ever seen."""


STARTED_ANEW = "left amid its work, and came again without this job"
"""The same for one that was seen to begin, where its worker may have been started anew since."""


def result_lost(last_words: tuple[str, ...]) -> JobError:
    """Why an attempt failed that had begun, ended, and never told its result.

    Args:
        last_words: the last lines that its handler and the library around it printed.
    """
    # the library goes on to tell of the end of each job, whatever became of the result
    telling = [line.strip() for line in last_words if "error" in line.lower()] or [line.strip() for line in last_words]
    last = f" Its log says: {telling[-1][:_LAST_WORDS]}" if telling and telling[-1] else ""
    return JobError(
        RESULT_LOST,
        f"The handler has ended, and its result never came. Most often it can't be turned into JSON.{last}",
        worker_log=last_words,
        hint="Return only what JSON knows: dicts with text keys, lists, text, numbers, booleans and None.",
    )
