"""Models, datasets and what is in them, with the attributes that the generated client below Jaqpot's SDK gives them.

That package has its exceptions and enumerations in one place with its models; so has this module.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from trivet.jaqpot._document import Document, each, moment, one, word
from trivet.jaqpot.enums import (
    DatasetResultType,
    DatasetType,
    DoaMethod,
    FeatureType,
    ModelTask,
    ModelType,
    ModelVisibility,
    OrganizationUserAssociationType,
    OrganizationVisibility,
)
from trivet.jaqpot.exceptions import (
    ApiException,
    ApiValueError,
    BadRequestException,
    ForbiddenException,
    NotFoundException,
    OpenApiException,
    ServiceException,
    UnauthorizedException,
)

__all__ = [
    "ApiException",
    "ApiValueError",
    "BadRequestException",
    "BinaryClassificationScores",
    "Dataset",
    "DatasetResultType",
    "DatasetType",
    "Doa",
    "DoaMethod",
    "DockerConfig",
    "Feature",
    "FeaturePossibleValue",
    "FeatureType",
    "ForbiddenException",
    "GetModels200Response",
    "Library",
    "Model",
    "ModelScores",
    "ModelSummary",
    "ModelTask",
    "ModelType",
    "ModelVisibility",
    "MulticlassClassificationScores",
    "NotFoundException",
    "OpenApiException",
    "Organization",
    "OrganizationSummary",
    "OrganizationUser",
    "OrganizationUserAssociationType",
    "OrganizationVisibility",
    "RPbpkConfig",
    "RegressionScores",
    "Scores",
    "ServiceException",
    "Transformer",
    "UnauthorizedException",
    "User",
]


@dataclass(kw_only=True, repr=False)
class User(Document):
    """Somebody with an account."""

    id: str
    username: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    email_verified: bool | None = None
    avatar_url: str | None = None
    can_edit: bool | None = None
    created_at: datetime | None = field(default=None, metadata=moment())


@dataclass(kw_only=True, repr=False)
class OrganizationUser(Document):
    """Somebody in an organization."""

    id: int | None = None
    user_id: str
    username: str | None = None
    email: str | None = None
    avatar_url: str | None = None
    association_type: OrganizationUserAssociationType = field(metadata=word(OrganizationUserAssociationType))


@dataclass(kw_only=True, repr=False)
class Organization(Document):
    """People who share models. Its two times are the only names of the wire in snake case."""

    id: int | None = None
    name: str
    creator: User | None = field(default=None, metadata=one(User))
    visibility: OrganizationVisibility = field(metadata=word(OrganizationVisibility))
    description: str | None = None
    organization_members: list[OrganizationUser] | None = field(default=None, metadata=each(OrganizationUser))
    contact_email: str
    contact_phone: str | None = None
    website: str | None = None
    address: str | None = None
    can_edit: bool | None = None
    is_member: bool | None = None
    created_at: datetime | None = field(default=None, metadata=moment(wire="created_at"))
    updated_at: datetime | None = field(default=None, metadata=moment(wire="updated_at"))


@dataclass(kw_only=True, repr=False)
class OrganizationSummary(Document):
    """An organization, as it stands in a page of models."""

    id: int
    name: str


@dataclass(kw_only=True, repr=False)
class FeaturePossibleValue(Document):
    """A value that a categorical feature may have."""

    value: str
    description: str


@dataclass(kw_only=True, repr=False)
class Feature(Document):
    """What a row has, or what is predicted of it.

    Attributes:
        key: its key in a row.
        name: what people call it.
        feature_type: what its values are.
        possible_values: the values that it may have, where it is categorical.
    """

    id: int | None = None
    key: str
    name: str
    units: str | None = None
    range: str | None = None
    description: str | None = None
    feature_type: FeatureType = field(metadata=word(FeatureType))
    feature_dependency: str | None = None
    visible: bool | None = None
    possible_values: list[FeaturePossibleValue] | None = field(default=None, metadata=each(FeaturePossibleValue))
    created_at: datetime | None = field(default=None, metadata=moment())
    updated_at: datetime | None = field(default=None, metadata=moment())


@dataclass(kw_only=True, repr=False)
class Library(Document):
    """What a model was made with."""

    id: int | None = None
    name: str
    version: str
    created_at: datetime | None = field(default=None, metadata=moment())
    updated_at: datetime | None = field(default=None, metadata=moment())


@dataclass(kw_only=True, repr=False)
class Doa(Document):
    """One way to tell a model's domain of applicability."""

    id: int | None = None
    method: DoaMethod = field(metadata=word(DoaMethod))
    data: dict[str, Any]
    created_at: datetime | None = field(default=None, metadata=moment())
    updated_at: datetime | None = field(default=None, metadata=moment())


@dataclass(kw_only=True, repr=False)
class Transformer(Document):
    """A featurizer or a preprocessor."""

    id: int | None = None
    name: str
    config: dict[str, Any]


@dataclass(kw_only=True, repr=False)
class RegressionScores(Document):
    """How well a number is predicted."""

    y_name: str
    folds: int | None = None
    r2: float | None = None
    mae: float | None = None
    rmse: float | None = None


@dataclass(kw_only=True, repr=False)
class BinaryClassificationScores(Document):
    """How well one of two classes is predicted."""

    labels: list[str] | None = None
    y_name: str
    folds: int | None = None
    accuracy: float | None = None
    balanced_accuracy: float | None = None
    precision: list[float] | None = None
    recall: list[float] | None = None
    f1_score: list[float] | None = None
    jaccard: list[float] | None = None
    matthews_corr_coef: float | None = None
    confusion_matrix: list[list[float]] | None = None


