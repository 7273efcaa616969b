"""Errors in RunPod's shape: a JSON object with one text, whatever went wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from trivet.platform.core.errors import CoreError
from trivet.platform.dialects.runpod.schemas import Fault
from trivet.platform.wire.answers import JSON_TYPE, NO_SNIFFING, TRIVET, Header
from trivet.platform.wire.hot import Answer, lines
from trivet.platform.wire.incidents import incident
from trivet.platform.wire.problems import STATUS, headers_of, sentence_of

_encode = msgspec.json.Encoder().encode
_BAD_REQUESTS: Mapping[int, int] = dict.fromkeys((409, 415, 422), 400)
"""RunPod's clients know one status for a request that can't be done as it was sent."""
_VERBS = "run, runsync, status, status-sync, stream, cancel, retry, purge-queue, health, requests, metrics, openai/v1/…"


class Refusal(NamedTuple):
    """An error in no shape yet."""

    status: int
    code: str
    text: str
    headers: tuple[Header, ...] = ()


def fault(status: int, text: str, headers: Iterable[Header] = ()) -> Answer:
    """An error."""
    return Answer(status, lines([JSON_TYPE, NO_SNIFFING, TRIVET, *headers]), _encode(Fault(text)))


def answer_to(error: Exception, method: str, path: str) -> Answer:
    """The answer to whatever was raised."""
    refused = refusal(error, method, path)
    return fault(refused.status, refused.text, refused.headers)


def refusal(error: Exception, method: str, path: str) -> Refusal:
    """What is told of whatever was raised. The traceback of what nobody foresaw goes to the log, and nowhere else."""
    if isinstance(error, CoreError):
        status = STATUS.get(error.code, 500)
        return Refusal(_BAD_REQUESTS.get(status, status), error.code, sentence_of(error), tuple(headers_of(error)))
    return Refusal(500, "internal", incident(error, f"{method} {path}").text)


def no_such_path(path: str, verb: str = "") -> Answer:
    """The answer where there is nothing; ``verb`` is what was asked of an endpoint."""
    if verb == "batch":
        return fault(404, "Batches are not part of this platform: submit each input with `run`.")
    return fault(
        404,
        f"There is nothing at {path[:200]!r}. Jobs are at /runpod/v2/ENDPOINT_ID/VERB, where VERB is one of {_VERBS}; "
        "endpoints and templates are managed by GraphQL at /runpod/graphql, or natively below /api/v1.",
    )


def method_not_allowed(method: str, allowed: Iterable[str]) -> Answer:
    """The answer to a method that a path does not know."""
    known = ", ".join(sorted(allowed))
    return fault(405, f"{method} is not allowed here. Use {known}.", [(b"allow", known.encode())])
