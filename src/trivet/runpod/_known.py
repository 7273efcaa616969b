"""What is known of a job on this side: once it has ended, that is for good."""

from __future__ import annotations

from typing import Any

from trivet.runpod._answers import JobDocument

_LONGEST_REASON = 2000


class Known:
    """A job, and what has been learnt of it.

    Args:
        endpoint_id: the endpoint.
        job_id: the job.
    """

    def __init__(self, endpoint_id: str, job_id: str) -> None:
        self.endpoint_id = endpoint_id
        self.job_id = job_id
        self.job_status: str | None = None
        self.job_output: Any = None
        self.job_error = ""
        """Why a job has failed; empty where it has not, or where that is not known yet."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.endpoint_id!r}, {self.job_id!r})"

    def learn(self, job: JobDocument) -> JobDocument:
        """Keeps what a final document says; returns it."""
        if job.is_final and self.job_status is None:
            self.job_status, self.job_output, self.job_error = job.status, job.output, job.error
            warn_of_failure(job, self.job_id)
        return job


def warn_of_failure(job: JobDocument, job_id: str) -> None:
    """Says in the log why there is no output, as the caller is given nothing that would."""
    if job.status in {"FAILED", "TIMED_OUT"}:
        reason = job.error[:_LONGEST_REASON] or "no reason was given"
        import logging  # not at the top: few jobs fail, and all programs would pay for it

        logging.getLogger("trivet.runpod").warning("job %s has ended as %s: %s", job_id, job.status, reason)
