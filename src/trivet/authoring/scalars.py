"""Shapes of plain values: what a hint such as ``int`` or an enum says, and how a JSON value becomes one."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple

from trivet.authoring.blob import OCTET_STREAM, Blob
from trivet.authoring.errors import InvalidInput

Schema = dict[str, Any]
Convert = Callable[[Any], Any]

_KINDS = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "a boolean",
    list: "a list",
    dict: "an object",
    type(None): "null",
}

STANDARD = {  # by name, so that a worker whose handler needs no dates imports none
    ("datetime", "datetime"): ("date-time", "fromisoformat"),
    ("datetime", "date"): ("date", "fromisoformat"),
    ("datetime", "time"): ("time", "fromisoformat"),
    ("uuid", "UUID"): ("uuid", "__call__"),
}


class Shape(NamedTuple):
    """A hint's schema, and what makes a value of the hinted type of a JSON value (or raises `InvalidInput`)."""

    schema: Schema
    convert: Convert


def as_it_is(value: Any) -> Any:
    """The conversion that changes nothing."""
    return value


ANYTHING = Shape({}, as_it_is)


def refuse(expected: str, value: object) -> InvalidInput:
    """The error for a value of the wrong kind."""
    return InvalidInput(f"must be {expected}, not {_KINDS.get(type(value), type(value).__name__)}")


def _exactly(kind: type) -> Convert:
    def convert(value: Any) -> Any:
        if type(value) is not kind:
            raise refuse(_KINDS[kind], value)
        return value

    return convert


def _to_int(value: Any) -> int:
    if type(value) is int:
        return value
    if type(value) is float and value.is_integer():  # 1.0 is a whole number, says JSON Schema
        return int(value)
    raise refuse("a whole number", value)


def _to_float(value: Any) -> float:
    if type(value) is float:
        return value
    if type(value) is not int:
        raise refuse("a number", value)
    try:
        return float(value)
    except OverflowError:
        raise InvalidInput("is larger than any number of this kind") from None


def _to_bytes(value: Any) -> bytes:
    if isinstance(value, bytes):  # a binary body
        return value
    if isinstance(value, Blob):
        return value.data
    if type(value) is not str:
        raise refuse("bytes, or their base64 form as a text", value)
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput("is no base64, which is how bytes are written in JSON") from None


def _to_blob(value: Any) -> Blob:
    return value if isinstance(value, Blob) else Blob(_to_bytes(value))


_BINARY = {"type": "string", "contentEncoding": "base64", "contentMediaType": OCTET_STREAM}
SCALARS: dict[Any, Shape] = {
    Any: ANYTHING,
    object: ANYTHING,
    str: Shape({"type": "string"}, _exactly(str)),
    int: Shape({"type": "integer"}, _to_int),
    float: Shape({"type": "number"}, _to_float),
    bool: Shape({"type": "boolean"}, _exactly(bool)),
    None: Shape({"type": "null"}, _exactly(type(None))),
    type(None): Shape({"type": "null"}, _exactly(type(None))),
    bytes: Shape(_BINARY, _to_bytes),
    bytearray: Shape(_BINARY, lambda value: bytearray(_to_bytes(value))),
    Blob: Shape(_BINARY, _to_blob),
}


def enum_value(member: Enum) -> Any:
    """How a member is written in JSON: its value where that is a plain one, else its name."""
    return member.value if isinstance(member.value, str | int | float | None) else member.name


def one_of(choices: list[tuple[Any, Any]]) -> Shape:
    """One of some plain values; ``choices`` are pairs of how it is written and what it stands for."""
    written = [each for each, _ in choices]
    if not written or not all(isinstance(each, str | int | float | None) for each in written):
        return ANYTHING
    # True == 1 in Python, but not in JSON.
    table = {(isinstance(each, bool), each): meaning for each, meaning in choices}
    names = dict.fromkeys(SCALARS[type(each) if type(each) in SCALARS else str].schema["type"] for each in written)
    expected = ", ".join(repr(each) for each in written)

    def convert(value: Any) -> Any:
        try:
            return table[isinstance(value, bool), value]
        except (KeyError, TypeError):
            raise InvalidInput(f"must be one of {expected}") from None

    kinds = list(names)
    return Shape({"type": kinds[0] if len(kinds) == 1 else kinds, "enum": written}, convert)


def literal_value(value: Any) -> Any:
    """How an option of ``Literal`` is written in JSON."""
    return enum_value(value) if isinstance(value, Enum) else value


def standard_text(kind: Any, name: str, method: str) -> Shape:
    """A text of a standard format (``name``, as JSON Schema calls it), read by a method of ``kind``."""
    make: Convert = kind if method == "__call__" else getattr(kind, method)

    def convert(value: Any) -> Any:
        if type(value) is not str:
            raise refuse(f"a text ({name})", value)
        try:
            return make(value)
        except ValueError:
            raise InvalidInput(f"is not of the format {name}") from None

    return Shape({"type": "string", "format": name}, convert)
