"""The errors of this module: the original's names, and `trivet.TrivetError` all of them.

Each is also what the original raises in its place, where code may catch that::

    ApiError                   TrivetError
     ├─ ApiInternalError       the server failed, typically with a status of 500 or more
     ├─ DataApiError           a file or a directory was refused
     ├─ AlgorithmException     an algorithm, or the platform about it: `message`, `error_type`, `stack_trace`
     ├─ ConnectionFailed       also ConnectionError: no answer came
     ├─ TimedOutError          also TimeoutError: not in the time that was given
     ├─ AnswerError            also ValueError and OSError: what answered does not speak this API
     └─ InputError             also ValueError and TypeError: an argument can't be used; nothing was sent
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trivet.sdk import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trivet.sdk._json import JsonValue

__all__ = [
    "AlgoException",
    "AlgorithmException",
    "AnswerError",
    "ApiError",
    "ApiInternalError",
    "ConnectionFailed",
    "DataApiError",
    "InputError",
    "TimedOutError",
    "raiseAlgoApiError",
    "raiseDataApiError",
]


class ApiError(errors.TrivetError):
    """Base of what this module raises on purpose.

    Its text is the message alone, as with the original; what to do next is in ``hint``, and shows in a traceback.

    Args:
        message: what happened.
        code: a stable word for programs; the class's own where it is not given.
        hint: what to do next.
        status: the HTTP status of the answer, or None where there was none.
        job_id: the job that this is about, if any.
    """

    def __init__(
        self,
        message: str = "",
        *,
        code: str | None = None,
        hint: str = "",
        status: int | None = None,
        job_id: str | None = None,
    ) -> None:
        super().__init__(message, code=code, hint=hint, status=status, job_id=job_id)
        if hint:
            self.add_note(f"→ {hint}")

    def __str__(self) -> str:
        return str(self.message)


class ApiInternalError(ApiError):
    """The server itself has failed, typically with a status of 500 or more."""


class DataApiError(ApiError):
    """A file or a directory can't be had, written or changed."""

    default_code = "data_refused"


class AlgorithmException(ApiError):
    """An algorithm has failed, or the platform can't run it or tell about it. Algorithms raise it themselves, too.

    Args:
        message: what happened.
        stack_trace: where, in the algorithm's code, if the server tells.
        error_type: a word for the kind of error, such as ``InputError``; None where there is none.
        code: a stable word for programs.
        hint: what to do next.
        status: the HTTP status of the answer.
        job_id: the request's id.
    """

    default_code = "job_failed"

    def __init__(
        self,
        message: str,
        stack_trace: str | None = None,
        error_type: str | None = None,
        *,
        code: str | None = None,
        hint: str = "",
        status: int | None = None,
        job_id: str | None = None,
    ) -> None:
        super().__init__(message, code=code, hint=hint, status=status, job_id=job_id)
        self.stack_trace = stack_trace
        self.error_type = error_type

    def __str__(self) -> str:
        # The original quotes its messages, and programs print and compare them so.
        return repr(f"{self.message}\n{self.stack_trace}" if self.stack_trace else self.message)


AlgoException = AlgorithmException
"""What the guide calls it."""


class ConnectionFailed(ApiError, errors.ServiceUnavailableError, ConnectionError):
    """The server could not be reached, or the connection broke before it had answered."""


class TimedOutError(ApiError, errors.TimedOutError):
    """The time that was given has passed."""


class AnswerError(ApiError, errors.UnexpectedAnswerError, ValueError, OSError):
    """What answered does not speak this API: a proxy's page, half an answer, another program."""


class InputError(ApiError, errors.InvalidRequestError, ValueError, TypeError):
    """An argument can't be used; nothing was sent."""


def raiseDataApiError(result: Mapping[str, Any]) -> DataApiError | None:
    """The error in an answer of the data API, to be raised; None where there is none in it."""
    if "error" not in result:
        return None
    return DataApiError(_message(result["error"]))


def raiseAlgoApiError(result: Mapping[str, Any]) -> ApiError:
    """The error in an answer about an algorithm, to be raised."""
    if "error" not in result:
        return ApiError(f"Non-Algorithm related Failure: {result}")
    said: JsonValue = result["error"]
    if not isinstance(said, dict):
        return AlgorithmException(_message(said))
    return AlgorithmException(_message(said), _text(said.get("stack_trace")), _text(said.get("error_type")))


def _message(said: JsonValue) -> Any:
    # A message that is null stays so, as its text is `None` with the original.
    return said.get("message", said) if isinstance(said, dict) else said


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
