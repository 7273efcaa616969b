"""The client: Python's way to the native API. The async half is written, the sync half is generated from it.

The names here are imported when they are first used: who waits with `Client` does not pay for an event loop.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trivet.sdk._async.client import AsyncClient
    from trivet.sdk._async.endpoint import AsyncEndpoint
    from trivet.sdk._async.jobs import AsyncJob
    from trivet.sdk._async.streams import AsyncStream
    from trivet.sdk._calls import CallOptions
    from trivet.sdk._sync.client import Client
    from trivet.sdk._sync.endpoint import Endpoint
    from trivet.sdk._sync.jobs import Job
    from trivet.sdk._sync.streams import Stream
    from trivet.sdk.errors import (
        AuthenticationError,
        ConfigurationError,
        ConflictError,
        DeploymentError,
        IdempotencyKeyReusedError,
        InvalidInputError,
        InvalidRequestError,
        JobCancelledError,
        JobError,
        JobFailedError,
        JobTimedOutError,
        LimitExceededError,
        NotAuthorisedError,
        NotFoundError,
        PermissionDeniedError,
        PreconditionFailedError,
        RateLimitedError,
        ServerError,
        ServiceUnavailableError,
        TimedOutError,
        TooLargeError,
        TooManyOpenJobsError,
        TrivetError,
        UnexpectedAnswerError,
    )

__all__ = [
    "AsyncClient",
    "AsyncEndpoint",
    "AsyncJob",
    "AsyncStream",
    "AuthenticationError",
    "CallOptions",
    "Client",
    "ConfigurationError",
    "ConflictError",
    "DeploymentError",
    "Endpoint",
    "IdempotencyKeyReusedError",
    "InvalidInputError",
    "InvalidRequestError",
    "Job",
    "JobCancelledError",
    "JobError",
    "JobFailedError",
    "JobTimedOutError",
    "LimitExceededError",
    "NotAuthorisedError",
    "NotFoundError",
    "PermissionDeniedError",
    "PreconditionFailedError",
    "RateLimitedError",
    "ServerError",
    "ServiceUnavailableError",
    "Stream",
    "TimedOutError",
    "TooLargeError",
    "TooManyOpenJobsError",
    "TrivetError",
    "UnexpectedAnswerError",
]

_HOMES = {
    "AsyncClient": "_async.client",
    "AsyncEndpoint": "_async.endpoint",
    "AsyncJob": "_async.jobs",
    "AsyncStream": "_async.streams",
    "CallOptions": "_calls",
    "Client": "_sync.client",
    "Endpoint": "_sync.endpoint",
    "Job": "_sync.jobs",
    "Stream": "_sync.streams",
}
"""Where each name lives; all others live in `trivet.sdk.errors`."""


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(f"{__name__}.{_HOMES.get(name, 'errors')}"), name)
    globals()[name] = value  # the next access does not come here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
