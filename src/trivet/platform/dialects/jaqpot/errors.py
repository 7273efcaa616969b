"""Errors in Jaqpot's shape: ``{"status", "message", "code"}``, and the message in sentences: people see it as it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from trivet.platform.core.errors import CoreError, InvalidInput
from trivet.platform.wire.answers import JSON_TYPE, NO_SNIFFING, Header
from trivet.platform.wire.hot import Answer, lines
from trivet.platform.wire.incidents import incident
from trivet.platform.wire.problems import STATUS, headers_of, sentence_of

_STATUSES: Mapping[int, int] = {415: 400, 422: 400, 507: 503}
"""What Jaqpot's clients have no name for, as what they know."""
_MOST_FIELDS = 20
_RETRY_AFTER = b"retry-after"
_encode = msgspec.json.Encoder().encode


class Fault(msgspec.Struct, frozen=True):
    """The body of every error. ``code`` is the platform's stable word for it, where it has one."""

    status: int
    message: str
    code: str | None = None


class Refused(Exception):
    """A request is refused for a reason of this dialect's own.

    Args:
        status: the HTTP status.
        message: what is wrong and what to do, for people.
        headers: what belongs to the answer besides.
    """

    def __init__(self, status: int, message: str, headers: Iterable[Header] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.headers = tuple(headers)


def fault(status: int, message: str, code: str | None = None, headers: Iterable[Header] = ()) -> Answer:
    """An error as an answer."""
    return Answer(status, lines([JSON_TYPE, NO_SNIFFING, *headers]), _encode(Fault(status, message, code)))


def answer_to(error: Exception, method: str, path: str) -> Answer:
    """The answer to whatever was raised. The traceback of what nobody foresaw goes to the log, and nowhere else.

    Args:
        error: what was raised.
        method: the request's.
        path: the request's, for the log.
    """
    if isinstance(error, Refused):
        return fault(error.status, str(error), headers=error.headers)
    if isinstance(error, CoreError):
        status = STATUS.get(error.code, 500)
        return fault(_STATUSES.get(status, status), _message(error), error.code, _headers(error, method))
    return fault(500, incident(error, f"{method} {path}").text, CoreError.code)


def no_such_path(path: str) -> Answer:
    """The answer where there is nothing."""
    return fault(
        404,
        f"There is nothing at {path[:200]!r}. Models are at /v1/models/ID, results at /v1/datasets/ID.",
        "not_found",
    )


def allowed(methods: Iterable[str]) -> Answer:
    """The answer to OPTIONS: what a path knows."""
    return Answer(204, lines([(b"allow", _names(methods))]), b"")


def method_not_allowed(method: str, methods: Iterable[str]) -> Answer:
    """The answer to a method that a path does not know."""
    known = _names(methods)
    message = f"{method[:20]} is not allowed here. Use {known.decode()}."
    return fault(405, message, "method_not_allowed", [(b"allow", known)])


def _names(methods: Iterable[str]) -> bytes:
    known = set(methods)
    return ", ".join(sorted({*known, "OPTIONS", *(("HEAD",) if "GET" in known else ())})).encode()


def _message(error: CoreError) -> str:
    text = sentence_of(error)
    if isinstance(error, InvalidInput) and error.errors:
        places = "; ".join(f"{each.path or 'input'}: {each.message}" for each in error.errors[:_MOST_FIELDS])
        text = f"{text} {places}"
    return text


def _headers(error: CoreError, method: str) -> list[Header]:
    """Jaqpot's clients sleep through what ``Retry-After`` says of a GET, and tell nobody: there it is left out."""
    return [header for header in headers_of(error) if method not in ("GET", "HEAD") or header[0] != _RETRY_AFTER]
