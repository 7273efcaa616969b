"""What a batch goes through: columns, preprocessor, domain, model, and back to values that people mean.

    table -> design matrix -> [preprocessor] -> Z -> model -> undone transforms -> results
                                               \\-> domain of applicability

A row that fails at one of these steps is taken out there, with the reason, and the rest goes on without it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trivet.models import folders
from trivet.models.description import ModelDescription, Task
from trivet.models.domain import DomainInvalid, Method, Verdicts, majority, opened
from trivet.models.fitting import misfits
from trivet.models.graphs import Graph, GraphFailed, GraphInvalid, Maps, Port, Runs
from trivet.models.matrix import Columns, Design
from trivet.models.problems import ModelInvalid
from trivet.models.results import Probabilities, Results
from trivet.models.tables import Table
from trivet.models.transforms import Chain, TransformInvalid

__all__ = ["Pipeline"]

Values = npt.NDArray[Any]
Flags = npt.NDArray[np.bool_]

_MOST_CULPRITS = 32
"""Rows that a graph may refuse to be run on before the whole batch is given up."""


class _Refused(Exception):
    """A graph can't be run on a batch; some of its rows may be the cause."""


class Pipeline:
    """The opened parts of a model, in the order in which a batch meets them.

    Attributes:
        description: What the model is.
        design: The columns that the first graph is fed with.
        preprocessor: The graph before the model's own, or None.
        graph: The model's own graph.
        methods: Its domain of applicability.
        chain: What is undone of what it gives.
        runs: The runs of graphs that are under way.

    Args:
        description: The model, with the data of its domains.
        graph: Its graph.
        preprocessor: The graph before it.

    Raises:
        ModelInvalid: Parts can't be used, or don't fit each other; names every problem.
    """

    def __init__(self, description: ModelDescription, graph: Graph, preprocessor: Graph | None) -> None:
        self.description = description
        self.graph = graph
        self.preprocessor = preprocessor
        self.design = Design(description)
        self.runs = Runs()
        problems: list[str] = []
        methods: list[Method] = []
        for place, domain in enumerate(description.domains):
            try:
                methods.append(opened(domain.method, domain.data))
            except DomainInvalid as error:
                problems.append(f"doas[{place}]: {error}")
        self.methods = tuple(methods) if not problems else ()
        self.chain = Chain(())
        try:
            self.chain = Chain.opened([(item.name, item.config) for item in description.transforms])
        except TransformInvalid as error:
            problems.append(f"preprocessors: {error}")
        problems += misfits(description, self.design, graph, preprocessor, self.methods)
        if problems:
            raise ModelInvalid(problems)
        self._keys = tuple(feature.key for feature in description.dependent)
        self._tensors = description.type != "SKLEARN_ONNX"
        self._classifies = description.task is not Task.REGRESSION and not self._tensors

    @classmethod
    def open(cls, folder: Path, description: ModelDescription, threads: int) -> Pipeline:
        """Opens the graphs of a folder.

        Args:
            folder: Where they are.
            description: The model, with the data of its domains.
            threads: How many threads a run may use.

        Raises:
            ModelInvalid: As the constructor does, and where a graph can't be opened.
        """
        paths = (folder / folders.MODEL, folder / folders.PREPROCESSOR)
        if not paths[0].is_file():
            raise ModelInvalid([f"{folders.MODEL}: is missing"])
        problems: list[str] = []
        graphs: list[Graph | None] = []
        for path in paths:
            try:
                graphs.append(Graph.open(path, threads=threads) if path.is_file() else None)
            except GraphInvalid as error:
                problems.append(str(error))
        if problems or graphs[0] is None:
            raise ModelInvalid(problems)
        return cls(description, graphs[0], graphs[1])

    def run(self, table: Table, go_on: Callable[[], None], owner: object = None) -> Results:
        """Predicts a table in one run of each graph.

        Args:
            table: Checked rows.
            go_on: Called between the steps; may raise to end the prediction.
            owner: Whose runs of graphs these are (`Runs`).

        Raises:
            ModelInvalid: What a graph gives is not what the description says.
        """
        try:
            return self._run(table, go_on, owner)
        except _Refused as refusal:
            culprits = self._culprits(table, go_on, owner, refusal)
        try:
            return self._run(replace(table, problems={**table.problems, **culprits}), go_on, owner)
        except _Refused as refusal:
            raise ModelInvalid(
                [f"{refusal}; yet it runs on these rows one by one, so export it with an open batch dimension"]
            ) from None

    def _culprits(self, table: Table, go_on: Callable[[], None], owner: object, refusal: _Refused) -> dict[int, str]:
        """Which rows a graph refuses to be run on: such as those with a text that an encoder has never seen."""
        found: dict[int, str] = {}
        suspects = [[row for row in range(table.size) if row not in table.problems]]
        while suspects:
            rows = suspects.pop()
            if len(found) >= _MOST_CULPRITS:
                raise ModelInvalid([str(refusal)])
            try:
                if rows:
                    columns = {key: [values[row] for row in rows] for key, values in table.columns.items()}
                    self._run(Table(len(rows), columns), go_on, owner)
            except _Refused as error:
                if len(rows) == 1:
                    found[rows[0]] = str(error)
                else:
                    suspects += [rows[len(rows) // 2 :], rows[: len(rows) // 2]]
        return found

    def _run(self, table: Table, go_on: Callable[[], None], owner: object) -> Results:
        go_on()
        errors = dict(table.problems)
        rows = np.array([row for row in range(table.size) if row not in errors], dtype=np.int64) if errors else None
        columns = self.design.columns(table, rows, go_on)
        batch = _Batch(np.arange(table.size) if rows is None else rows, errors)
        results = Results(self._keys, table.size, table.start, errors, table.labels, [[] for _ in self._keys])
        first = self.preprocessor or self.graph
        feeds = _feeds(first, columns)
        domain_rows = self._bare_rows(feeds, columns) if self.methods and self.preprocessor is None else None
        alive = batch.without(columns.problems)
        if not batch.size:
            return results
        if alive is not None:
            feeds = {name: values[alive] for name, values in feeds.items()}
            domain_rows = None if domain_rows is None else domain_rows[alive]
        go_on()
        if self.preprocessor is not None:
            domain_rows = self._preprocessed(feeds, batch, go_on, owner)
            if not batch.size:
                return results
            go_on()
            port = self.graph.inputs[0]
            feeds = {port.name: domain_rows.astype(port.dtype, copy=False)}
        verdicts = [] if domain_rows is None else [method.assess(domain_rows) for method in self.methods]
        outputs = self._outputs(self.graph, feeds, batch, go_on, owner)
        go_on()
        return self._said(results, outputs, verdicts, batch)

    # -- steps ----------------------------------------------------------------------------------------------------------

    def _bare_rows(self, feeds: Mapping[str, Values], columns: Columns) -> Values:
        """What the domain is about where there is no preprocessor: the columns as the model reads them."""
        if len(feeds) == 1:
            (values,) = feeds.values()
            return values if values.ndim == 2 else values[:, None]
        return columns.matrix(Port("", "tensor(double)", (None, None)))

    def _preprocessed(
        self, feeds: Mapping[str, Values], batch: _Batch, go_on: Callable[[], None], owner: object
    ) -> Values:
        assert self.preprocessor is not None
        values = self._outputs(self.preprocessor, feeds, batch, go_on, owner)[0]
        if isinstance(values, list) or values.ndim != 2 or values.dtype.kind not in "biuf":
            raise ModelInvalid(
                [f"{folders.PREPROCESSOR}: its first output must be a table of numbers, one row per row"]
            )
        finite = np.isfinite(values).all(axis=1)
        if not finite.all():
            alive = batch.without(
                {
                    int(
                        row
                    ): f"the preprocessor gives no finite number for this row (column {int(np.argmin(np.isfinite(values[row])))})"
                    for row in np.flatnonzero(~finite)
                }
            )
            values = values[alive]
        return values

    def _outputs(
        self, graph: Graph, feeds: Mapping[str, Values], batch: _Batch, go_on: Callable[[], None], owner: object
    ) -> list[Values | Maps]:
        name = folders.MODEL if graph is self.graph else folders.PREPROCESSOR
        with self.runs.options(owner) as options:
            try:
                outputs = graph.run(feeds, options)
            except GraphFailed as error:
                go_on()  # it may have been ended
                raise _Refused(f"{name} can't be run on this: {error}") from None
        for place, output in enumerate(outputs[:2] if graph is self.graph else outputs[:1]):
            count = len(output) if isinstance(output, list) or output.ndim else 0
            if count != batch.size:
                raise ModelInvalid([f"{name}: output {place} has {count} rows for {batch.size}; each row needs one"])
        return outputs

    def _said(
        self, results: Results, outputs: Sequence[Values | Maps], verdicts: Sequence[Verdicts], batch: _Batch
    ) -> Results:
        """Results from what the model gave."""
        values, bad = self._predicted(outputs[0])
        chances = _probabilities(outputs[1], self.chain.classes) if self._classifies and len(outputs) > 1 else None
        problems = {int(row): "the model gives no finite number for this row" for row in np.flatnonzero(bad)}
        if chances is not None:
            for row in np.flatnonzero(~np.isfinite(chances.values).all(axis=1)):
                problems.setdefault(int(row), "the model gives no finite probabilities for this row")
        alive = batch.without(problems)
        if alive is not None:
            values = values[alive]
            chances = None if chances is None else replace(chances, values=chances.values[alive])
            verdicts = [_only(verdict, alive) for verdict in verdicts]
        if self._tensors:
            listed = values.reshape(len(values), -1).tolist() if values.ndim < 3 else values.tolist()
            columns = [listed] * len(self._keys)
        else:
            columns = [values[:, place].tolist() for place in range(len(self._keys))]
        return replace(
            results,
            values=columns,
            probabilities=chances,
            verdicts=verdicts,
            majority=majority(verdicts) if verdicts else (),
        )

    def _predicted(self, output: Values | Maps) -> tuple[Values, Flags]:
        """The predicted values, one row each, and which rows hold one that is no number."""
        if isinstance(output, list):
            raise ModelInvalid([f"{folders.MODEL}: its first output must be a tensor: the predicted values"])
        values = output[:, None] if output.ndim == 1 else output
        if not self._tensors and (values.ndim != 2 or values.shape[1] != len(self._keys)):
            given = values.shape[1] if values.ndim == 2 else "x".join(map(str, values.shape[1:]))
            raise ModelInvalid(
                [f"{folders.MODEL} gives {given} values per row, and there are {len(self._keys)} dependentFeatures"]
            )
        try:
            values = self.chain.undo(values)
        except TransformInvalid as error:
            raise ModelInvalid([f"preprocessors: {error}"]) from None
        flat = values.reshape(len(values), -1)
        if values.dtype.kind == "O":
            return values, np.array([None in row for row in flat.tolist()])
        finite = np.isfinite(flat).all(axis=1) if values.dtype.kind == "f" else np.ones(len(values), dtype=bool)
        return values, np.asarray(~finite)


class _Batch:
    """Which rows are still in the run, by their positions in the table, and why the others aren't."""

    def __init__(self, places: Values, errors: dict[int, str]) -> None:
        self._places = places
        self._errors = errors

    @property
    def size(self) -> int:
        return len(self._places)

    def without(self, problems: Mapping[int, str]) -> Flags | None:
        """Takes rows out, by their positions among those that are left.

        Returns:
            Which of them stay; None for all.
        """
        if not problems:
            return None
        alive = np.ones(self.size, dtype=bool)
        for row, problem in problems.items():
            alive[row] = False
            self._errors[int(self._places[row])] = problem
        self._places = self._places[alive]
        return alive


def _feeds(graph: Graph, columns: Columns) -> dict[str, Values]:
    if len(graph.inputs) == 1:
        return {graph.inputs[0].name: columns.matrix(graph.inputs[0])}
    return {port.name: columns.column(port) for port in graph.inputs}


def _only(verdict: Verdicts, alive: Flags) -> Verdicts:
    figures = {key: figure if isinstance(figure, float) else figure[alive] for key, figure in verdict.figures.items()}
    return replace(verdict, figures=figures, inside=verdict.inside[alive], known=verdict.known[alive])


def _probabilities(output: Values | Maps, classes: Sequence[str] | None) -> Probabilities | None:
    """Probabilities from a map per row, or from a tensor whose columns are the classes by number."""
    if isinstance(output, list):
        labels: list[Any] = list(output[0]) if output and isinstance(output[0], dict) else []
        if not labels:
            return None
        values = np.array([[item[label] for label in labels] for item in output], dtype=np.float64)
    elif output.dtype.kind == "f" and output.ndim <= 2:
        values = output.reshape(len(output), -1).astype(np.float64)
        labels = list(range(values.shape[1]))
    else:
        return None
    names = [
        classes[label] if classes and isinstance(label, int) and 0 <= label < len(classes) else str(label)
        for label in labels
    ]
    return Probabilities(tuple(names), _rounded(values))


def _rounded(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Rounds to three decimals as Python does: what lies half-way, or as good as, is decided digit by digit."""
    scaled = values * 1000
    rounded = np.asarray(np.rint(scaled) / 1000)
    for place in np.argwhere(np.abs(np.abs(scaled - np.floor(scaled)) - 0.5) < 1e-6):
        where = tuple(place)
        rounded[where] = round(float(values[where]), 3)
    return rounded + 0.0  # no zero is negative
