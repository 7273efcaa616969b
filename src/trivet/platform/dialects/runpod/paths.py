"""The paths below ``/runpod``: which endpoint, which verb, which job."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from trivet.platform.core.endpoints import EndpointReference
from trivet.platform.core.errors import NotFound
from trivet.platform.dialects.runpod.context import JOBS, PREFIX
from trivet.platform.wire.paths import sent_path

POST = frozenset({"POST"})
GET = frozenset({"GET", "HEAD"})
BOTH = GET | POST
ON_ENDPOINTS = {
    "run": POST,
    "runsync": POST,
    "purge-queue": POST,
    "health": GET,
    "requests": GET,
    "metrics": GET,
}
"""The verbs about an endpoint, and their methods."""
ON_JOBS = {"status": BOTH, "status-sync": BOTH, "stream": BOTH, "cancel": POST, "retry": POST}
"""The verbs about a job, and their methods."""
OPENAI = "openai"
"""The verb below which OpenAI's own paths are."""

_JOBS = JOBS.removeprefix(PREFIX).strip("/")
_LONGEST_NAME = 300


class Target(NamedTuple):
    """What a path is about. ``job_id`` is empty where it is about no job."""

    endpoint: str
    verb: str
    job_id: str
    methods: frozenset[str]


def parts_of(path: str, raw_path: bytes, root: str = "") -> list[str]:
    """The parts of a path below ``/runpod``, each decoded for itself: an endpoint's name may have a slash that was encoded.

    Empty parts are left out, as a base URL that ends in a slash makes one.

    Args:
        path: decoded.
        raw_path: as it was sent; empty where that is not known.
        root: what a proxy in front has put before all paths.
    """
    return [unquote(part) for part in sent_path(path, raw_path, root).removeprefix(PREFIX).split("/") if part]


def endpoint_parts(parts: list[str]) -> list[str] | None:
    """What follows ``/runpod/v2``, the endpoint first; None where the path is about no endpoint."""
    return parts[1:] if len(parts) > 1 and parts[0] == _JOBS else None


def target_of(parts: list[str]) -> Target | None:
    """What the parts behind ``/runpod/v2`` are about; None where that is nothing."""
    if len(parts) == 2:
        methods = ON_ENDPOINTS.get(parts[1])
        return None if methods is None else Target(parts[0], parts[1], "", methods)
    if len(parts) == 3:
        methods = ON_JOBS.get(parts[1])
        return None if methods is None else Target(parts[0], parts[1], parts[2], methods)
    return None


def reference_to(endpoint: str) -> EndpointReference:
    """The endpoint that a path names: an opaque id, an integer id, ``owner/name`` with its slash encoded, or ``owner~name``.

    Raises:
        NotFound: the text can name no endpoint at all.
    """
    if len(endpoint) > _LONGEST_NAME:  # nobody shall fill the memory behind `_parsed`
        raise NotFound.of("endpoint", endpoint[:_LONGEST_NAME])
    return _parsed(endpoint)


@lru_cache(maxsize=4096)
def _parsed(endpoint: str) -> EndpointReference:
    return EndpointReference.parse(endpoint if "/" in endpoint else endpoint.replace("~", "/", 1))
