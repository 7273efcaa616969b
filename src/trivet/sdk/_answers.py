"""Every answer that the client understands: from `Response` to a value or to an error that teaches; no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from trivet.sdk import _retry
from trivet.sdk._decode import ShapeError, decode
from trivet.sdk._events import ServerEvent
from trivet.sdk._http import Request, Response, TransportError
from trivet.sdk._json import JsonObject, JsonValue, object_in
from trivet.sdk._payloads import decode_json, decode_output, decode_piece, is_json
from trivet.sdk._sentences import LARGER_ANSWERS
from trivet.sdk.errors import (
    BY_CODE,
    AuthenticationError,
    JobCancelledError,
    JobFailedError,
    JobTimedOutError,
    LimitExceededError,
    ServerError,
    ServiceUnavailableError,
    TooLargeError,
    TrivetError,
    UnexpectedAnswerError,
)
from trivet.sdk.models import (
    InputFault,
    JobEvent,
    JobFailure,
    JobStatus,
    JobView,
    LogLine,
    Page,
    Piece,
    Progress,
    Readiness,
    StatusChange,
)

T = TypeVar("T")
_CHECK_URL = "Check that the URL is that of a Trivet server: `trivet doctor` tells."


class Output(NamedTuple):
    """The output of a job that succeeded."""

    value: Any
    job_id: str


# -- values


def value(cls: type[T], response: Response) -> T:
    """The one value in an answer.

    Raises:
        UnexpectedAnswerError: it is not what this request is answered with.
    """
    return _shaped(cls, document(response))


def document(response: Response) -> JsonValue:
    """The JSON in an answer.

    Raises:
        UnexpectedAnswerError: it is none.
    """
    if not is_json(response.content_type):
        raise unexpected(response)
    return decode_json(response.body)


def number(name: str, response: Response) -> int:
    """The whole number that stands under a name in an answer.

    Raises:
        UnexpectedAnswerError: there is none.
    """
    found = document(response)
    value = found.get(name) if isinstance(found, dict) else None
    if not isinstance(value, int):
        raise UnexpectedAnswerError(f"The answer lacks the number {name!r}.", hint=_CHECK_URL)
    return value


def page(cls: type[T], response: Response) -> Page:
    """One page of a listing.

    Raises:
        UnexpectedAnswerError: it is none.
    """
    listing = document(response)
    items, cursor = (listing.get("items"), listing.get("next")) if isinstance(listing, dict) else (None, None)
    if not isinstance(items, list) or not isinstance(cursor, str | int | None):
        raise UnexpectedAnswerError("A listing was asked for, and something else came.", hint=_CHECK_URL)
    return Page(tuple(_shaped(cls, item) for item in items), cursor)


def output(response: Response) -> Output | JobView:
    """What `run` and a request for a result are answered with: the output, or the job where it is not final yet.

    Raises:
        UnexpectedAnswerError: it is neither.
    """
    if response.status == 202:
        return value(JobView, response)
    job_id = response.headers.get("trivet-job-id")
    if job_id is None:
        # Any web page answers 200; without this, its HTML would be handed out as somebody's result.
        raise unexpected(response)
    return Output(decode_output(response.body, response.content_type), job_id)


def content(response: Response) -> Any:
    """A body as it is: parsed where it is JSON, else bytes."""
    return decode_output(response.body, response.content_type)


def end_of_file(headers: Mapping[str, str]) -> int | None:
    """The size of the whole file that (a part of) it is sent of, in bytes; None where the answer does not tell."""
    total = headers.get("content-range", "").rpartition("/")[2] or headers.get("content-length", "")
    return int(total) if total.isascii() and total.isdecimal() else None


def text(response: Response) -> str:
    """A body as text."""
    return response.body.decode("utf-8", "replace")


def readiness(response: Response) -> Readiness:
    """What the readiness probe says; 503 is an answer like any other.

    Raises:
        UnexpectedAnswerError: it is none.
    """
    checks = document(response)
    return Readiness(response.status == 200, checks if isinstance(checks, dict) else {})


def event(server_event: ServerEvent) -> JobEvent | None:
    """What an event of a job says; None for one that this client does not know.

    Raises:
        UnexpectedAnswerError: a known event of an unknown shape.
    """
    name = server_event.name
    if name not in {"job", "end", "piece", "progress", "log"}:
        return None
    content = decode_json(server_event.data.encode())
    if name == "piece":
        position = server_event.id
        return Piece(decode_piece(content), int(position) if position and position.isdecimal() else None)
    if name == "progress":
        return _shaped(Progress, content)
    if name == "log":
        return _shaped(LogLine, content)
    return StatusChange(_shaped(JobView, content), last=name == "end")


def _shaped(cls: type[T], content: Any) -> T:
    try:
        return decode(cls, content)
    except ShapeError as error:
        raise UnexpectedAnswerError(
            f"The answer has not the shape that it should have: {error}.",
            hint="Client and server may be of different releases: compare `trivet --version` on both.",
        ) from error


# -- errors


def job_error(view: JobView) -> TrivetError | None:
    """The error of a job that ended without an output; None for one that succeeded or still goes on."""
    failure = view.error or JobFailure()
    said = failure.message or ""
    hint = failure.hint or f"`trivet jobs explain {view.id}` says more."
    if view.status == JobStatus.FAILED:
        message = f"{failure.type}: {said}" if failure.type else said or "no reason was given"
        return JobFailedError(f"The job failed. {message}", error=failure, hint=hint, job_id=view.id)
    if view.status == JobStatus.CANCELLED:
        return JobCancelledError(said or "The job was cancelled.", hint=failure.hint or "", job_id=view.id)
    if view.status == JobStatus.TIMED_OUT:
        return JobTimedOutError(said or "The job ran out of its time.", hint=hint, job_id=view.id)
    return None


def error(request: Request, outcome: Response | TransportError, url: str, now: datetime) -> TrivetError:
    """The error that ``outcome`` is to the caller of ``request`` at the server ``url``."""
    told = _error(request, outcome, url, now)
    if request.job_id is not None:
        told.job_id = told.job_id or request.job_id
        if isinstance(told, ServiceUnavailableError):
            told.hint = f"{goes_on(request.job_id)} {told.hint}".rstrip()
    return told


def goes_on(job_id: str) -> str:
    """What to do about a job that can't be asked about now."""
    return f"The job goes on without this: `client.job({job_id!r}).result()` takes it up again."


