"""Inputs become bytes, and outputs values again: JSON, or bytes as they are."""

from __future__ import annotations

import base64
import dataclasses
import json
import math
from datetime import date, datetime, time
from enum import Enum
from typing import Any, NamedTuple, TypeGuard

from trivet.sdk._json import JsonValue
from trivet.sdk._shapes import is_listing, is_mapping
from trivet.sdk.errors import InvalidInputError, UnexpectedAnswerError

JSON = "application/json"
BINARY = "application/octet-stream"
_CONVERSIONS: tuple[tuple[str, dict[str, str]], ...] = (
    ("model_dump", {"mode": "json"}),
    ("tolist", {}),
    ("item", {}),
    ("to_dict", {}),
)


class Body(NamedTuple):
    """Bytes and their media type."""

    data: bytes
    content_type: str


def encode_input(value: Any) -> Body:
    """The body that carries ``value`` to an endpoint.

    Bytes travel as they are; so does anything with bytes in ``data`` and a media type in ``content_type``
    (`trivet.Blob`). Everything else travels as JSON; NumPy's and pandas' values, dataclasses, enumerations, dates and
    pydantic's models are turned into what JSON has.

    Raises:
        InvalidInputError: a value in it can't be sent; the message says where it sits.
    """
    if _is_binary(value):
        return Body(bytes(value), BINARY)
    data, content_type = getattr(value, "data", None), getattr(value, "content_type", None)
    if isinstance(content_type, str) and _is_binary(data):
        return Body(bytes(data), content_type)
    try:
        return Body(_encode(value).encode(), JSON)
    except (TypeError, ValueError, RecursionError) as error:
        path, reason = _culprit(value)
        raise InvalidInputError(
            f"The input can't be sent: {f'at {path}, ' if path else ''}{reason or error}.",
            hint="Send what JSON can hold (None, bool, numbers, text, lists, dicts with text keys), or bytes alone.",
        ) from error


def decode_output(data: bytes, content_type: str) -> Any:
    """The value in an answer's body: parsed where it is JSON, else the bytes.

    Raises:
        UnexpectedAnswerError: it says JSON and is none.
    """
    return decode_json(data) if is_json(content_type) else data


def is_json(content_type: str) -> bool:
    """Whether a media type (lower case, without parameters) is JSON."""
    return content_type == JSON or content_type.endswith("+json")


def decode_json(data: bytes) -> JsonValue:
    """The JSON in ``data``.

    Raises:
        UnexpectedAnswerError: it is none.
    """
    try:
        found: JsonValue = _decode(data.decode())
    except (ValueError, RecursionError) as error:
        raise UnexpectedAnswerError(
            "The answer says that it is JSON, but it can't be read as such.",
            hint="Check that the URL is that of a Trivet server and that no proxy in between changes answers.",
        ) from error
    return found


def decode_piece(value: JsonValue) -> JsonValue | bytes:
    """A piece of a stream: binary pieces travel as base64 in an object of exactly two known fields."""
    if isinstance(value, dict) and value.keys() == {"base64", "type"}:
        content = value["base64"]
        return base64.b64decode(content) if isinstance(content, str) else value
    return value


def _is_binary(value: object) -> TypeGuard[bytes | bytearray | memoryview[int]]:
    return isinstance(value, (bytes, bytearray, memoryview))


def _plain(value: Any) -> Any:
    """What stands for ``value`` in JSON, one step; by duck typing, so that nobody's library is imported."""
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    for method, arguments in _CONVERSIONS:
        convert = getattr(value, method, None)
        if callable(convert) and not isinstance(value, type):
            return convert(**arguments)
    raise TypeError(f"{type(value).__name__} is not something that JSON can hold")


_decode = json.JSONDecoder().decode
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain).encode


def _culprit(value: Any, path: str = "", depth: int = 0) -> tuple[str, str]:
    """Where in ``value`` something sits that can't be sent, and what is wrong with it; two empty texts if unclear."""
    if depth > 100:
        return path, "it is nested more than 100 levels deep, or contains itself"
    if isinstance(value, float):
        return ("", "") if math.isfinite(value) else (path, f"{value} is a number that JSON doesn't have")
    if isinstance(value, (str, int, type(None))):
        return "", ""
    inner: list[tuple[Any, Any]]
    if is_mapping(value):
        inner = list(value.items())
        odd = next((key for key, _ in inner if not isinstance(key, (str, int, float, type(None)))), None)
        if odd is not None:
            return path, f"the key {odd!r} is {type(odd).__name__}, not text"
    elif is_listing(value):
        inner = list(enumerate(value))
    else:
        try:
            return _culprit(_plain(value), path, depth + 1)
        except Exception as error:  # noqa: BLE001 — the conversion is the caller's own code and may raise anything
            return path, str(error)
    for key, item in inner:
        found = _culprit(item, f"{path}/{key}", depth + 1)
        if found[1]:
            return found
    return "", ""
