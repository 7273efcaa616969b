"""What holds for a job whatever happens to it and in whichever order, with reports of every attempt that there ever was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from trivet.platform.core import transitions
from trivet.platform.core.jobs import (
    EXECUTION_TIMEOUT,
    HANDLER_ERROR,
    WORKER_LOST,
    Job,
    JobError,
    JobPolicy,
    JobStatus,
    Progress,
)
from trivet.platform.core.payloads import Payload

POLICIES = st.builds(
    JobPolicy,
    timeout=st.sampled_from((1.0, 10.0)),
    ttl=st.sampled_from((5.0, 60.0, 1000.0)),
    max_attempts=st.integers(1, 5),
    retry_on=st.lists(st.sampled_from((WORKER_LOST, HANDLER_ERROR, EXECUTION_TIMEOUT, "ValueError")), unique=True).map(
        tuple
    ),
    backoff=st.sampled_from((0.0, 0.5, 30.0)),
    retention=st.sampled_from((0.0, 100.0)),
    dead_letter_retention=st.sampled_from((0.0, 300.0)),
)
ERRORS = st.sampled_from(
    (
        JobError(HANDLER_ERROR, "it broke", type="builtins.ValueError"),
        JobError(HANDLER_ERROR, "it broke otherwise", type="KeyError"),
        JobError("unserializable_output", "a thing"),
    )
)
TOKENS = st.sampled_from((0, 0, 0, 1, 2))
"""Whose report it is, counted from the newest attempt; the first one's where there are not so many."""


def has_run(machine: LifeOfAJob) -> bool:
    return bool(machine.tokens)


def is_open(machine: LifeOfAJob) -> bool:
    """What can't change a final job is asked of each final job by an invariant; here it would only take steps away."""
    return not machine.job.is_final


