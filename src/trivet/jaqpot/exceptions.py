"""The exceptions of this module: by the names that Jaqpot's packages have, and `trivet.TrivetError` all of them.

Each carries the reason, in ``message`` and in its text. In brackets: what else it is, where code may catch that::

    TrivetError
     ├─ OpenApiException
     │   └─ ApiValueError                     an argument can't be sent; nothing was (ValueError, TypeError)
     ├─ JaqpotApiException
     │   ├─ ApiException                      the server refused: `status`, `reason`, `body`, `headers` (OpenApiException)
     │   │   ├─ BadRequestException           400
     │   │   ├─ UnauthorizedException         401
     │   │   ├─ ForbiddenException            403
     │   │   ├─ NotFoundException             404
     │   │   ├─ TooManyRequestsException      429: `retry_after`
     │   │   └─ ServiceException              5xx
     │   ├─ JaqpotConnectionException         no answer came (ConnectionError)
     │   ├─ JaqpotTimeoutException            an answer took too long (TimeoutError)
     │   ├─ JaqpotAnswerException             what answered does not speak this API (ValueError)
     │   └─ JaqpotPredictionFailureException  the prediction has failed: `dataset_id`
     └─ JaqpotPredictionTimeoutException      the prediction takes longer than its caller waits (TimeoutError)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from trivet.sdk import errors

__all__ = [
    "ApiException",
    "ApiValueError",
    "BadRequestException",
    "ForbiddenException",
    "JaqpotAnswerException",
    "JaqpotApiException",
    "JaqpotConnectionException",
    "JaqpotPredictionFailureException",
    "JaqpotPredictionTimeoutException",
    "JaqpotTimeoutException",
    "NotFoundException",
    "OpenApiException",
    "ServiceException",
    "TooManyRequestsException",
    "UnauthorizedException",
]


class OpenApiException(errors.TrivetError):
    """Base of what the generated client below Jaqpot's SDK raises."""


class ApiValueError(OpenApiException, errors.InvalidRequestError, ValueError, TypeError):
    """An argument can't be sent; nothing was."""


class JaqpotApiException(errors.TrivetError):
    """Something about a call has failed.

    Args:
        message: what happened.
        status_code: the HTTP status of the answer, or None where there was none.
        code: a stable word for programs; the class's own where it is not given.
        hint: what to do next.
    """

    def __init__(
        self, message: str = "", status_code: int | None = None, *, code: str | None = None, hint: str = ""
    ) -> None:
        super().__init__(message, code=code, hint=hint, status=status_code)

    @property
    def status_code(self) -> int | None:
        """The HTTP status, by the name that Jaqpot's SDK has for it."""
        return self.status


class ApiException(JaqpotApiException, OpenApiException):
    """The server has refused a request.

    Args:
        message: why.
        status_code: the HTTP status.
        body: the text of the answer.
        headers: its headers; names are lower case.
        code: a stable word for programs.
        hint: what to do next.

    Attributes:
        body: the text of the answer.
        headers: its headers.
        data: None; a place that the generated client has.
    """

    default_code: ClassVar[str] = "http_error"
    data: Any = None

    def __init__(
        self,
        message: str = "",
        status_code: int | None = None,
        *,
        body: str | None = None,
        headers: Mapping[str, str] | None = None,
        code: str | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message, status_code, code=code, hint=hint)
        self.body = body
        self.headers = headers

    @property
    def reason(self) -> str:
        """What HTTP calls the status: ``Not Found``."""
        from http import HTTPStatus

        try:
            return HTTPStatus(self.status or 0).phrase
        except ValueError:
            return ""

    def __str__(self) -> str:
        said = super().__str__()
        return f"({self.status}) {said}"


class BadRequestException(ApiException, errors.InvalidRequestError):
    """The request, or a row in it, is not what the model takes."""

    default_code = "bad_request"


class UnauthorizedException(ApiException, errors.AuthenticationError):
    """The key and the secret do not count."""

    default_code = "unauthenticated"


class ForbiddenException(ApiException, errors.PermissionDeniedError):
    """The key may not do this."""

    default_code = "forbidden"


class NotFoundException(ApiException, errors.NotFoundError):
    """There is no such model or dataset."""

    default_code = "not_found"


class ServiceException(ApiException, errors.ServerError):
    """The server itself has failed, or is not ready."""

    default_code = "internal"


class TooManyRequestsException(ApiException, errors.RateLimitedError):
    """Too many requests for now.

    Attributes:
        retry_after: seconds after which it may be tried again, or None where the server did not say.
    """

    default_code = "rate_limited"
    retry_after: float | None = None


class JaqpotConnectionException(JaqpotApiException, errors.ServiceUnavailableError, ConnectionError):
    """The server could not be reached, or the connection broke before it had answered."""

    default_code = "unavailable"
    retry_after: float | None = None


class JaqpotTimeoutException(JaqpotApiException, errors.TimedOutError):
    """An answer took too long."""

    default_code = "wait_timed_out"


class JaqpotAnswerException(JaqpotApiException, errors.UnexpectedAnswerError, ValueError):
    """What answered does not speak this API: a proxy's page, half an answer, another program."""

    default_code = "unexpected_answer"


class JaqpotPredictionFailureException(JaqpotApiException, errors.JobFailedError):
    """The prediction has failed; the reason is in ``message``.

    Args:
        message: why.
        dataset_id: the dataset that it was to fill, or None where that is not known.
    """

    default_code = "job_failed"
    error = None

    def __init__(self, message: str = "", *, dataset_id: int | None = None) -> None:
        super().__init__(message)
        self.dataset_id = dataset_id


class JaqpotPredictionTimeoutException(errors.TimedOutError):
    """The prediction takes longer than its caller waits. It goes on: ask for its dataset later.

    Args:
        message: what happened.
        dataset_id: the dataset that it fills, or None where that is not known.
    """

    def __init__(self, message: str = "", *, dataset_id: int | None = None) -> None:
        hint = f"It goes on: `get_dataset_by_id({dataset_id})` says how it stands." if dataset_id is not None else ""
        super().__init__(message, hint=hint)
        self.dataset_id = dataset_id
