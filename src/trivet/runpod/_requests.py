"""From arguments to requests: pure functions, no network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from trivet._version import __version__
from trivet.runpod.error import InputError
from trivet.runpod.version import __version__ as stands_in_for
from trivet.sdk._http import Request
from trivet.sdk._shapes import is_mapping

LEAST_HOLD = 1.0
"""Seconds: a server takes no shorter wish to be held."""
LONGEST_HOLD = 50.0
"""Seconds for which one question is held; proxies commonly cut at 60."""
LONGEST_CALL = 300.0
"""Seconds for which a server may hold a synchronous call, whatever it was asked."""
UNASKED_HOLD = 10.0
"""Seconds for which a server may hold a stream of its own accord."""
SLOWEST_ANSWER = 5.0
"""Seconds that a plain question may take beyond the usual margin, also where its caller waits for less."""
_JSON = ("Content-Type", "application/json")


def headers(key: str) -> dict[str, str]:
    """What every request says."""
    return {
        "Authorization": f"Bearer {key}",
        "User-Agent": f"trivet-runpod/{__version__} (RunPod-Python-SDK/{stands_in_for})",
    }


def wrapped(request_input: object) -> Mapping[str, Any]:
    """A call's body, by the original's rule: what has an ``input`` that is not empty goes as it is, all else becomes one.

    Raises:
        InputError: it is no mapping.
    """
    if not is_mapping(request_input):
        raise InputError(
            f"The input of a call is a dictionary, and this is of type {type(request_input).__name__}.",
            hint='Wrap it: {"input": …}.',
        )
    return request_input if request_input.get("input") else {"input": request_input}


def run(endpoint_id: str, body: Mapping[str, Any]) -> Request:
    """Queue a job.

    Raises:
        InputError: the body is no JSON.
    """
    return Request("POST", f"/{_endpoint(endpoint_id)}/run", (_JSON,), _encoded(body))


def run_sync(endpoint_id: str, body: Mapping[str, Any], timeout: float) -> Request:
    """Call, and be held until the job has ended.

    Args:
        endpoint_id: the endpoint.
        body: the call.
        timeout: seconds that the caller waits.

    Raises:
        InputError: the body is no JSON.
    """
    path = f"/{_endpoint(endpoint_id)}/runsync?wait={_milliseconds(timeout)}"
    return Request("POST", path, (_JSON,), _encoded(body), held=min(timeout, LONGEST_CALL))


def status(endpoint_id: str, job_id: str) -> Request:
    """How a job stands now."""
    path = f"/{_endpoint(endpoint_id)}/status/{quote(job_id, safe='')}"
    return Request("GET", path, held=SLOWEST_ANSWER, job_id=job_id)


def status_sync(endpoint_id: str, job_id: str, wait: float) -> Request:
    """How a job stands when it has ended, or after ``wait`` seconds."""
    path = f"/{_endpoint(endpoint_id)}/status-sync/{quote(job_id, safe='')}?wait={_milliseconds(wait)}"
    return Request("GET", path, held=wait, job_id=job_id)


def stream(endpoint_id: str, job_id: str, wait: float | None) -> Request:
    """The pieces that nobody has read yet.

    Args:
        endpoint_id: the endpoint.
        job_id: the job.
        wait: seconds to be held where there is none; None leaves it to the server.
    """
    query = "" if wait is None else f"?wait={_milliseconds(wait)}"
    path = f"/{_endpoint(endpoint_id)}/stream/{quote(job_id, safe='')}{query}"
    return Request("GET", path, held=UNASKED_HOLD if wait is None else wait)


def cancel(endpoint_id: str, job_id: str) -> Request:
    """Cancel a job. A second time changes nothing."""
    return Request("POST", f"/{_endpoint(endpoint_id)}/cancel/{quote(job_id, safe='')}", (_JSON,), b"", once=True)


def health(endpoint_id: str) -> Request:
    """How many workers and jobs there are."""
    return Request("GET", f"/{_endpoint(endpoint_id)}/health")


def purge_queue(endpoint_id: str) -> Request:
    """Drop what waits."""
    return Request("POST", f"/{_endpoint(endpoint_id)}/purge-queue", (_JSON,), b"")


def raw(method: str, path: str, data: Mapping[str, Any] | None) -> Request:
    """Any request below the base URL.

    Raises:
        InputError: ``data`` is no JSON.
    """
    body = _encoded(data) if data is not None else (b"" if method != "GET" else None)
    return Request(method, f"/{path.lstrip('/')}", (_JSON,), body)


def graphql(query: str) -> Request:
    """A GraphQL operation. One that only asks may be made again.

    Raises:
        InputError: it has characters that can't be sent.
    """
    asks = not query.lstrip().startswith("mutation")
    return Request("POST", "/graphql", (_JSON,), _encoded({"query": query}), once=asks)


def _endpoint(endpoint_id: str) -> str:
    return quote(endpoint_id, safe="/")


def _milliseconds(seconds: float) -> int:
    return round(min(max(seconds, LEAST_HOLD), LONGEST_HOLD) * 1000)


def _encoded(body: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(body, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"The input can't be sent as JSON: {error}", hint="Send what JSON has a form for.") from None
