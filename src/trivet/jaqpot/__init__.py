"""Jaqpot's Python SDK without its dependencies: models on a server, asked from Python.

In place of ``jaqpot-python-sdk``, with nothing but the import changed::

    from trivet.jaqpot import JaqpotApiClient

    client = JaqpotApiClient()
    client.predict_sync(model_id=1886, dataset=[{"SMILES": "CC", "X1": 1, "X2": 2, "Cat_col": "CAT_1"}])

It speaks Jaqpot's wire, so it works with Jaqpot's own service and with a Trivet, where it need not poll. Each name is imported
when it is first used.
"""

from __future__ import annotations

TYPE_CHECKING = False  # type checkers know this name; importing it from `typing` would cost more than this whole module
if TYPE_CHECKING:
    from trivet.jaqpot import exceptions as exceptions  # modules are attributes, too, if none of the names in __all__
    from trivet.jaqpot import models as models
    from trivet.jaqpot import types as types
    from trivet.jaqpot._async.client import AsyncJaqpotApiClient
    from trivet.jaqpot._sync.client import JaqpotApiClient
    from trivet.jaqpot.enums import DatasetType, FeatureType, ModelTask, ModelType, ModelVisibility
    from trivet.jaqpot.exceptions import (
        ApiException,
        BadRequestException,
        ForbiddenException,
        JaqpotApiException,
        JaqpotPredictionFailureException,
        JaqpotPredictionTimeoutException,
        NotFoundException,
        ServiceException,
        UnauthorizedException,
    )
    from trivet.jaqpot.models import Dataset, Feature, Model
    from trivet.jaqpot.types import ModelSummary, PredictionResult, SearchResult

__all__ = [
    "ApiException",
    "AsyncJaqpotApiClient",
    "BadRequestException",
    "Dataset",
    "DatasetType",
    "Feature",
    "FeatureType",
    "ForbiddenException",
    "JaqpotApiClient",
    "JaqpotApiException",
    "JaqpotPredictionFailureException",
    "JaqpotPredictionTimeoutException",
    "Model",
    "ModelSummary",
    "ModelTask",
    "ModelType",
    "ModelVisibility",
    "NotFoundException",
    "PredictionResult",
    "SearchResult",
    "ServiceException",
    "UnauthorizedException",
]

_HOMES = {
    "AsyncJaqpotApiClient": "_async.client",
    "Dataset": "models",
    "DatasetType": "enums",
    "Feature": "models",
    "FeatureType": "enums",
    "JaqpotApiClient": "_sync.client",
    "Model": "models",
    "ModelSummary": "types",
    "ModelTask": "enums",
    "ModelType": "enums",
    "ModelVisibility": "enums",
    "PredictionResult": "types",
    "SearchResult": "types",
}
"""Where a name lives; all others live in `exceptions`."""
_MODULES = ("exceptions", "models", "types")
"""What can be reached as an attribute without an import of its own, as in the original."""


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_HOMES.get(name, 'exceptions')}"), name)
    globals()[name] = value  # the next access does not come here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})
