"""Predicting: from checked rows to result rows, one run of the model per batch.

Online and offline, a worker and a notebook predict with this one class. Rows that can't be predicted are taken out before the
graphs are run, and come back in their places with the reason. Nothing is predicted from a value that was made up.

NumPy, ONNX Runtime and RDKit are imported when a model is opened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trivet.models import folders
from trivet.models.description import ModelDescription
from trivet.models.problems import ModelInvalid
from trivet.models.rows import check
from trivet.models.tables import CsvTable, Table

if TYPE_CHECKING:
    from trivet.models.pipeline import Pipeline
    from trivet.models.results import Results

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
        pipeline: What a batch goes through.
    """

    def __init__(self, description: ModelDescription, pipeline: Pipeline) -> None:
        self.description = description
        self.pipeline = pipeline

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
        document = folders.load_document(folder)
        if document.get("rawModel") or document.get("rawPreprocessor"):
            raise ModelInvalid(
                [f"{folders.DESCRIPTION}: has graphs inside; bring the folder into its plain form first"]
            )
        description = folders.read(folder)
        _require(description)
        from trivet.models.pipeline import Pipeline

        return cls(description, Pipeline.open(folder, description, threads or 1))

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
        results = self.results(table, stop)
        _refuse_total_failure([results])
        return results

    def results(self, table: Table, stop: Stop | None = None) -> Results:
        """Predicts checked rows as `predict` does; that no row could be predicted is told by the errors alone.

        Args:
            table: As in `predict`.
            stop: As in `predict`.
        """

        def go_on() -> None:
            if stop is not None and stop():
                raise Stopped("the prediction was stopped")

        return self.pipeline.run(table, go_on, stop)

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
        return [row for piece in self._in_pieces(rows, stop) for row in piece.rows()]

    def predict_json(self, rows: object, *, stop: Stop | None = None) -> bytes:
        """Predicts as `predict_rows` does, and gives the results as JSON text: an object for an object, else an array.

        Args:
            rows: As in `predict_rows`.
            stop: As in `predict`.

        Raises:
            RowsInvalid, AllRowsFailed, Stopped: As in `predict_rows`.
        """
        if isinstance(rows, Mapping):
            return self._in_pieces([rows], stop)[0].json_items()
        return b"[" + b",".join(piece.json_items() for piece in self._in_pieces(rows, stop)) + b"]"

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

    @property
    def single_precision(self) -> bool:
        """Whether a graph computes with 32-bit numbers."""
        graphs = [self.pipeline.graph, *([self.pipeline.preprocessor] if self.pipeline.preprocessor else [])]
        return any(
            "float)" in port.type or "float16" in port.type
            for graph in graphs
            for port in (*graph.inputs, *graph.outputs)
        )

    def terminate(self, stop: Stop) -> None:
        """Ends runs of the graphs that are under way; to be called from another thread, after `stop` has become true.

        Args:
            stop: The very object that the prediction was begun with.
        """
        self.pipeline.runs.terminate(stop)

    def _in_pieces(self, rows: object, stop: Stop | None) -> list[Results]:
        """Predicts rows, so many at a time that the matrix between the steps stays small however many there are."""
        pieces = [self.results(piece, stop) for piece in _pieces(check(self.description, rows), CHUNK)]
        _refuse_total_failure(pieces)
        return pieces

    def _csv_pieces(self, tables: Iterator[Table], stop: Stop | None) -> Iterator[bytes]:
        opening = b"["
        reasons: list[str] = []
        failed = total = 0
        for table in tables:
            results = self.results(table, stop)
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


def _require(description: ModelDescription) -> None:
    """Sees that everything is installed that the model needs."""
    for package, extra in (("numpy", "onnx"), ("onnxruntime", "onnx"), ("rdkit", "chem")):
        if extra == "chem" and not description.needs_chemistry:
            continue
        try:
            import_module(package)
        except ImportError as error:
            why = "" if isinstance(error, ModuleNotFoundError) else f" ({error})"
            raise MissingPackage(f'{description.name} needs {package}{why}: pip install "trivet[{extra}]"') from None


def _refuse_total_failure(pieces: Sequence[Results]) -> None:
    errors = [error for piece in pieces for _, error in sorted(piece.errors.items())]
    if errors and len(errors) == sum(piece.size for piece in pieces):
        raise AllRowsFailed(_reasons(errors, len(errors)))


def _pieces(table: Table, size: int) -> Iterator[Table]:
    """A large table in pieces that share no rows."""
    if table.size <= size:
        yield table
        return
    for start in range(0, table.size, size):
        stop = min(start + size, table.size)
        yield Table(
            size=stop - start,
            columns={key: values[start:stop] for key, values in table.columns.items()},
            labels=None if table.labels is None else table.labels[start:stop],
            problems={row - start: problem for row, problem in table.problems.items() if start <= row < stop},
            start=table.start + start,
        )


def _reasons(problems: Iterable[str], rows: int) -> str:
    """Why nothing could be predicted, in one sentence: what is wrong with the first rows."""
    first = list(islice(dict.fromkeys(problems), 3))
    return f"none of the {rows:,} rows could be predicted: {'; '.join(first)}" if rows > 1 else first[0]