@dataclass(kw_only=True, repr=False)
class MulticlassClassificationScores(BinaryClassificationScores):
    """How well one of several classes is predicted."""


@dataclass(kw_only=True, repr=False)
class Scores(Document):
    """How well one output is predicted."""

    regression: RegressionScores | None = field(default=None, metadata=one(RegressionScores))
    binary_classification: BinaryClassificationScores | None = field(
        default=None, metadata=one(BinaryClassificationScores)
    )
    multiclass_classification: MulticlassClassificationScores | None = field(
        default=None, metadata=one(MulticlassClassificationScores)
    )


@dataclass(kw_only=True, repr=False)
class ModelScores(Document):
    """How well a model predicts what it was fitted on, and what it was not."""

    train: list[Scores] | None = field(default=None, metadata=each(Scores))
    test: list[Scores] | None = field(default=None, metadata=each(Scores))
    cross_validation: list[Scores] | None = field(default=None, metadata=each(Scores))


@dataclass(kw_only=True, repr=False)
class RPbpkConfig(Document):
    """Settings of a pharmacokinetic model."""

    ode_solver: str | None = None


@dataclass(kw_only=True, repr=False)
class DockerConfig(Document):
    """Settings of a model in a container."""

    app_name: str
    docker_image: str | None = None
    llm_model_id: str | None = None


@dataclass(kw_only=True, repr=False)
class Model(Document):
    """All that is said of a model.

    Attributes:
        id: its number.
        independent_features: what a row has to have, in order.
        dependent_features: what is predicted.
        type: what it is made of.
        task: what it predicts.
        visibility: who sees it.
    """

    id: int | None = None
    name: str
    description: str | None = None
    type: ModelType = field(metadata=word(ModelType))
    jaqpotpy_version: str | None = None
    doas: list[Doa] | None = field(default=None, metadata=each(Doa))
    libraries: list[Library] = field(metadata=each(Library))
    dependent_features: list[Feature] = field(metadata=each(Feature))
    independent_features: list[Feature] = field(metadata=each(Feature))
    shared_with_organizations: list[Organization] | None = field(default=None, metadata=each(Organization))
    visibility: ModelVisibility = field(metadata=word(ModelVisibility))
    task: ModelTask = field(metadata=word(ModelTask))
    archived: bool | None = None
    archived_at: datetime | None = field(default=None, metadata=moment())
    torch_config: dict[str, Any] | None = None
    preprocessors: list[Transformer] | None = field(default=None, metadata=each(Transformer))
    featurizers: list[Transformer] | None = field(default=None, metadata=each(Transformer))
    raw_preprocessor: str | None = None
    raw_model: str | None = None
    creator: User | None = field(default=None, metadata=one(User))
    can_edit: bool | None = None
    is_admin: bool | None = None
    selected_features: list[str] | None = None
    tags: str | None = None
    legacy_prediction_service: str | None = None
    scores: ModelScores | None = field(default=None, metadata=one(ModelScores))
    r_pbpk_config: RPbpkConfig | None = field(default=None, metadata=one(RPbpkConfig))
    docker_config: DockerConfig | None = field(default=None, metadata=one(DockerConfig))
    created_at: datetime | None = field(default=None, metadata=moment())
    updated_at: datetime | None = field(default=None, metadata=moment())


@dataclass(kw_only=True, repr=False)
class ModelSummary(Document):
    """A model, as it stands in a page."""

    id: int
    name: str
    visibility: ModelVisibility = field(metadata=word(ModelVisibility))
    description: str | None = None
    creator: User | None = field(default=None, metadata=one(User))
    type: ModelType = field(metadata=word(ModelType))
    dependent_features_length: int | None = None
    independent_features_length: int | None = None
    shared_with_organizations: list[OrganizationSummary] | None = field(
        default=None, metadata=each(OrganizationSummary)
    )
    created_at: datetime | None = field(default=None, metadata=moment())
    updated_at: datetime | None = field(default=None, metadata=moment())


@dataclass(kw_only=True, repr=False)
class GetModels200Response(Document):
    """A page of models.

    Attributes:
        content: the models on it.
        total_elements: how many there are on all pages.
        page_number: which page this is, from 0.
    """

    content: list[ModelSummary] | None = field(default=None, metadata=each(ModelSummary))
    total_elements: int | None = None
    total_pages: int | None = None
    page_size: int | None = None
    page_number: int | None = None


@dataclass(kw_only=True, repr=False)
class Dataset(Document):
    """Rows, and what was predicted of them.

    Attributes:
        input: the rows; a server shows a hundred at most.
        result: a dictionary for each row, once ``status`` is ``SUCCESS``.
        status: ``CREATED``, ``EXECUTING``, ``SUCCESS`` or ``FAILURE``.
        failure_reason: why it has failed.
    """

    id: int | None = None
    name: str | None = None
    type: DatasetType = field(metadata=word(DatasetType))
    entry_type: str
    input: list[Any]
    result: list[Any] | None = None
    result_types: dict[str, Any] | None = None
    status: str | None = None
    failure_reason: str | None = None
    user_id: str | None = None
    model_id: int | None = None
    model_name: str | None = None
    executed_at: datetime | None = field(default=None, metadata=moment())
    execution_finished_at: datetime | None = field(default=None, metadata=moment())
    created_at: datetime | None = field(default=None, metadata=moment())
    updated_at: datetime | None = field(default=None, metadata=moment())

    def to_dict(self) -> dict[str, Any]:
        """As with all documents; ``resultTypes`` is there also where it is None, as with the generated class."""
        found = super().to_dict()
        found.setdefault("resultTypes", None)
        return found
