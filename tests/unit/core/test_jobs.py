"""The life of a job: what each step does, and what holds whatever the order of the steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from trivet.platform.core import transitions
from trivet.platform.core.jobs import FINAL, OPEN, Job, JobError, JobPolicy, JobStatus, Progress
from trivet.platform.core.payloads import Payload
from trivet.platform.ports.runtime import AttemptOrder

INPUT = Payload.inline(b'{"name":"Bond"}')
OUTPUT = Payload.inline(b'"Hello Bond"')
ERROR = JobError("handler_error", "it broke")


def queued(**policy: float) -> Job:
    limits = JobPolicy(**{"timeout": 10.0, "ttl": 100.0, "max_attempts": 2, **policy})  # type: ignore[arg-type]
    return Job("job_1", "e", "v", "acc", INPUT, limits, created_at=1000.0, queued_at=1000.0)


def claimed(job: Job | None = None, token: str = "t1", now: float = 1001.0) -> Job:
    taken = transitions.claim(job or queued(), "w1", token, now)
    assert taken is not None
    return taken


def some(job: Job | None) -> Job:
    assert job is not None
    return job


# -- one step at a time -------------------------------------------------------------------------------------------------


def test_the_token_of_an_attempt_does_not_show() -> None:
    job = claimed(token="s3cret")
    assert "s3cret" not in repr(job)
    order = AttemptOrder(1, job.id, "s3cret", 1, 10.0, "application/json", b"1")
    assert "s3cret" not in repr(order)


def test_every_status_is_either_open_or_final() -> None:
    assert set(JobStatus) == OPEN | FINAL
    assert not OPEN & FINAL


def test_a_claim_counts_the_attempt_and_starts_its_clock() -> None:
    job = claimed()
    assert (job.status, job.attempt, job.token, job.worker_id) == (JobStatus.RUNNING, 1, "t1", "w1")
    assert job.queued_ms == 1000.0
    assert job.deadline == 1011.0
    assert job.duration_ms is None


@pytest.mark.parametrize("job", [claimed(), some(transitions.cancel(queued(), 1001.0))])
def test_only_a_queued_job_can_be_claimed(job: Job) -> None:
    assert transitions.claim(job, "w2", "t2", 1002.0) is None


def test_a_job_that_succeeds_has_its_output_and_times() -> None:
    job = some(transitions.succeed(claimed(), "t1", OUTPUT, 1003.5, pieces=4))
    assert (job.status, job.output, job.error, job.pieces) == (JobStatus.SUCCEEDED, OUTPUT, None, 4)
    assert (job.finished_at, job.duration_ms, job.token, job.deadline) == (1003.5, 2500.0, None, None)


def test_a_job_that_fails_has_its_error() -> None:
    job = some(transitions.fail(claimed(), "t1", ERROR, 1003.0))
    assert (job.status, job.error, job.output) == (JobStatus.FAILED, ERROR, None)


STEPS_OF_A_HOLDER: list[Callable[[Job, str], Job | None]] = [
    lambda job, token: transitions.succeed(job, token, OUTPUT, 1005.0),
    lambda job, token: transitions.fail(job, token, ERROR, 1005.0),
    lambda job, token: transitions.report_progress(job, token, Progress(0.5)),
    lambda job, token: transitions.add_pieces(job, token, 1),
    lambda job, token: transitions.stop(job, token, 1005.0),
    lambda job, token: transitions.lose(job, token, "was lost", (), 1005.0),
    lambda job, token: transitions.hand_back(job, token, 1005.0),
]


@pytest.mark.parametrize("step", STEPS_OF_A_HOLDER)
def test_only_the_holder_of_the_running_attempt_may_report(step: Callable[[Job, str], Job | None]) -> None:
    again = claimed(some(transitions.lose(claimed(), "t1", "was lost", (), 1002.0)), "t2")
    asked = some(transitions.cancel(again, 1003.0))
    ended = some(transitions.succeed(again, "t2", OUTPUT, 1003.0))
    for job in (again, asked, ended, queued(), replace(queued(), token="t1")):
        assert step(job, "t1") is None


def test_cancelling_a_queued_job_ends_it_at_once() -> None:
    job = some(transitions.cancel(queued(), 1002.0))
    assert (job.status, job.finished_at) == (JobStatus.CANCELLED, 1002.0)
    assert job.error is not None
    assert job.error.code == "cancelled"


def test_cancelling_a_running_job_asks_and_the_stop_confirms() -> None:
    asked = some(transitions.cancel(claimed(), 1002.0))
    assert (asked.status, asked.stop_reason, asked.stop_asked_at) == (JobStatus.RUNNING, JobStatus.CANCELLED, 1002.0)
    assert transitions.cancel(asked, 1003.0) is None
    stopped = some(transitions.stop(asked, "t1", 1004.0))
    assert (stopped.status, stopped.finished_at) == (JobStatus.CANCELLED, 1004.0)


def test_nothing_stops_that_nobody_asked_to_stop() -> None:
    assert transitions.stop(claimed(), "t1", 1002.0) is None


def test_a_job_that_finishes_before_its_cancel_takes_has_succeeded() -> None:
    asked = some(transitions.cancel(claimed(), 1002.0))
    assert some(transitions.succeed(asked, "t1", OUTPUT, 1003.0)).status is JobStatus.SUCCEEDED


def test_a_job_over_its_timeout_is_asked_to_stop_and_times_out() -> None:
    job = claimed()
    assert transitions.overrun(job, 1010.9) is None
    asked = some(transitions.overrun(job, 1011.0))
    assert transitions.overrun(asked, 1012.0) is None
    ended = some(transitions.stop(asked, "t1", 1012.0))
    assert ended.status is JobStatus.TIMED_OUT
    assert ended.error is not None
    assert ended.error.code == "execution_timeout"
    assert "10 s" in ended.error.message


def test_a_running_job_over_its_time_to_live_times_out_for_that_reason() -> None:
    asked = some(transitions.overrun(claimed(queued(ttl=5.0)), 1005.0))
    ended = some(transitions.stop(asked, "t1", 1005.5))
    assert ended.error is not None
    assert ended.error.code == "ttl_expired"


def test_what_made_a_job_stop_stays_the_reason_however_late_the_worker_confirms() -> None:
    asked = some(transitions.overrun(claimed(queued(timeout=2.0, ttl=5.0)), 1003.0))
    ended = some(transitions.stop(asked, "t1", 1009.0))
    assert ended.error is not None
    assert ended.error.code == "execution_timeout"


def test_a_queued_job_expires_with_its_time_to_live() -> None:
    assert transitions.expire(queued(), 1099.9) is None
    ended = some(transitions.expire(queued(), 1100.0))
    assert ended.status is JobStatus.TIMED_OUT
    assert ended.error is not None
    assert ended.error.code == "ttl_expired"
    assert transitions.expire(claimed(), 2000.0) is None


def test_a_lost_worker_requeues_its_job_until_the_attempts_are_used_up() -> None:
    reporting = some(transitions.report_progress(claimed(), "t1", Progress(0.9, "nearly")))
    again = some(transitions.lose(reporting, "t1", "was killed", ("bye",), 1002.0))
    assert (again.status, again.attempt, again.queued_at) == (JobStatus.QUEUED, 1, 1002.0)
    assert (again.token, again.worker_id, again.started_at, again.progress) == (None, None, None, None)
    ended = some(
        transitions.lose(claimed(again, "t2"), "t2", "was killed by signal 9 (SIGKILL)", ("last", "words"), 1003.0)
    )
    assert ended.status is JobStatus.FAILED
    assert ended.error is not None
    assert ended.error.code == "worker_lost"
    assert "was killed by signal 9 (SIGKILL)" in ended.error.message
    assert "2 times" in ended.error.message
    assert ended.error.worker_log == ("last", "words")


def test_a_job_with_one_attempt_is_said_to_have_been_tried_once() -> None:
    ended = some(transitions.lose(claimed(queued(max_attempts=1)), "t1", "exited with status 1", (), 1002.0))
    assert ended.error is not None
    assert "tried once" in ended.error.message


def test_a_job_that_has_streamed_is_not_tried_again() -> None:
    streaming = some(transitions.add_pieces(claimed(), "t1", 3))
    ended = some(transitions.lose(streaming, "t1", "was killed", (), 1002.0))
    assert ended.status is JobStatus.FAILED
    assert ended.error is not None
    assert "3 pieces" in ended.error.message


@pytest.mark.parametrize(
    "give_up", [transitions.hand_back, lambda job, token, at: transitions.lose(job, token, "died", (), at)]
)
def test_a_job_that_was_asked_to_stop_has_stopped_when_its_worker_is_gone(
    give_up: Callable[[Job, str, float], Job | None],
) -> None:
    asked = some(transitions.cancel(claimed(), 1002.0))
    assert some(give_up(asked, "t1", 1003.0)).status is JobStatus.CANCELLED


def test_an_attempt_that_is_handed_back_unstarted_does_not_count() -> None:
    back = some(transitions.hand_back(claimed(), "t1", 1002.0))
    assert (back.status, back.attempt) == (JobStatus.QUEUED, 0)
    assert some(transitions.lose(claimed(), "t1", "died", (), 1002.0)).attempt == 1


def test_after_the_server_died_running_jobs_are_queued_again_and_others_stay() -> None:
    job = transitions.recover(claimed(), 1002.0)
    assert (job.status, job.attempt) == (JobStatus.QUEUED, 1)
    ended = transitions.recover(claimed(queued(max_attempts=1)), 1002.0)
    assert ended.error is not None
    assert "server stopped" in ended.error.message
    for untouched in (queued(), some(transitions.cancel(queued(), 1001.0))):
        assert transitions.recover(untouched, 1002.0) is untouched


def test_only_a_queued_job_is_discarded() -> None:
    assert some(transitions.discard(queued(), ERROR, 1002.0)).error is ERROR
    assert transitions.discard(claimed(), ERROR, 1002.0) is None


def test_a_clock_that_runs_backwards_gives_no_negative_times() -> None:
    job = some(transitions.succeed(claimed(now=999.0), "t1", OUTPUT, 998.0))
    assert (job.queued_ms, job.duration_ms) == (0.0, 0.0)


# -- whatever the order -------------------------------------------------------------------------------------------------

REASONS = st.sampled_from(["was killed", "exited with status 1"])


class LifeOfAJob(RuleBasedStateMachine):
    """Anybody does anything at any time, with the right token or an old one; time only goes forward."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.job = queued(max_attempts=3)
        self.tokens: list[str] = ["never given"]
        self.final: Job | None = None
        self.ends = 0

    def become(self, job: Job | None, *, uncounted: bool = False) -> None:
        before = self.job
        if job is None:
            return
        assert not before.is_final, "a final job changed"
        assert job.attempt >= before.attempt or uncounted
        assert job.attempt - before.attempt == (
            1 if job.status is JobStatus.RUNNING and before.token is None else 0
        ) or (uncounted and job.attempt == before.attempt - 1)
        assert (job.id, job.input, job.policy, job.created_at) == (before.id, before.input, before.policy, 1000.0)
        self.job = job
        if job.is_final:
            self.ends += 1
            self.final = job

    def token(self, which: int) -> str:
        return self.tokens[which % len(self.tokens)]

    @rule(seconds=st.floats(0.0, 20.0))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def somebody_claims(self) -> None:
        token = f"t{len(self.tokens)}"
        taken = transitions.claim(self.job, "w", token, self.now)
        if taken is not None:
            self.tokens.append(token)
        self.become(taken)

    @rule(which=st.integers(0, 9), pieces=st.none() | st.integers(0, 3))
    def somebody_succeeds(self, which: int, pieces: int | None) -> None:
        self.report(which, lambda token: transitions.succeed(self.job, token, OUTPUT, self.now, pieces))

    @rule(which=st.integers(0, 9))
    def somebody_fails(self, which: int) -> None:
        self.report(which, lambda token: transitions.fail(self.job, token, ERROR, self.now))

    @rule(which=st.integers(0, 9))
    def somebody_reports(self, which: int) -> None:
        self.report(which, lambda token: transitions.report_progress(self.job, token, Progress(0.5)))

    @rule(which=st.integers(0, 9), count=st.integers(1, 3))
    def somebody_streams(self, which: int, count: int) -> None:
        self.report(which, lambda token: transitions.add_pieces(self.job, token, count))

    @rule(which=st.integers(0, 9))
    def somebody_stops(self, which: int) -> None:
        self.report(which, lambda token: transitions.stop(self.job, token, self.now))

    @rule(which=st.integers(0, 9), reason=REASONS)
    def somebody_is_lost(self, which: int, reason: str) -> None:
        self.report(which, lambda token: transitions.lose(self.job, token, reason, ("bye",), self.now))

    @rule(which=st.integers(0, 9))
    def somebody_hands_back(self, which: int) -> None:
        self.report(which, lambda token: transitions.hand_back(self.job, token, self.now), uncounted=True)

    @rule()
    def somebody_cancels(self) -> None:
        self.become(transitions.cancel(self.job, self.now))

    @rule()
    def somebody_looks_at_the_clock(self) -> None:
        self.become(transitions.overrun(self.job, self.now))
        self.become(transitions.expire(self.job, self.now))

    @rule()
    def the_server_starts_again(self) -> None:
        recovered = transitions.recover(self.job, self.now)
        self.become(None if recovered is self.job else recovered)

    @precondition(lambda self: not self.job.is_final)
    @rule()
    def it_could_end_now(self) -> None:
        if self.job.status is JobStatus.RUNNING:
            assert self.job.token is not None
            assert some(transitions.succeed(self.job, self.job.token, OUTPUT, self.now)).is_final
            assert some(transitions.stop(some_asked(self.job, self.now), self.job.token, self.now)).is_final
        else:
            assert some(transitions.cancel(self.job, self.now)).is_final
            assert some(transitions.expire(self.job, self.job.expires_at)).is_final

    @invariant()
    def it_ends_at_most_once_and_stays_so(self) -> None:
        assert self.ends <= 1
        assert (self.final is not None) == self.job.is_final
        assert self.final is None or self.job is self.final

    @invariant()
    def its_fields_agree_with_its_status(self) -> None:
        job = self.job
        assert (job.status is JobStatus.RUNNING) == (job.token is not None)
        assert (job.finished_at is not None) == job.is_final
        assert (job.output is not None) == (job.status is JobStatus.SUCCEEDED)
        assert (job.error is not None) == (job.is_final and job.status is not JobStatus.SUCCEEDED)
        assert 0 <= job.attempt <= job.policy.max_attempts
        assert job.status is not JobStatus.RUNNING or job.attempt >= 1
        if job.status is JobStatus.QUEUED:
            assert (job.worker_id, job.started_at, job.stop_reason, job.pieces) == (None, None, None, 0)

    def report(self, which: int, step: Callable[[str], Job | None], *, uncounted: bool = False) -> None:
        token = self.token(which)
        after = step(token)
        if token != self.job.token:
            assert after is None, "a stale token changed something"
        self.become(after, uncounted=uncounted)


def some_asked(job: Job, now: float) -> Job:
    return job if job.stop_reason is not None else some(transitions.cancel(job, now))


TestLifeOfAJob = LifeOfAJob.TestCase


@given(attempts=st.integers(1, 5), losses=st.integers(0, 8))
def test_a_job_whose_workers_keep_dying_is_tried_as_often_as_allowed_and_then_fails(attempts: int, losses: int) -> None:
    job = queued(max_attempts=attempts)
    for number in range(losses):
        taken = transitions.claim(job, "w", f"t{number}", 1001.0)
        if taken is None:
            break
        job = some(transitions.lose(taken, f"t{number}", "died", (), 1002.0))
    assert job.attempt == min(attempts, losses)
    assert job.is_final == (losses >= attempts)
