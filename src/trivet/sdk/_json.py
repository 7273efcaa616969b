"""JSON that somebody else has written: parsed once, into a type that says all that it can be."""

from __future__ import annotations

import json
from typing import TypeAlias

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
"""Whatever JSON can hold. What is asked of it is looked at with ``isinstance``, which type checkers follow."""
JsonObject: TypeAlias = dict[str, JsonValue]
"""An object of JSON."""


def parse(text: str | bytes) -> JsonValue:
    """What a text of JSON says.

    Raises:
        ValueError: it is none, or is nested more deeply than anything that is meant.
    """
    try:
        found: JsonValue = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return found


def object_in(text: str | bytes) -> JsonObject | None:
    """The object that a text of JSON is; None where it is another value, or no JSON at all."""
    try:
        found = parse(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
