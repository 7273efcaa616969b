"""From fitted scikit-learn objects to ONNX graphs: one for what prepares the columns, one for what predicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from trivet.models.description import Transform
from trivet.models.features import FeatureType
from trivet.models.problems import ModelInvalid
from trivet.models.publishing.frames import Frame

INPUT = "input"
"""What the only input of an estimator's graph is called, as Jaqpot's own tools have it."""

_SCALERS: Mapping[str, tuple[str, ...]] = {
    "StandardScaler": ("mean_", "scale_"),
    "MinMaxScaler": ("min_", "scale_"),
    "MaxAbsScaler": ("scale_",),
    "RobustScaler": ("center_", "scale_"),
}
"""Transformers of targets whose inverse a prediction knows, and the attributes that it takes."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A fitted estimator, taken apart.

    Attributes:
        head: what prepares the columns; None where nothing does.
        tail: what predicts from the prepared matrix.
        transforms: how its outputs become the targets, in the order in which they were applied when it was fitted.
    """

    head: Any
    tail: Any
    transforms: tuple[Transform, ...]


def take_apart(estimator: Any) -> Taken:
    """Takes a fitted estimator apart: pipelines into what prepares and what predicts, transformed targets into both.

    Raises:
        ModelInvalid: it is not fitted, or its targets are transformed in a way that no prediction can invert.
    """
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.exceptions import NotFittedError
    from sklearn.pipeline import Pipeline
    from sklearn.utils.validation import check_is_fitted

    try:
        check_is_fitted(estimator)
    except (NotFittedError, TypeError) as error:
        raise ModelInvalid([f"the estimator can't be published: {error}"]) from None
    head: Any = None
    transforms: tuple[Transform, ...] = ()
    if isinstance(estimator, TransformedTargetRegressor):
        transforms = _target_transforms(estimator)
        estimator = estimator.regressor_
    if isinstance(estimator, Pipeline):
        steps = [(name, step) for name, step in estimator.steps[:-1] if step is not None and step != "passthrough"]
        head = Pipeline(steps) if steps else None
        estimator = estimator.steps[-1][1]
    if isinstance(estimator, TransformedTargetRegressor):
        transforms = _target_transforms(estimator)
        estimator = estimator.regressor_
    return Taken(head, estimator, transforms)


def prepared(head: Any, table: Any) -> npt.NDArray[np.float64]:
    """The matrix that an estimator sees, from what its preparation was fitted on."""
    matrix = head.transform(table)
    if hasattr(matrix, "toarray"):
        matrix = matrix.toarray()
    return np.asarray(matrix, dtype=np.float64)


def preparation_graph(head: Any, frame: Frame, expected: npt.NDArray[np.float64]) -> bytes:
    """Converts what prepares the columns.

    Args:
        head: the fitted preparation.
        frame: the training data.
        expected: what it makes of them.

    Returns:
        The graph: one input per column, or one for all where they are all numbers and nothing names them.

    Raises:
        ModelInvalid: there is no converter, or what was converted computes something else.
    """
    if frame.is_numeric and not _names_columns(head):
        graphs = [_convert(head, {INPUT: _tensor(np.float64, len(frame.names))})]
    else:
        graphs = [_renamed(_convert(head, _column_types(frame, exact=exact)), frame) for exact in (True, False)]
    for graph in graphs:
        if graph is not None and _agrees(graph, frame, expected):
            return graph
    problem = (
        "the preparation of the columns computes something else as an ONNX graph than in scikit-learn; "
        "simplify it, or prepare the columns before the estimator sees them"
    )
    raise ModelInvalid([problem])


def estimator_graph(tail: Any, width: int) -> bytes:
    """Converts what predicts.

    Args:
        tail: the fitted estimator.
        width: how many columns it takes.

    Returns:
        The graph: one input, as 64-bit numbers for regressors that are computed with these, else 32-bit ones.

    Raises:
        ModelInvalid: there is no converter for it.
    """
    from sklearn.base import is_classifier

    options = {id(tail): {"zipmap": not _counts_classes(tail)}} if is_classifier(tail) else None
    kinds: list[Any] = [np.float32] if is_classifier(tail) or _is_of_trees(tail) else [np.float64, np.float32]
    for kind in kinds:
        graph = _convert(tail, {INPUT: _tensor(kind, width)}, options)
        if graph is not None and _opens(graph):
            return graph
    raise ModelInvalid([f"{type(tail).__name__} can't be converted to ONNX: no converter, or no runtime, knows it"])


def _target_transforms(estimator: Any) -> tuple[Transform, ...]:
    if (estimator.func, estimator.inverse_func) == (np.log, np.exp):
        return (Transform("LogTransformer", {"info": None}),)
    transformer = estimator.transformer_
    name = type(transformer).__name__
    if name not in _SCALERS:
        known = ", ".join(_SCALERS)
        raise ModelInvalid(
            [f"the targets are transformed by {name}; what can be inverted is: {known}, and np.log by np.exp"]
        )
    return (Transform(name, {each: _plain(getattr(transformer, each)) for each in _SCALERS[name]}),)


def _plain(value: Any) -> Any:
    return None if value is None else np.asarray(value, dtype=np.float64).tolist()


def _names_columns(head: Any) -> bool:
    """Whether some step chooses its columns."""
    from sklearn.compose import ColumnTransformer

    return any(isinstance(step, ColumnTransformer) for _, step in head.steps)


def _counts_classes(tail: Any) -> bool:
    """Whether its classes are 0, 1, 2, …: then the columns of its probabilities need no names."""
    return bool(np.array_equal(tail.classes_, np.arange(len(tail.classes_))))


def _is_of_trees(tail: Any) -> bool:
    return hasattr(tail, "estimators_") or hasattr(tail, "tree_") or hasattr(tail, "_predictors")


def _column_types(frame: Frame, *, exact: bool) -> dict[str, Any]:
    """The type of each column's input. Not ``exact``: whole numbers and truth values come as numbers like all others."""
    from skl2onnx.common.data_types import BooleanTensorType, Int64TensorType, StringTensorType

    exactly = {FeatureType.INTEGER: Int64TensorType, FeatureType.BOOLEAN: BooleanTensorType} if exact else {}
    kinds = {FeatureType.CATEGORICAL: StringTensorType, **exactly}
    return {
        name: kinds[feature.type]([None, 1]) if feature.type in kinds else _tensor(np.float64, 1)
        for name, feature in zip(frame.names, frame.features, strict=True)
    }


