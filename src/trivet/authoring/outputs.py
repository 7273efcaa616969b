"""From what a handler returns to what a caller receives: a content type and bytes."""

from __future__ import annotations

import json
from enum import Enum
from typing import Any

from trivet.authoring.blob import OCTET_STREAM, Blob
from trivet.authoring.errors import UnserializableOutput, pointer

JSON_TYPE = "application/json"


def encode(value: object) -> tuple[str, bytes]:
    """The content type and the body of an output.

    Bytes and `Blob` travel as they are. Everything else becomes JSON; dataclasses, enums, dates, UUIDs, sets, tuples,
    pydantic models and NumPy's arrays and scalars (and whatever else offers ``tolist``) are turned into plain values.

    Raises:
        UnserializableOutput: naming the first place that has no JSON form (NaN and infinities have none).
    """
    if isinstance(value, bytes | bytearray | memoryview):
        return OCTET_STREAM, bytes(value)
    if isinstance(value, Blob):
        return value.content_type, value.data
    return JSON_TYPE, encode_json(value)


def encode_json(value: object) -> bytes:
    """``value`` as compact JSON in UTF-8.

    Raises:
        UnserializableOutput: as `encode`.
    """
    try:
        return _ENCODER.encode(value).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise _explained(value, error) from None


def _plain(value: object) -> object:
    """One level of plain values for what the encoder does not know by itself.

    Raises:
        TypeError: when there is no such form.
    """
    kind = type(value)
    if isinstance(value, Enum):
        return value.value if isinstance(value.value, str | int | float | None) else value.name
    if hasattr(kind, "model_dump"):
        return value.model_dump(mode="json")  # type: ignore[attr-defined]  # looked for just above
    if hasattr(kind, "__dataclass_fields__"):
        return {name: getattr(value, name) for name in kind.__dataclass_fields__}
    if isinstance(value, set | frozenset):
        try:
            return sorted(value)
        except TypeError:  # of mixed types: any order is as good as another
            return list(value)
    if kind.__module__ in ("datetime", "uuid"):
        if hasattr(kind, "isoformat"):
            return value.isoformat()  # type: ignore[attr-defined]  # looked for just above
        if kind.__name__ == "UUID":
            return str(value)
    for method in ("tolist", "item"):
        if callable(getattr(kind, method, None)):
            return getattr(value, method)()
    raise TypeError(kind.__qualname__)


_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain)


def _explained(value: object, error: Exception) -> UnserializableOutput:
    """The error with the place that caused it; walks the value once more, now that something is known to be wrong."""
    if isinstance(error, RecursionError) or "Circular" in str(error):
        return UnserializableOutput("is nested too deeply or contains itself")
    try:
        found = _search(value, "")
    except RecursionError:
        found = None
    return found or UnserializableOutput(f"failed to become plain values: {type(error).__name__}: {error}")


def _search(value: Any, path: str) -> UnserializableOutput | None:
    if value is None or isinstance(value, bool | int):
        return None
    if isinstance(value, str):
        return None if _is_text(value) else UnserializableOutput("holds half a surrogate pair, which is no text", path)
    if isinstance(value, float):
        finite = value - value == 0
        return None if finite else UnserializableOutput(f"is {value}, for which JSON has no word; give null", path)
    if isinstance(value, bytes | bytearray | memoryview | Blob):
        advice = "is bytes inside other values; return them alone, or as text (base64.b64encode(data).decode())"
        return UnserializableOutput(advice, path)
    if isinstance(value, dict):
        return _search_dict(value, path)
    if isinstance(value, list | tuple):
        found = (_search(item, path + pointer(index)) for index, item in enumerate(value))
        return next((error for error in found if error), None)
    name = type(value).__qualname__
    try:
        plain = _plain(value)
    except TypeError as error:
        if str(error) != name:  # what the value's own conversion had to say
            return UnserializableOutput(f"failed to become plain values: TypeError: {error}", path)
        advice = f"is of the type {name}; return plain values (dict, list, str, numbers), a dataclass or bytes"
        return UnserializableOutput(advice, path)
    except Exception as error:  # noqa: BLE001 - the author's conversion can raise anything
        return UnserializableOutput(f"failed to become plain values: {type(error).__name__}: {error}", path)
    return _search(plain, path)


def _search_dict(value: dict[Any, Any], path: str) -> UnserializableOutput | None:
    for key, item in value.items():
        if not isinstance(key, str | int | float | None):
            return UnserializableOutput(f"has a key of the type {type(key).__qualname__}; keys are text", path)
        if isinstance(key, str) and not _is_text(key):
            return UnserializableOutput("has a key with half a surrogate pair, which is no text", path)
        if error := _search(item, path + pointer(key if isinstance(key, str) else json.dumps(key))):
            return error
    return None


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
