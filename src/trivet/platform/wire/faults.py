"""Faults of an input, in plain sentences: what a validator found, said for the person who sent it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import jsonschema_rs

from trivet.platform.core.errors import FieldError
from trivet.platform.wire.documents import pointer

MOST = 20
"""So many faults are told; the rest are like them."""
_LONGEST = 200

_LIMITS = {
    "minimum": "Must be {limit} or more, not {value}.",
    "maximum": "Must be {limit} or less, not {value}.",
    "exclusiveMinimum": "Must be more than {limit}, not {value}.",
    "exclusiveMaximum": "Must be less than {limit}, not {value}.",
    "multipleOf": "Must be a multiple of {multiple_of}, not {value}.",
    "minLength": "Must have at least {limit} characters.",
    "maxLength": "Must have at most {limit} characters.",
    "minItems": "Must have at least {limit} items.",
    "maxItems": "Must have at most {limit} items.",
    "minProperties": "Must have at least {limit} fields.",
    "maxProperties": "Must have at most {limit} fields.",
    "uniqueItems": "Must not hold the same item twice.",
    "pattern": "Must match the pattern {pattern}.",
    "const": "Must be {expected_value}.",
    "falseSchema": "Must not be there.",
}
_TYPES = {
    "object": "an object",
    "array": "a list",
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}
"""In the order in which they are told."""
_ONE = re.compile(r"\b(1 character|1 item|1 field)s\b")


def explain(errors: Iterable[jsonschema_rs.ValidationError]) -> tuple[FieldError, ...]:
    """The faults, each once, in the order of their places, at most `MOST`."""
    found = dict.fromkeys(islice(_flatten(errors), 10 * MOST))
    return tuple(sorted(found, key=lambda fault: fault.path)[:MOST])


def brief(text: str) -> str:
    """``text`` on one line and cut where it is long: what people sent can be megabytes."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def _flatten(errors: Iterable[jsonschema_rs.ValidationError]) -> Iterator[FieldError]:
    for error in errors:
        kind, path = error.kind.name, error.instance_path
        if kind == "required":
            yield FieldError(pointer([*path, error.kind.as_dict()["property"]]), "This field is required.")
        elif kind in ("additionalProperties", "unevaluatedProperties"):
            for name in error.kind.as_dict()["unexpected"]:
                yield FieldError(pointer([*path, name]), "There is no such field.")
        elif kind in ("anyOf", "oneOf"):
            yield from _alternatives(error)
        else:
            yield FieldError(pointer(path), _sentence(error))


def _alternatives(error: jsonschema_rs.ValidationError) -> Iterator[FieldError]:
    """The faults of the alternative that was meant, where that can be told: the one whose type fits."""
    path = error.instance_path
    branches: list[list[jsonschema_rs.ValidationError]] = error.kind.as_dict().get("context", [])
    meant = [branch for branch in branches if not any(_is_type_fault_at(fault, path) for fault in branch)]
    if len(meant) == 1 and meant[0]:
        yield from _flatten(meant[0])
        return
    types = [
        name
        for branch in branches
        for fault in branch
        if _is_type_fault_at(fault, path)
        for name in fault.kind.as_dict()["types"]
    ]
    if types and not meant:
        yield FieldError(pointer(path), _wrong_type(types, error.instance))
    else:
        yield FieldError(pointer(path), "Fits none of the forms that are allowed here, or more than one.")


def _is_type_fault_at(error: jsonschema_rs.ValidationError, path: list[str | int]) -> bool:
    return error.kind.name == "type" and error.instance_path == path


def _sentence(error: jsonschema_rs.ValidationError) -> str:
    kind, details = error.kind.name, error.kind.as_dict()
    if kind == "type":
        return _wrong_type(details["types"], error.instance)
    if kind == "enum":
        return brief(f"Must be one of {', '.join(_shown(option) for option in details['options'])}.")
    if kind == "propertyNames":
        return brief(f"Has a field whose name is not allowed: {details['error'].message}.")
    template = _LIMITS.get(kind)
    if template is None:
        return brief(f"{error.message}.")
    values = {name: _shown(value) for name, value in details.items()}
    return brief(_ONE.sub(r"\1", template.format_map({**values, "value": _shown(error.instance)})))


def _wrong_type(types: list[str], instance: object) -> str:
    wanted = [words for name, words in _TYPES.items() if name in types]
    return f"Must be {' or '.join(wanted)}, not {_kind_of(instance)}."


def _kind_of(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    kinds: tuple[tuple[Any, str], ...] = (
        (str, "a text"),
        ((int, float), "a number"),
        (list, "a list"),
    )
    return next((name for kind, name in kinds if isinstance(value, kind)), "an object")


def _shown(value: object) -> str:
    return brief(json.dumps(value, ensure_ascii=False, default=str))
