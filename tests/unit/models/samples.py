"""Model documents for tests: small ones that are right, to be made wrong in one place."""

from __future__ import annotations

from typing import Any

from trivet.models.description import ModelDescription, parse


def document(**changes: Any) -> dict[str, Any]:
    """The document of a model of one number."""
    return {
        "name": "Solubility",
        "type": "SKLEARN_ONNX",
        "task": "REGRESSION",
        "visibility": "PRIVATE",
        "libraries": [],
        "independentFeatures": [{"key": "X1", "name": "Dose", "featureType": "FLOAT"}],
        "dependentFeatures": [{"key": "y", "name": "log S", "featureType": "FLOAT"}],
    } | changes


def feature(key: str, kind: str, name: str | None = None, **more: Any) -> dict[str, Any]:
    """The document of one feature."""
    return {"key": key, "name": name or key, "featureType": kind, **more}


def reading(*features: dict[str, Any]) -> ModelDescription:
    """A model that reads these features."""
    return parse(document(independentFeatures=list(features)))


CATEGORIES = [{"value": f"CAT_{number}", "description": f"Category {number}"} for number in (1, 2, 3)]

GUIDE = reading(
    feature("SMILES", "SMILES"),
    feature("X1", "INTEGER", "Dose"),
    feature("X2", "FLOAT", "Time"),
    feature("Cat_col", "CATEGORICAL", "Kind", possibleValues=CATEGORIES),
)
"""The features of the model in Jaqpot's own guide."""
