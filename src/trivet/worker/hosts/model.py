"""Models: ONNX graphs with a description. They run no code of their author's, so many of them may share a process."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from trivet.authoring.batching import Batching
from trivet.authoring.outputs import JSON_TYPE
from trivet.authoring.reporting import current
from trivet.protocol import shares
from trivet.worker.attempt import Attempt
from trivet.worker.failures import Relayed
from trivet.worker.interrupts import Interrupted

if TYPE_CHECKING:
    from trivet.models.predictor import Predictor

_CSV_TYPES = frozenset({"text/csv", "application/octet-stream"})
"""What a CSV file may be called. As plain bytes nobody on the way looks at its encoding, which the file itself tells."""
_MOST_THREADS = 4
"""Threads that one run may use where a model has a process of its own."""


def open_host(folder: str, handler: str) -> ModelHost:
    """Makes a model ready to be opened.

    Args:
        folder: the folder with its files.
        handler: the file with its description.
    """
    # Beside others a run has one thread: what runs at the same time are the predictions.
    is_shared = os.environ.get("TRIVET_HOST") == shares.HOST
    return ModelHost(Path(folder, handler).parent, 1 if is_shared else min(_MOST_THREADS, os.cpu_count() or 1))


class ModelHost:
    """Predicts: a row gives a row, a list of rows or a CSV file gives a list.

    Args:
        folder: the folder with the model's files.
        threads: how many threads one run of a graph may use.
    """

    kind = "sync"
    batching: Batching | None = None

    def __init__(self, folder: Path, threads: int) -> None:
        self._folder = folder
        self._threads = threads
        self._predictor: Predictor | None = None
        self._stops: dict[object, Callable[[], bool]] = {}
        """By attempt: what the predictor asks whether it is to go on."""

    def setup(self) -> None:
        """Opens the graphs.

        Raises:
            ModelInvalid: they can't be opened.
            MissingPackage: something is not installed.
        """
        from trivet.models.predictor import Predictor

        self._predictor = Predictor.open(self._folder, threads=self._threads)

    def teardown(self) -> None:
        """Lets go of the graphs, and of the memory that they take."""
        self._predictor = None

    def bind(self, body: bytes, content_type: str) -> tuple[list[Any], dict[str, Any]]:
        """As `Host.bind`: rows as they came out of JSON, or the bytes of a CSV file in an encoding that tells itself.

        Raises:
            Relayed: it is neither.
        """
        media_type, _, parameters = content_type.partition(";")
        if media_type.strip().lower() in _CSV_TYPES:
            return [_recoded(body, parameters)], {}
        try:
            return [json.loads(body, parse_constant=_no_constant)], {}
        except (ValueError, RecursionError) as error:
            raise _invalid(f"The input is neither JSON nor text/csv: {error}.") from None

    def handler(self, rows: Any) -> bytes:
        """Predicts.

        Args:
            rows: a row, a list of rows, or the bytes of a CSV file.

        Returns:
            The result rows as JSON: one object for one row, else an array.

        Raises:
            Relayed: the rows don't fit the model, or the graph can't be run on them.
            Interrupted: the attempt was to stop.
        """
        from trivet.models.graphs import GraphFailed
        from trivet.models.predictor import AllRowsFailed
        from trivet.models.problems import ModelInvalid, RowsInvalid

        work = current()

        def stops() -> bool:
            return isinstance(work, Attempt) and work.reason is not None

        self._stops[work] = stops  # the very object by which its runs are known
        try:
            return self._predict(rows, stops)
        except Exception as error:
            if stops():
                raise Interrupted from None  # a graph that was ended fails in words of its own
            if isinstance(error, (RowsInvalid, AllRowsFailed)):
                raise _invalid(str(error), type(error).__name__) from None
            if isinstance(error, (GraphFailed, ModelInvalid)):
                raise Relayed(str(error), type(error).__name__) from None
            raise
        finally:
            del self._stops[work]

    def _predict(self, rows: Any, stops: Callable[[], bool]) -> bytes:
        predictor = self._predictor
        assert predictor is not None  # it was set up
        if isinstance(rows, bytes):
            return b"".join(predictor.predict_csv(rows, stop=stops))
        return predictor.predict_json(rows, stop=stops)

    def encode(self, value: object) -> tuple[str, bytes]:
        """As `Host.encode`: results are JSON already."""
        assert isinstance(value, bytes)
        return JSON_TYPE, value

    def interrupt(self, attempt: Attempt) -> None:
        """Ends the runs of a graph that an attempt has begun. From any thread."""
        predictor, stops = self._predictor, self._stops.get(attempt)
        if predictor is not None and stops is not None:
            predictor.terminate(stops)


def _recoded(data: bytes, parameters: str) -> bytes:
    """A CSV file in UTF-8 where its content type says that it is in something else."""
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset" and (charset := value.strip().strip('"')):
            try:
                return data.decode(charset).encode()
            except (LookupError, UnicodeError) as error:
                raise _invalid(f"The CSV file is not in {charset!r}, as its content type says: {error}.") from None
    return data


def _invalid(message: str, kind: str = "RowsInvalid") -> Relayed:
    return Relayed(message, kind, code="invalid_input")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
