"""From answers to values, or to errors: pure functions, no network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from trivet.runpod.error import (
    AnswerError,
    AuthenticationError,
    ConnectionFailed,
    HTTPError,
    QueryError,
    RunPodError,
    TimedOutError,
)
from trivet.sdk import _sentences
from trivet.sdk._http import Response, TransportError
from trivet.sdk._json import JsonObject, JsonValue, object_in

FINAL = frozenset({"COMPLETED", "FAILED", "TIMED_OUT", "CANCELLED"})
_UNAUTHORISED = "401 Unauthorized: the server does not know this API key."
_KEY_HINT = "Check `runpod.api_key` and `runpod.endpoint_url_base`: a key counts only where it was made."
_PLACE_HINT = "Check `runpod.endpoint_url_base`, and what stands between this program and it."


class JobDocument(NamedTuple):
    """What a server says of a job."""

    status: str
    output: Any = None
    job_id: str = ""
    error: str = ""

    @property
    def is_final(self) -> bool:
        """Whether nothing will change any more."""
        return self.status in FINAL


class Page(NamedTuple):
    """One reading of a stream."""

    job: JobDocument
    pieces: tuple[Any, ...]


def value(answer: Response) -> JsonObject:
    """The object that a good answer holds.

    Raises:
        AuthenticationError: the key does not count.
        HTTPError: it is no good answer.
        AnswerError: it is no JSON object.
    """
    if answer.status == 401:
        raise AuthenticationError(_UNAUTHORISED, hint=_KEY_HINT, status=401)
    if not 200 <= answer.status < 300:
        raise refused(answer)
    found = object_in(answer.body)
    if found is None:
        raise unexpected(answer)
    return found


def document(answer: Response) -> JobDocument:
    """A job's document.

    Raises:
        RunPodError: as `value`, and where there is no status in it.
    """
    return _document(value(answer), answer)


def page(answer: Response) -> Page:
    """One reading of a stream.

    Raises:
        RunPodError: as `document`.
    """
    found = value(answer)
    listed = found.get("stream") or []
    pieces = [piece for piece in listed if isinstance(piece, dict)] if isinstance(listed, list) else []
    if pieces != listed:
        raise unexpected(answer)
    return Page(_document(found, answer), tuple(piece.get("output") for piece in pieces))


def accepted(answer: Response) -> str:
    """The id of the job that was made.

    Raises:
        RunPodError: as `value`, and where there is none in it.
    """
    job_id = value(answer).get("id")
    if not isinstance(job_id, str) or not job_id:
        raise unexpected(answer)
    return job_id


def data(answer: Response, query: str, *path: str) -> JsonValue:
    """What GraphQL found.

    Args:
        answer: what came.
        query: what was asked.
        path: the names that lead to what is wanted, from the top.

    Raises:
        AuthenticationError: the key does not count.
        QueryError: GraphQL refused the query.
        HTTPError: something before it did.
        AnswerError: it is no answer of GraphQL.
    """
    if answer.status == 401:
        raise AuthenticationError(_UNAUTHORISED, hint=_KEY_HINT, status=401)
    found = object_in(answer.body)
    faults = None if found is None else found.get("errors")
    if faults:
        raise QueryError(_first(faults), query, status=answer.status)
    if not 200 <= answer.status < 300:
        raise refused(answer)
    at = None if found is None else found.get("data")
    if not isinstance(at, dict):
        raise unexpected(answer)
    for name in path[:-1]:
        at = at.get(name)
        if not isinstance(at, dict):
            raise unexpected(answer)
    return at.get(path[-1]) if path else at


def refused(answer: Response) -> RunPodError:
    """The error for an answer with a bad status."""
    if 300 <= answer.status < 400:
        return HTTPError(
            _sentences.redirected(answer),
            code="redirected",
            hint="If that is where it is, set `runpod.endpoint_url_base` to it.",
            status=answer.status,
        )
    found = object_in(answer.body) or {}
    said = found.get("error") or found.get("message") or ""
    reason = said if isinstance(said, str) and said else _sentences.beginning(answer)
    reason = reason[: _sentences.LONGEST_REASON]
    return HTTPError(f"{answer.status}: {reason}", hint=_hint(answer), status=answer.status)


def unexpected(answer: Response) -> AnswerError:
    """The error for an answer that is none of this API's."""
    return AnswerError(_sentences.unexpected(answer), hint=_PLACE_HINT, status=answer.status)


def failed(failure: TransportError, url: str, job_id: str | None) -> RunPodError:
    """The error where no answer came.

    Args:
        failure: what the transport said.
        url: the server.
        job_id: the job that was asked about, if any.
    """
    said = _sentences.unanswered(failure, url, is_known=job_id is not None)
    if failure.limit is not None:
        return AnswerError(said, code="too_large", hint=_sentences.LARGER_ANSWERS, job_id=job_id)
    goes_on = "The job goes on: ask for its status again." if job_id else ""
    if failure.timed_out:
        return TimedOutError(said, hint=goes_on or "Give it longer.", job_id=job_id)
    return ConnectionFailed(said, hint=goes_on or _PLACE_HINT, job_id=job_id)


def out_of_time(job_id: str) -> TimedOutError:
    """The error where a job takes longer than its caller waits."""
    return TimedOutError("Job timed out.", hint="It goes on: ask for its output again, or cancel it.", job_id=job_id)


def _document(found: Mapping[str, Any], answer: Response) -> JobDocument:
    status = found.get("status")
    if not isinstance(status, str):
        raise unexpected(answer)
    job_id, error = found.get("id"), found.get("error")
    return JobDocument(
        status,
        found.get("output"),
        job_id if isinstance(job_id, str) else "",
        "" if not error else error if isinstance(error, str) else json.dumps(error),
    )


def _first(faults: JsonValue) -> str:
    first = faults[0] if isinstance(faults, list) else faults
    message = first.get("message") if isinstance(first, dict) else first
    return str(message)[: _sentences.LONGEST_REASON]


def _hint(answer: Response) -> str:
    if answer.status == 429:
        return _sentences.too_much(answer)
    if answer.status == 404:
        return "There is none by this id, or this key may not see it, or it was kept long enough."
    return "" if answer.status < 500 else "Try again later; `health` tells more."
