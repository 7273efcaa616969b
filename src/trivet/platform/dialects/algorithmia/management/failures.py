"""What went wrong lately: the calls of an algorithm, or of all those of an owner, that ended in an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trivet.platform.core.endpoints import Endpoint
from trivet.platform.core.jobs import JobStatus
from trivet.platform.core.views import JobView
from trivet.platform.dialects.algorithmia.management.context import Call, reply
from trivet.platform.dialects.algorithmia.management.identifiers import is_uuid, uuid_of
from trivet.platform.wire.hot import Answer

MOST = 200
"""Entries, at most."""
SINCE = 7 * 86_400.0
"""Seconds back that are looked at."""
_PAGE = 200
_MOST_PAGES = 10
_LONGEST_INPUT = 4096
_FAILED = (JobStatus.FAILED, JobStatus.TIMED_OUT)


async def of_algorithm(call: Call) -> Answer:
    """The failed calls of one algorithm, newest first; for those who manage it."""
    endpoint = call.managed()
    found = await call.services.jobs.page(call.principal, endpoint=call.algorithm, statuses=_FAILED, limit=MOST)
    return reply(_entries(call, found, lambda each: each.id == endpoint.id))


async def of_owner(call: Call) -> Answer:
    """The failed calls of all algorithms of an owner, newest first, as far as the one who asks manages them."""
    wanted = call.parts["owner"].lower()
    endpoints = call.services.endpoints

    def is_wanted(endpoint: Endpoint) -> bool:
        owner = uuid_of(endpoint.owner_id) if is_uuid(wanted) else endpoint.owner_name.lower()
        return owner == wanted and endpoints.manages(call.principal, endpoint)

    entries: list[dict[str, Any]] = []
    before: str | None = None
    for _ in range(_MOST_PAGES):
        page = await call.services.jobs.page(call.principal, statuses=_FAILED, before=before, limit=_PAGE)
        entries += _entries(call, page, is_wanted)
        if len(page) < _PAGE or len(entries) >= MOST:
            break
        before = page[-1].job.id
    return reply(entries[:MOST])


def _entries(call: Call, found: list[JobView], is_wanted: Callable[[Endpoint], bool]) -> list[dict[str, Any]]:
    since = call.services.clock() - SINCE
    entries = []
    for view in found:
        endpoint = call.services.endpoints.by_id(view.job.endpoint_id)
        if endpoint is not None and view.job.created_at >= since and is_wanted(endpoint):
            entries.append(_entry(endpoint, view))
    return entries


def _entry(endpoint: Endpoint, view: JobView) -> dict[str, Any]:
    job, error = view.job, view.job.error
    given = (job.input.data or b"")[:_LONGEST_INPUT].decode("utf-8", "replace")
    said = "" if error is None else "\n".join(filter(None, (error.message, error.traceback)))
    return {
        "created_at": int(job.created_at * 1000),
        "request_id": job.id,
        "username": endpoint.owner_name,
        "algoname": endpoint.name,
        "algoversion": view.version_number,
        "input": given,
        "error": said,
        "error_type": (error.type if error is not None else None) or "AlgorithmError",
        "billable_to": "caller",
        "worker": job.worker_id or "",
    }
