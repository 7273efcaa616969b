"""Calls of endpoints."""

from __future__ import annotations

from trivet.platform.dialects.native.routes.route import Access, Body, Query, Route
from trivet.platform.dialects.native.schemas import jobs as schemas

_OPTIONS = (
    Query("version", "Which version: `1.2.0`, `1`, `^1.2.0`, a content hash, an alias, or `latest`."),
    Query("timeout", "Seconds that an attempt may run.", "number"),
    Query("ttl", "Seconds until the job must be final.", "number"),
    Query("priority", "`high`, `normal` or `low`. A low one never makes the endpoint scale up."),
    Query("max_attempts", "How often it is tried at most.", "integer"),
    Query("retry_on", "What is tried again, separated by commas: `worker_lost`, `handler_error`, types of exceptions."),
    Query("backoff", "Seconds before the second attempt; each further one waits twice as long.", "number"),
    Query("retention", "Seconds that the job can be looked up after its end.", "number"),
    Query("webhook", "A URL that is told of the job's end."),
)

CALLING: tuple[Route, ...] = (
    Route(
        name="run",
        method="POST",
        path="/endpoints/{endpoint}/run",
        tag="Calling",
        summary="Call, and wait for the output",
        access=Access.CALL,
        request=Body.INPUT,
        response=Body.OUTPUT,
        queries=(*_OPTIONS, Query("wait", "Seconds to wait, up to 300; 50 where nothing is said.", "number")),
        detail=(
            "The body is the input itself: JSON, text, or any bytes under their content type. The answer's body is the "
            "output itself. A job that is not final in time goes on: the answer is 202 with the job and its `Location`."
        ),
    ),
    Route(
        name="submit",
        method="POST",
        path="/endpoints/{endpoint}/submit",
        tag="Calling",
        summary="Call, and come back for the output later",
        access=Access.CALL,
        request=Body.INPUT,
        response=schemas.Job,
        status=202,
        queries=_OPTIONS,
        detail="Answered once the job is on disk. `Location` is where it can be looked up.",
    ),
    Route(
        name="stream",
        method="POST",
        path="/endpoints/{endpoint}/stream",
        tag="Calling",
        summary="Call, and read the output piece by piece",
        access=Access.CALL,
        request=Body.INPUT,
        response=Body.EVENTS,
        queries=_OPTIONS,
        detail=(
            "Events: `job` (the job, at the start and at every change), `piece`, `progress`, `log`, then `end`. After a "
            "dropped connection go on with `/jobs/{job}/events` and `Last-Event-ID`. Leaving does not stop the job."
        ),
    ),
)
