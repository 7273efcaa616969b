"""From arguments to requests: pure functions, no network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlencode

from trivet.algorithmia.errors import InputError
from trivet.sdk._http import Request

CALL_TIMEOUT = 300.0
"""Seconds that a call may take where it doesn't say otherwise."""
BUILD_TIMEOUT = 1800.0
"""Seconds that a build may take; the answer to `compile` comes at its end."""
_JSON = (("Content-Type", "application/json"),)
_TEXT = (("Content-Type", "text/plain"),)
_BINARY = (("Content-Type", "application/octet-stream"),)
_KEPT = "!$&'()*+,/:;=@~"
"""Characters of a path that mean what they are. ``#`` and ``?`` belong to names here, as they end no address."""


@lru_cache(maxsize=512)
def path(url: str) -> str:
    """A path as it is sent. What is escaped already stays as it is.

    Raises:
        InputError: it has characters that can't be sent; also a `ValueError`.
    """
    _encoded(url)
    escaped = quote(url, safe=_KEPT + "%")
    tails = escaped.split("%")[1:]
    whole = all(len(tail) >= 2 and set(tail[:2]) <= set("0123456789abcdefABCDEF") for tail in tails)
    return escaped if whole else quote(url, safe=_KEPT)


def query(parameters: Mapping[str, Any]) -> str:
    """Options as they are sent, with the question mark; those that are None are left out."""
    given = {name: value for name, value in parameters.items() if value is not None}
    return f"?{urlencode(given, doseq=True)}" if given else ""


def content(value: Any) -> tuple[tuple[tuple[str, str], ...], bytes]:
    """The header and the body that carry a value: text, bytes, or JSON.

    Raises:
        InputError: it can't be sent; also a `TypeError`.
    """
    if isinstance(value, str):
        return _TEXT, _encoded(value)
    if isinstance(value, bytes | bytearray):
        return _BINARY, bytes(value)
    return _JSON, _dumped(value)


def file_content(data: object) -> bytes:
    """What is stored in a file: text as UTF-8, or bytes.

    Raises:
        InputError: it is neither; also a `TypeError`.
    """
    if not isinstance(data, str | bytes | bytearray):
        raise InputError("Must put strings or binary data. Use putJson instead")
    return _encoded(data) if isinstance(data, str) else bytes(data)


def pipe(url: str, value: Any, parameters: Mapping[str, Any]) -> Request:
    """A call of an algorithm.

    Args:
        url: the algorithm's path.
        value: the input.
        parameters: the options; ``timeout`` is how long the server may take.

    Raises:
        InputError: the input can't be sent.
    """
    headers, body = content(value)
    return Request("POST", path(url) + query(parameters), headers, body, held=_seconds(parameters.get("timeout")))


def post(url: str, value: Any, parameters: Mapping[str, Any], *, held: float = 0.0) -> Request:
    """A value sent to a place that takes its time for it: ``held`` seconds at most.

    Raises:
        InputError: the value can't be sent.
    """
    headers, body = content(value)
    return Request("POST", path(url) + query(parameters), headers, body, held=held)


def get(url: str, parameters: Mapping[str, Any] | None = None) -> Request:
    """A question."""
    return Request("GET", path(url) + query(parameters or {}))


def head(url: str) -> Request:
    """A question for what is known, without the thing itself."""
    return Request("HEAD", path(url))


def put(url: str, body: bytes, *, is_json: bool = False) -> Request:
    """Bytes stored at a place."""
    return Request("PUT", path(url), _JSON if is_json else (), body)


def put_json(url: str, value: Any) -> Request:
    """JSON stored at a place.

    Raises:
        InputError: the value is more than JSON can hold; also a `TypeError`.
    """
    return put(url, _dumped(value), is_json=True)


def put_pieces(url: str, pieces: Any, size: int) -> Request:
    """Bytes that come piece by piece, ``size`` together, stored at a place."""
    return Request("PUT", path(url), (("Content-Length", str(size)),), chunks=pieces, size=size)


def patch(url: str, value: Any) -> Request:
    """A change of what is at a place.

    Raises:
        InputError: the value can't be sent.
    """
    return Request("PATCH", path(url), _JSON, _dumped(value))


def delete(url: str, *, force: bool = False) -> Request:
    """What is at a place taken away; with ``force``, all that is in it, too."""
    return Request("DELETE", path(url) + query({"force": "true" if force else None}))


def insights(values: Mapping[str, Any]) -> Request:
    """Figures that an algorithm reports.

    Raises:
        InputError: they can't be sent.
    """
    told = [{"insight_key": key, "insight_value": value} for key, value in values.items()]
    return Request("POST", "/v1/insights", _JSON, _dumped(told), anonymous=True)


def creation(name: str, details: Any, settings: Any, **more: Any) -> dict[str, Any]:
    """What is sent to make an algorithm; of ``more``, what is given."""
    given = {key: value for key, value in more.items() if value}
    return {"name": name, "details": details or {}, "settings": settings or {}, **given}


def secret(
    algorithm_id: str, provider_id: str, *, short_name: str, key: str, value: str, about: str | None
) -> dict[str, Any]:
    """What is sent to keep a secret for an algorithm."""
    return {
        "owner_type": "algorithm",
        "owner_id": algorithm_id,
        "short_name": short_name,
        "provider_id": provider_id,
        "secret_key": key,
        "secret_value": value,
        "description": about or " ",
    }


def flag(value: Any) -> Any:
    """A filter as it is sent: truth in lower case, all else as it is; None where it does not filter."""
    if not value:
        return None
    return str(value).lower() if str(value) in {"True", "False"} else value


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"The text can't be sent: {error}.") from None


def _dumped(value: Any) -> bytes:
    try:
        return json.dumps(value).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(
            f"{type(value).__name__} can't be sent as JSON: {error}",
            hint="Give text, bytes, or what JSON can hold: lists, dictionaries, numbers, True, False, None.",
        ) from None


def _seconds(timeout: Any) -> float:
    try:
        seconds = float(CALL_TIMEOUT if timeout is None else timeout)
    except (TypeError, ValueError):
        return CALL_TIMEOUT
    return seconds if 0.0 <= seconds < float("inf") else CALL_TIMEOUT
