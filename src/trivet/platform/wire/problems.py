"""Problem details (RFC 9457): every error of the platform as a document, with a status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from trivet.platform.core.errors import (
    CoreError,
    InvalidInput,
    LimitExceeded,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from trivet.platform.wire.rate_limits import rate_limit_headers

PROBLEM_TYPE = b"application/problem+json"

STATUS: Mapping[str, int] = {
    "bad_request": 400,
    "invalid_json": 400,
    "unauthenticated": 401,
    "forbidden": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "request_stalled": 408,
    "conflict": 409,
    "idempotency_key_reused": 422,
    "job_cancelled": 409,
    "precondition_failed": 412,
    "range_not_satisfiable": 416,
    "too_large": 413,
    "unsupported_media_type": 415,
    "invalid_input": 422,
    "deployment_refused": 422,
    "build_failed": 422,
    "limit_exceeded": 429,
    "rate_limited": 429,
    "too_many_open_jobs": 429,
    "job_failed": 500,
    "internal": 500,
    "unavailable": 503,
    "job_timed_out": 504,
    "storage_full": 507,
}
"""The HTTP status of each code."""


class FieldProblem(msgspec.Struct, frozen=True):
    """One fault of an input: where (a JSON pointer, empty for the input itself) and what."""

    path: str
    message: str


class Problem(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What went wrong (`detail`), and what to do next (`hint`), under a stable `code`."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    hint: str = ""
    errors: tuple[FieldProblem, ...] = ()
    limit: int | None = None
    job_id: str | None = None
    error: Any = None


def problem(
    code: str, title: str, detail: str, hint: str = "", *, job_id: str | None = None, error: Any = None
) -> Problem:
    """A problem under a code of the table above."""
    return Problem(
        type=f"urn:trivet:error:{code}",
        title=title,
        status=STATUS[code],
        code=code,
        detail=detail,
        hint=hint,
        job_id=job_id,
        error=error,
    )


def problem_of(error: CoreError) -> Problem:
    """The document for an error of the core. A code that this table does not know yet counts as ``internal`` in status."""
    return Problem(
        type=f"urn:trivet:error:{error.code}",
        title=error.title,
        status=STATUS.get(error.code, 500),
        code=error.code,
        detail=error.detail,
        hint=error.hint,
        errors=tuple(FieldProblem(e.path, e.message) for e in error.errors) if isinstance(error, InvalidInput) else (),
        limit=error.limit if isinstance(error, TooLarge) else None,
    )


def sentence_of(error: CoreError) -> str:
    """What an error of the core says and advises, in one text."""
    return f"{error.detail} {error.hint}".rstrip()


def headers_of(error: CoreError) -> list[tuple[bytes, bytes]]:
    """The headers that belong to an error: when to try again, how to authenticate."""
    if isinstance(error, LimitExceeded):
        return [_retry_after(error), *rate_limit_headers(error.limits)]
    if isinstance(error, Unavailable):
        return [_retry_after(error)]
    if isinstance(error, Unauthenticated):
        return [(b"www-authenticate", b'Bearer realm="trivet"')]
    return []


def _retry_after(error: LimitExceeded | Unavailable) -> tuple[bytes, bytes]:
    return b"retry-after", b"%d" % max(1, round(error.retry_after))