def _tensor(kind: Any, width: int) -> Any:
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    return (DoubleTensorType if kind is np.float64 else FloatTensorType)([None, width])


def _convert(model: Any, inputs: Mapping[str, Any], options: Any = None) -> bytes | None:
    """The graph of a fitted object; None where there is no converter for it, or not for these inputs."""
    from skl2onnx import convert_sklearn

    try:
        converted = convert_sklearn(model, "model", initial_types=list(inputs.items()), options=options)
    except Exception:  # noqa: BLE001 - converters raise whatever occurs to them; the caller says what could not be done
        return None
    opsets = sorted(converted.opset_import, key=lambda each: each.domain)  # they come in the order of a set
    del converted.opset_import[:]
    converted.opset_import.extend(opsets)
    return bytes(converted.SerializeToString(deterministic=True))


def _renamed(graph: bytes | None, frame: Frame) -> bytes | None:
    """The graph with inputs that are called as rows call them."""
    import onnx

    if graph is None:
        return None
    model = onnx.load_from_string(graph)
    keys = {name: feature.key for name, feature in zip(frame.names, frame.features, strict=True)}
    for each in model.graph.input:
        each.name = keys.get(each.name, each.name)
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            node.input[place] = keys.get(name, name)
    return bytes(model.SerializeToString())


def _opens(graph: bytes) -> bool:
    import onnxruntime

    try:
        onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    except Exception:  # noqa: BLE001 - the runtime's errors have no common type; another kind of input is tried then
        return False
    return True


def _agrees(graph: bytes, frame: Frame, expected: npt.NDArray[np.float64]) -> bool:
    """Whether a graph makes of the training data what scikit-learn makes of them."""
    import onnxruntime

    kinds = {"tensor(string)": object, "tensor(int64)": np.int64, "tensor(bool)": np.bool_}
    try:
        session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
        inputs = session.get_inputs()
        if len(inputs) == 1 and inputs[0].name == INPUT:
            feed: dict[str, Any] = {INPUT: frame.matrix()}
        else:
            by_key = {f.key: frame.columns[name] for name, f in zip(frame.names, frame.features, strict=True)}
            feed = {
                each.name: by_key[each.name].astype(kinds.get(each.type, np.float64)).reshape(-1, 1) for each in inputs
            }
        (found, *_) = session.run(None, feed)
    except Exception:  # noqa: BLE001 - as above
        return False
    return found.shape == expected.shape and bool(np.allclose(found, expected, rtol=1e-5, atol=1e-6, equal_nan=True))
