"""Predicting: from checked rows to result rows, one run of the model per batch.

Online and offline, a worker and a notebook predict with this one class. Rows that can't be predicted are taken out before the
graphs are run, and come back in their places with the reason. Nothing is predicted from a value that was made up.

NumPy, ONNX Runtime and RDKit are imported when a model is opened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trivet.models import folders
from trivet.models.description import ModelDescription, Task
from trivet.models.problems import ModelInvalid
from trivet.models.results import Probabilities, Results
from trivet.models.rows import check
from trivet.models.tables import CsvTable, Table

if TYPE_CHECKING:
    import numpy.typing as npt

    from trivet.models.domain import Method
    from trivet.models.graphs import Graph, Port
    from trivet.models.matrix import Columns

    Values = npt.NDArray[Any]

__all__ = ["AllRowsFailed", "MissingPackage", "Predictor", "Stopped"]

CHUNK = 8192
"""Rows that are predicted at once: enough for the graphs to be busy, few enough for memory to stay flat."""

Stop = Callable[[], bool]


class AllRowsFailed(ValueError):
    """No row could be predicted; the message says why."""


class MissingPackage(ImportError):
    """A package that this model needs isn't installed; the message says how to get it."""


class Stopped(Exception):
    """The caller's `stop` said so."""


class Predictor:
    """An opened model. May be used from several threads at once.

    Attributes:
        description: What the model is, with the data of its domains.
        design: The columns that its first graph is fed with.
        graph: The model's own graph.
        preprocessor: The graph before it, or None.
    """

    def __init__(self, description: ModelDescription, graph: Graph, preprocessor: Graph | None) -> None:
        from trivet.models.domain import DomainInvalid, opened
        from trivet.models.graphs import Runs
        from trivet.models.matrix import Design
        from trivet.models.transforms import Chain, TransformInvalid

        self.description = description
        self.graph = graph
        self.preprocessor = preprocessor
        self.design = Design(description)
        problems: list[str] = []
        methods: list[Method] = []
        for place, domain in enumerate(description.domains):
            try:
                methods.append(opened(domain.method, domain.data))
            except DomainInvalid as error:
                problems.append(f"doas[{place}]: {error}")
        try:
            self._chain = Chain.opened([(item.name, item.config) for item in description.transforms])
        except TransformInvalid as error:
            problems.append(f"preprocessors: {error}")
        problems += _misfits(self)
        if problems:
            raise ModelInvalid(problems)
        self.methods = tuple(methods)
        self._keys = tuple(feature.key for feature in description.dependent)
        self._classifies = description.task is not Task.REGRESSION and description.type == "SKLEARN_ONNX"
        self._runs = Runs()

    @classmethod
    def open(cls, folder: Path, *, threads: int | None = None) -> Predictor:
        """Opens a model.

        Args:
            folder: A model folder in its plain form (`bundle.normalise`). Nothing in it is changed.
            threads: How many threads one run of a graph may use. None is one: who has many models in a process wants the
                calling thread alone to work.

        Raises:
            ModelInvalid: The folder is no model, or a part of it can't be used; names every problem.
            MissingPackage: NumPy, ONNX Runtime or RDKit isn't installed.
        """
        description = folders.read(folder)
        _require(description)
        from trivet.models.graphs import Graph, GraphInvalid

        path = folder / folders.PREPROCESSOR
        try:
            preprocessor = Graph.open(path, threads=threads or 1) if path.is_file() else None
            graph = Graph.open(folder / folders.MODEL, threads=threads or 1)
        except GraphInvalid as error:
            raise ModelInvalid([str(error)]) from None
        except FileNotFoundError:
            raise ModelInvalid([f"{folders.MODEL}: is missing"]) from None
        return cls(description, graph, preprocessor)

    def predict(self, table: Table, *, stop: Stop | None = None) -> Results:
        """Predicts checked rows, in one run of the model.

        Args:
            table: What `rows.check` or `CsvTable.chunks` gave.
            stop: Asked before each step whether to go on; true ends the prediction. See `terminate` for a step that is under way.

        Raises:
            AllRowsFailed: No row could be predicted.
            Stopped: `stop` said so.
            ModelInvalid: The graphs don't fit the description; a model that was checked doesn't raise this.
        """
        results = self._results(table, stop)
        if results.errors and len(results.errors) == results.size:
            raise AllRowsFailed(_reasons(results.errors.values()))
        return results

    def predict_rows(self, rows: object, *, stop: Stop | None = None) -> Any:
        """Checks rows and predicts them.

        Args:
            rows: A list of objects of feature keys, which gives a list of result rows; or one object, which gives one.
            stop: As in `predict`.

        Raises:
            RowsInvalid: Names rows, keys and values that the model can't read.
            AllRowsFailed: No row could be predicted.
            Stopped: `stop` said so.
        """
        if isinstance(rows, Mapping):
            return self.predict_rows([rows], stop=stop)[0]
        table = check(self.description, rows)
        if table.size <= CHUNK:
            return self.predict(table, stop=stop).rows()
        pieces = [self._results(piece, stop) for piece in _pieces(table, CHUNK)]
        _refuse_total_failure(pieces)
        return [row for piece in pieces for row in piece.rows()]

    def predict_csv(
        self, data: bytes, chunk: int = CHUNK, limit: int | None = None, *, stop: Stop | None = None
    ) -> Iterator[bytes]:
        """Predicts a CSV file, piece by piece, in memory that doesn't grow with it.

        Args:
            data: The file.
            chunk: Rows that are predicted at once.
            limit: The most rows allowed; None for no limit.
            stop: As in `predict`.

        Returns:
            Pieces of one JSON array of result rows. They are a result only once all have come: a file may turn out to be
            invalid at its end.

        Raises:
            RowsInvalid: The file can't be read; names lines, columns and values. A broken header is told at once.
            AllRowsFailed: No row could be predicted; told behind the last row.
            Stopped: `stop` said so.
        """
        table = CsvTable(data, self.description, limit=limit)
        return self._csv_pieces(table.chunks(chunk), stop)

    def terminate(self, stop: Stop) -> None:
        """Ends runs of the graphs that are under way; to be called from another thread, after `stop` has become true.

        Args:
            stop: The very object that the prediction was begun with.
        """
        self._runs.terminate(stop)

    def _csv_pieces(self, tables: Iterator[Table], stop: Stop | None) -> Iterator[bytes]:
        opening = b"["
        reasons: list[str] = []
        failed = total = 0
        for table in tables:
            results = self._results(table, stop)
            total += results.size
            failed += len(results.errors)
            if failed == total:
                reasons += list(results.errors.values())[: 3 - len(reasons)]
            if results.size:
                yield opening + results.json_items()
                opening = b","
        if total and failed == total:
            raise AllRowsFailed(_reasons(reasons, total))
        yield b"[]" if opening == b"[" else b"]"

    # -- one batch ------------------------------------------------------------------------------------------------------

    def _results(self, table: Table, stop: Stop | None) -> Results:
        import numpy as np

        def go_on() -> None:
            if stop is not None and stop():
                raise Stopped("the prediction was stopped")

        go_on()
        errors = dict(table.problems)
        rows = np.array([row for row in range(table.size) if row not in errors]) if errors else None
        columns = self.design.columns(table, rows, go_on)
        places = np.arange(table.size) if rows is None else rows
        batch = _Batch(self, columns, go_on, stop)
        values: Sequence[Sequence[Any]] = [[] for _ in self._keys]
        if len(places):
            batch.run()
            errors.update((int(places[row]), problem) for row, problem in batch.problems.items())
            values = batch.values()
        return Results(
            keys=self._keys,
            size=table.size,
            start=table.start,
            errors=errors,
            labels=table.labels,
            values=values,
            probabilities=batch.probabilities(),
            verdicts=batch.verdicts,
            majority=batch.majority,
        )
