"""Errors in Algorithmia's shape: always an object with a message, in an envelope of its own.

Nearly all clients lose what a call's refusal says unless its status is 200, so that is what calls are answered with. Everything
else is answered with the status that says it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

import msgspec

from trivet.platform.core.errors import CoreError, Unauthenticated
from trivet.platform.dialects.algorithmia.schemas import Error, Fault, Metadata
from trivet.platform.wire.answers import JSON_TYPE, NO_SNIFFING, TEXT_TYPE, TRIVET, Header
from trivet.platform.wire.hot import Answer, lines
from trivet.platform.wire.incidents import incident
from trivet.platform.wire.problems import STATUS, headers_of, sentence_of

NOT_IMPLEMENTED = 5005
_INTERNAL = 5001
_encode = msgspec.json.Encoder().encode

_CODES: Mapping[str, int] = {
    "unauthenticated": 2002,
    "forbidden": 2001,
    "invalid_json": 2013,
    "bad_request": 2015,
    "unsupported_media_type": 2015,
    "invalid_input": 6001,
    "internal": _INTERNAL,
}
"""Algorithmia's numbers for what they have one for."""
_STATUSES: Mapping[int, int] = {415: 400, 422: 400, 507: 503}
"""What Algorithmia's clients have no use for, as what they know."""
_OPEN = frozenset({429, 500, 502, 503})
"""Statuses that say themselves on calls, too: come back later, or it is not your doing."""


class Kind(StrEnum):
    """The kinds of errors of calls that the platform itself tells of."""

    ALGORITHM = "AlgorithmError"
    INPUT = "InputError"
    NOT_FOUND = "EntityNotFoundError"
    SYSTEM = "SystemError"
    TIMEOUT = "TimeoutError"
    TOO_LARGE = "TooLargeError"


class Output(StrEnum):
    """What a caller wants of an output: the whole document, the bare result, or nothing."""

    DEFAULT = "default"
    RAW = "raw"
    VOID = "void"


class Refusal(NamedTuple):
    """An error in no shape yet. ``status`` is the one that says it, ``code`` Algorithmia's number."""

    status: int
    message: str
    code: int | None = None
    headers: tuple[Header, ...] = ()


class Trouble(NamedTuple):
    """What a call came to instead of a result. ``status`` as for `Refusal`; 200 where the algorithm itself has failed."""

    error: Error
    status: int = 200
    metadata: Metadata = Metadata(0.0)
    headers: tuple[Header, ...] = ()


def fault(status: int, message: str, code: int | None = None, headers: Iterable[Header] = ()) -> Answer:
    """An error of anything but a call."""
    return Answer(status, lines([JSON_TYPE, NO_SNIFFING, *headers]), _encode(Fault(Error(message, code))))


def answer_to(error: Exception, method: str, path: str) -> Answer:
    """The answer to whatever was raised by anything but a call. One to HEAD says it in a header."""
    refused = refusal(error, method, path)
    headers = refused.headers
    if method == "HEAD":
        headers = (*headers, (b"x-error-message", _one_line(refused.message)))
    return fault(refused.status, refused.message, refused.code, headers)


def refusal(error: Exception, method: str, path: str) -> Refusal:
    """What is told of whatever was raised. The traceback of what nobody foresaw goes to the log, and nowhere else."""
    if isinstance(error, CoreError):
        status = STATUS.get(error.code, 500)
        code = _CODES.get(error.code)
        return Refusal(_STATUSES.get(status, status), sentence_of(error), code, tuple(headers_of(error)))
    return Refusal(500, incident(error, f"{method} {path}").text, _INTERNAL)


def trouble_with(error: Exception, method: str, path: str) -> Trouble:
    """What a call is told of whatever was raised."""
    refused = refusal(error, method, path)
    kind = _KINDS.get(error.code, Kind.SYSTEM) if isinstance(error, CoreError) else Kind.SYSTEM
    return Trouble(
        Error(refused.message, refused.code, kind.value),
        refused.status,
        headers=refused.headers if _tells(refused) else (),
    )


def no_credential() -> Trouble:
    """What a call without a key is told."""
    return Trouble(Error("authorization required", _CODES[Unauthenticated.code], Kind.SYSTEM.value), 401)


def call_answer(trouble: Trouble, output: Output, *, strict: bool) -> Answer:
    """The answer to a call that came to nothing.

    Args:
        trouble: why.
        output: what its caller wanted: who wants the bare result could take an error for one, so it never comes with 200.
        strict: whether the status says why.
    """
    status = trouble.status if strict or trouble.status in _OPEN else 200
    if output is Output.RAW:
        status = max(status, 400)
        return Answer(status, lines([TEXT_TYPE, NO_SNIFFING, TRIVET, *trouble.headers]), trouble.error.message.encode())
    body = _encode(Fault(trouble.error, trouble.metadata))
    return Answer(status, lines([JSON_TYPE, NO_SNIFFING, TRIVET, *trouble.headers]), body)


def no_such_path(path: str) -> Answer:
    """The answer where there is nothing."""
    return fault(
        404,
        f"There is nothing at {path[:200]!r}. Algorithms are called at /v1/algo/OWNER/NAME, hosted data are at /v1/data/…, "
        "insights are posted to /v1/insights.",
    )


def method_not_allowed(method: str, allowed: Iterable[str]) -> Answer:
    """The answer to a method that a path does not know."""
    known = ", ".join(sorted(allowed))
    return fault(405, f"{method} is not allowed here. Use {known}.", headers=[(b"allow", known.encode())])


_KINDS: Mapping[str, Kind] = {
    "invalid_input": Kind.INPUT,
    "not_found": Kind.NOT_FOUND,
    "too_large": Kind.TOO_LARGE,
}


def _tells(refused: Refusal) -> bool:
    return refused.status in _OPEN


def _one_line(text: str) -> bytes:
    return " ".join(text.split()).encode("ascii", "replace")[:1000]
