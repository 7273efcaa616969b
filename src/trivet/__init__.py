"""Trivet: your functions and models behind one trustworthy job API.

This module is a shop window. Every name in it is imported when it is first used, so that ``import trivet`` costs next to
nothing in a worker, in a script and on the command line::

    import trivet

    @trivet.endpoint(workers=(0, 3), timeout=60)
    def hello(name: str, times: int = 1) -> str:
        return " ".join([f"Hello {name}"] * times)

    client = trivet.Client()
    client.endpoint("admin/hello").run({"name": "Bond"})
"""

from __future__ import annotations

TYPE_CHECKING = False  # type checkers know this name; importing it from `typing` would cost more than this whole module
if TYPE_CHECKING:
    from trivet._version import __version__
    from trivet.authoring import Blob, endpoint, progress
    from trivet.models import load
    from trivet.sdk import (
        AsyncClient,
        AsyncEndpoint,
        AsyncJob,
        AsyncStream,
        AuthenticationError,
        CallOptions,
        Client,
        ConfigurationError,
        ConflictError,
        DeploymentError,
        Endpoint,
        IdempotencyKeyReusedError,
        InvalidInputError,
        InvalidRequestError,
        Job,
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
        Stream,
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
    "Blob",
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
    "__version__",
    "endpoint",
    "load",
    "progress",
]

_HOMES = {
    "__version__": "trivet._version",
    "Blob": "trivet.authoring",
    "endpoint": "trivet.authoring",
    "load": "trivet.models",
    "progress": "trivet.authoring",
}
"""Where a name lives; all others live in `trivet.sdk`."""


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(_HOMES.get(name, "trivet.sdk")), name)
    globals()[name] = value  # the next access does not come here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
