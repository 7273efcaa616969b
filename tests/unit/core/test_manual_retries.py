"""Jobs that are tried again by hand: new ones, which remember the first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trivet.platform.core import retries
from trivet.platform.core.errors import Conflict
from trivet.platform.core.jobs import Job, JobError, JobPolicy, JobStatus
from trivet.platform.core.payloads import Payload

POLICY = JobPolicy(timeout=7.0, webhook="https://hooks.example/x", webhook_format="other")
FAILED = Job(
    "job_1",
    "e",
    "v1",
    "acc",
    Payload.inline(b"1"),
    POLICY,
    1000.0,
    JobStatus.FAILED,
    attempt=3,
    worker_id="w",
    finished_at=1010.0,
    error=JobError("handler_error", "no"),
    key_id="key_1",
    idempotency_key="mine",
    input_digest=b"d",
    aside=b"sealed",
    parent_id="job_p",
    root_id="job_r",
    is_dead_letter=True,
    forget_at=2000.0,
)


def retry(job: Job, fresh: str = "job_2", *, in_tree: bool = False) -> Job:
    return retries.retry(job, fresh, "v2", Payload.inline(b"1"), 1020.0, in_tree=in_tree)


def test_a_retry_is_a_new_job_for_the_same_caller_under_the_same_policy() -> None:
    assert retry(FAILED) == Job(
        "job_2",
        "e",
        "v2",
        "acc",
        Payload.inline(b"1"),
        replace(POLICY, retention=POLICY.dead_letter_retention),
        1020.0,
        queued_at=1020.0,
        key_id="key_1",
        aside=b"sealed",
        retry_of="job_1",
        retry_number=1,
    )


def test_a_retry_is_kept_as_long_as_a_dead_letter_that_it_tries_again_and_otherwise_as_the_first() -> None:
    assert POLICY.dead_letter_retention > POLICY.retention
    again = replace(retry(FAILED), status=JobStatus.FAILED)
    assert retry(again, "job_3").policy.retention == POLICY.dead_letter_retention
    assert retry(replace(FAILED, is_dead_letter=False)).policy == POLICY


def test_a_retry_belongs_to_the_tree_of_calls_only_while_that_lives() -> None:
    again = retry(FAILED, in_tree=True)
    assert (again.parent_id, again.root_id, again.tree_id) == ("job_p", "job_r", "job_r")


def test_a_retry_of_a_retry_remembers_the_first() -> None:
    second = replace(retry(FAILED), status=JobStatus.TIMED_OUT)
    third = retry(second, "job_3")
    assert (third.first_id, third.retry_of, third.retry_number) == ("job_1", "job_1", 2)
    assert FAILED.first_id == "job_1"


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (JobStatus.QUEUED, "still waits"),
        (JobStatus.RUNNING, "still runs"),
        (JobStatus.SUCCEEDED, "has succeeded"),
        (JobStatus.CANCELLED, "was cancelled"),
    ],
)
def test_only_what_failed_or_timed_out_is_tried_again(status: JobStatus, said: str) -> None:
    with pytest.raises(Conflict, match=f"job_1 {said}: only one that failed or timed out"):
        retry(replace(FAILED, status=status))


def test_a_job_is_tried_again_a_hundred_times_at_most() -> None:
    last = replace(FAILED, retry_of="job_0", retry_number=retries.MOST_RETRIES - 1)
    assert retry(last).retry_number == retries.MOST_RETRIES
    with pytest.raises(Conflict, match="100 times"):
        retry(replace(last, retry_number=retries.MOST_RETRIES))
