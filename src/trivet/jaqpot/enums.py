"""Words of the wire, as the generated client below Jaqpot's SDK has them: each is a text, too."""

from __future__ import annotations

from enum import Enum

__all__ = [
    "DatasetResultType",
    "DatasetType",
    "DoaMethod",
    "FeatureType",
    "ModelTask",
    "ModelType",
    "ModelVisibility",
    "OrganizationUserAssociationType",
    "OrganizationVisibility",
]

# Not `StrEnum`: there `str()` gives the word alone, and programs have what these print.


class ModelType(str, Enum):  # noqa: UP042 — see above
    """What a model is made of."""

    SKLEARN_ONNX = "SKLEARN_ONNX"
    TORCH_ONNX = "TORCH_ONNX"
    TORCH_GEOMETRIC_ONNX = "TORCH_GEOMETRIC_ONNX"
    TORCHSCRIPT = "TORCHSCRIPT"
    R_BNLEARN_DISCRETE = "R_BNLEARN_DISCRETE"
    R_CARET = "R_CARET"
    R_GBM = "R_GBM"
    R_NAIVE_BAYES = "R_NAIVE_BAYES"
    R_PBPK = "R_PBPK"
    R_RF = "R_RF"
    R_RPART = "R_RPART"
    R_SVM = "R_SVM"
    R_TREE_CLASS = "R_TREE_CLASS"
    R_TREE_REGR = "R_TREE_REGR"
    DOCKER = "DOCKER"
    OPENAI_LLM = "OPENAI_LLM"
    CUSTOM_LLM = "CUSTOM_LLM"
    QSAR_TOOLBOX_CALCULATOR = "QSAR_TOOLBOX_CALCULATOR"
    QSAR_TOOLBOX_QSAR_MODEL = "QSAR_TOOLBOX_QSAR_MODEL"
    QSAR_TOOLBOX_PROFILER = "QSAR_TOOLBOX_PROFILER"


class ModelTask(str, Enum):  # noqa: UP042 — see above
    """What a model predicts."""

    REGRESSION = "REGRESSION"
    BINARY_CLASSIFICATION = "BINARY_CLASSIFICATION"
    MULTICLASS_CLASSIFICATION = "MULTICLASS_CLASSIFICATION"


class ModelVisibility(str, Enum):  # noqa: UP042 — see above
    """Who sees a model."""

    PUBLIC = "PUBLIC"
    ORG_SHARED = "ORG_SHARED"
    PRIVATE = "PRIVATE"


class FeatureType(str, Enum):  # noqa: UP042 — see above
    """What the values of a feature are."""

    INTEGER = "INTEGER"
    FLOAT = "FLOAT"
    CATEGORICAL = "CATEGORICAL"
    SMILES = "SMILES"
    STRING = "STRING"
    TEXT = "TEXT"
    BOOLEAN = "BOOLEAN"
    FLOAT_ARRAY = "FLOAT_ARRAY"
    STRING_ARRAY = "STRING_ARRAY"
    IMAGE = "IMAGE"


class DatasetType(str, Enum):  # noqa: UP042 — see above
    """What a dataset is for."""

    PREDICTION = "PREDICTION"
    CHAT = "CHAT"


class DatasetResultType(str, Enum):  # noqa: UP042 — see above
    """How a value of a result is written."""

    BASE64 = "BASE64"


class DoaMethod(str, Enum):  # noqa: UP042 — see above
    """How it is told whether a row is in a model's domain of applicability."""

    LEVERAGE = "LEVERAGE"
    BOUNDING_BOX = "BOUNDING_BOX"
    KERNEL_BASED = "KERNEL_BASED"
    MEAN_VAR = "MEAN_VAR"
    MAHALANOBIS = "MAHALANOBIS"
    CITY_BLOCK = "CITY_BLOCK"


class OrganizationVisibility(str, Enum):  # noqa: UP042 — see above
    """Who sees an organization."""

    PUBLIC = "PUBLIC"
    PRIVATE = "PRIVATE"


class OrganizationUserAssociationType(str, Enum):  # noqa: UP042 — see above
    """What somebody is in an organization."""

    ADMIN = "ADMIN"
    MEMBER = "MEMBER"
