"""What `model.json` says about a model, as a value. The rules of the document stand in `documents`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from trivet.models.features import Feature, FeatureType
from trivet.models.problems import ModelInvalid

__all__ = ["Domain", "Featurizer", "ModelDescription", "ModelInvalid", "Task", "Transform", "parse", "to_document"]


class Task(StrEnum):
    """What a model does. The words are Jaqpot's."""

    REGRESSION = "REGRESSION"
    BINARY_CLASSIFICATION = "BINARY_CLASSIFICATION"
    MULTICLASS_CLASSIFICATION = "MULTICLASS_CLASSIFICATION"


@dataclass(frozen=True, slots=True)
class Domain:
    """A way to tell whether a row is like those that a model was trained with.

    `method` is Jaqpot's word (`LEVERAGE`, `BOUNDING_BOX`, …); `data` are the matrices and limits that were fitted, empty where
    they live in a file of their own.
    """

    method: str
    data: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Featurizer:
    """What makes columns of numbers from a molecule. `columns` are their names, fixed when the model was checked."""

    name: str
    config: Mapping[str, Any]
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Transform:
    """What was done to the values that the model learned; a prediction undoes it. `config` holds the fitted numbers."""

    name: str
    config: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ModelDescription:
    """What there is to know about a model, beside its graphs.

    `independent` are the features of its rows, in order, `dependent` those of its results. `selected` are the columns that the
    graphs read, in their order, where that isn't all. `requirements` and `versions` say what predicting needs and what the
    model was checked with; both are empty until it was checked. `extra` are parts of the document that are kept as they came.
    """

    name: str
    description: str | None
    type: str
    task: Task
    visibility: str
    independent: tuple[Feature, ...]
    dependent: tuple[Feature, ...]
    featurizers: tuple[Featurizer, ...] = ()
    transforms: tuple[Transform, ...] = ()
    selected: tuple[str, ...] = ()
    domains: tuple[Domain, ...] = ()
    libraries: tuple[tuple[str, str], ...] = ()
    tags: str = ""
    scores: Mapping[str, Any] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    requirements: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def needs_chemistry(self) -> bool:
        """Whether rows hold molecules, so that predicting needs RDKit."""
        return bool(self.featurizers) or any(feature.type is FeatureType.SMILES for feature in self.independent)

    @property
    def least_result(self) -> int:
        """How many bytes a result row has at least as JSON, with what stands between it and the next."""
        metadata = {"jaqpotRowId": 0, "probabilities": None, "doa": None}
        row = {**dict.fromkeys((feature.key for feature in self.dependent), 0), "jaqpotMetadata": metadata}
        return len(json.dumps(row, separators=(",", ":"))) + 1


def parse(document: object) -> ModelDescription:
    """Reads the document of a model, as it stands in `model.json` or in the body of an upload.

    Unknown fields are ignored. `rawModel` and `rawPreprocessor` are checked to be texts, and are not part of the description.

    Args:
        document: What the JSON held.

    Returns:
        The description.

    Raises:
        ModelInvalid: Names every problem with its place (`independentFeatures[2].key: …`).
    """
    from trivet.models.documents import read  # it makes what stands above

    return read(document)


def to_document(description: ModelDescription, *, with_data: bool = False) -> dict[str, Any]:
    """Writes a description as the document that `parse` reads.

    Args:
        description: The model.
        with_data: Whether the domains' matrices are written; without, `data` is an empty object.

    Returns:
        A document of plain JSON values, in the wire's words.
    """
    document: dict[str, Any] = {
        "name": description.name,
        "description": description.description,
        "type": description.type,
        "task": description.task.value,
        "visibility": description.visibility,
        "tags": description.tags,
        "libraries": [{"name": name, "version": version} for name, version in description.libraries],
        "independentFeatures": [_feature(feature, "INDEPENDENT") for feature in description.independent],
        "dependentFeatures": [_feature(feature, "DEPENDENT") for feature in description.dependent],
        "featurizers": [
            {"name": item.name, "config": dict(item.config)} | ({"columns": list(item.columns)} if item.columns else {})
            for item in description.featurizers
        ],
        "preprocessors": [{"name": item.name, "config": dict(item.config)} for item in description.transforms],
        "selectedFeatures": list(description.selected),
        "doas": [{"method": item.method, "data": dict(item.data) if with_data else {}} for item in description.domains],
        **description.extra,
    }
    if description.scores is not None:
        document["scores"] = dict(description.scores)
    if description.requirements:
        document["requirements"] = list(description.requirements)
    if description.versions:
        document["versions"] = dict(description.versions)
    return document


def _feature(feature: Feature, dependency: str) -> dict[str, Any]:
    document: dict[str, Any] = {
        "key": feature.key,
        "name": feature.name,
        "featureType": feature.type.value,
        "featureDependency": dependency,
        "visible": feature.visible,
    }
    for name in ("units", "range", "description"):
        value = getattr(feature, name)
        if value is not None:
            document[name] = value
    if feature.possible_values:
        document["possibleValues"] = [
            {"value": item.value, "description": item.description} for item in feature.possible_values
        ]
    return document
