"""The design matrix: the columns that a model's first graph is fed with, made from a table of checked rows.

Columns are the features that are no molecules, in order, then what each featurizer makes of each molecule. Where the
description selects columns, the matrix has those, in that order. Values are cast to the type that the graph takes; a value
that doesn't survive the cast costs its own row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from trivet.models.description import ModelDescription
from trivet.models.features import Feature, FeatureType
from trivet.models.graphs import Port
from trivet.models.problems import ModelInvalid, shown
from trivet.models.tables import Table

__all__ = ["Columns", "Design"]

Values = npt.NDArray[Any]

_UNFED = frozenset({FeatureType.STRING_ARRAY, FeatureType.IMAGE})
"""What no graph can be fed with here."""

_KINDS: Mapping[FeatureType, type] = {
    FeatureType.FLOAT: np.float64,
    FeatureType.INTEGER: np.int64,
    FeatureType.BOOLEAN: np.bool_,
}
"""What a feature's column is in NumPy; texts and all else are objects."""


@dataclass(frozen=True, slots=True)
class _Molecules:
    """What is computed from one column of molecules: featurizers with the places of their columns, and where those go."""

    key: str
    wanted: tuple[tuple[Any, tuple[int, ...]], ...]
    targets: tuple[int, ...]


class Design:
    """Which columns a model has, and where each comes from.

    Attributes:
        names: The columns, in the order in which a graph with one input reads them.
        resolved: For each featurizer of the description, all columns that it has.

    Args:
        description: The model.

    Raises:
        ModelInvalid: Names columns that are selected and that there are not, or features that can't be fed.
    """

    def __init__(self, description: ModelDescription) -> None:
        self._array = _only_array(description)
        plain = [feature for feature in description.independent if feature.type is not FeatureType.SMILES]
        sources: list[tuple[str, Feature | tuple[str, int, str]]] = [(feature.key, feature) for feature in plain]
        featurizers, self.resolved = _featurizers(description)
        for feature in description.independent:
            if feature.type is FeatureType.SMILES:
                for number, names in enumerate(self.resolved):
                    sources += [(name, (feature.key, number, name)) for name in names]
        chosen = _selected(description.selected, sources)
        self.names = tuple(name for name, _ in chosen)
        self._plain = [(place, source) for place, (_, source) in enumerate(chosen) if isinstance(source, Feature)]
        self._molecules = _plans(description, featurizers, chosen)

    @property
    def width(self) -> int | None:
        """How many columns there are; None where the only feature is an array, which may have any length."""
        return None if self._array else len(self.names)

    def columns(self, table: Table, rows: Values | None, go_on: Callable[[], None]) -> Columns:
        """Makes the columns of a table.

        Args:
            table: Checked rows.
            rows: Which of them, by position; None for all.
            go_on: Called now and then; may raise to end the computation.
        """
        problems: dict[int, str] = {}
        plain = {place: (feature, _taken(table, feature, rows)) for place, feature in self._plain}
        blocks: list[tuple[tuple[int, ...], Values]] = []
        if self._molecules:
            from trivet.models import featurizers

            for plan in self._molecules:
                texts = table.columns[plan.key]
                molecules, unread = featurizers.read_molecules(texts if rows is None else [texts[row] for row in rows])
                block, uncomputed = featurizers.compute(plan.wanted, molecules, go_on)
                blocks.append((plan.targets, block))
                problems = {**uncomputed, **unread, **problems}
        size = table.size if rows is None else len(rows)
        return Columns(size, self.names, plain, blocks, problems, array=self._array)


@dataclass(slots=True)
class Columns:
    """The columns of some rows, before they are cast to what a graph takes.

    Attributes:
        size: How many rows there are.
        names: The columns, in order.
        problems: Why a row has no values, by position among these rows. Its values are zeros.
    """

    size: int
    names: tuple[str, ...]
    _plain: Mapping[int, tuple[Feature, Values]]
    _blocks: Sequence[tuple[tuple[int, ...], Values]]
    problems: dict[int, str]
    array: bool = False

    def matrix(self, port: Port) -> Values:
        """All columns as one array of the type that an input takes.

        Args:
            port: The input.
        """
        dtype = np.dtype(port.dtype)
        if self.array:
            return self._arrays(port, dtype)
        matrix = np.empty((self.size, len(self.names)), dtype)
        for place, (feature, values) in self._plain.items():
            matrix[:, place] = self._cast(values, dtype, (feature.key,))
        for targets, block in self._blocks:
            matrix[:, targets] = self._cast(block, dtype, [self.names[target] for target in targets])
        return matrix[:, 0] if len(port.shape) == 1 and matrix.shape[1] == 1 else matrix

    def column(self, port: Port) -> Values:
        """One column of the type that an input takes, by the input's name.

        Args:
            port: The input; one of `names` is its name.
        """
        place = self.names.index(port.name)
        dtype = np.dtype(port.dtype)
        if place in self._plain:
            values = self._cast(self._plain[place][1], dtype, (port.name,))
        else:
            targets, block = next((targets, block) for targets, block in self._blocks if place in targets)
            values = self._cast(block[:, targets.index(place)], dtype, (port.name,))
        return values if len(port.shape) == 1 else values[:, None]

    def _arrays(self, port: Port, dtype: np.dtype[Any]) -> Values:
        """The only column, whose values are lists: one row per list."""
        (feature, values), *_ = self._plain.values()
        width = port.width or max((len(value) for value in values), default=0)
        matrix = np.zeros((self.size, width), np.float64)
        for row, value in enumerate(values):
            if len(value) == width:
                matrix[row] = value
            else:
                self.problems.setdefault(row, f"{feature.key} has {len(value)} values; the model reads {width}")
        return self._cast(matrix, dtype, [feature.key] * width)

    def _cast(self, values: Values, dtype: np.dtype[Any], names: Sequence[str]) -> Values:
        """Casts a column, or several, and notes rows with values that don't survive it."""
        if values.dtype == dtype:
            return values
        if dtype.kind == "O":
            return values.astype(str).astype(object)
        if values.dtype.kind == "O":
            values = self._numbers(values, names[0])
        with np.errstate(over="ignore", invalid="ignore"):
            cast = values.astype(dtype)
            if dtype.kind == "f":
                bad = ~np.isfinite(cast)
            elif dtype.kind in "iu":
                bad = cast.astype(np.float64) != values
            else:
                bad = np.zeros(1, bool)
        if bad.any():
            for row, *column in np.argwhere(bad):
                value, name = values[(row, *column)], names[column[0]] if column else names[0]
                self.problems.setdefault(
                    int(row), f"{name}: {value.item()!r} is not a value of {dtype}, which the model reads"
                )
            cast[bad] = 0
        return cast

    def _numbers(self, values: Values, name: str) -> Values:
        """A column of texts as numbers: categories may be called `0` and `1`."""
        numbers = np.zeros(len(values))
        for row, value in enumerate(values):
            try:
                numbers[row] = float(value)
            except (TypeError, ValueError):
                self.problems.setdefault(
                    row, f"{name}: {shown(value)} is not a number, and the model reads numbers only"
                )
        return numbers


