"""Limits of calls: how often one may call, and how many jobs one may have open. Values, and the rules as pure functions.

A rate is kept with a bucket of as many calls as it allows. Each call takes one out, and they come back evenly: with
100/min, a hundred calls may come at once, and then one every 0.6 seconds.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from enum import Enum, StrEnum
from typing import Final, Literal

from trivet.platform.core.errors import LimitExceeded, RateLimited, TooManyOpenJobs

MAX_REQUESTS = 1_000_000_000
MAX_CONCURRENT = 1_000_000_000
MAX_WINDOW = 86_400
"""Seconds. What was called is kept in memory, so that a longer window would promise what a restart breaks."""
NEVER = 3600.0
"""Seconds after which to come back where nothing will change until somebody raises the limit."""
OPEN_JOBS_RETRY = 1.0
"""Seconds after which to come back where a job has to end first: nobody knows when that will be."""
_UNITS = {
    "s": 1, "sec": 1, "second": 1, "min": 60, "minute": 60, "h": 3600, "hour": 3600, "d": 86_400, "day": 86_400,
}  # fmt: skip
_SHOWN = {1: "s", 60: "min", 3600: "h", 86_400: "day"}
_RATE = re.compile(r"\s*(\d{1,10})\s*/\s*(\d{0,5})\s*([a-z]+)\s*", re.IGNORECASE | re.ASCII)
_ALMOST = 1e-6
"""What a bucket may lack of a whole call: times since the epoch are floats, and a caller that waited is not sent away for it."""


class Keep(Enum):
    """Stands for a field that stays as it is."""

    KEEP = "keep"


KEEP: Final = Keep.KEEP


@dataclass(frozen=True, slots=True)
class RateLimit:
    """So many calls in so many seconds. No request is allowed where ``requests`` is 0."""

    requests: int
    per_seconds: int

    def __str__(self) -> str:
        shown = _SHOWN.get(self.per_seconds)
        return f"{self.requests}/{shown}" if shown is not None else f"{self.requests}/{self.per_seconds}s"

    @classmethod
    def parse(cls, text: str) -> RateLimit:
        """The rate that ``100/min`` means. Units are s, min, h and day; a number may stand in front of them: ``5/10s``.

        Raises:
            ValueError: it is none, or out of range; the message says which.
        """
        found = _RATE.fullmatch(text)
        unit = _UNITS.get(found[3].lower()) if found is not None else None
        if found is None or unit is None:
            raise ValueError(f"{text[:40]!r} is no rate: write `100/min`, with one of s, min, h, day.")
        rate = cls(int(found[1]), int(found[2] or 1) * unit)
        if rate.requests > MAX_REQUESTS or not 1 <= rate.per_seconds <= MAX_WINDOW:
            raise ValueError(
                f"{text[:40]!r} is out of range: up to {MAX_REQUESTS} calls, in 1 second up to {MAX_WINDOW // 3600} hours."
            )
        return rate


@dataclass(frozen=True, slots=True)
class CallLimits:
    """What a key or an account may do: how often it may call, and how many jobs it may have open; None: no limit."""

    rate: RateLimit | None = None
    concurrent: int | None = None

    def __bool__(self) -> bool:
        return self.rate is not None or self.concurrent is not None

    def or_else(self, default: CallLimits) -> CallLimits:
        """These limits, and those of ``default`` where there is none here."""
        return CallLimits(
            default.rate if self.rate is None else self.rate,
            default.concurrent if self.concurrent is None else self.concurrent,
        )

    def changed(self, rate: RateLimit | Keep | None, concurrent: int | Keep | None) -> CallLimits:
        """The limits after a change; None takes a limit away."""
        return CallLimits(
            self.rate if isinstance(rate, Keep) else rate,
            self.concurrent if isinstance(concurrent, Keep) else concurrent,
        )


NO_LIMITS: Final = CallLimits()


class Holder(StrEnum):
    """Whose limits they are. A tree is what one job has called, with what that has called."""

    KEY = "key"
    ACCOUNT = "account"
    TREE = "tree"


@dataclass(frozen=True, slots=True)
class HeldLimits:
    """Limits, and who holds them: ``id`` is the key's, the account's or the tree's, ``name`` how people call it."""

    holder: Holder
    id: str
    name: str
    limits: CallLimits


def held_limits(
    key_id: str, key: CallLimits, account_id: str, name: str, account: CallLimits
) -> tuple[HeldLimits, ...]:
    """All limits that apply to a caller, those of its key first; empty where there are none."""
    both = (HeldLimits(Holder.KEY, key_id, key_id, key), HeldLimits(Holder.ACCOUNT, account_id, name, account))
    return tuple(held for held in both if held.limits)


# -- rates --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Bucket:
    """How many calls are left, whole and in part, at a moment in seconds since the epoch."""

    left: float
    at: float


def full(rate: RateLimit, now: float) -> Bucket:
    """A bucket that nothing was taken out of."""
    return Bucket(float(rate.requests), now)


def filled(rate: RateLimit, bucket: Bucket, now: float) -> Bucket:
    """The bucket as it stands at ``now``. A clock that was set back takes nothing away, and gives nothing either."""
    gained = max(0.0, now - bucket.at) * rate.requests / rate.per_seconds
    return Bucket(min(float(rate.requests), bucket.left + gained), now)


