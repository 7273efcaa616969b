"""Who calls too often, or has too many jobs open, is sent away before anything is queued.

What was called is kept in memory: a restart forgets the rates. It does not forget the open jobs, as they are counted where
they are: a holder's jobs are counted once, when the first call comes that its limit of open jobs applies to, and then
followed. Callers without limits pass without a look-up, and so do their jobs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from trivet.platform.core import limits as rules
from trivet.platform.core.accounts import Principal
from trivet.platform.core.errors import LimitExceeded
from trivet.platform.core.jobs import Job
from trivet.platform.core.limits import Bucket, HeldLimits, Holder, LimitState, RateLimit
from trivet.platform.ports.clock import Clock


@dataclass(slots=True, eq=False)
class _Usage:
    """What a key or an account has used up. ``open_jobs`` says nothing until they are ``counted``."""

    bucket: Bucket | None = None
    open_jobs: int = 0
    counted: bool = False


class Limits:
    """Counts what limited callers do.

    Args:
        clock: tells the time.
        open_jobs: gives the jobs that have not ended, as far as callers have been told.
    """

    def __init__(self, clock: Clock, open_jobs: Callable[[], Iterable[Job]]) -> None:
        self._clock = clock
        self._open_jobs = open_jobs
        self._usages: dict[str, _Usage] = {}
        self._places: dict[str, tuple[_Usage, ...]] = {}

    def take(self, principal: Principal, job_id: str) -> None:
        """Lets a call in, or refuses it. A call that is refused uses nothing up.

        The job counts as open from now on, so that calls which come in together can't pass each other. Once it has ended, or
        where it doesn't come to be at all, `release` it.

        Args:
            principal: who calls.
            job_id: the job that the call is to make.

        Raises:
            RateLimited: the key or its account calls too often.
            TooManyOpenJobs: the key or its account has as many jobs open as it may.
        """
        if not principal.limits:
            return
        now = self._clock()
        refusals: list[LimitExceeded | None] = []
        buckets: list[tuple[_Usage, Bucket]] = []
        places: list[_Usage] = []
        for held in principal.limits:
            usage = self._usage(held)
            rate, concurrent = held.limits.rate, held.limits.concurrent
            if rate is not None:
                bucket = _bucket(rate, usage, now)
                refusals.append(rules.rate_refusal(held, rate, bucket))
                buckets.append((usage, bucket))
            if concurrent is not None:
                refusals.append(rules.open_jobs_refusal(held, concurrent, self._count(held, usage)))
                places.append(usage)
        refusal = rules.worst([refusal for refusal in refusals if refusal is not None])
        if refusal is not None:
            refusal.limits = self.state(principal)
            raise refusal
        for usage, bucket in buckets:
            usage.bucket = rules.spent(bucket)
        for usage in places:
            usage.open_jobs += 1
        if places:
            self._places[job_id] = tuple(places)

    def release(self, job_id: str) -> None:
        """A job is not open any more, or did not come to be. Nothing happens where it holds no place."""
        for usage in self._places.pop(job_id, ()):
            usage.open_jobs -= 1

    def give_back(self, principal: Principal) -> None:
        """A call that was let in is the repetition of another, which came in beside it: what it took of rates is put back."""
        for held in principal.limits:
            usage = self._usage(held)
            if held.limits.rate is not None and usage.bucket is not None:
                usage.bucket = rules.returned(held.limits.rate, usage.bucket)

    def state(self, principal: Principal) -> tuple[LimitState, ...]:
        """What is left of the limits of a caller; empty where it has none."""
        now = self._clock()
        found: list[LimitState] = []
        for held in principal.limits:
            usage = self._usage(held)
            rate, concurrent = held.limits.rate, held.limits.concurrent
            if rate is not None:
                found.append(rules.rate_state(held.holder, rate, _bucket(rate, usage, now)))
            if concurrent is not None:
                found.append(rules.open_jobs_state(held.holder, concurrent, self._count(held, usage)))
        return tuple(found)

    def forget(self, holder_id: str) -> None:
        """The limits of a key or an account have changed, or it is gone: its counts begin anew."""
        self._usages.pop(holder_id, None)

    def _usage(self, held: HeldLimits) -> _Usage:
        usage = self._usages.get(held.id)
        if usage is None:
            usage = self._usages[held.id] = _Usage()
        return usage

    def _count(self, held: HeldLimits, usage: _Usage) -> int:
        """How many jobs the holder has open, those included that are about to be made."""
        if not usage.counted:
            usage.counted = True
            for job in self._open_jobs():
                if _held_by(job, held):
                    self._places[job.id] = (*self._places.get(job.id, ()), usage)
                    usage.open_jobs += 1
        return usage.open_jobs


def _held_by(job: Job, held: HeldLimits) -> bool:
    if held.holder is Holder.TREE:
        return job.root_id == held.id
    return (job.key_id if held.holder is Holder.KEY else job.account_id) == held.id


def _bucket(rate: RateLimit, usage: _Usage, now: float) -> Bucket:
    return rules.full(rate, now) if usage.bucket is None else rules.filled(rate, usage.bucket, now)
