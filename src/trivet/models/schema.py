"""JSON Schemas (2020-12) of what a model takes and gives, for forms, for callers, and for the check before a job is made."""

from __future__ import annotations

import re
from typing import Any, Final

from trivet.models.cells import categories
from trivet.models.description import ModelDescription, Task
from trivet.models.features import ROW_LABEL, Feature, FeatureType

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_SYNTAX: Final = re.compile(
    r"[\^$\\.*+?()\[\]{}|/]"
)  # what a pattern of JSON Schema has a meaning for, and nothing more
_REAL: Final = r"^\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*$"
_TRUTH: Final = r"^\s*([tT][rR][uU][eE]|[fF][aA][lL][sS][eE]|0|1)\s*$"
_NUMBER: Final = {"anyOf": [{"type": "number"}, {"type": "string", "pattern": _REAL}]}
_TEXT: Final = {"type": "string"}
_ARRAY_TEXT: Final = {"type": "string", "description": "JSON, or items separated by ;"}

_VALUES: Final[dict[FeatureType, dict[str, Any]]] = {
    FeatureType.INTEGER: {"anyOf": [{"type": "integer"}, {"type": "string", "pattern": _REAL}]},
    FeatureType.FLOAT: _NUMBER,
    FeatureType.SMILES: _TEXT,
    FeatureType.STRING: _TEXT,
    FeatureType.TEXT: _TEXT,
    FeatureType.BOOLEAN: {"anyOf": [{"type": "boolean"}, {"enum": [0, 1]}, {"type": "string", "pattern": _TRUTH}]},
    FeatureType.FLOAT_ARRAY: {"anyOf": [{"type": "array", "items": _NUMBER}, _ARRAY_TEXT]},
    FeatureType.STRING_ARRAY: {"anyOf": [{"type": "array", "items": _TEXT}, _ARRAY_TEXT]},
    FeatureType.IMAGE: {"type": "string", "contentEncoding": "base64"},
}


def input_schema(description: ModelDescription) -> dict[str, Any]:
    """The schema of what a model takes: a row, or a list of rows.

    It is never stricter than `trivet.models.rows.check`, which names rows and keys in words and so has the last say.

    Args:
        description: The model.

    Returns:
        A JSON Schema.
    """
    row: dict[str, Any] = {
        "type": "object",
        "properties": {feature.key: _annotated(feature, _value(feature)) for feature in description.independent}
        | {
            ROW_LABEL: {
                "type": ["string", "number", "boolean", "null"],
                "title": "Label",
                "description": "given back with the result",
            }
        },
        "anyOf": [
            {"required": [feature.key for feature in description.independent]},
            {
                "allOf": [
                    {"not": {"propertyNames": {"not": {"pattern": _names(feature)}}}}
                    for feature in description.independent
                ]
            },
        ],
    }
    return _document(f"Rows of {description.name}", row)


def output_schema(description: ModelDescription) -> dict[str, Any]:
    """The schema of what a model gives: a result row for a row, a list for a list.

    Args:
        description: The model.

    Returns:
        A JSON Schema.
    """
    row: dict[str, Any] = {
        "type": "object",
        "properties": {feature.key: _annotated(feature, _result(description)) for feature in description.dependent}
        | {
            ROW_LABEL: {"type": ["string", "null"]},
            "jaqpotMetadata": {
                "type": "object",
                "properties": {
                    "jaqpotRowId": {"type": "integer", "minimum": 0, "description": "the position of the row"},
                    "probabilities": {"type": ["object", "array", "null"]},
                    "doa": {
                        "type": ["object", "null"],
                        "description": "whether the row is like those the model was trained with",
                    },
                    "error": {"type": "string", "description": "why this row has no prediction"},
                },
                "required": ["jaqpotRowId", "probabilities", "doa"],
            },
        },
        "required": [*(feature.key for feature in description.dependent), "jaqpotMetadata"],
    }
    return _document(f"Predictions of {description.name}", row)


def _document(title: str, row: dict[str, Any]) -> dict[str, Any]:
    return {
        "$schema": _DIALECT,
        "title": title,
        "anyOf": [{"$ref": "#/$defs/row"}, {"type": "array", "items": {"$ref": "#/$defs/row"}, "minItems": 1}],
        "$defs": {"row": row},
    }


def _value(feature: Feature) -> dict[str, Any]:
    if feature.type is not FeatureType.CATEGORICAL:
        return _VALUES[feature.type]
    # Any text or number may stand for a category once blanks are taken off; only what is neither can be refused here.
    return {"anyOf": [{"enum": list(categories(feature))}, {"type": ["string", "number"]}]}


def _result(description: ModelDescription) -> dict[str, Any]:
    if description.type != "SKLEARN_ONNX":
        return {}
    if description.task is Task.REGRESSION:
        return {"type": ["number", "null"]}
    return {"type": ["integer", "number", "string", "boolean", "null"]}


def _annotated(feature: Feature, schema: dict[str, Any]) -> dict[str, Any]:
    annotated = dict(schema)
    if feature.name != feature.key:
        annotated["title"] = feature.name
    said = [part for part in (feature.description, feature.units, feature.range) if part]
    if said:
        annotated["description"] = ", ".join(said)
    return annotated


def _names(feature: Feature) -> str:
    """A pattern of the names that may stand for a feature: its key or its display name, in any case."""
    return rf"^\s*({_folded(feature.key)}|{_folded(feature.name.strip())})\s*$"


def _folded(name: str) -> str:
    return "".join(_letter(letter) for letter in name)


def _letter(letter: str) -> str:
    forms = sorted(
        {_SYNTAX.sub(r"\\\g<0>", form) for form in (letter, letter.lower(), letter.upper(), letter.casefold())}
    )
    return forms[0] if len(forms) == 1 else f"({'|'.join(forms)})"
