"""Small models, trained and converted once per session: folders as `trivet deploy` takes them."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC

CATEGORIES = ("CAT_1", "CAT_2", "CAT_3")


def feature(key: str, type: str = "FLOAT", **more: Any) -> dict[str, Any]:
    return {"key": key, "name": key, "featureType": type, **more}


def category(key: str, values: Sequence[str] = CATEGORIES) -> dict[str, Any]:
    return feature(key, "CATEGORICAL", possibleValues=[{"value": value, "description": value} for value in values])


def document(
    independent: Sequence[Any], dependent: Sequence[Any] = (), task: str = "REGRESSION", **more: Any
) -> dict[str, Any]:
    return {
        "name": "a model",
        "type": "SKLEARN_ONNX",
        "task": task,
        "visibility": "PRIVATE",
        "libraries": [],
        "independentFeatures": [item if isinstance(item, dict) else feature(item) for item in independent],
        "dependentFeatures": [item if isinstance(item, dict) else feature(item) for item in dependent or ("y",)],
        **more,
    }


def put(folder: Path, said: Mapping[str, Any], model: bytes, preprocessor: bytes | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.json").write_text(json.dumps(said))
    (folder / "model.onnx").write_bytes(model)
    if preprocessor is not None:
        (folder / "preprocessor.onnx").write_bytes(preprocessor)
    return folder


@cache
def training(width: int = 3) -> np.ndarray:
    return np.random.default_rng(7).normal(size=(120, width))


@cache
def line(width: int = 3) -> bytes:
    """y = 1·x0 + 2·x1 + … + 0.5"""
    rows = training(width)
    fitted = LinearRegression().fit(rows, rows @ np.arange(1, width + 1) + 0.5)
    return bytes(to_onnx(fitted, initial_types=[("input", DoubleTensorType([None, width]))]).SerializeToString())


@cache
def two_lines() -> bytes:
    rows = training()
    fitted = LinearRegression().fit(rows, np.column_stack([rows.sum(axis=1), rows[:, 0] - 1]))
    return bytes(to_onnx(fitted, initial_types=[("numbers", FloatTensorType([None, 3]))]).SerializeToString())


@cache
def forest(classes: tuple[Any, ...] = (0, 1)) -> bytes:
    rows = training()
    labels = np.array(classes)[np.digitize(rows[:, 0], np.linspace(-0.5, 0.5, len(classes) - 1))]
    fitted = RandomForestClassifier(12, max_depth=4, random_state=0).fit(rows, labels)
    return bytes(to_onnx(fitted, initial_types=[("input", FloatTensorType([None, 3]))]).SerializeToString())


@cache
def machine() -> bytes:
    rows = training()
    fitted = SVC(random_state=0).fit(rows, (rows[:, 0] > 0).astype(int))
    with warnings.catch_warnings():  # the converter looks at attributes that scikit-learn is about to drop
        warnings.simplefilter("ignore", FutureWarning)
        return bytes(to_onnx(fitted, initial_types=[("input", FloatTensorType([None, 3]))]).SerializeToString())


@cache
def encoded() -> tuple[bytes, bytes]:
    """A preprocessor with one input per column (X1, X2, Cat_col), and a logistic regression behind it."""
    import pandas as pd

    numbers = training(2)
    frame = pd.DataFrame(
        {
            "X1": numbers[:, 0],
            "X2": numbers[:, 1],
            "Cat_col": np.array(CATEGORIES, dtype=object)[np.arange(len(numbers)) % 3],
        }
    )
    before = ColumnTransformer(
        [("scale", StandardScaler(), ["X1", "X2"]), ("encode", OneHotEncoder(sparse_output=False), ["Cat_col"])]
    ).fit(frame)
    after = make_pipeline(LogisticRegression()).fit(before.transform(frame), (frame["X1"] > 0).astype(int))
    inputs = [
        ("X1", DoubleTensorType([None, 1])),
        ("X2", DoubleTensorType([None, 1])),
        ("Cat_col", StringTensorType([None, 1])),
    ]
    return (
        bytes(to_onnx(before, initial_types=inputs).SerializeToString()),
        bytes(to_onnx(after, initial_types=[("input", FloatTensorType([None, 5]))]).SerializeToString()),
    )


@cache
def whole() -> bytes:
    """A pipeline as one graph with one input per column (a, b), y = 10·a + b."""
    import pandas as pd

    numbers = training(2)
    frame = pd.DataFrame({"a": numbers[:, 0], "b": numbers[:, 1]})
    fitted = make_pipeline(ColumnTransformer([("scale", StandardScaler(), ["a", "b"])]), LinearRegression())
    fitted.fit(frame, 10 * numbers[:, 0] + numbers[:, 1])
    inputs = [("b", DoubleTensorType([None, 1])), ("a", DoubleTensorType([None, 1]))]
    return bytes(to_onnx(fitted, initial_types=inputs).SerializeToString())


def drawn(
    nodes: Sequence[Any],
    *,
    width: int | None = 2,
    rows: int | str = "N",
    gives: Sequence[Any] = ("N", 1),
    initializers: Sequence[Any] = (),
    kind: int = TensorProto.DOUBLE,
    domains: Sequence[str] = (),
    result: int | None = None,
) -> bytes:
    """A graph made by hand: `input` to `y`."""
    graph = helper.make_graph(
        list(nodes),
        "drawn",
        [helper.make_tensor_value_info("input", kind, [rows, width])],
        [helper.make_tensor_value_info("y", kind if result is None else result, list(gives))],
        list(initializers),
    )
    opsets = [helper.make_opsetid("", 17), *(helper.make_opsetid(domain, 1) for domain in domains)]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())


def summing(**more: Any) -> bytes:
    """y = the sum of a row."""
    axes = helper.make_tensor("axes", TensorProto.INT64, [1], [1])
    return drawn([helper.make_node("ReduceSum", ["input", "axes"], ["y"], keepdims=1)], initializers=[axes], **more)
