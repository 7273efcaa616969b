"""Errors that teach: each says what happened and why, and what to do next, under a stable code.

The codes are those of the platform (a test holds the two equal); the few that only a client can meet are marked::

    TrivetError
     ├─ ConfigurationError           configuration          (client) a setting or the profile can't be used
     ├─ InvalidRequestError          bad_request …          the request can't be understood
     │   └─ InvalidInputError        invalid_input          the input misses the endpoint's schema: `errors`
     ├─ NotAuthorisedError
     │   ├─ AuthenticationError      unauthenticated        no key, or one that does not count
     │   └─ PermissionDeniedError    forbidden              the key may not do this
     ├─ NotFoundError                not_found              missing, or hidden from this key
     ├─ ConflictError                conflict               it contradicts what is there
     │   ├─ IdempotencyKeyReusedError  idempotency_key_reused  that key belongs to another input
     │   └─ PreconditionFailedError  precondition_failed    a file is not the version that was demanded
     ├─ TooLargeError                too_large              over a size: `limit`
     ├─ LimitExceededError           limit_exceeded         too much at once: `retry_after`
     │   ├─ RateLimitedError         rate_limited           the key or its account calls too often
     │   └─ TooManyOpenJobsError     too_many_open_jobs     it has as many jobs open as it may
     ├─ JobError                                            the job ended without an output: `job_id`
     │   ├─ JobFailedError           job_failed             `error` has type, message, traceback, worker_log
     │   ├─ JobCancelledError        job_cancelled
     │   └─ JobTimedOutError         job_timed_out          the job ran out of its own time
     ├─ TimedOutError                wait_timed_out         (client) the wait ended; the job goes on
     ├─ DeploymentError              deployment_refused …   it was not published: `log`
     ├─ ServiceUnavailableError      unavailable …          not reachable, or not now: `retry_after`
     ├─ ServerError                  internal               the platform itself failed
     └─ UnexpectedAnswerError        unexpected_answer      (client) what answered is no Trivet
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trivet.sdk.models import InputFault, JobFailure


class TrivetError(Exception):
    """Base of every error that the client raises on purpose.

    Args:
        message: what happened and why, a sentence for people.
        code: a stable word for programs; the class's own where it is not given.
        hint: what to do next, a sentence; empty where there is nothing to advise.
        status: the HTTP status of the answer, or None where there was none.
        job_id: the job that this is about, if any.
    """

    default_code: ClassVar[str] = "internal"

    def __init__(
        self,
        message: str = "",
        *,
        code: str | None = None,
        hint: str = "",
        status: int | None = None,
        job_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.hint = hint
        self.status = status
        self.job_id = job_id

    def __str__(self) -> str:
        return f"{self.message}\n→ {self.hint}" if self.hint else self.message

    def __repr__(self) -> str:
        job = f", job_id={self.job_id!r}" if self.job_id else ""
        return f"{type(self).__name__}({self.message!r}, code={self.code!r}{job})"


class ConfigurationError(TrivetError, ValueError):
    """A setting, the environment or the profile can't be used as it is."""

    default_code = "configuration"


class InvalidRequestError(TrivetError):
    """The request can't be understood (not JSON, a wrong content type, an argument out of range)."""

    default_code = "bad_request"


class InvalidInputError(InvalidRequestError):
    """The input misses the endpoint's schema, or can't be sent at all; nothing was queued.

    Attributes:
        errors: the faults, each with the ``path`` (a JSON pointer) and a ``message``.
    """

    default_code = "invalid_input"

    def __init__(self, message: str = "", *, errors: tuple[InputFault, ...] = (), **details: Any) -> None:
        super().__init__(message, **details)
        self.errors = errors

    def __str__(self) -> str:
        # The message tells the first fault, so a list of one would say it twice.
        listed = self.errors if len(self.errors) > 1 or not self._tells(*self.errors) else ()
        faults = "".join(f"\n  {fault.path or '(the input itself)'}: {fault.message}" for fault in listed)
        return f"{self.message}{faults}\n→ {self.hint}" if self.hint else f"{self.message}{faults}"

    def _tells(self, *faults: InputFault) -> bool:
        return all(fault.path in self.message and fault.message in self.message for fault in faults)


class NotAuthorisedError(TrivetError):
    """The key does not count, or may not do this."""

    default_code = "forbidden"


class AuthenticationError(NotAuthorisedError):
    """No key, or one that does not count: wrong, expired, disabled or revoked."""

    default_code = "unauthenticated"


class PermissionDeniedError(NotAuthorisedError):
    """The key counts, but may not do this."""

    default_code = "forbidden"


