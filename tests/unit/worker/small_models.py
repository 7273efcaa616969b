"""Model folders with graphs of a few nodes: one that doubles, and one that is at work for as long as a row says."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

FACTOR = 2.0


def graph(factor: float = FACTOR) -> ModelProto:
    """y = factor · x."""
    weights = numpy_helper.from_array(np.array([[factor]], np.float32), "w")
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    return _model(nodes, [weights])


def slow_graph() -> ModelProto:
    """y = x, after as many turns of a loop as the first row says."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["on"], ["on_out"]),
            helper.make_node("Add", ["sum", "one"], ["sum_out"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("sum", TensorProto.FLOAT, [1]),
        ],
        [
            helper.make_tensor_value_info("on_out", TensorProto.BOOL, []),
            helper.make_tensor_value_info("sum_out", TensorProto.FLOAT, [1]),
        ],
    )
    constants = [
        numpy_helper.from_array(np.array([1.0], np.float32), "one"),
        numpy_helper.from_array(np.array([0.0], np.float32), "zero"),
        numpy_helper.from_array(np.array(True), "yes"),
        numpy_helper.from_array(np.array([0, 0], np.int64), "first"),
        numpy_helper.from_array(np.array([1, 1], np.int64), "second"),
        numpy_helper.from_array(np.array([], np.int64), "scalar"),
    ]
    nodes = [
        helper.make_node("Slice", ["x", "first", "second"], ["corner"]),
        helper.make_node("Cast", ["corner"], ["whole"], to=TensorProto.INT64),
        helper.make_node("Reshape", ["whole", "scalar"], ["turns"]),
        helper.make_node("Loop", ["turns", "yes", "zero"], ["total"], body=body),
        helper.make_node("Mul", ["total", "zero"], ["nothing"]),
        helper.make_node("Add", ["x", "nothing"], ["y"]),
    ]
    return _model(nodes, constants)


def _model(nodes: list[Any], constants: list[TensorProto]) -> ModelProto:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 1])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])
    whole = helper.make_graph(nodes, "small", [x], [y], constants)
    return helper.make_model(whole, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def document(**changes: Any) -> dict[str, Any]:
    """The document of a model of one number."""
    return {
        "name": "Twice as much",
        "type": "SKLEARN_ONNX",
        "task": "REGRESSION",
        "visibility": "PRIVATE",
        "libraries": [],
        "independentFeatures": [{"key": "x", "name": "Dose", "featureType": "FLOAT"}],
        "dependentFeatures": [{"key": "y", "name": "Effect", "featureType": "FLOAT"}],
    } | changes


def write_model(folder: Path, *, model: ModelProto | None = None, inline: bool = False, **changes: Any) -> Path:
    """Writes a model folder; ``inline``: with its graph in the document."""
    folder.mkdir(parents=True, exist_ok=True)
    data = (model or graph()).SerializeToString()
    whole = document(**changes)
    if inline:
        whole["rawModel"] = base64.b64encode(data).decode()
    else:
        (folder / "model.onnx").write_bytes(data)
    (folder / "model.json").write_text(json.dumps(whole))
    return folder
