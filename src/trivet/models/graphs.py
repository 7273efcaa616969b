"""One ONNX graph, opened for predicting: what goes in, what comes out, and how it is run.

A graph is opened so that a process can hold many: with a bounded number of threads that sleep when there is nothing to do,
and without memory that is kept from batch to batch. Nothing outside the file is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from trivet.models.onnxfiles import OnnxInvalid, inspect

__all__ = ["Graph", "GraphFailed", "GraphInvalid", "Port", "Runs"]

Values = npt.NDArray[Any]
Maps = list[dict[Any, float]]

_DTYPES: Mapping[str, type] = {
    "float": np.float32,
    "double": np.float64,
    "float16": np.float16,
    "int8": np.int8,
    "int16": np.int16,
    "int32": np.int32,
    "int64": np.int64,
    "uint8": np.uint8,
    "uint16": np.uint16,
    "uint32": np.uint32,
    "uint64": np.uint64,
    "bool": np.bool_,
    "string": np.object_,
}

_STANDARD = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})
"""The operator sets that ONNX Runtime brings along for a processor."""

_FILES = frozenset({"EPContext"})
"""Operators that read files of their own."""


class GraphInvalid(ValueError):
    """A file that can't be opened as a graph, or a graph that can't be fed with rows; the message says why."""


class GraphFailed(RuntimeError):
    """A run failed: the graph and the values it was given don't fit. The message has ONNX Runtime's reason."""


@dataclass(frozen=True, slots=True)
class Port:
    """One input or output of a graph.

    Attributes:
        name: Its name in the graph.
        type: Its type in ONNX's words, such as ``tensor(float)``.
        shape: Its dimensions; None where one is open, empty where nothing is said.
    """

    name: str
    type: str
    shape: tuple[int | None, ...]

    @property
    def dtype(self) -> npt.DTypeLike | None:
        """NumPy's word for the type; None if it is no tensor of a type that rows can be."""
        found = re.fullmatch(r"tensor\((\w+)\)", self.type)
        return _DTYPES.get(found[1]) if found else None

    @property
    def width(self) -> int | None:
        """How many values a row has; None if the graph doesn't say."""
        return self.shape[1] if len(self.shape) == 2 else 1 if len(self.shape) == 1 else None


@dataclass(slots=True)
class Runs:
    """The runs that are under way, so that they can be ended from another thread."""

    _open: list[tuple[object, Any]] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    @contextmanager
    def options(self, owner: object) -> Iterator[Any]:
        """The options of one run, known as its owner's while it lasts.

        Args:
            owner: Whose run it is; compared by identity.
        """
        options = onnxruntime.RunOptions()
        options.log_severity_level = 4
        noted = (owner, options)
        with self._lock:
            self._open.append(noted)
        try:
            yield options
        finally:
            with self._lock:
                self._open = [other for other in self._open if other is not noted]

    def terminate(self, owner: object) -> None:
        """Ends the runs of an owner: they fail at their next operator.

        Args:
            owner: As in `options`.
        """
        with self._lock:
            for whose, options in self._open:
                if whose is owner:
                    options.terminate = True