class LifeOfAJob(RuleBasedStateMachine):
    """Whoever has ever held the job may report at any time; only the holder of the running attempt may change it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.tokens: list[str] = []

    @initialize(policy=POLICIES)
    def submit(self, policy: JobPolicy) -> None:
        self.counted = 0
        self.streamed = False
        self.asked_to_cancel = False
        self.job = Job("job_1", "e", "v", "acc", Payload.inline(b"1"), policy, created_at=self.now, queued_at=self.now)

    @precondition(lambda self: self.job.is_final)
    @rule(policy=POLICIES)
    def submit_another(self, policy: JobPolicy) -> None:
        """The tokens of the one before stay in circulation: its workers may not know that all is over."""
        self.submit(policy)

    # -- what happens -------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.job.status is JobStatus.QUEUED)
    @rule(begins=st.booleans())
    def claim(self, begins: bool) -> None:
        token = f"token {len(self.tokens)}"
        after = transitions.claim(self.job, "wrk_1", token, self.now, begins=begins)
        assert after is not None
        assert not self.streamed, "an attempt after pieces had been streamed would repeat them"
        assert not self.asked_to_cancel, "a job that was to be cancelled runs again"
        self.tokens.append(token)
        self.counted += 1
        self.job = after

    @precondition(has_run)
    @rule(whose=TOKENS)
    def begin(self, whose: int) -> None:
        self.report(whose, lambda token: transitions.begin(self.job, token, self.now))

    @precondition(has_run)
    @rule(whose=TOKENS, pieces=st.none() | st.integers(0, 5))
    def succeed(self, whose: int, pieces: int | None) -> None:
        self.report(whose, lambda token: transitions.succeed(self.job, token, Payload.inline(b"2"), self.now, pieces))

    @precondition(has_run)
    @rule(whose=TOKENS, error=ERRORS, chance=st.floats(0, 0.99))
    def fail(self, whose: int, error: JobError, chance: float) -> None:
        self.report(whose, lambda token: transitions.fail(self.job, token, error, self.now, chance))

    @precondition(has_run)
    @rule(whose=TOKENS, memory=st.booleans())
    def lose(self, whose: int, memory: bool) -> None:
        self.report(
            whose, lambda token: transitions.lose(self.job, token, "was killed", ("bye",), self.now, memory=memory)
        )

    @precondition(has_run)
    @rule(whose=TOKENS)
    def stop(self, whose: int) -> None:
        self.report(whose, lambda token: transitions.stop(self.job, token, self.now))

    @precondition(has_run)
    @rule(whose=TOKENS)
    def hand_back(self, whose: int) -> None:
        if self.job.pieces:  # only what was not begun is handed back, or what has not streamed
            return
        if self.report(whose, lambda token: transitions.hand_back(self.job, token, self.now)) and not self.job.is_final:
            self.counted -= 1

    @precondition(has_run)
    @rule(whose=TOKENS, count=st.integers(1, 3))
    def stream(self, whose: int, count: int) -> None:
        if self.report(whose, lambda token: transitions.add_pieces(self.job, token, count)):
            self.streamed = True

    @precondition(has_run)
    @rule(whose=TOKENS)
    def tell_progress(self, whose: int) -> None:
        self.report(whose, lambda token: transitions.report_progress(self.job, token, Progress(0.5, "half")))

    @precondition(is_open)
    @rule()
    def cancel(self) -> None:
        self.step(transitions.cancel(self.job, self.now))
        self.asked_to_cancel = self.asked_to_cancel or self.job.stop_reason is JobStatus.CANCELLED

    @precondition(is_open)
    @rule()
    def overrun(self) -> None:
        self.step(transitions.overrun(self.job, self.now))

    @precondition(is_open)
    @rule()
    def expire(self) -> None:
        self.step(transitions.expire(self.job, self.now))

    @precondition(is_open)
    @rule()
    def discard(self) -> None:
        self.step(transitions.discard(self.job, JobError("endpoint_deleted", "gone"), self.now))

    @rule()
    def restart(self) -> None:
        after = transitions.recover(self.job, self.now)
        assert after.status is not JobStatus.RUNNING, "after a restart every attempt is stale"
        if after is not self.job:
            self.step(after)

    @rule(seconds=st.sampled_from((0.001, 0.3, 2.0, 20.0)))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    # -- what must hold -----------------------------------------------------------------------------------------------

    def report(self, whose: int, transition: Callable[[str], Job | None]) -> bool:
        """Somebody who was once given the job reports; whether it counted."""
        token = self.tokens[-1 - min(whose, len(self.tokens) - 1)]
        after = transition(token)
        if after is not None:
            holder = self.job.token if self.job.status is JobStatus.RUNNING else None
            assert token == holder, "a stale attempt changed the job"
            self.step(after)
        return after is not None

    def step(self, after: Job | None) -> None:
        """Takes a transition over."""
        if after is None:
            return
        before = self.job
        assert not before.is_final, "a final job changed"
        fixed = ("id", "endpoint_id", "version_id", "account_id", "input", "policy", "created_at")
        assert all(getattr(before, name) == getattr(after, name) for name in fixed)
        self.job = after

    @invariant()
    def attempts_stay_within_their_limit(self) -> None:
        assert 0 <= self.job.attempt <= self.job.policy.max_attempts

    @invariant()
    def an_attempt_counts_unless_it_was_handed_back(self) -> None:
        assert self.job.attempt == self.counted

    @invariant()
    def a_waiting_job_belongs_to_nobody(self) -> None:
        job = self.job
        if job.status is JobStatus.QUEUED:
            held = (job.token, job.worker_id, job.started_at, job.stop_reason, job.stop_asked_at, job.progress)
            assert held == (None,) * 6
            assert job.pieces == 0
            assert job.attempt < job.policy.max_attempts
            assert job.retry_at is None or job.retry_at < job.expires_at

    @invariant()
    def a_running_job_belongs_to_the_newest_attempt(self) -> None:
        if self.job.status is JobStatus.RUNNING:
            assert self.job.token == self.tokens[-1]
            assert self.job.worker_id is not None
            assert self.job.attempt >= 1
            assert self.job.retry_at is None
            assert (self.job.stop_reason is None) == (self.job.stop_asked_at is None)

    @invariant()
    def a_final_job_says_how_it_ended(self) -> None:
        job = self.job
        if not job.is_final:
            assert (job.output, job.error, job.finished_at, job.forget_at) == (None,) * 4
            return
        assert job.token is None
        assert job.finished_at is not None
        assert job.forget_at is not None
        assert job.forget_at >= job.finished_at + job.policy.retention
        assert (job.status is JobStatus.SUCCEEDED) == (job.output is not None)
        assert (job.status is JobStatus.SUCCEEDED) == (job.error is None)

    @invariant()
    def a_dead_letter_would_have_been_tried_again(self) -> None:
        job = self.job
        if job.is_dead_letter:
            assert job.status in (JobStatus.FAILED, JobStatus.TIMED_OUT)
            assert job.error is not None
            assert job.policy.retries(job.error)
            assert job.forget_at == (job.finished_at or 0) + max(job.policy.retention, job.policy.dead_letter_retention)

    @invariant()
    def a_timeout_is_true(self) -> None:
        job = self.job
        if job.status is not JobStatus.TIMED_OUT or job.error is None:
            return
        if job.error.code == EXECUTION_TIMEOUT:
            assert job.started_at is not None
            assert (job.finished_at or 0) - job.started_at >= job.policy.timeout
        else:
            assert (job.finished_at or 0) >= job.expires_at

    @invariant()
    def nobody_can_change_a_final_job(self) -> None:
        if not self.job.is_final:
            return
        for token in (*self.tokens, ""):
            assert transitions.succeed(self.job, token, Payload.inline(b"3"), self.now) is None
            assert transitions.lose(self.job, token, "x", (), self.now) is None
        assert transitions.cancel(self.job, self.now) is None
        assert transitions.recover(self.job, self.now) is self.job
        assert transitions.claim(replace(self.job), "wrk_2", "t", self.now) is None


TestLifeOfAJob = LifeOfAJob.TestCase
TestLifeOfAJob.settings = settings(max_examples=200, stateful_step_count=50, deadline=None)
