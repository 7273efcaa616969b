"""From answers that are no good ones, and from no answers, to errors: pure functions, no network."""

from __future__ import annotations

from typing import Any, TypeVar

from trivet.algorithmia.errors import (
    AlgorithmException,
    AnswerError,
    ApiError,
    ConnectionFailed,
    DataApiError,
    InputError,
    TimedOutError,
)
from trivet.sdk import _sentences
from trivet.sdk._http import Response, TransportError
from trivet.sdk._json import JsonObject, JsonValue, object_in
from trivet.sdk.errors import ConfigurationError, InvalidRequestError, TrivetError

E = TypeVar("E", bound=ApiError)
_PLACE_HINT = "Check the address (`api_address`, or ALGORITHMIA_API), and what stands between this program and it."
_KEY_HINT = "Check the key (`api_key`, or ALGORITHMIA_API_KEY): it counts only where it was made."
_CODES = {
    400: "bad_request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    409: "conflict",
    413: "too_large",
    429: "limit_exceeded",
    503: "unavailable",
}


def refused(answer: Response, cls: type[E]) -> E:
    """The error, one of ``cls``, for an answer whose status is no good one."""
    if 300 <= answer.status < 400:
        return cls(
            _sentences.redirected(answer),
            code="redirected",
            hint="If that is where it is, give it as the address.",
            status=answer.status,
        )
    error = cls(reason(answer), code=_code(answer.status), hint=_hint(answer), status=answer.status)
    if isinstance(error, AlgorithmException):
        error.error_type = _error_type(answer)
    return error


def unexpected(answer: Response) -> AnswerError:
    """The error for an answer that is none of this API's."""
    return AnswerError(_sentences.unexpected(answer), hint=_PLACE_HINT, status=answer.status)


def failed(failure: TransportError, address: str) -> ApiError:
    """The error where no answer came."""
    said = _sentences.unanswered(failure, address)
    if failure.limit is not None:
        return AnswerError(said, code="too_large", hint=_sentences.LARGER_ANSWERS)
    if failure.timed_out:
        return TimedOutError(said, hint="Give it longer, or try again later.")
    return ConnectionFailed(said, hint=_PLACE_HINT)


def of_client(error: TrivetError) -> ApiError:
    """The error where nothing was asked, in this module's own class: settings that can't be used, a client that is closed."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, ConfigurationError | InvalidRequestError):
        return InputError(error.message, hint=error.hint)
    return ApiError(error.message, code=error.code, hint=error.hint)


def reason(answer: Response) -> str:
    """Why something was refused, in the server's words."""
    if header := answer.headers.get("x-error-message"):
        return header[: _sentences.LONGEST_REASON]
    said = _error(answer)
    message = said.get("message") if isinstance(said, dict) else said
    if isinstance(message, str) and message:
        return message[: _sentences.LONGEST_REASON]
    if answer.content_type == "text/plain" and answer.status < 500 and (told := answer.body.decode("utf-8", "replace")):
        return told[: _sentences.LONGEST_REASON]  # as who wants raw output is told why there is none
    return f"{answer.status}: {_sentences.beginning(answer)}"


def failed_call(found: JsonObject, answer: Response) -> AlgorithmException:
    """The error that an algorithm's answer tells of."""
    said, metadata = found["error"], found.get("metadata")
    if not isinstance(said, dict):
        said = {"message": said}
    request = metadata.get("request_id") if isinstance(metadata, dict) else None
    kind, trace = said.get("error_type"), said.get("stack_trace")
    message: Any = said.get("message")  # where it is null, it stays so: programs print it as `None`
    return AlgorithmException(
        message,
        trace if isinstance(trace, str) else None,
        kind if isinstance(kind, str) else None,
        code="job_timed_out" if kind == "TimeoutError" else None,
        status=answer.status,
        job_id=request if isinstance(request, str) else None,
    )


def missing(place: str, answer: Response) -> DataApiError:
    """The error where a file can't be had."""
    why = refused(answer, DataApiError)
    return DataApiError(
        f"unable to get file {place} - {why.message}", code=why.code, hint=why.hint, status=answer.status
    )


def refused_to(what: str, answer: Response) -> DataApiError:
    """The error where something can't be done to a directory: ``what``, then why."""
    why = refused(answer, DataApiError)
    return DataApiError(f"{what}{why.message}", code=why.code, hint=why.hint, status=answer.status)


def _error(answer: Response) -> JsonValue:
    return (object_in(answer.body) or {}).get("error")


def _error_type(answer: Response) -> str | None:
    said = _error(answer)
    kind = said.get("error_type") if isinstance(said, dict) else None
    return kind if isinstance(kind, str) else None


def _code(status: int) -> str | None:
    return _CODES.get(status) or ("internal" if status >= 500 else "bad_request")


def _hint(answer: Response) -> str:
    if answer.status == 429:
        return _sentences.too_much(answer)
    if answer.status in {401, 403}:
        return _KEY_HINT
    return "Try again later." if answer.status >= 500 else ""
