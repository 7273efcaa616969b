"""Jobs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from trivet.sdk._http import Request
from trivet.sdk._requests.parts import API, PAGE, SSE, Reference, job_path, with_query

if TYPE_CHECKING:
    from trivet.sdk._payloads import Body

LONGEST_JOB_WAIT = 50.0


def job(job_id: str, *, wait: float = 0.0) -> Request:
    """A job's document; with ``wait``, when it is final or after so many seconds."""
    return Request("GET", with_query(job_path(job_id), {"wait": wait or None}), held=wait, job_id=job_id)


def job_lookup(job_id: str) -> Request:
    """A job's document, for somebody who looks it up and waits for nothing: fails as quickly as any other look-up."""
    return Request("GET", job_path(job_id))


def job_result(job_id: str, *, wait: float) -> Request:
    """A job's output, waited for up to ``wait`` seconds."""
    return Request("GET", with_query(f"{job_path(job_id)}/result", {"wait": wait}), held=wait, job_id=job_id)


def job_input(job_id: str) -> Request:
    """What a job was given."""
    return Request("GET", f"{job_path(job_id)}/input")


def job_events(job_id: str, *, after: str | None = None) -> Request:
    """A job's events, from the start or from behind the event ``after``."""
    resume = (("Last-Event-ID", after),) if after else ()
    return Request("GET", f"{job_path(job_id)}/events", (SSE, *resume), job_id=job_id)


def job_cancel(job_id: str) -> Request:
    """Cancel a job; the server waits a few seconds for the worker's confirmation."""
    return Request("POST", f"{job_path(job_id)}/cancel", held=5.0)


def job_logs(job_id: str, *, after: str | int | None = None) -> Request:
    """A page of what a job wrote."""
    return Request("GET", with_query(f"{job_path(job_id)}/logs", {"after": after}))


def job_explain(job_id: str) -> Request:
    """Why a job stands where it stands."""
    return Request("GET", f"{job_path(job_id)}/explain")


def job_replay(job_id: str, body: Body | None, *, key: str, version: str | None = None) -> Request:
    """A new job like an earlier one; ``body`` takes the place of its input."""
    content_type = (("Content-Type", body.content_type),) if body is not None else ()
    return Request(
        "POST",
        with_query(f"{job_path(job_id)}/replay", {"version": version}),
        (("Idempotency-Key", key), *content_type),
        body.data if body is not None else None,
        once=True,
    )


def jobs(
    *,
    endpoint: Reference | None = None,
    status: Iterable[str] = (),
    dead_letters: bool = False,
    limit: int = PAGE,
    cursor: str | None = None,
) -> Request:
    """A page of jobs, newest first."""
    wanted = [status] if isinstance(status, str) else status
    query = {
        "endpoint": endpoint,
        "status": ",".join(wanted) or None,
        "dead_letters": "true" if dead_letters else None,
        "limit": limit,
        "cursor": cursor,
    }
    return Request("GET", with_query(f"{API}/jobs", query))
