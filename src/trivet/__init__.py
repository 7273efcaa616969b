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
    from trivet.sdk import AsyncClient, AsyncEndpoint, AsyncJob, AsyncStream, Client, Endpoint, Job, Stream
    from trivet.sdk.errors import (
        AuthenticationError,
        ConfigurationError,
        ConflictError,
        DeploymentError,
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
        ServerError,
        ServiceUnavailableError,
        TimedOutError,
        TooLargeError,
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
    "Client",
    "ConfigurationError",
    "ConflictError",
    "DeploymentError",
    "Endpoint",
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
    "ServerError",
    "ServiceUnavailableError",
    "Stream",
    "TimedOutError",
    "TooLargeError",
    "TrivetError",
    "UnexpectedAnswerError",
    "__version__",
    "endpoint",
    "progress",
]

_ELSEWHERE = {
    "__version__": "trivet._version",
    "Blob": "trivet.authoring",
    "endpoint": "trivet.authoring",
    "progress": "trivet.authoring",
    "AsyncClient": "trivet.sdk",
    "AsyncEndpoint": "trivet.sdk",
    "AsyncJob": "trivet.sdk",
    "AsyncStream": "trivet.sdk",
    "Client": "trivet.sdk",
    "Endpoint": "trivet.sdk",
    "Job": "trivet.sdk",
    "Stream": "trivet.sdk",
}
"""Where each name lives; names that end in ``Error`` live in `trivet.sdk.errors`."""


def __getattr__(name: str) -> object:
    home = _ELSEWHERE.get(name)
    if home is None:
        if not (name.endswith("Error") and name in __all__):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        home = "trivet.sdk.errors"
    from importlib import import_module

    value: object = getattr(import_module(home), name)
    globals()[name] = value  # the next access does not come here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
