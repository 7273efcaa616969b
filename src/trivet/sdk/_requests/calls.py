"""Calling an endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trivet.sdk import _calls
from trivet.sdk._calls import CallOptions
from trivet.sdk._http import Request
from trivet.sdk._requests.parts import SSE, Reference, endpoint_path, with_query

if TYPE_CHECKING:
    from trivet.sdk._payloads import Body


def run(reference: Reference, body: Body, options: CallOptions, *, wait: float) -> Request:
    """Call and wait up to ``wait`` seconds."""
    return _call(reference, "run", body, options, wait=wait)


def submit(reference: Reference, body: Body, options: CallOptions) -> Request:
    """Queue a job."""
    return _call(reference, "submit", body, options)


def stream(reference: Reference, body: Body, options: CallOptions) -> Request:
    """Call and listen to the events."""
    return _call(reference, "stream", body, options, headers=(SSE,))


def _call(
    reference: Reference,
    verb: str,
    body: Body,
    options: CallOptions,
    *,
    headers: tuple[tuple[str, str], ...] = (),
    wait: float | None = None,
) -> Request:
    query = _calls.query(options)
    if wait is not None:
        query["wait"] = wait
    return Request(
        "POST",
        with_query(f"{endpoint_path(reference)}/{verb}", query),
        (("Content-Type", body.content_type), *_calls.headers(options), *headers),
        body.data,
        wait or 0.0,
        once=options.get("idempotency_key") is not None,
    )
