"""What Jaqpot's clients send, as structs, and what they read of what others have sent. `translate` writes the answers."""

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


# -- what authors say of their models, as strictly as clients read it ------------------------------------------------------

Numbers = Annotated[list[float], Meta(max_length=1000)]
Row = Annotated[list[float], Meta(max_length=100)]


class RegressionScores(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """How well a model predicts numbers."""

    y_name: str
    folds: int | None = None
    r2: float | None = None
    mae: float | None = None
    rmse: float | None = None


class ClassificationScores(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """How well a model tells classes apart."""

    y_name: str
    labels: list[str] | None = None
    folds: int | None = None
    accuracy: float | None = None
    balanced_accuracy: float | None = None
    precision: Numbers | None = None
    recall: Numbers | None = None
    f1_score: Numbers | None = None
    jaccard: Numbers | None = None
    matthews_corr_coef: float | None = None
    confusion_matrix: Annotated[list[Row], Meta(max_length=100)] | None = None


class Scores(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """How well a model does for one of its outputs."""

    regression: RegressionScores | None = None
    binary_classification: ClassificationScores | None = None
    multiclass_classification: ClassificationScores | None = None


class ModelScores(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """How well a model does, by what it was tried on."""

    train: list[Scores] | None = None
    test: list[Scores] | None = None
    cross_validation: list[Scores] | None = None


class RPbpkConfig(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """How a kinetic model is solved."""

    ode_solver: str | None = None


class DockerConfig(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Which container a model is."""

    app_name: Annotated[str, Meta(max_length=63)]
    docker_image: Annotated[str, Meta(max_length=255)] | None = None
    llm_model_id: str | None = None
