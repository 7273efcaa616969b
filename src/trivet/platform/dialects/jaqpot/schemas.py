"""What Jaqpot's clients send, as structs. What they are answered with is written in `translate`."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

Name = Annotated[str, Meta(min_length=3, max_length=255)]
Visibility = Literal["PUBLIC", "ORG_SHARED", "PRIVATE"]
Task = Literal["REGRESSION", "BINARY_CLASSIFICATION", "MULTICLASS_CLASSIFICATION"]
FeatureType = Literal[
    "INTEGER",
    "FLOAT",
    "CATEGORICAL",
    "SMILES",
    "STRING",
    "TEXT",
    "BOOLEAN",
    "FLOAT_ARRAY",
    "STRING_ARRAY",
    "IMAGE",
]


class ModelPatch(msgspec.Struct, frozen=True, rename="camel"):
    """What may be changed about a model. ``description`` and ``tags``: left out or null leaves them as they are."""

    name: Name
    visibility: Visibility
    task: Task
    description: Annotated[str, Meta(max_length=50_000)] | None = None
    tags: Annotated[str, Meta(max_length=1000)] | None = None
    shared_with_organization_ids: Annotated[list[int], Meta(max_length=100)] | None = None


class PossibleValue(msgspec.Struct, frozen=True):
    """One value of a categorical feature."""

    value: Annotated[str, Meta(max_length=3000)]
    description: Annotated[str, Meta(max_length=3000)]


class FeaturePatch(msgspec.Struct, frozen=True, rename="camel"):
    """What may be changed about a feature."""

    name: Annotated[str, Meta(min_length=1, max_length=255)]
    feature_type: FeatureType
    units: Annotated[str, Meta(max_length=255)] | None = None
    range: Annotated[str, Meta(max_length=255)] | None = None
    description: Annotated[str, Meta(max_length=2000)] | None = None
    possible_values: Annotated[list[PossibleValue], Meta(max_length=1000)] | None = None


class DatasetRequest(msgspec.Struct, frozen=True, rename="camel"):
    """A prediction's rows. What else a client says of a dataset (``entryType``, ``resultTypes``, …) is passed over."""

    type: str
    input: msgspec.Raw | UnsetType = UNSET


class CsvRequest(msgspec.Struct, frozen=True, rename="camel"):
    """A prediction's rows as a file of CSV, in base64."""

    type: str
    input_file: str
