"""From answers to values, or to errors: pure functions, no network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeVar

from trivet.algorithmia import _documents
from trivet.algorithmia.algo_response import AlgoResponse
from trivet.algorithmia.async_response import AsyncResponse
from trivet.algorithmia.errors import (
    AlgorithmException,
    AnswerError,
    ApiError,
    ApiInternalError,
    ConnectionFailed,
    DataApiError,
    TimedOutError,
)
from trivet.sdk._http import Response, TransportError

E = TypeVar("E", bound=ApiError)
_LONGEST_REASON = 2000
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


class Answer:
    """An answer as it is, with the attributes by which programs know it.

    Args:
        response: what came.

    Attributes:
        status_code: the HTTP status.
        headers: names, lower case, and values.
        content: the body.
    """

    def __init__(self, response: Response) -> None:
        self.status_code = response.status
        self.headers = response.headers
        self.content = response.body

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self.status_code < 400

    @property
    def reason(self) -> str:
        """The usual phrase for the status."""
        from http import HTTPStatus

        try:
            return HTTPStatus(self.status_code).phrase
        except ValueError:
            return ""

    @property
    def text(self) -> str:
        """The body as text: in the charset that the answer names, else in UTF-8."""
        return text(Response(self.status_code, self.headers, self.content))

    def json(self) -> Any:
        """What the body holds as JSON.

        Raises:
            AnswerError: it is none; also a `ValueError`.
        """
        return json_of(Response(self.status_code, self.headers, self.content))

    def iter_content(self, chunk_size: int = 1) -> Iterator[bytes]:
        """The body, ``chunk_size`` bytes at a time."""
        for start in range(0, len(self.content), chunk_size):
            yield self.content[start : start + chunk_size]

    def __contains__(self, name: object) -> bool:
        # Programs look for "error" in what they are given, whether it is a document or an answer without one.
        return False

    def __repr__(self) -> str:
        return f"<Response [{self.status_code}]>"


# -- algorithms


def piped(answer: Response) -> AlgoResponse | AsyncResponse:
    """What an algorithm answers.

    Raises:
        AlgorithmException: it has failed, or could not be called.
        AnswerError: this is no answer of an algorithm.
    """
    if answer.status != 200:
        raise refused(answer, AlgorithmException)
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        raise unexpected(answer) from None
    if not isinstance(found, dict):
        raise unexpected(answer)
    if "error" in found:
        raise failed_call(found, answer)
    return AlgoResponse.create_algo_response(found)


def raw(answer: Response) -> str:
    """What an algorithm answers with ``output=OutputType.raw``.

    Raises:
        ApiInternalError: the server has failed.
        ApiError: the call was refused, or the algorithm has failed.
    """
    if answer.status >= 500:
        raise refused(answer, ApiInternalError)
    if answer.status >= 300:
        raise refused(answer, ApiError)
    return text(answer)


def started(answer: Response) -> AsyncResponse:
    """What is answered to a call with ``output=OutputType.void``.

    Raises:
        AlgorithmException: it was refused.
        AnswerError: this is no answer to one.
    """
    found = document(answer)
    if not isinstance(found, dict) or "async" not in found or "request_id" not in found:
        raise unexpected(answer)
    return AsyncResponse(found)


def failed_call(found: dict[str, Any], answer: Response) -> AlgorithmException:
    """The error that an algorithm's answer tells of."""
    said, metadata = found["error"], found.get("metadata")
    if not isinstance(said, dict):
        said = {"message": said}
    request = metadata.get("request_id") if isinstance(metadata, dict) else None
    kind, trace = said.get("error_type"), said.get("stack_trace")
    known = isinstance(kind, str)
    return AlgorithmException(
        said.get("message"),  # type: ignore[arg-type]  # where it is null, it stays so: programs print it as `None`
        trace if isinstance(trace, str) else None,
        kind if known else None,
        code="job_timed_out" if kind == "TimeoutError" else None,
        status=answer.status,
        job_id=request if isinstance(request, str) else None,
    )


# -- all else


def document(answer: Response) -> Any:
    """The JSON of a good answer.

    Raises:
        AlgorithmException: it tells of an error.
        AnswerError: it is no JSON.
    """
    if not 200 <= answer.status < 300:
        raise refused(answer, AlgorithmException)
    found = json_of(answer)
    if isinstance(found, dict) and "error" in found:
        raise failed_call(found, answer)
    return found


def document_or_answer(answer: Response) -> Any:
    """As `document`; an answer that is good and empty is given as it is."""
    if 200 <= answer.status < 300 and not answer.body:
        return Answer(answer)
    return document(answer)


def told(answer: Response) -> Any:
    """The JSON of an answer, good or not: an error's document is given to the caller, who looks for ``error`` in it.

    Raises:
        ApiError: it is no JSON.
    """
    if 200 <= answer.status < 300:
        return json_of(answer)
    try:
        found = _documents.parse(answer.body)
    except ValueError:
        found = None
    if isinstance(found, dict) and "error" in found:
        return found
    raise refused(answer, ApiInternalError if answer.status >= 500 else ApiError)


