"""Shapes of the dictionaries that the client returns."""

from __future__ import annotations

from typing import Any, TypedDict

__all__ = ["ModelSummary", "PredictionResult", "SearchResult"]


class ModelSummary(TypedDict, total=False):
    """What `JaqpotApiClient.get_model_summary` returns.

    Attributes:
        name: what the model is called.
        modelId: its number.
        description: what it is for.
        type: its kind, a `ModelType`.
        independentFeatures: what a row has to have; `Feature` objects.
        dependentFeatures: what is predicted; `Feature` objects.
    """

    name: str | None
    modelId: int | None
    description: str | None
    type: Any | None
    independentFeatures: list[Any] | None
    dependentFeatures: list[Any] | None


class SearchResult(TypedDict, total=False):
    """What `JaqpotApiClient.search_models` returns: a page of what was found.

    Attributes:
        content: summaries of models, as dictionaries.
        totalElements: how many models were found.
        totalPages: how many pages they fill.
        pageSize: how many are on a page.
        pageNumber: which page this is, from 0.
    """

    content: list[dict[str, Any]] | None
    totalElements: int | None
    totalPages: int | None
    pageSize: int | None
    pageNumber: int | None


class PredictionResult(TypedDict, total=False):
    """A prediction and how it went.

    Attributes:
        predictions: a dictionary for each row.
        status: how it went.
        message: what was said about it.
    """

    predictions: list[dict[str, Any]] | None
    status: str | None
    message: str | None