def spent(bucket: Bucket) -> Bucket | None:
    """The bucket after one call; None where there is none left for it."""
    if bucket.left < 1.0 - _ALMOST:
        return None
    return replace(bucket, left=max(0.0, bucket.left - 1.0))


def returned(rate: RateLimit, bucket: Bucket) -> Bucket:
    """The bucket after one call was put back that did not count after all."""
    return replace(bucket, left=min(float(rate.requests), bucket.left + 1.0))


def seconds_to_next(rate: RateLimit, bucket: Bucket) -> float:
    """Seconds until a call is let in; 0 where one is now."""
    if rate.requests == 0:
        return NEVER
    return 0.0 if spent(bucket) is not None else (1.0 - bucket.left) * rate.per_seconds / rate.requests


# -- refusals -----------------------------------------------------------------------------------------------------------


def rate_refusal(held: HeldLimits, rate: RateLimit, bucket: Bucket) -> RateLimited | None:
    """Why a call is refused for its rate; None where it is not."""
    if spent(bucket) is not None:
        return None
    if rate.requests == 0:
        detail = f"{_subject(held)} may not call at all: its rate is {rate}."
        return RateLimited(detail, retry_after=NEVER, hint=_raise(held, "rate"))
    seconds = whole_seconds(seconds_to_next(rate, bucket))
    return RateLimited(
        f"{_subject(held)} may make {_count(rate.requests, 'call')} {_per(rate)}{_together(held)}, and has done so.",
        retry_after=seconds,
        hint=f"Come back in {seconds} s. {_raise(held, 'rate')}",
    )


def open_jobs_refusal(held: HeldLimits, allowed: int, open_jobs: int) -> TooManyOpenJobs | None:
    """Why a call is refused for the jobs that are open; None where it is not."""
    if open_jobs < allowed:
        return None
    if allowed == 0:
        detail = f"{_subject(held)} may not call at all: it may have no open job."
        return TooManyOpenJobs(detail, retry_after=NEVER, hint=_raise(held, "concurrent"))
    return TooManyOpenJobs(
        f"{_subject(held)} may have {_count(allowed, 'job')} open{_together(held)}, queued and running, and has {open_jobs}.",
        retry_after=OPEN_JOBS_RETRY,
        hint=f"Come back when one has ended, or cancel one: `trivet jobs ls` shows them. {_raise(held, 'concurrent')}",
    )


def worst(refusals: list[LimitExceeded]) -> LimitExceeded | None:
    """The refusal that is in force longest; the first of those that are alike."""
    return max(refusals, key=lambda refusal: refusal.retry_after, default=None)


def whole_seconds(seconds: float) -> int:
    """As headers tell it: rounded up, and never 0, as nobody should come back at once."""
    return max(1, math.ceil(seconds - _ALMOST))


def _subject(held: HeldLimits) -> str:
    if held.holder is Holder.TREE:
        return f"What job {held.name} has called, and what that has called,"
    return "This key" if held.holder is Holder.KEY else f"The account {held.name!r}"


def _together(held: HeldLimits) -> str:
    return "" if held.holder is not Holder.ACCOUNT else " with all its keys together"


def _per(rate: RateLimit) -> str:
    words = {1: "a second", 60: "a minute", 3600: "an hour", 86_400: "a day"}
    return words.get(rate.per_seconds) or f"in {rate.per_seconds} s"


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _raise(held: HeldLimits, option: Literal["rate", "concurrent"]) -> str:
    if held.holder is Holder.TREE:
        return "Let fewer calls run beside each other; whoever runs the platform can raise it: TRIVET_NESTED_CALLS."
    if held.holder is Holder.KEY:
        return f"Who manages the account's keys can change the limit: `trivet keys limit {held.name} --{option} …`."
    return f"An administrator can change the limit: `trivet accounts limit {held.name} --{option} …`."


# -- what callers are told ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LimitState:
    """One limit as it stands, for the caller to see.

    Attributes:
        holder: whose it is.
        quota: how many calls in the window, or how many open jobs.
        left: how many of them are left now.
        window: seconds; None where open jobs are counted.
        reset: whole seconds until there are more: until the whole quota is back, or, where nothing is left, until the next
            call is let in. None where open jobs are counted.
    """

    holder: Holder
    quota: int
    left: int
    window: int | None = None
    reset: int | None = None


def rate_state(holder: Holder, rate: RateLimit, bucket: Bucket) -> LimitState:
    """A rate as it stands."""
    left = math.floor(bucket.left + _ALMOST)
    to_full = (rate.requests - bucket.left) * rate.per_seconds / max(1, rate.requests)
    seconds = to_full if left else seconds_to_next(rate, bucket)
    return LimitState(holder, rate.requests, left, rate.per_seconds, math.ceil(seconds - _ALMOST))


def open_jobs_state(holder: Holder, allowed: int, open_jobs: int) -> LimitState:
    """A limit of open jobs as it stands. More may be open than allowed, where the limit was lowered since."""
    return LimitState(holder, allowed, max(0, allowed - open_jobs))
