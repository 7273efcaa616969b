"""How good a model is: the figures that its description keeps, one block per output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from trivet.models.description import Task

Column = npt.NDArray[Any]


def scores(task: Task, targets: Mapping[str, Column], predicted: Any) -> list[dict[str, Any]]:
    """The figures of one set of rows.

    Args:
        task: what the model does.
        targets: what is true, per output.
        predicted: what the model says: one column per output, in the same order.

    Returns:
        One block per output, in the words of the contract that Jaqpot's clients read.
    """
    columns = np.asarray(predicted).reshape(len(next(iter(targets.values()))), -1)
    return [_block(task, name, values, columns[:, place]) for place, (name, values) in enumerate(targets.items())]


def _block(task: Task, name: str, true: Column, predicted: Column) -> dict[str, Any]:
    if task is Task.REGRESSION:
        return {"regression": _regression(name, true, predicted)}
    kind = "binaryClassification" if task is Task.BINARY_CLASSIFICATION else "multiclassClassification"
    return {kind: _classification(name, true, predicted)}


def _regression(name: str, true: Column, predicted: Column) -> dict[str, Any]:
    from sklearn import metrics

    return {
        "yName": name,
        "r2": _number(metrics.r2_score(true, predicted)) if len(true) > 1 else None,
        "mae": _number(metrics.mean_absolute_error(true, predicted)),
        "rmse": _number(metrics.mean_squared_error(true, predicted) ** 0.5),
    }


def _classification(name: str, true: Column, predicted: Column) -> dict[str, Any]:
    from sklearn import metrics

    labels = sorted({*true.tolist(), *predicted.tolist()})
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        true, predicted, labels=labels, zero_division=0.0
    )
    return {
        "yName": name,
        "labels": [str(label) for label in labels],
        "accuracy": _number(metrics.accuracy_score(true, predicted)),
        "balancedAccuracy": _number(metrics.balanced_accuracy_score(true, predicted)),
        "precision": _numbers(precision),
        "recall": _numbers(recall),
        "f1Score": _numbers(f1),
        "jaccard": _numbers(metrics.jaccard_score(true, predicted, labels=labels, average=None, zero_division=0.0)),
        "matthewsCorrCoef": _number(metrics.matthews_corrcoef(true, predicted)),
        "confusionMatrix": metrics.confusion_matrix(true, predicted, labels=labels).tolist(),
    }


def _number(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


def _numbers(values: Any) -> list[float]:
    return [float(value) for value in np.nan_to_num(values)]
