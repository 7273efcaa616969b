"""What is tried again, when, and what becomes a dead letter."""

from __future__ import annotations

import pytest

from trivet.platform.core import bounds, calls, transitions
from trivet.platform.core.calls import CallOptions
from trivet.platform.core.endpoints import VersionSettings
from trivet.platform.core.errors import BadRequest
from trivet.platform.core.jobs import Job, JobError, JobPolicy, JobStatus, Priority
from trivet.platform.core.payloads import Payload

BROKEN = JobError("handler_error", "no", type="requests.exceptions.Timeout")
NOW = 1000.0


def running(attempt: int = 1, *, pieces: int = 0, **policy: object) -> Job:
    limits = JobPolicy(**{"timeout": 10.0, "ttl": 100.0, **policy})  # type: ignore[arg-type]  # as each test means it
    job = Job("job_1", "e", "v", "acc", Payload.inline(b"1"), limits, NOW, queued_at=NOW)
    for number in range(1, attempt + 1):
        claimed = transitions.claim(job, "w", f"t{number}", NOW)
        assert claimed is not None
        job = claimed
        if number < attempt:
            again = transitions.lose(job, f"t{number}", "is gone", (), NOW)
            assert again is not None
            job = again
    return job if not pieces else transitions.add_pieces(job, f"t{attempt}", pieces) or job


def failed(job: Job, error: JobError = BROKEN, chance: float = 0.0) -> Job:
    after = transitions.fail(job, job.token or "", error, NOW, chance)
    assert after is not None
    return after


@pytest.mark.parametrize(
    ("retry_on", "again"),
    [
        (("worker_lost",), False),
        (("handler_error",), True),
        (("Timeout",), True),
        (("requests.exceptions.Timeout",), True),
        (("exceptions.Timeout",), False),
        (("ValueError", "OSError"), False),
        ((), False),
    ],
)
def test_an_error_is_tried_again_where_its_code_or_its_type_is_named(retry_on: tuple[str, ...], again: bool) -> None:
    after = failed(running(retry_on=retry_on))
    assert (after.status is JobStatus.QUEUED) == again
    assert not after.is_dead_letter


@pytest.mark.parametrize("named", ["ValueError", "builtins.ValueError"])
def test_an_exception_of_pythons_own_is_tried_again_with_its_module_or_without(named: str) -> None:
    error = JobError("handler_error", "no", type="ValueError")
    assert failed(running(retry_on=(named,)), error).status is JobStatus.QUEUED
    assert failed(running(retry_on=(named,))).status is JobStatus.FAILED


def test_a_worker_that_ran_out_of_memory_counts_as_lost() -> None:
    after = transitions.lose(running(), "t1", "ran out of memory", (), NOW, memory=True)
    assert after is not None
    assert after.status is JobStatus.QUEUED


def test_a_lost_worker_is_not_made_good_where_the_policy_does_not_name_it() -> None:
    after = transitions.lose(running(retry_on=("handler_error",)), "t1", "is gone", (), NOW)
    assert after is not None
    assert (after.status, after.is_dead_letter) == (JobStatus.FAILED, False)


def test_each_pause_is_twice_the_one_before_up_to_an_hour_and_a_quarter_apart() -> None:
    policy = JobPolicy(backoff=10.0)
    assert [policy.delay(attempt, 0.0) for attempt in (1, 2, 3)] == [10.0, 20.0, 40.0]
    assert policy.delay(1, 0.999) < 12.5
    assert policy.delay(1000, 0.0) == bounds.MAX_BACKOFF
    assert JobPolicy().delay(5, 0.9) == 0.0


def test_a_job_that_is_tried_again_rests_first_and_forgets_its_attempt() -> None:
    after = failed(running(retry_on=("handler_error",), backoff=4.0))
    assert (after.status, after.attempt, after.retry_at) == (JobStatus.QUEUED, 1, NOW + 4.0)
    assert (after.token, after.worker_id, after.started_at, after.error) == (None, None, None, None)
    claimed = transitions.claim(after, "w", "t2", NOW + 4.0)
    assert claimed is not None
    assert (claimed.attempt, claimed.retry_at) == (2, None)


def test_a_job_that_used_up_its_attempts_is_a_dead_letter_and_kept_longer() -> None:
    after = failed(running(2, retry_on=("handler_error", "worker_lost"), max_attempts=2, retention=60.0))
    assert (after.status, after.is_dead_letter, after.error) == (JobStatus.FAILED, True, BROKEN)
    assert after.forget_at == NOW + JobPolicy().dead_letter_retention
    usual = failed(running(retention=60.0))
    assert (usual.is_dead_letter, usual.forget_at) == (False, NOW + 60.0)


def test_a_job_without_the_time_for_another_attempt_ends_with_its_own_error() -> None:
    after = failed(running(retry_on=("handler_error",), backoff=100.0))
    assert (after.status, after.is_dead_letter, after.error) == (JobStatus.FAILED, True, BROKEN)


def test_a_stream_is_never_tried_again() -> None:
    after = failed(running(pieces=1, retry_on=("handler_error",)))
    assert (after.status, after.is_dead_letter) == (JobStatus.FAILED, True)


