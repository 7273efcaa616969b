"""Retries by hand: a job that failed or timed out is tried again as a new job like it.

The new job remembers the first one's id, so that who knows that id finds the newest. The first stays what it was.
"""

from __future__ import annotations

from dataclasses import replace

from trivet.platform.core.errors import Conflict
from trivet.platform.core.jobs import RETRYABLE, Job, JobStatus
from trivet.platform.core.payloads import Payload

MOST_RETRIES = 100
"""How often one job can be tried again by hand."""


def retry(job: Job, fresh: str, version_id: str, payload: Payload, now: float, *, in_tree: bool) -> Job:
    """A new job that tries an ended one again: for the same caller, with the same input, under the same policy.

    It is kept at least as long as a dead letter that it tries again: else that would be all that is known of both in the end.

    Args:
        job: the newest try so far.
        fresh: the new job's id.
        version_id: the version that it goes to.
        payload: the input, which each job has for itself.
        now: seconds since the epoch.
        in_tree: whether it belongs to the tree of calls that ``job`` belongs to, which has not ended.

    Raises:
        Conflict: ``job`` neither failed nor timed out, or it was tried again too often.
    """
    check_retry(job)
    return Job(
        fresh,
        job.endpoint_id,
        version_id,
        job.account_id,
        payload,
        replace(job.policy, retention=job.policy.kept(is_dead_letter=job.is_dead_letter)),
        created_at=now,
        queued_at=now,
        key_id=job.key_id,
        aside=job.aside,
        parent_id=job.parent_id if in_tree else None,
        root_id=job.root_id if in_tree else None,
        retry_of=job.first_id,
        retry_number=job.retry_number + 1,
    )


def check_retry(job: Job) -> None:
    """Whether a job can be tried again by hand.

    Raises:
        Conflict: it neither failed nor timed out, or it was tried again too often.
    """
    if job.status not in RETRYABLE:
        raise Conflict(
            f"The job {job.first_id} {_STANDS[job.status]}: only one that failed or timed out can be tried again.",
            hint="Call anew with its input.",
        )
    if job.retry_number >= MOST_RETRIES:
        raise Conflict(
            f"The job {job.first_id} was tried again {job.retry_number} times, which is the limit.",
            hint="Call anew with its input.",
        )


_STANDS = {
    JobStatus.QUEUED: "still waits",
    JobStatus.RUNNING: "still runs",
    JobStatus.SUCCEEDED: "has succeeded",
    JobStatus.CANCELLED: "was cancelled",
}
