"""What a caller may say about a call beside its input."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, TypedDict
from urllib.parse import quote

from trivet.protocol.words import meant

Priority = Literal["high", "normal", "low"]


class CallOptions(TypedDict, total=False):
    """What `run`, `submit` and `stream` take by name; each stands in place of what the endpoint's author set.

    Attributes:
        version: which version to call: exact (``1.2.0``), a range (``^1.2``), an alias, or ``latest``.
        job_timeout: seconds that one attempt may run.
        ttl: seconds from now until the job must be final.
        priority: ``high``, ``normal`` or ``low``; a low one never makes the endpoint scale up.
        max_attempts: how often it is tried at most.
        retry_on: what is tried again: ``worker_lost``, ``handler_error``, ``execution_timeout``, types of exceptions.
        backoff: seconds before the second attempt; each further one waits twice as long.
        retention: seconds that the job can be looked up after its end.
        webhook: a URL that is told of its end.
        idempotency_key: a name for this call: a second one with the same name gives the same job. `submit` makes one
            where none is given; with one, `run` and `stream` are on the server's disk before they begin.
        affinity: a text; calls with the same one go to the same version while an endpoint is split between versions.
    """

    version: str | None
    job_timeout: float | None
    ttl: float | None
    priority: Priority | None
    max_attempts: int | None
    retry_on: str | Iterable[str] | None
    backoff: float | None
    retention: float | None
    webhook: str | None
    idempotency_key: str | None
    affinity: str | None


_NAMES = CallOptions.__annotations__.keys()
_IN_QUERY = {
    "version": "version",
    "job_timeout": "timeout",
    "ttl": "ttl",
    "priority": "priority",
    "max_attempts": "max_attempts",
    "retry_on": "retry_on",
    "backoff": "backoff",
    "retention": "retention",
    "webhook": "webhook",
}
"""What the API calls those options that travel in the query."""


def query(options: CallOptions) -> dict[str, Any]:
    """The options that go into the query of the request.

    Raises:
        TypeError: there is no option of a name that is given, or one holds what it can't.
    """
    if not options:
        return {}
    if not options.keys() <= _NAMES:  # one that is misspelt must not be passed over: it may say "once at most"
        known = sorted(_NAMES)
        unknown = ", ".join(f"{name}{meant(name, known)}" for name in sorted(options.keys() - _NAMES))
        raise TypeError(f"a call has no option {unknown}; it takes {', '.join(known)}")
    said = {carried: options.get(name) for name, carried in _IN_QUERY.items()}
    if said["retry_on"] is not None:
        said["retry_on"] = _kinds_of_errors(said["retry_on"])
    return said


def headers(options: CallOptions) -> tuple[tuple[str, str], ...]:
    """The options that go into headers."""
    if not options:
        return ()
    key, affinity = _text(options, "idempotency_key"), _text(options, "affinity")
    named = (("Idempotency-Key", key),) if key is not None else ()
    return (*named, ("Trivet-Affinity", _carried(affinity))) if affinity else named


def _text(options: CallOptions, name: Literal["idempotency_key", "affinity"]) -> str | None:
    value: object = options.get(name)
    if value is None or isinstance(value, str):
        return value
    raise TypeError(f"{name} takes a text such as {name}={str(value)!r}, not {value!r}")


def _kinds_of_errors(retry_on: object) -> str:
    if isinstance(retry_on, str):
        return retry_on
    kinds: list[object] = [*retry_on] if isinstance(retry_on, Iterable) else [retry_on]
    texts = [kind for kind in kinds if isinstance(kind, str)]
    if texts != kinds:
        raise TypeError(f"retry_on takes texts such as 'ConnectionError', not {retry_on!r}")
    return ",".join(texts)


def _carried(text: str) -> str:
    """``text`` as a header can carry it: percent-encoded where it has to be."""
    return text if text.isascii() and text.isprintable() and text == text.strip() else quote(text)
