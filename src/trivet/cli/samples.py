"""An input to try an endpoint with, made from its schema."""

from __future__ import annotations

from typing import Any

_PLAIN: dict[str, Any] = {
    "string": "text",
    "integer": 1,
    "number": 1.5,
    "boolean": True,
    "null": None,
}
_DEEPEST = 6


def sample(schema: Any) -> Any:
    """A value that fits ``schema``, as small and as telling as it can be.

    Args:
        schema: a JSON Schema, as endpoints carry it.

    Returns:
        A value for JSON; ``None`` where the schema does not say what it wants.
    """
    definitions = schema.get("$defs") if isinstance(schema, dict) else None
    return _sample(schema, definitions or {}, "", 0)


def _sample(schema: Any, definitions: dict[str, Any], name: str, depth: int) -> Any:
    # A schema may contain itself: its sample ends somewhere.
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return None
    if "$ref" in schema:
        return _sample(definitions.get(schema["$ref"].rpartition("/")[2]), definitions, name, depth + 1)
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    for key in ("examples", "enum"):
        if schema.get(key):
            return schema[key][0]
    for key in ("anyOf", "oneOf", "allOf"):
        if schema.get(key):
            return _sample(schema[key][0], definitions, name, depth + 1)
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = kind[0] if kind else None
    if kind == "object":
        properties = schema.get("properties") or {}
        required = schema.get("required") or []
        return {field: _sample(properties.get(field), definitions, field, depth + 1) for field in required}
    if kind == "array":
        return [_sample(schema["items"], definitions, name, depth + 1)] if "items" in schema else []
    if kind == "string" and name:
        return name
    return _PLAIN.get(kind) if isinstance(kind, str) else None
