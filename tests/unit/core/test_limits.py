"""Limits of calls: what a rate means, how a bucket empties and fills, and what who is refused is told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivet.platform.core import limits
from trivet.platform.core.limits import (
    KEEP,
    NEVER,
    NO_LIMITS,
    Bucket,
    CallLimits,
    HeldLimits,
    Holder,
    LimitState,
    RateLimit,
)

NOW = 1_790_000_000.0
HUNDRED = RateLimit(100, 60)


def held(holder: Holder = Holder.KEY, rate: RateLimit | None = HUNDRED, concurrent: int | None = None) -> HeldLimits:
    name = "5f3c" if holder is Holder.KEY else "ann"
    return HeldLimits(holder, f"id-{name}", name, CallLimits(rate, concurrent))


# -- rates as text ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "rate", "shown"),
    [
        ("100/min", RateLimit(100, 60), "100/min"),
        (" 5 / S ", RateLimit(5, 1), "5/s"),
        ("1000/hour", RateLimit(1000, 3600), "1000/h"),
        ("7/d", RateLimit(7, 86_400), "7/day"),
        ("5/10s", RateLimit(5, 10), "5/10s"),
        ("5/2min", RateLimit(5, 120), "5/120s"),
        ("0/s", RateLimit(0, 1), "0/s"),
    ],
)
def test_a_rate_is_read_and_shown_in_its_usual_form(text: str, rate: RateLimit, shown: str) -> None:
    assert RateLimit.parse(text) == rate
    assert str(rate) == shown
    assert RateLimit.parse(shown) == rate


@pytest.mark.parametrize(
    "text", ["", "100", "100/", "/min", "-1/min", "1.5/s", "100/week", "1e3/s", "none", "١/s", "5/0s"]
)
def test_what_is_no_rate_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no rate|is out of range"):
        RateLimit.parse(text)


@pytest.mark.parametrize("text", ["1000000001/s", "1/2day", "1/86401s"])
def test_a_rate_out_of_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="out of range"):
        RateLimit.parse(text)


# -- limits as values ---------------------------------------------------------------------------------------------------


def test_limits_that_are_none_count_for_nothing_and_a_limit_of_zero_does_not() -> None:
    assert not NO_LIMITS
    assert CallLimits(concurrent=0)
    assert CallLimits(RateLimit(0, 1))


def test_a_default_counts_only_where_there_is_no_limit() -> None:
    default = CallLimits(HUNDRED, 10)
    assert NO_LIMITS.or_else(default) == default
    assert CallLimits(concurrent=0).or_else(default) == CallLimits(HUNDRED, 0)
    assert CallLimits(RateLimit(0, 1)).or_else(default) == CallLimits(RateLimit(0, 1), 10)


def test_a_change_keeps_what_it_does_not_name() -> None:
    before = CallLimits(HUNDRED, 10)
    assert before.changed(KEEP, KEEP) == before
    assert before.changed(None, KEEP) == CallLimits(None, 10)
    assert before.changed(RateLimit(1, 1), None) == CallLimits(RateLimit(1, 1))


def test_only_holders_that_have_limits_are_asked() -> None:
    one = CallLimits(HUNDRED)
    assert limits.held_limits("k", NO_LIMITS, "a", "ann", NO_LIMITS) == ()
    both = limits.held_limits("k", one, "a", "ann", one)
    assert [(found.holder, found.id, found.name) for found in both] == [("key", "k", "k"), ("account", "a", "ann")]
    assert limits.held_limits("k", NO_LIMITS, "a", "ann", one) == both[1:]


# -- buckets ------------------------------------------------------------------------------------------------------------


def test_a_bucket_gives_its_burst_at_once_and_then_one_call_at_a_time() -> None:
    bucket: Bucket | None = limits.full(HUNDRED, NOW)
    for _ in range(100):
        assert bucket is not None
        after, bucket = bucket, limits.spent(bucket)
    assert bucket is not None
    assert limits.spent(bucket) is None
    assert limits.seconds_to_next(HUNDRED, bucket) == pytest.approx(0.6)
    assert limits.seconds_to_next(HUNDRED, after) == 0.0
    bucket = limits.filled(HUNDRED, bucket, NOW + 0.6)
    bucket = limits.spent(bucket)
    assert bucket is not None
    assert limits.spent(bucket) is None


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    assert limits.filled(HUNDRED, Bucket(40.0, NOW), NOW + 1e6) == Bucket(100.0, NOW + 1e6)


def test_a_clock_that_was_set_back_takes_nothing_away_and_does_not_stop_the_filling() -> None:
    back = limits.filled(HUNDRED, Bucket(3.0, NOW), NOW - 3600)
    assert back == Bucket(3.0, NOW - 3600)
    assert limits.filled(HUNDRED, back, NOW - 3594).left == pytest.approx(13.0)


def test_a_rate_of_zero_lets_nobody_in_ever() -> None:
    nothing = RateLimit(0, 60)
    bucket = limits.filled(nothing, limits.full(nothing, NOW), NOW + 1e6)
    assert limits.spent(bucket) is None
    assert limits.seconds_to_next(nothing, bucket) == NEVER


@given(
    requests=st.integers(1, 1000),
    per_seconds=st.integers(1, 86_400),
    pauses=st.lists(st.floats(0.0, 100.0), max_size=60),
)
def test_no_stretch_of_time_lets_in_more_than_the_burst_and_what_came_back_in_it(
    requests: int, per_seconds: int, pauses: list[float]
) -> None:
    rate, now, let_in = RateLimit(requests, per_seconds), NOW, 0
    bucket = limits.full(rate, now)
    for pause in pauses:
        now += pause
        bucket = limits.filled(rate, bucket, now)
        after = limits.spent(bucket)
        let_in += after is not None
        bucket = after or bucket
        assert 0.0 <= bucket.left <= requests
        assert let_in <= requests + (now - NOW) * requests / per_seconds + 0.01


@given(requests=st.integers(1, 10**9), per_seconds=st.integers(1, 86_400), left=st.floats(0.0, 0.9))
def test_who_waits_as_long_as_told_is_let_in(requests: int, per_seconds: int, left: float) -> None:
    rate, bucket = RateLimit(requests, per_seconds), Bucket(left, NOW)
    refusal = limits.rate_refusal(held(), rate, bucket)
    assert refusal is not None
    assert refusal.retry_after >= 1
    later = limits.filled(rate, bucket, NOW + refusal.retry_after)
    assert limits.rate_refusal(held(), rate, later) is None


# -- refusals -----------------------------------------------------------------------------------------------------------


def test_a_refusal_says_whose_limit_it_is_when_to_come_back_and_who_can_change_it() -> None:
    empty = Bucket(0.0, NOW)
    key = limits.rate_refusal(held(), HUNDRED, empty)
    account = limits.rate_refusal(held(Holder.ACCOUNT), RateLimit(1, 3600), empty)
    assert key is not None
    assert account is not None
    assert key.detail == "This key may make 100 calls a minute, and has done so."
    assert key.hint.startswith("Come back in 1 s. ")
    assert "trivet keys limit 5f3c --rate" in key.hint
    assert account.detail == "The account 'ann' may make 1 call an hour with all its keys together, and has done so."
    assert (account.retry_after, "trivet accounts limit ann --rate" in account.hint) == (3600, True)


def test_open_jobs_are_refused_from_the_limit_on() -> None:
    assert limits.open_jobs_refusal(held(), 2, 1) is None
    refusal = limits.open_jobs_refusal(held(Holder.ACCOUNT), 2, 2)
    assert refusal is not None
    assert refusal.detail == (
        "The account 'ann' may have 2 jobs open with all its keys together, queued and running, and has 2."
    )
    assert refusal.code == "too_many_open_jobs"
    assert refusal.retry_after == 1


def test_who_may_not_call_at_all_is_told_so_and_not_asked_back_soon() -> None:
    rate = limits.rate_refusal(held(), RateLimit(0, 1), Bucket(0.0, NOW))
    jobs = limits.open_jobs_refusal(held(), 0, 0)
    assert rate is not None
    assert jobs is not None
    assert rate.retry_after == jobs.retry_after == NEVER
    assert "may not call at all" in rate.detail
    assert "may not call at all" in jobs.detail


def test_of_several_refusals_the_one_that_lasts_longest_is_told() -> None:
    soon = limits.rate_refusal(held(), HUNDRED, Bucket(0.0, NOW))
    late = limits.rate_refusal(held(Holder.ACCOUNT), RateLimit(1, 60), Bucket(0.0, NOW))
    assert soon is not None
    assert late is not None
    assert limits.worst([soon, late]) is limits.worst([late, soon]) is late
    assert limits.worst([]) is None


# -- what callers are told ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "shown", "reset"),
    [(100.0, 100, 0), (99.0, 99, 1), (50.0, 50, 30), (1.5, 1, 60), (0.5, 0, 1), (0.0, 0, 1)],
)
def test_a_rate_shows_what_is_left_and_when_there_is_more(left: float, shown: int, reset: int) -> None:
    assert limits.rate_state(Holder.KEY, HUNDRED, Bucket(left, NOW)) == LimitState(Holder.KEY, 100, shown, 60, reset)


def test_what_is_told_about_an_empty_bucket_is_when_to_come_back() -> None:
    slow, bucket = RateLimit(2, 3600), Bucket(0.25, NOW)
    refusal = limits.rate_refusal(held(), slow, bucket)
    assert refusal is not None
    assert limits.rate_state(Holder.KEY, slow, bucket).reset == refusal.retry_after == 1350


def test_more_jobs_open_than_allowed_leave_nothing() -> None:
    assert limits.open_jobs_state(Holder.ACCOUNT, 3, 1) == LimitState(Holder.ACCOUNT, 3, 2)
    assert limits.open_jobs_state(Holder.ACCOUNT, 3, 5).left == 0


def test_a_rate_of_zero_shows_nothing_left() -> None:
    state = limits.rate_state(Holder.KEY, RateLimit(0, 60), limits.full(RateLimit(0, 60), NOW))
    assert state == replace(state, quota=0, left=0, window=60, reset=int(NEVER))
