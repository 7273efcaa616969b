"""From answers to values, or to errors: pure functions, no network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from trivet.jaqpot.exceptions import (
    ApiException,
    BadRequestException,
    ForbiddenException,
    JaqpotAnswerException,
    JaqpotApiException,
    JaqpotConnectionException,
    JaqpotPredictionFailureException,
    JaqpotPredictionTimeoutException,
    JaqpotTimeoutException,
    NotFoundException,
    ServiceException,
    TooManyRequestsException,
    UnauthorizedException,
)
from trivet.sdk import _sentences
from trivet.sdk._http import Response, TransportError
from trivet.sdk._json import JsonObject, object_in
from trivet.sdk.errors import TrivetError

if TYPE_CHECKING:
    from trivet.jaqpot._document import Document

D = TypeVar("D", bound="Document")

SUCCESS, FAILURE = "SUCCESS", "FAILURE"
_LONGEST_REASON = 4000
_LONGEST_NUMBER = 20
"""Digits of a dataset's number; the wire's have 64 bits."""
_BY_STATUS: dict[int, type[ApiException]] = {
    400: BadRequestException,
    401: UnauthorizedException,
    403: ForbiddenException,
    404: NotFoundException,
    429: TooManyRequestsException,
}
_HINTS = {
    401: "Check the key and the secret: they count only where they were made, and as long as they were made for.",
    403: "Ask its owner to share it with an organization of yours.",
    404: "Check the number, and `api_url`: numbers count only where they were given.",
}
_PLACE_HINT = "Check `api_url`, and what stands between this program and it."


def document(answer: Response) -> JsonObject:
    """The object that a good answer holds.

    Raises:
        ApiException: the server has refused.
        JaqpotAnswerException: it is no JSON object.
    """
    check(answer)
    found = object_in(answer.body)
    if found is None:
        raise unexpected(answer)
    return found


def model_of(kind: type[D], answer: Response) -> D:
    """The object of a kind that a good answer holds.

    Raises:
        ApiException: the server has refused.
        JaqpotAnswerException: it is another one.
    """
    found = document(answer)
    try:
        return kind.read(found)
    except (TypeError, ValueError) as error:
        raise JaqpotAnswerException(
            f"The answer is none of this API: {error}.", answer.status, hint=_PLACE_HINT
        ) from error


def dataset_number(answer: Response) -> int:
    """The number of the dataset that a prediction fills.

    Raises:
        ApiException: the server has refused.
        JaqpotAnswerException: there is none in it.
    """
    check(answer)
    place = answer.headers.get("location", "").partition("?")[0].rstrip("/").rpartition("/")[2]
    if not place.isascii() or not place.isdigit() or len(place) > _LONGEST_NUMBER:
        raise unexpected(answer, "it names no dataset (Location)")
    return int(place)


def is_final(found: JsonObject) -> bool:
    """Whether nothing about a dataset will change any more. A word that is new says that it will.

    Raises:
        JaqpotAnswerException: it does not say how it stands, so that nothing is there to wait for.
    """
    status = found.get("status")
    if not isinstance(status, str):
        raise JaqpotAnswerException("The answer is no dataset: it does not say how it stands.", hint=_PLACE_HINT)
    return status in (SUCCESS, FAILURE)


def result(found: JsonObject, number: int) -> list[Any]:
    """What was predicted.

    Args:
        found: the document of a final dataset.
        number: its number.

    Raises:
        JaqpotPredictionFailureException: the prediction has failed.
        JaqpotAnswerException: there is no result in it.
    """
    if found.get("status") == FAILURE:
        reason = found.get("failureReason")
        raise JaqpotPredictionFailureException(
            reason if isinstance(reason, str) and reason else "The prediction has failed; the server gives no reason.",
            dataset_id=number,
        )
    rows = found.get("result")
    if not isinstance(rows, list):
        raise JaqpotAnswerException(f"The dataset {number} is finished, and has no result.", hint=_PLACE_HINT)
    return list[Any](rows)


def check(answer: Response) -> None:
    """Lets a good answer pass.

    Raises:
        ApiException: the server has refused.
    """
    if not 200 <= answer.status < 300:
        raise refused(answer)


def refused(answer: Response) -> ApiException:
    """The error for an answer with a bad status."""
    text = answer.body[: 1 << 16].decode("utf-8", "replace")
    if 300 <= answer.status < 400:
        return ApiException(
            _sentences.redirected(answer), answer.status,
            body=text, headers=answer.headers, code="redirected", hint="If that is where it is, give it as `api_url`.",
        )  # fmt: skip
    found = object_in(answer.body) or {}
    told = (found.get(name) for name in ("message", "detail", "error"))
    said = next((words for words in told if isinstance(words, str)), "")
    reason = said or _sentences.beginning(answer, "The server gives no reason.")
    hint = _HINTS.get(answer.status, "") if not answer.is_trivet else ""
    refusal = error_class(answer.status)(
        reason[:_LONGEST_REASON], answer.status, body=text, headers=answer.headers, hint=hint
    )
    code = found.get("code")
    if isinstance(code, str) and code:
        refusal.code = code
    if isinstance(refusal, TooManyRequestsException):
        asked = _sentences.seconds_asked(answer)
        refusal.retry_after = None if asked is None else float(asked)
        refusal.hint = _sentences.too_much(answer)
    return refusal


def error_class(status: int) -> type[ApiException]:
    """The exception for a status."""
    return ServiceException if 500 <= status <= 599 else _BY_STATUS.get(status, ApiException)


def unexpected(answer: Response, why: str = "") -> JaqpotAnswerException:
    """The error for an answer that is none of this API's."""
    return JaqpotAnswerException(_sentences.unexpected(answer, why), answer.status, hint=_PLACE_HINT)


def failed(failure: TransportError, url: str, dataset_id: str | None) -> JaqpotApiException:
    """The error where no answer came.

    Args:
        failure: what the transport said.
        url: the server.
        dataset_id: the dataset that was asked about, if any.
    """
    said = _sentences.unanswered(failure, url, is_known=dataset_id is not None)
    if failure.limit is not None:
        return JaqpotAnswerException(said, code="too_large", hint=_sentences.LARGER_ANSWERS)
    goes_on = f"The prediction goes on: ask for the dataset {dataset_id} again." if dataset_id else ""
    if failure.timed_out:
        return JaqpotTimeoutException(said, hint=goes_on or "Give it longer (`timeout`).")
    return JaqpotConnectionException(said, hint=goes_on or _PLACE_HINT)


def out_of_time(number: int | None) -> JaqpotPredictionTimeoutException:
    """The error where a prediction takes longer than its caller waits; ``number`` is its dataset's, where it has one yet."""
    return JaqpotPredictionTimeoutException("The time to wait for the prediction has passed.", dataset_id=number)


def of_platform(error: TrivetError) -> TrivetError:
    """An error of the native client as one of this module, where its status has a name here."""
    if error.status is None:
        return error
    return error_class(error.status)(error.message, error.status, code=error.code, hint=error.hint)
