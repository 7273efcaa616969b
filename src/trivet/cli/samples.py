"""An input to try an endpoint with: made from its schema, or kept by its author."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_PLAIN: Mapping[str, Any] = {"integer": 1, "number": 1.5, "boolean": True}
_DEEPEST = 8
_KEPT = "test_input.json"
"""Where the authors of programs for RunPod keep an input to try them with, as ``{"input": …}``."""
_LONGEST = 2048
"""Bytes of such a file: what is longer is nothing to paste."""


def sample(schema: Any) -> Any:
    """A value that fits ``schema``, as small and as telling as it can be.

    Args:
        schema: a JSON Schema, as endpoints carry it.

    Returns:
        A value for JSON; ``None`` where the schema does not say what it wants.
    """
    definitions = schema.get("$defs") if isinstance(schema, dict) else None
    return _Sampler(definitions or {}).value(schema)


def kept(folder: Path) -> Any:
    """The input that the author of a program for RunPod keeps beside it.

    Args:
        folder: what is deployed.

    Returns:
        A value for JSON; ``None`` where there is none, or none that could be pasted into a command.
    """
    file = folder / _KEPT
    try:
        if file.stat().st_size > _LONGEST:
            return None
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return document.get("input") if isinstance(document, dict) else None


class _Sampler:
    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions = definitions

    def value(self, schema: Any, name: str = "text", depth: int = 0) -> Any:
        """A value for ``schema``; a text takes ``name``, which is what the value is called."""
        # A schema may contain itself: its sample ends somewhere.
        if not isinstance(schema, dict) or depth > _DEEPEST:
            return None
        given = _given(schema)
        if given:
            return given[0]
        further = self._further(schema)
        if further is not None:
            return self.value(further, name, depth + 1)
        kind = schema.get("type")
        if kind == "object":
            properties = schema.get("properties") or {}
            return {
                field: self.value(properties.get(field), field, depth + 1) for field in schema.get("required") or []
            }
        if kind == "array":
            return [self.value(schema["items"], name, depth + 1)] if "items" in schema else []
        return name if kind == "string" else _PLAIN.get(str(kind))

    def _further(self, schema: dict[str, Any]) -> Any:
        """The schema that stands in place of this one, if there is one."""
        if "$ref" in schema:
            return self._definitions.get(schema["$ref"].rpartition("/")[2], {})
        for key in ("anyOf", "oneOf", "allOf"):
            if schema.get(key):
                return schema[key][0]
        if isinstance(schema.get("type"), list) and schema["type"]:
            return {**schema, "type": schema["type"][0]}
        return None


def _given(schema: dict[str, Any]) -> list[Any]:
    """The values that the schema itself names, the best first."""
    exact = [schema[key] for key in ("const", "default") if key in schema]
    return [*exact, *schema.get("examples", ()), *schema.get("enum", ())]
