"""The errors of this module: the original's names, and `trivet.TrivetError` all of them.

Each is also what the original raises in its place, where code may catch that::

    RunPodError                    TrivetError
     ├─ AuthenticationError        also RuntimeError: no key, or one that does not count
     ├─ QueryError                 GraphQL refused it; `query` is its text
     ├─ HTTPError                  also OSError: an answer with a status of 300 or more; `status_code`
     ├─ ConnectionFailed           also ConnectionError: no answer came
     ├─ TimedOutError              also TimeoutError: not in the time that was given; `job_id`, where there is a job
     ├─ AnswerError                also ValueError and OSError: what answered does not speak this API
     ├─ InputError                 also ValueError and TypeError: an argument can't be sent
     ├─ CredentialsError           also ValueError: the file with the keys can't be used
     └─ StartError                 a worker can't be started as it was asked
"""

from __future__ import annotations

from trivet.sdk import errors

__all__ = [
    "AnswerError",
    "AuthenticationError",
    "ConnectionFailed",
    "CredentialsError",
    "HTTPError",
    "InputError",
    "QueryError",
    "RunPodError",
    "StartError",
    "TimedOutError",
]


class RunPodError(errors.TrivetError):
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
        message: str | None = None,
        *,
        code: str | None = None,
        hint: str = "",
        status: int | None = None,
        job_id: str | None = None,
    ) -> None:
        super().__init__(message or "", code=code, hint=hint, status=status, job_id=job_id)
        if hint:
            self.add_note(f"→ {hint}")

    def __str__(self) -> str:
        return self.message


class AuthenticationError(RunPodError, errors.AuthenticationError, RuntimeError):
    """No key, or one that does not count."""


class QueryError(RunPodError):
    """GraphQL refused a query.

    Args:
        message: what it said.
        query: the text of the query.
        code: a stable word for programs.
        hint: what to do next.
        status: the HTTP status of the answer.
    """

    default_code = "query_refused"

    def __init__(
        self,
        message: str | None = None,
        query: str | None = None,
        *,
        code: str | None = None,
        hint: str = "",
        status: int | None = None,
    ) -> None:
        super().__init__(message, code=code, hint=hint, status=status)
        self.query = query


class HTTPError(RunPodError, OSError):
    """The server refused a request, or sent us elsewhere."""

    default_code = "http_error"

    @property
    def status_code(self) -> int | None:
        """The HTTP status, by its usual name."""
        return self.status


class ConnectionFailed(RunPodError, errors.ServiceUnavailableError, ConnectionError):
    """The server could not be reached, or the connection broke before it had answered."""


class TimedOutError(RunPodError, errors.TimedOutError):
    """The time that was given has passed. The job, if there is one, goes on."""


class AnswerError(RunPodError, errors.UnexpectedAnswerError, ValueError, OSError):
    """What answered does not speak this API: a proxy's page, half an answer, another program."""


class InputError(RunPodError, errors.InvalidRequestError, ValueError, TypeError):
    """An argument can't be sent; nothing was."""


class CredentialsError(RunPodError, errors.ConfigurationError):
    """The file with the keys can't be read or written as it is, or a URL is none."""


class StartError(RunPodError, errors.ConfigurationError):
    """A worker can't be started as it was asked."""