def _only_array(description: ModelDescription) -> bool:
    """Whether the model reads one array per row, and nothing else."""
    problems = [
        f"independentFeatures: {feature.key} is {feature.type}, which no graph can be fed with here; "
        "give the model numbers, truths, categories or molecules"
        for feature in description.independent
        if feature.type in _UNFED
    ]
    arrays = [feature for feature in description.independent if feature.type is FeatureType.FLOAT_ARRAY]
    if arrays and len(description.independent) > 1:
        problems.append(f"independentFeatures: {arrays[0].key} is FLOAT_ARRAY, and must be the only feature then")
    if problems:
        raise ModelInvalid(problems)
    return bool(arrays)


def _featurizers(description: ModelDescription) -> tuple[list[Any], tuple[tuple[str, ...], ...]]:
    """The opened featurizers, and all columns of each: those that were fixed when the model was checked."""
    if not description.featurizers:
        return [], ()
    from trivet.models import featurizers

    try:
        opened = [featurizers.opened(item.name, item.config) for item in description.featurizers]
    except featurizers.FeaturizerInvalid as error:
        raise ModelInvalid([f"featurizers: {error}"]) from None
    columns = [item.columns or found.names for item, found in zip(description.featurizers, opened, strict=True)]
    return opened, tuple(columns)


def _selected(selected: Sequence[str], sources: Sequence[tuple[str, Any]]) -> Sequence[tuple[str, Any]]:
    if not selected:
        return sources
    index: dict[str, Any] = {}
    twice: set[str] = set()
    for name, source in sources:
        if name in index:
            twice.add(name)
        index[name] = source
    problems = [
        f"selectedFeatures: there is no column {name}; columns are the features that are no molecules, "
        "and what the featurizers compute"
        for name in selected
        if name not in index
    ]
    problems += [f"selectedFeatures: {name} is the name of several columns" for name in selected if name in twice]
    if problems:
        raise ModelInvalid(problems)
    return [(name, index[name]) for name in selected]


def _plans(
    description: ModelDescription, featurizers: Sequence[Any], chosen: Sequence[tuple[str, Any]]
) -> list[_Molecules]:
    """What is computed from each column of molecules. Every such column is read, also where nothing is computed from it."""
    from_featurizer: dict[tuple[str, int], list[tuple[int, str]]] = {}
    for place, (_, source) in enumerate(chosen):
        if isinstance(source, tuple):
            key, number, name = source
            from_featurizer.setdefault((key, number), []).append((place, name))
    plans = []
    for feature in description.independent:
        if feature.type is not FeatureType.SMILES:
            continue
        wanted: list[tuple[Any, tuple[int, ...]]] = []
        targets: list[int] = []
        for number, featurizer in enumerate(featurizers):
            columns = from_featurizer.get((feature.key, number))
            if columns:
                wanted.append((featurizer, _places(description, number, featurizer, [name for _, name in columns])))
                targets += [place for place, _ in columns]
        plans.append(_Molecules(feature.key, tuple(wanted), tuple(targets)))
    return plans


def _places(description: ModelDescription, number: int, featurizer: Any, names: Sequence[str]) -> tuple[int, ...]:
    from trivet.models.featurizers import FeaturizerInvalid, places

    try:
        return places(featurizer, description.featurizers[number].name, names)
    except FeaturizerInvalid as error:
        raise ModelInvalid([f"featurizers[{number}]: {error}"]) from None


def _taken(table: Table, feature: Feature, rows: Values | None) -> Values:
    """A feature's values in some rows, as an array."""
    values: Any = table.columns[feature.key]  # a list, or an array where the table came from a file
    kind = _KINDS.get(feature.type, object)
    if isinstance(values, np.ndarray):
        return (values if rows is None else values[rows]).astype(kind, copy=False)
    if rows is not None:
        values = [values[row] for row in rows]
    if kind is object:
        array = np.empty(len(values), object)
        array[:] = values
        return array
    return np.asarray(values, dtype=kind)
