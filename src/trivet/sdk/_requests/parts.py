"""What requests are made of: paths, queries and bodies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from trivet.sdk._http import Request
from trivet.sdk.errors import InvalidRequestError

API = "/api/v1"
LONGEST_RUN_WAIT = 50.0
"""Seconds for which one `run` or one request for a result is held; proxies commonly cut at 60."""
PAGE = 100
"""How many of a listing are asked for at a time."""
SSE = ("Accept", "text/event-stream")
"""The header that asks for events."""

Reference = str | int
"""An endpoint as the caller names it: ``owner/name``, its opaque id, or its integer id."""


def check_reference(reference: Reference) -> Reference:
    """``reference`` itself, if it can name an endpoint.

    Raises:
        InvalidRequestError: it can't.
    """
    endpoint_path(reference)
    return reference


@lru_cache(maxsize=256)
def endpoint_path(reference: Reference) -> str:
    """Where an endpoint is.

    Raises:
        InvalidRequestError: ``reference`` can't name one.
    """
    parts = [str(reference)] if isinstance(reference, int) else reference.split("/")
    if len(parts) > 2:
        raise InvalidRequestError(
            f"{reference!r} does not name an endpoint.", hint="Write `owner/name`, or one of the endpoint's ids."
        )
    return "/".join([API, "endpoints", *(segment(part, "endpoint") for part in parts)])


def job_path(job_id: str) -> str:
    """Where a job is.

    Raises:
        InvalidRequestError: ``job_id`` can't be an id.
    """
    return f"{API}/jobs/{segment(job_id, 'job')}"


def segment(text: str, noun: str) -> str:
    """One part of a path, quoted.

    Args:
        text: what the caller gave.
        noun: what it should name, for the error.

    Raises:
        InvalidRequestError: it can be no part of a path.
    """
    # Dots alone would be resolved away on the path, and the request would reach something else.
    if not text or text in {".", ".."}:
        raise InvalidRequestError(f"{text!r} names no {noun}.")
    return quote(text, safe="")


def with_query(path: str, query: Mapping[str, Any]) -> str:
    """A path with what is asked of it; what is None is not asked. A float is in seconds."""
    pairs = [f"{name}={_text(value)}" for name, value in query.items() if value is not None]
    return f"{path}?{'&'.join(pairs)}" if pairs else path


def _text(value: Any) -> str:
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else f"{value:.3f}"
    return quote(str(value), safe="")


def with_json(method: str, path: str, document: Mapping[str, Any]) -> Request:
    """A request that carries a document."""
    return Request(method, path, (("Content-Type", "application/json"),), json.dumps(document).encode())


def going_on(start: int, if_match: str | None) -> tuple[tuple[str, str], ...]:
    """What asks for the rest of something, from a byte on and of one version."""
    headers = [("Accept-Encoding", "identity")]  # what is packed on the way has no places to go on from
    if start:
        headers.append(("Range", f"bytes={start}-"))
    if if_match is not None:
        headers.append(("If-Match", if_match))
    return tuple(headers)