class Graph:
    """An opened graph. May be run from several threads at once.

    Attributes:
        inputs: What it is fed with.
        outputs: What it gives.
        single: Whether it takes one row at a time only, as its batch dimension is fixed to one. It is run row by row then.
    """

    def __init__(self, session: Any, name: str) -> None:
        self._session = session
        self.inputs = tuple(_port(port) for port in session.get_inputs())
        self.outputs = tuple(_port(port) for port in session.get_outputs())
        self.single = _rows_at_once(self.inputs, name) == 1

    @classmethod
    def open(cls, path: Path, *, threads: int = 1) -> Graph:
        """Opens a graph.

        Args:
            path: The ONNX file.
            threads: How many threads one run may use.

        Raises:
            GraphInvalid: It is no ONNX file, refers to other files, needs operators that aren't there, or takes no rows.
        """
        name = path.name
        data = path.read_bytes()
        try:
            contents = inspect(data)
        except OnnxInvalid as error:
            raise GraphInvalid(f"{name} can't be opened: {error}") from None
        if contents.external:
            raise GraphInvalid(
                f"{name} keeps tensors in other files ({', '.join(contents.external[:3])}); save the model as one file, "
                "without external data"
            )
        unknown = sorted(f"{domain}.{operator}" for domain, operator in contents.operators if domain not in _STANDARD)
        if unknown and not contents.functions:
            raise GraphInvalid(f"{name} needs custom operators, and none can be loaded: {', '.join(unknown[:5])}")
        reading = sorted(operator for _, operator in contents.operators if operator in _FILES)
        if reading:
            raise GraphInvalid(f"{name} reads other files ({', '.join(reading)}); export it without them")
        return cls(_session(data, name, threads), name)

    def run(self, feeds: Mapping[str, Values], options: Any) -> list[Values | Maps]:
        """Runs the graph once on a batch.

        Args:
            feeds: One array per input, of its type; the first dimension counts rows.
            options: The run's options (`Runs.options`).

        Returns:
            One array or list of maps per output.

        Raises:
            GraphFailed: The graph can't be run on this.
        """
        try:
            if self.single:
                return self._one_by_one(feeds, options)
            results: list[Values | Maps] = self._session.run(None, dict(feeds), options)
        except Exception as error:  # noqa: BLE001  onnxruntime's errors have no common base but this
            raise GraphFailed(_reason(error)) from None
        return results

    def _one_by_one(self, feeds: Mapping[str, Values], options: Any) -> list[Values | Maps]:
        count = len(next(iter(feeds.values())))
        runs = [
            self._session.run(None, {name: values[row : row + 1] for name, values in feeds.items()}, options)
            for row in range(count)
        ]
        return [_joined([run[place] for run in runs]) for place in range(len(self.outputs))]


def _joined(parts: Sequence[Any]) -> Values | Maps:
    if isinstance(parts[0], list):
        return [item for part in parts for item in part]
    return np.concatenate([np.atleast_1d(part) for part in parts])


def _session(data: bytes, name: str, threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.enable_cpu_mem_arena = False  # an arena keeps what the largest batch took, for each model
    options.enable_mem_pattern = False  # a plan of memory is kept for each size of a batch
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry(
        "session.load_model_format", "ONNX"
    )  # what was looked at, and no other reading of it
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001  onnxruntime's errors have no common base but this
        raise GraphInvalid(f"{name} can't be opened: {_reason(error)}") from None


def _port(port: Any) -> Port:
    return Port(port.name, port.type, tuple(size if isinstance(size, int) else None for size in port.shape or ()))


def _rows_at_once(inputs: Sequence[Port], name: str) -> int | None:
    """How many rows a graph takes at once: None for any number, else 1."""
    if not inputs:
        raise GraphInvalid(f"{name} has no input: it can't depend on a row")
    for port in inputs:
        if port.dtype is None:
            raise GraphInvalid(
                f"{name} takes {port.type} at its input {port.name}; only tensors of numbers, truths and strings can be fed"
            )
    fixed = {port.shape[0] for port in inputs if port.shape} - {None}
    if not fixed:
        return None
    if fixed == {1}:
        return 1
    sizes = ", ".join(str(size) for size in sorted(size for size in fixed if size is not None))
    raise GraphInvalid(f"{name} takes exactly {sizes} rows at once; export it with an open batch dimension")


def _reason(error: Exception) -> str:
    """ONNX Runtime's own words, without its codes and the places in its source."""
    if "bad_alloc" in str(error) or isinstance(error, MemoryError):
        return "it asks for more memory than there is"
    text = re.sub(r"\[ONNXRuntimeError\] : \d+ : \w+ : ", "", str(error))
    text = re.sub(r"\S*\.(?:cc|h):\d+ \S+ ?", "", text)
    return " ".join(text.split())[:500] or type(error).__name__
