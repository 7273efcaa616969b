"""Who is let in and who is sent away: the counts behind the limits of keys and accounts."""

from __future__ import annotations

import pytest

from trivet.platform.core.accounts import Principal
from trivet.platform.core.errors import LimitExceeded, RateLimited, TooManyOpenJobs
from trivet.platform.core.jobs import Job, JobPolicy
from trivet.platform.core.limits import NO_LIMITS, CallLimits, RateLimit, held_limits
from trivet.platform.core.payloads import Payload
from trivet.platform.services.limits import Limits

TWO_A_MINUTE = CallLimits(RateLimit(2, 60))
TWO_JOBS = CallLimits(concurrent=2)


def caller(key: CallLimits = NO_LIMITS, account: CallLimits = NO_LIMITS, key_id: str = "k1") -> Principal:
    held = held_limits(key_id, key, "acc_1", "ann", account)
    return Principal("acc_1", "ann", key_id, frozenset(), limits=held)


class Desk:
    """The limits, with the clock and the open jobs in hand."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.open: dict[str, Job] = {}
        self.counted = 0
        self.limits = Limits(lambda: self.now, self.jobs)

    def jobs(self) -> list[Job]:
        self.counted += 1
        return list(self.open.values())

    def begin(self, principal: Principal) -> Job:
        """A call that is let in and makes a job."""
        job = self.job(principal)
        self.limits.take(principal, job.id)
        self.open[job.id] = job
        return job

    def job(self, principal: Principal) -> Job:
        number = len(self.open)
        return Job(
            f"job_{principal.key_id}_{number}_{self.now}",
            "end_1",
            "ver_1",
            principal.account_id,
            Payload.inline(b"1"),
            JobPolicy(),
            created_at=self.now,
            key_id=principal.key_id,
        )

    def end(self, job: Job) -> None:
        del self.open[job.id]
        self.limits.release(job.id)

    def refusal(self, principal: Principal) -> LimitExceeded:
        with pytest.raises(LimitExceeded) as caught:
            self.limits.take(principal, "job_refused")
        assert caught.value.limits == self.limits.state(principal)
        return caught.value

    def left(self, principal: Principal) -> list[int]:
        return [state.left for state in self.limits.state(principal)]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_who_has_no_limits_is_let_in_and_nothing_is_counted(desk: Desk) -> None:
    free = caller()
    for number in range(1000):
        desk.limits.take(free, f"job_{number}")
    assert desk.limits.state(free) == ()
    assert desk.counted == 0


def test_a_rate_lets_in_so_many_and_then_one_for_each_that_came_back(desk: Desk) -> None:
    ann = caller(TWO_A_MINUTE)
    desk.begin(ann)
    desk.begin(ann)
    refusal = desk.refusal(ann)
    assert isinstance(refusal, RateLimited)
    assert refusal.retry_after == 30
    desk.now += 30
    desk.begin(ann)
    assert isinstance(desk.refusal(ann), RateLimited)


def test_who_is_refused_uses_nothing_up(desk: Desk) -> None:
    ann = caller(TWO_A_MINUTE, TWO_JOBS)
    first, second = desk.begin(ann), desk.begin(ann)
    desk.now += 60
    for _ in range(5):
        assert isinstance(desk.refusal(ann), TooManyOpenJobs)
    assert desk.left(ann) == [2, 0]
    desk.end(first)
    desk.end(second)
    assert desk.left(ann) == [2, 2]


def test_a_call_that_its_account_may_not_make_costs_the_key_nothing(desk: Desk) -> None:
    ann = caller(TWO_A_MINUTE, CallLimits(RateLimit(1, 60)))
    desk.begin(ann)
    assert "account" in desk.refusal(ann).detail
    assert desk.left(ann) == [1, 0]


def test_all_keys_of_an_account_share_its_limits(desk: Desk) -> None:
    laptop = caller(account=CallLimits(RateLimit(3, 60), 2), key_id="k1")
    server = caller(account=CallLimits(RateLimit(3, 60), 2), key_id="k2")
    desk.begin(laptop)
    ended = desk.begin(server)
    assert isinstance(desk.refusal(laptop), TooManyOpenJobs)
    desk.end(ended)
    desk.begin(laptop)
    assert isinstance(desk.refusal(server), RateLimited)


def test_a_key_with_limits_does_not_hold_up_another_of_its_account(desk: Desk) -> None:
    slow, fast = caller(CallLimits(RateLimit(1, 60), 1), key_id="k1"), caller(TWO_JOBS, key_id="k2")
    desk.begin(slow)
    desk.refusal(slow)
    desk.begin(fast)
    desk.begin(fast)


def test_a_place_is_free_again_when_its_job_has_ended_and_no_sooner(desk: Desk) -> None:
    ann = caller(TWO_JOBS)
    job = desk.begin(ann)
    desk.begin(ann)
    assert isinstance(desk.refusal(ann), TooManyOpenJobs)
    desk.end(job)
    desk.begin(ann)
    assert isinstance(desk.refusal(ann), TooManyOpenJobs)


def test_an_end_that_is_told_twice_or_is_a_strangers_frees_nothing(desk: Desk) -> None:
    ann = caller(TWO_JOBS)
    job = desk.begin(ann)
    desk.begin(ann)
    for _ in range(3):
        desk.limits.release(job.id)
        desk.limits.release("job_of_a_stranger")
    assert desk.left(ann) == [1]


def test_a_place_is_taken_from_the_moment_a_call_is_let_in(desk: Desk) -> None:
    ann = caller(TWO_JOBS)
    for job_id in ("job_1", "job_2"):
        desk.limits.take(ann, job_id)
    assert isinstance(desk.refusal(ann), TooManyOpenJobs)
    desk.limits.release("job_refused")
    assert desk.left(ann) == [0]
    for job_id in ("job_1", "job_2"):
        desk.limits.release(job_id)
    assert desk.left(ann) == [2]


def test_a_rate_counts_calls_of_which_no_job_came(desk: Desk) -> None:
    ann = caller(CallLimits(RateLimit(2, 60), 5))
    for job_id in ("job_1", "job_2"):
        desk.limits.take(ann, job_id)
        desk.limits.release(job_id)
    assert isinstance(desk.refusal(ann), RateLimited)


def test_jobs_that_are_open_already_are_counted_with_the_first_call(desk: Desk) -> None:
    mine, others = caller(), caller(key_id="k2")
    old = [desk.begin(mine), desk.begin(mine), desk.begin(others)]
    key, account = caller(CallLimits(concurrent=3)), caller(account=CallLimits(concurrent=4))
    assert desk.left(key) == [1]
    assert desk.left(account) == [1]
    desk.begin(caller(CallLimits(concurrent=3), CallLimits(concurrent=4)))
    assert isinstance(desk.refusal(key), TooManyOpenJobs)
    desk.end(old[0])
    assert (desk.left(key), desk.left(account)) == ([1], [1])
    assert desk.counted == 2


def test_a_limit_that_was_lowered_lets_nobody_in_until_enough_jobs_have_ended(desk: Desk) -> None:
    jobs = [desk.begin(caller(CallLimits(concurrent=3))) for _ in range(3)]
    desk.limits.forget("k1")
    one = caller(CallLimits(concurrent=1))
    for job in jobs:
        assert desk.left(one) == [0]
        assert isinstance(desk.refusal(one), TooManyOpenJobs)
        desk.end(job)
    desk.begin(one)


def test_a_limit_that_came_back_counts_what_was_begun_without_it(desk: Desk) -> None:
    desk.begin(caller(CallLimits(concurrent=1)))
    desk.limits.forget("k1")
    desk.begin(caller())
    desk.limits.forget("k1")
    assert desk.left(caller(CallLimits(concurrent=3))) == [1]


def test_forgetting_gives_a_holder_its_burst_back(desk: Desk) -> None:
    ann = caller(TWO_A_MINUTE)
    desk.begin(ann)
    desk.begin(ann)
    desk.limits.forget("k1")
    assert desk.left(ann) == [2]


def test_a_limit_of_zero_lets_nobody_in(desk: Desk) -> None:
    assert isinstance(desk.refusal(caller(CallLimits(RateLimit(0, 1)))), RateLimited)
    assert isinstance(desk.refusal(caller(account=CallLimits(concurrent=0))), TooManyOpenJobs)


def test_the_state_names_every_limit_and_takes_nothing(desk: Desk) -> None:
    ann = caller(CallLimits(RateLimit(100, 60), 10), CallLimits(RateLimit(1000, 3600), 50))
    desk.begin(ann)
    told = desk.limits.state(ann)
    assert [(state.holder, state.quota, state.left, state.window, state.reset) for state in told] == [
        ("key", 100, 99, 60, 1),
        ("key", 10, 9, None, None),
        ("account", 1000, 999, 3600, 4),
        ("account", 50, 49, None, None),
    ]
    assert desk.limits.state(ann) == told


def test_what_a_repetition_took_of_rates_is_put_back_and_never_more(desk: Desk) -> None:
    limited = caller(TWO_A_MINUTE, CallLimits(RateLimit(5, 60), concurrent=3))
    desk.begin(limited)
    repeated = desk.job(limited)
    desk.limits.take(limited, repeated.id)
    assert desk.left(limited) == [0, 3, 1]
    desk.limits.release(repeated.id)
    desk.limits.give_back(limited)
    assert desk.left(limited) == [1, 4, 2]
    for _ in range(9):
        desk.limits.give_back(limited)
    assert desk.left(limited) == [2, 5, 2]
    desk.limits.give_back(caller())  # who has no limits has nothing to get back