class NotFoundError(TrivetError):
    """It does not exist, or this key may not know that it does."""

    default_code = "not_found"


class ConflictError(TrivetError):
    """It contradicts what is already there."""

    default_code = "conflict"


class IdempotencyKeyReusedError(ConflictError):
    """The idempotency key was used for a call with another input; nothing was queued."""

    default_code = "idempotency_key_reused"


class PreconditionFailedError(ConflictError):
    """A file is there though none was to be, or it is another version than the one that was demanded; nothing was changed."""

    default_code = "precondition_failed"


class TooLargeError(TrivetError):
    """A body is over the limit.

    Attributes:
        limit: the limit in bytes, or None where the server did not say.
    """

    default_code = "too_large"

    def __init__(self, message: str = "", *, limit: int | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        self.limit = limit


class LimitExceededError(TrivetError):
    """Too much at once.

    Attributes:
        retry_after: seconds after which it may be tried again, or None where the server did not say.
    """

    default_code = "limit_exceeded"

    def __init__(self, message: str = "", *, retry_after: float | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        self.retry_after = retry_after


class RateLimitedError(LimitExceededError):
    """The key or its account has called as often as it may for now; nothing was queued."""

    default_code = "rate_limited"


class TooManyOpenJobsError(LimitExceededError):
    """The key or its account has as many jobs queued and running as it may; nothing was queued."""

    default_code = "too_many_open_jobs"


class JobError(TrivetError):
    """The job is final and has no output; ``job_id`` names it."""

    default_code = "job_failed"


class JobFailedError(JobError):
    """The handler raised, or could not be run.

    Attributes:
        error: what is known of the failure: ``type``, ``message``, the author's ``traceback``, ``worker_log``.
    """

    default_code = "job_failed"

    def __init__(self, message: str = "", *, error: JobFailure | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        self.error = error
        if error is not None and error.traceback:
            # A note shows in a traceback on a terminal or in a notebook, and stays out of str().
            self.add_note(f"In the worker:\n{error.traceback.rstrip()}")


class JobCancelledError(JobError):
    """The job was cancelled."""

    default_code = "job_cancelled"


class JobTimedOutError(JobError):
    """The job ran out of the time that it was given to run or to wait in the queue."""

    default_code = "job_timed_out"


class TimedOutError(TrivetError, TimeoutError):
    """The caller's own wait ended. The job, if ``job_id`` names one, goes on."""

    default_code = "wait_timed_out"


class DeploymentError(TrivetError):
    """The deployment was refused or did not build; what served before keeps serving.

    Attributes:
        log: the build's own words; empty where nothing was built.
    """

    default_code = "deployment_refused"

    def __init__(self, message: str = "", *, log: str = "", **details: Any) -> None:
        super().__init__(message, **details)
        self.log = log


class ServiceUnavailableError(TrivetError):
    """The server can't be reached, or can't take this now.

    Attributes:
        retry_after: seconds after which it may be tried again, or None where nobody said.
    """

    default_code = "unavailable"

    def __init__(self, message: str = "", *, retry_after: float | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        self.retry_after = retry_after


class ServerError(TrivetError):
    """The platform itself failed; its log says why."""

    default_code = "internal"


class UnexpectedAnswerError(TrivetError):
    """What answered does not speak Trivet's API: another program, a proxy's page, or half an answer."""

    default_code = "unexpected_answer"


BY_CODE: Mapping[str, type[TrivetError]] = {
    "bad_request": InvalidRequestError,
    "invalid_json": InvalidRequestError,
    "method_not_allowed": InvalidRequestError,
    "unsupported_media_type": InvalidRequestError,
    "request_stalled": InvalidRequestError,
    "invalid_input": InvalidInputError,
    "unauthenticated": AuthenticationError,
    "forbidden": PermissionDeniedError,
    "not_found": NotFoundError,
    "conflict": ConflictError,
    "idempotency_key_reused": IdempotencyKeyReusedError,
    "precondition_failed": PreconditionFailedError,
    "range_not_satisfiable": InvalidRequestError,
    "too_large": TooLargeError,
    "limit_exceeded": LimitExceededError,
    "rate_limited": RateLimitedError,
    "too_many_open_jobs": TooManyOpenJobsError,
    "job_failed": JobFailedError,
    "job_cancelled": JobCancelledError,
    "job_timed_out": JobTimedOutError,
    "deployment_refused": DeploymentError,
    "build_failed": DeploymentError,
    "unavailable": ServiceUnavailableError,
    "storage_full": ServiceUnavailableError,
    "internal": ServerError,
}
"""Which class a code of the platform becomes."""