def _error(request: Request, outcome: Response | TransportError, url: str, now: datetime) -> TrivetError:
    if isinstance(outcome, TransportError):
        return _unreached(request, outcome, url)
    if 300 <= outcome.status < 400:
        return UnexpectedAnswerError(
            f"{url} sends on to {outcome.headers.get('location', 'elsewhere')}. A key is never sent on with a request.",
            hint="If you trust that address, make it the client's URL.",
            status=outcome.status,
        )
    problem = object_in(outcome.body) if outcome.content_type == "application/problem+json" else None
    if problem is not None:
        return _taught(problem, outcome, now)
    return _untaught(outcome, url, now)


def _taught(problem: JsonObject, response: Response, now: datetime) -> TrivetError:
    code = str(problem.get("code") or "internal")
    kind = BY_CODE.get(code) or (ServerError if response.status >= 500 else TrivetError)
    details: dict[str, Any] = {
        "code": code,
        "hint": str(problem.get("hint") or ""),
        "status": response.status,
        "job_id": problem.get("job_id"),
    }
    message = str(problem.get("detail") or problem.get("title") or f"The server answered {response.status}.")
    match code:
        case "invalid_input":
            details["errors"] = _faults(problem.get("errors"))
        case "too_large":
            limit = problem.get("limit")
            details["limit"] = limit if isinstance(limit, int) else None
        case "limit_exceeded" | "rate_limited" | "too_many_open_jobs" | "unavailable" | "storage_full":
            details["retry_after"] = _retry.retry_after(response.headers, now)
        case "job_failed":
            failure = _failure(problem.get("error"))
            details["error"] = failure
        case "deployment_refused" | "build_failed":
            details["log"] = str(problem.get("log") or "")
        case _:
            """All has been said."""
    return kind(message, **details)


def _faults(listed: JsonValue) -> tuple[InputFault, ...]:
    try:
        return tuple(decode(InputFault, each) for each in listed) if isinstance(listed, list) else ()
    except ShapeError:
        return ()


def _failure(document: JsonValue) -> JobFailure | None:
    try:
        return decode(JobFailure, document)
    except ShapeError:
        return None


def _untaught(response: Response, url: str, now: datetime) -> TrivetError:
    """An error status without the API's own words: a proxy, or another program altogether."""
    status = response.status
    if status in {401, 407}:
        return AuthenticationError(
            f"{url} answered {status} without saying why: something in front of the server asks for credentials.",
            hint="Check the proxy in between and that the URL is right.",
            status=status,
        )
    if status == 429:
        return LimitExceededError(
            f"{url} answered 429: too many requests.",
            hint="Ask less often, or lower `concurrency`.",
            status=status,
            retry_after=_retry.retry_after(response.headers, now),
        )
    if status in {502, 503, 504}:
        return ServiceUnavailableError(
            f"{url} answered {status}: what stands in front of the server can't reach it.",
            hint="Try again in a moment; then see whether `trivet up` is running behind it.",
            status=status,
            retry_after=_retry.retry_after(response.headers, now),
        )
    return unexpected(response)


def unexpected(response: Response) -> UnexpectedAnswerError:
    """The error for an answer that is none of this API's."""
    kind = response.content_type or "nothing that says what it is"
    start = response.body[:80].decode("utf-8", "replace").split("\n")[0].strip()
    return UnexpectedAnswerError(
        f"This is not the answer of a Trivet server: status {response.status}, {kind}{f', {start!r}' if start else ''}.",
        hint=_CHECK_URL,
        status=response.status,
    )


def _unreached(request: Request, failure: TransportError, url: str) -> TrivetError:
    if not failure.sent:
        return ServiceUnavailableError(
            f"{url} can't be reached: {failure.detail}.",
            hint="Is `trivet up` running? The URL comes from `url=`, TRIVET_URL or the profile.",
        )
    if failure.limit is not None:
        return TooLargeError(f"{url}: {failure.detail}.", limit=failure.limit, hint=LARGER_ANSWERS)
    whether = "" if request.repeatable else " Whether it was carried out is not known."
    if failure.timed_out:
        return ServiceUnavailableError(
            f"{url} did not answer {request.method} {request.path.partition('?')[0]} in time.{whether}",
            hint="Try again, give the client a longer `timeout`, or see what the server is busy with.",
        )
    return ServiceUnavailableError(
        f"The connection to {url} broke before a whole answer came: {failure.detail}.{whether}",
        hint="Try again; if it goes on, look at the server's log.",
    )
