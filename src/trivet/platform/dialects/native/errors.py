"""Errors as problem details: the core's, a job's that ended without an output, and those that nobody foresaw."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from starlette.types import Send

from trivet.platform.core.errors import CoreError
from trivet.platform.core.jobs import JobError, JobStatus
from trivet.platform.core.views import JobView
from trivet.platform.dialects.native.translate import jobs as translate
from trivet.platform.wire import incidents
from trivet.platform.wire.answers import CONTENT_TYPE, NO_SNIFFING, Header
from trivet.platform.wire.hot import Answer, lines, send_answer
from trivet.platform.wire.problems import PROBLEM_TYPE, Problem, headers_of, problem, problem_of

_encode = msgspec.json.Encoder().encode
_JOB_ENDS = {
    JobStatus.FAILED: ("job_failed", "The job failed"),
    JobStatus.CANCELLED: ("job_cancelled", "The job was cancelled"),
    JobStatus.TIMED_OUT: ("job_timed_out", "The job ran out of its time"),
}


async def send_problem(send: Send, document: Problem, headers: Iterable[Header] = ()) -> None:
    """Answers with a problem."""
    await send_answer(send, answer_to(document, headers))


def answer_to(document: Problem, headers: Iterable[Header] = ()) -> Answer:
    """The answer that a problem is."""
    return Answer(document.status, lines([(CONTENT_TYPE, PROBLEM_TYPE), NO_SNIFFING, *headers]), _encode(document))


async def send_error(send: Send, error: CoreError, headers: Iterable[Header] = ()) -> None:
    """Answers with an error of the core."""
    await send_problem(send, problem_of(error), [*headers_of(error), *headers])


def of_job(view: JobView) -> Problem:
    """The problem of a job that is final and has no output."""
    job = view.job
    code, title = _JOB_ENDS[job.status]
    error = job.error or JobError(code, f"{title}.")
    return problem(
        code,
        title,
        f"{title}: {error.said}" if job.status is JobStatus.FAILED else error.said,
        error.hint or f"`trivet jobs explain {job.id}` says more.",
        job_id=job.id,
        error=translate.job_error(error),
    )


def method_not_allowed(method: str, allowed: Iterable[str]) -> Problem:
    """The problem of a method that a path does not know."""
    known = ", ".join(allowed)
    return problem(
        "method_not_allowed", "This method is not allowed here", f"{method} is not allowed here.", f"Use {known}."
    )


def no_such_path(path: str) -> Problem:
    """The problem of a path that nobody answers."""
    return problem(
        "not_found",
        "Not found",
        "The web console is not here yet." if path == "/" else f"There is nothing at {path[:200]!r}.",
        "The API's paths stand in the pages at /docs and in /api/v1/openapi.json.",
    )


def incident(error: Exception, method: str, path: str) -> Problem:
    """The problem of an exception that nobody foresaw. Its traceback goes to the log, and nowhere else."""
    found = incidents.incident(error, f"{method} {path}")
    return problem("internal", "Something went wrong inside the platform", found.detail, found.hint)
