"""Scaling: how many workers a version should have, decided from a sample."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from trivet.platform.core.errors import BadRequest

MAX_WORKERS = 1000


class ScalingRule(StrEnum):
    """What makes the number of workers grow."""

    QUEUE_DELAY = "queue_delay"
    REQUEST_COUNT = "request_count"


@dataclass(frozen=True, slots=True)
class ScalingPolicy:
    """Bounds and rule. With a maximum of 0 an endpoint is switched off: its jobs wait. ``idle_timeout`` in seconds: how long a
    worker above the minimum may sit idle.

    ``target`` belongs to the rule: seconds that a job may wait before a worker is added (queue_delay), or open jobs per
    worker (request_count).
    """

    minimum: int = 0
    maximum: int = 3
    idle_timeout: float = 60.0
    rule: ScalingRule = ScalingRule.QUEUE_DELAY
    target: float = 1.0

    def check(self) -> ScalingPolicy:
        """Itself.

        Raises:
            BadRequest: the numbers contradict each other, said in a sentence.
        """
        if not 0 <= self.minimum <= self.maximum:
            raise BadRequest(f"workers={self.minimum},{self.maximum}: the minimum must lie between 0 and the maximum.")
        if self.maximum > MAX_WORKERS:
            raise BadRequest(f"workers: the maximum must lie between 0 and {MAX_WORKERS}, not at {self.maximum}.")
        if not (math.isfinite(self.idle_timeout) and self.idle_timeout >= 0):
            raise BadRequest(f"idle_timeout must be a number of seconds from 0, not {self.idle_timeout}.")
        if not (math.isfinite(self.target) and self.target > 0):
            raise BadRequest(f"target must be a number above 0, not {self.target}.")
        return self


@dataclass(frozen=True, slots=True)
class ScalingSample:
    """What a version's queue and workers look like now. Times in seconds.

    ``queued`` counts the jobs that may make it scale up: not those of low priority, nor those that rest before a retry.
    ``starting`` counts workers that are not ready yet, ``ready`` those that take jobs, ``idle_for`` how long each idle one
    has had nothing to do. ``slots`` is how many jobs one worker takes at a time.
    """

    queued: int
    running: int
    oldest_wait: float
    starting: int
    ready: int
    idle_for: tuple[float, ...] = ()
    slots: int = 1
    blocked: bool = False
    """Whether starting is held off (a crash loop waits)."""


@dataclass(frozen=True, slots=True)
class ScalingDecision:
    """How many to start, and how many of the longest idle to stop."""

    start: int = 0
    stop: int = 0


def decide(policy: ScalingPolicy, sample: ScalingSample) -> ScalingDecision:
    """What to do now.

    From zero the first worker starts at once, whatever the rule. A worker that is on its way counts as there. Only idle
    workers are stopped, and never below the minimum.
    """
    have = sample.starting + sample.ready
    if have > policy.maximum:
        return ScalingDecision(stop=min(have - policy.maximum, len(sample.idle_for)))
    wanted = max(policy.minimum, min(policy.maximum, _wanted(policy, sample, have)))
    if wanted > have:
        return ScalingDecision() if sample.blocked else ScalingDecision(start=wanted - have)
    if sample.queued:
        return ScalingDecision()
    tired = sum(1 for seconds in sample.idle_for if seconds >= policy.idle_timeout)
    # by queue delay nothing waits, so whoever has been idle may go; by request count the demand names a number, and going
    # below it would start the same worker again at the next look
    needed = wanted if policy.rule is ScalingRule.REQUEST_COUNT else policy.minimum
    return ScalingDecision(stop=min(tired, max(0, have - needed)))


def _wanted(policy: ScalingPolicy, sample: ScalingSample, have: int) -> int:
    demand = sample.queued + sample.running
    if not demand:
        return 0
    if policy.rule is ScalingRule.REQUEST_COUNT:
        return max(1, math.ceil(min(demand / policy.target, policy.maximum)))
    if have == 0:
        return 1
    unserved = sample.queued - sample.starting * sample.slots
    if unserved > 0 and sample.oldest_wait >= policy.target:
        # enough for what waits, at most doubling each time, so that one slow start does not buy a fleet
        return have + min(math.ceil(unserved / sample.slots), max(1, have))
    return have