def json_of(answer: Response) -> Any:
    """What an answer holds as JSON.

    Raises:
        AnswerError: it is none.
    """
    try:
        return _documents.parse(answer.body)
    except ValueError:
        raise unexpected(answer) from None


def plain_json(answer: Response) -> Any:
    """What a file holds as JSON, in plain lists and dictionaries.

    Raises:
        AnswerError: it is none.
    """
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        raise unexpected(answer) from None


def text(answer: Response) -> str:
    """What an answer holds as text: in the charset that it names, else in UTF-8."""
    _, _, parameters = answer.headers.get("content-type", "").partition(";")
    names = (part.strip() for part in parameters.split(";"))
    charset = next((name[8:].strip("\"'") for name in names if name.lower().startswith("charset=")), "utf-8")
    try:
        return answer.body.decode(charset, "replace")
    except LookupError:
        return answer.body.decode("utf-8", "replace")


# -- data


def stored(answer: Response) -> None:
    """Looks whether a file was stored, or a permission changed.

    Raises:
        DataApiError: it was not.
    """
    if not 200 <= answer.status < 300:
        raise refused(answer, DataApiError)
    if not answer.body:
        return
    found = json_of(answer)
    if isinstance(found, dict) and "error" in found:
        raise DataApiError(reason(answer), status=answer.status)


def exists(answer: Response) -> bool:
    """Whether there is what was asked for. What this key may not see is not there.

    Raises:
        ApiError: the server could not say.
    """
    if answer.status in {200, 400, 401, 403, 404}:
        return answer.status == 200
    raise refused(answer, DataApiError)


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


class Listing(NamedTuple):
    """One page of what is in a directory.

    Attributes:
        folders: what is told of each directory; each has a ``name``.
        files: what is told of each file; each has a ``filename``, a ``size`` and ``last_modified``.
        marker: where the next page begins; None after the last.
    """

    folders: list[dict[str, Any]]
    files: list[dict[str, Any]]
    marker: str | None


def listing(answer: Response) -> Listing:
    """What is in a directory.

    Raises:
        DataApiError: it can't be read.
        AnswerError: this is no listing.
    """
    if answer.status != 200:
        raise refused_to("Directory iteration failed: ", answer)
    found = plain_json(answer)
    if not isinstance(found, dict):
        raise unexpected(answer)
    folders, files, marker = found.get("folders") or [], found.get("files") or [], found.get("marker")
    if not _have(folders, "name") or not _have(files, "filename", "last_modified") or not _is_marker(marker):
        raise unexpected(answer)
    return Listing(folders, files, marker or None)


def _have(items: Any, *names: str) -> bool:
    return isinstance(items, list) and all(
        isinstance(item, dict) and all(isinstance(item.get(name), str) for name in names) for item in items
    )


def _is_marker(marker: Any) -> bool:
    return marker is None or isinstance(marker, str)


# -- errors


def refused(answer: Response, cls: type[E]) -> E:
    """The error, one of ``cls``, for an answer whose status is no good one."""
    if 300 <= answer.status < 400:
        place = answer.headers.get("location", "elsewhere")[:200]
        return cls(
            f"{answer.status}: the server sends us to {place}, and a key is not taken anywhere by itself.",
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
    kind = answer.content_type or "no content type"
    return AnswerError(
        f"The answer ({answer.status}, {kind}) is none of this API: {_beginning(answer)}",
        hint=_PLACE_HINT,
        status=answer.status,
    )


def failed(failure: TransportError, address: str) -> ApiError:
    """The error where no answer came."""
    if failure.timed_out:
        return TimedOutError(f"{address} did not answer in time.", hint="Give it longer, or try again later.")
    unsure = " Whether the request was carried out is not known." if failure.sent else ""
    return ConnectionFailed(f"{address}: {failure.detail}.{unsure}", hint=_PLACE_HINT)


def reason(answer: Response) -> str:
    """Why something was refused, in the server's words."""
    if header := answer.headers.get("x-error-message"):
        return header[:_LONGEST_REASON]
    said = _error(answer)
    message = said.get("message") if isinstance(said, dict) else said
    if isinstance(message, str) and message:
        return message[:_LONGEST_REASON]
    return f"{answer.status}: {_beginning(answer)}"


def _error(answer: Response) -> Any:
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    return found.get("error") if isinstance(found, dict) else None


def _error_type(answer: Response) -> str | None:
    said = _error(answer)
    kind = said.get("error_type") if isinstance(said, dict) else None
    return kind if isinstance(kind, str) else None


def _code(status: int) -> str | None:
    return _CODES.get(status) or ("internal" if status >= 500 else "bad_request")


def _hint(answer: Response) -> str:
    after = answer.headers.get("retry-after", "")
    if answer.status == 429:
        return f"Too much at once: try again in {after} s." if after.isdigit() else "Too much at once: try later."
    if answer.status in {401, 403}:
        return _KEY_HINT
    return "Try again later." if answer.status >= 500 else ""


def _beginning(answer: Response) -> str:
    said = " ".join(answer.body[:400].decode("utf-8", "replace").split())
    return said[:200] if said else "it is empty"