def test_a_timeout_is_tried_again_where_the_policy_names_it() -> None:
    for retry_on, expected in ((("execution_timeout",), JobStatus.QUEUED), ((), JobStatus.TIMED_OUT)):
        asked = transitions.overrun(running(retry_on=retry_on), NOW + 10.0)
        assert asked is not None
        after = transitions.stop(asked, "t1", NOW + 10.5)
        assert after is not None
        assert after.status is expected
        assert (after.stop_reason is None) == (expected is JobStatus.QUEUED)


def test_a_job_over_its_time_to_live_is_not_tried_again() -> None:
    asked = transitions.overrun(running(retry_on=("execution_timeout",)), NOW + 100.0)
    assert asked is not None
    after = transitions.stop(asked, "t1", NOW + 100.5)
    assert after is not None
    assert (after.status, after.is_dead_letter) == (JobStatus.TIMED_OUT, False)


def test_a_cancel_is_never_tried_again() -> None:
    asked = transitions.cancel(running(retry_on=("handler_error", "execution_timeout")), NOW)
    assert asked is not None
    stopped = transitions.stop(asked, "t1", NOW)
    assert stopped is not None
    assert (stopped.status, stopped.is_dead_letter) == (JobStatus.CANCELLED, False)
    assert failed(asked).status is JobStatus.FAILED
    assert not failed(asked).is_dead_letter


# -- what a call says ------------------------------------------------------------------------------------------------------


AUTHOR = VersionSettings(timeout=7.0, ttl=70.0, max_attempts=2, retry_on=("OSError",), backoff=3.0, retention=9.0)


def test_what_a_call_does_not_say_is_the_authors_to_say_and_then_the_platforms() -> None:
    usual = JobPolicy(7.0, 70.0, 2, ("OSError",), 3.0, Priority.NORMAL, 9.0, 30.0)
    assert calls.policy(calls.USUAL, AUTHOR, 20.0, 30.0) == usual
    assert calls.policy(CallOptions(), AUTHOR, 20.0, 30.0) == usual
    assert calls.policy(calls.USUAL, VersionSettings(), 20.0, 30.0).retention == 20.0


def test_what_a_call_says_comes_first() -> None:
    said = CallOptions(1.0, 2.0, 5, (), 0.0, Priority.LOW, 4.0, "https://example.com/hook")
    assert calls.policy(said, AUTHOR, 20.0, 30.0) == JobPolicy(
        1.0, 2.0, 5, (), 0.0, Priority.LOW, 4.0, 30.0, "https://example.com/hook"
    )


@pytest.mark.parametrize(
    "said",
    [
        CallOptions(timeout=0.0),
        CallOptions(timeout=float("nan")),
        CallOptions(ttl=bounds.MAX_TTL + 1),
        CallOptions(max_attempts=0),
        CallOptions(max_attempts=101),
        CallOptions(backoff=-1.0),
        CallOptions(backoff=float("inf")),
        CallOptions(backoff=3601.0),
        CallOptions(retention=0.0),
        CallOptions(retention=bounds.MAX_RETENTION + 1),
        CallOptions(retry_on=("not a name",)),
        CallOptions(retry_on=("",)),
        CallOptions(retry_on=("E",) * (bounds.MOST_KINDS_OF_ERRORS + 1)),
    ],
)
def test_what_can_not_be_is_refused(said: CallOptions) -> None:
    with pytest.raises(BadRequest):
        calls.policy(said, AUTHOR, 20.0, 30.0)


def test_a_call_may_say_again_what_the_author_said_however_far_that_goes() -> None:
    """So that a replay, which says all that its job was given, is never refused for it."""
    kinds = tuple(f"Error{number}" for number in range(30))
    author = VersionSettings(timeout=2 * bounds.MAX_TIMEOUT, retry_on=kinds, retention=2 * bounds.MAX_RETENTION)
    usual = calls.policy(calls.USUAL, author, 20.0, 30.0)
    said = CallOptions(
        usual.timeout, usual.ttl, usual.max_attempts, usual.retry_on, usual.backoff, usual.priority, usual.retention
    )
    assert calls.policy(said, author, 20.0, 30.0) == usual
    with pytest.raises(BadRequest):
        calls.policy(CallOptions(timeout=2 * bounds.MAX_TIMEOUT + 1), author, 20.0, 30.0)


@pytest.mark.parametrize("key", ["", "a b", "a\nb", "é", "x" * 256])
def test_an_idempotency_key_that_no_header_carries_is_refused(key: str) -> None:
    with pytest.raises(BadRequest):
        calls.check_idempotency_key(key)


def test_an_idempotency_key_may_be_any_visible_text() -> None:
    assert calls.check_idempotency_key("order/7:é".encode("ascii", "ignore").decode()) == "order/7:"


def test_who_speaks_for_the_caller_may_have_a_usual_retention_of_its_own() -> None:
    dialect = CallOptions(usual_retention=15.0)
    assert calls.policy(dialect, VersionSettings(), 20.0, 30.0).retention == 15.0
    assert calls.policy(dialect, AUTHOR, 20.0, 30.0).retention == 9.0
    assert calls.policy(CallOptions(retention=4.0, usual_retention=15.0), AUTHOR, 20.0, 30.0).retention == 4.0
