"""Scaling: how many workers, from what is seen now."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trivet.platform.core.errors import BadRequest
from trivet.platform.core.scaling import (
    MAX_WORKERS,
    ScalingDecision,
    ScalingPolicy,
    ScalingRule,
    ScalingSample,
    decide,
)

POLICIES = st.builds(
    lambda low, more, idle, rule, target: ScalingPolicy(low, max(1, low + more), idle, rule, target),
    st.integers(0, 5),
    st.integers(0, 20),
    st.floats(0, 120),
    st.sampled_from(ScalingRule),
    st.floats(0, 1e6, exclude_min=True),
)


@st.composite
def samples(draw: st.DrawFn) -> ScalingSample:
    ready = draw(st.integers(0, 30))
    return ScalingSample(
        queued=draw(st.integers(0, 500)),
        running=draw(st.integers(0, 60)),
        oldest_wait=draw(st.floats(0, 1e6)),
        starting=draw(st.integers(0, 30)),
        ready=ready,
        idle_for=tuple(draw(st.lists(st.floats(0, 1e6), max_size=ready))),
        slots=draw(st.integers(1, 16)),
        blocked=draw(st.booleans()),
    )


def sample(**fields: object) -> ScalingSample:
    nothing = {"queued": 0, "running": 0, "oldest_wait": 0.0, "starting": 0, "ready": 0}
    return ScalingSample(**{**nothing, **fields})  # type: ignore[arg-type]


@given(policy=POLICIES, seen=samples())
@example(policy=ScalingPolicy(0, 3, 0.0, ScalingRule.REQUEST_COUNT, 5e-324), seen=sample(queued=2))
def test_the_bounds_are_never_broken(policy: ScalingPolicy, seen: ScalingSample) -> None:
    decision = decide(policy, seen)
    have = seen.starting + seen.ready
    assert decision.start >= 0
    assert decision.stop >= 0
    assert not (decision.start and decision.stop)
    assert decision.stop <= len(seen.idle_for)
    if decision.start:
        assert policy.minimum <= have + decision.start <= policy.maximum
        assert not seen.blocked
    if decision.stop:
        assert have - decision.stop >= policy.minimum


@given(policy=POLICIES, seen=samples())
def test_what_waits_is_served_in_the_end(policy: ScalingPolicy, seen: ScalingSample) -> None:
    decision = decide(policy, seen)
    if seen.queued and not seen.blocked and seen.starting + seen.ready == 0:
        assert decision.start >= 1
    if seen.queued and seen.starting + seen.ready <= policy.maximum:
        assert decision.stop == 0


@given(policy=POLICIES, seen=samples())
def test_a_worker_that_is_stopped_is_not_started_again_at_the_next_look(
    policy: ScalingPolicy, seen: ScalingSample
) -> None:
    stop = decide(policy, seen).stop
    if stop and seen.starting + seen.ready <= policy.maximum:
        idle = tuple(sorted(seen.idle_for))[:-stop]
        later = sample(running=seen.running, starting=seen.starting, ready=seen.ready - stop, idle_for=idle)
        assert decide(policy, later).start == 0


@given(policy=POLICIES)
def test_the_minimum_is_kept_without_any_demand(policy: ScalingPolicy) -> None:
    assert decide(policy, sample()) == ScalingDecision(start=policy.minimum)


@pytest.mark.parametrize("rule", ScalingRule)
def test_from_zero_the_first_worker_starts_at_once(rule: ScalingRule) -> None:
    assert decide(ScalingPolicy(rule=rule, target=60.0), sample(queued=1)) == ScalingDecision(start=1)


def test_nothing_starts_while_starting_is_held_off() -> None:
    assert decide(ScalingPolicy(), sample(queued=9, oldest_wait=99.0, blocked=True)) == ScalingDecision()


def test_by_queue_delay_a_worker_is_added_when_a_job_has_waited_too_long() -> None:
    policy = ScalingPolicy(0, 10, target=2.0)
    busy = {"queued": 5, "running": 1, "ready": 1}
    assert decide(policy, sample(**busy, oldest_wait=1.9)) == ScalingDecision()
    assert decide(policy, sample(**busy, oldest_wait=2.0)) == ScalingDecision(start=1)
    assert decide(policy, sample(queued=50, running=4, ready=4, oldest_wait=9.0)) == ScalingDecision(start=4)


def test_a_worker_on_its_way_counts_for_what_waits() -> None:
    policy = ScalingPolicy(0, 10)
    assert decide(policy, sample(queued=2, starting=2, oldest_wait=9.0)) == ScalingDecision()
    assert decide(policy, sample(queued=4, starting=1, slots=4, oldest_wait=9.0)) == ScalingDecision()


def test_by_request_count_there_is_a_worker_for_so_many_open_jobs() -> None:
    policy = ScalingPolicy(0, 5, rule=ScalingRule.REQUEST_COUNT, target=4.0)
    assert decide(policy, sample(queued=9, ready=1)) == ScalingDecision(start=2)
    assert decide(policy, sample(queued=900, ready=1)) == ScalingDecision(start=4)
    assert decide(policy, sample(running=8, ready=2)) == ScalingDecision()


def test_by_request_count_an_idle_worker_stays_while_the_demand_names_it() -> None:
    policy = ScalingPolicy(0, 5, idle_timeout=10.0, rule=ScalingRule.REQUEST_COUNT, target=1.0)
    assert decide(policy, sample(running=2, ready=2, idle_for=(99.0,), slots=2)) == ScalingDecision()
    assert decide(policy, sample(running=1, ready=3, idle_for=(99.0, 99.0))) == ScalingDecision(stop=2)


def test_idle_workers_stop_after_their_time_but_not_below_the_minimum() -> None:
    policy = ScalingPolicy(1, 5, idle_timeout=10.0)
    assert decide(policy, sample(ready=3, idle_for=(9.9, 10.0, 50.0))) == ScalingDecision(stop=2)
    assert decide(policy, sample(ready=3, idle_for=(50.0, 50.0, 50.0))) == ScalingDecision(stop=2)
    assert decide(policy, sample(ready=1, idle_for=(50.0,))) == ScalingDecision()


def test_where_the_maximum_was_lowered_only_idle_workers_stop() -> None:
    assert decide(ScalingPolicy(0, 1), sample(running=3, ready=4, idle_for=(0.0,))) == ScalingDecision(stop=1)
    assert decide(ScalingPolicy(0, 1), sample(running=4, ready=4)) == ScalingDecision()


@pytest.mark.parametrize(
    "policy",
    [
        ScalingPolicy(-1, 3),
        ScalingPolicy(4, 3),
        ScalingPolicy(0, -1),
        ScalingPolicy(0, MAX_WORKERS + 1),
        ScalingPolicy(idle_timeout=-1.0),
        ScalingPolicy(idle_timeout=math.nan),
        ScalingPolicy(idle_timeout=math.inf),
        ScalingPolicy(target=0.0),
        ScalingPolicy(target=math.nan),
    ],
)
def test_numbers_that_contradict_each_other_are_refused(policy: ScalingPolicy) -> None:
    with pytest.raises(BadRequest):
        policy.check()


@given(policy=POLICIES)
def test_sound_numbers_pass(policy: ScalingPolicy) -> None:
    assert policy.check() is policy


def test_with_a_maximum_of_none_nothing_is_started_and_what_is_idle_stops() -> None:
    off = ScalingPolicy(minimum=0, maximum=0).check()
    assert decide(off, ScalingSample(queued=5, running=0, oldest_wait=9.0, starting=0, ready=0)) == ScalingDecision()
    assert decide(off, ScalingSample(0, 1, 0.0, 0, 3, idle_for=(0.1, 0.2))) == ScalingDecision(stop=2)
