"""Training data: columns with keys and types, from whatever table an author has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from trivet.models.description import Featurizer
from trivet.models.features import KEY_GRAMMAR, RESERVED_KEYS, Feature, FeatureType, PossibleValue
from trivet.models.problems import ModelInvalid

Column = npt.NDArray[Any]
_NUMBERS = frozenset({FeatureType.INTEGER, FeatureType.FLOAT, FeatureType.BOOLEAN})
_USUAL: Mapping[str, Mapping[str, Any]] = {
    "RDKitDescriptors": {"use_fragment": True, "ipc_avg": True},
    "MACCSKeysFingerprint": {"col_names": None},
    "TopologicalFingerprint": {
        "radius": 2,
        "size": 2048,
        "chiral": False,
        "bonds": True,
        "features": False,
        "col_names": None,
    },
}
"""The settings of featurizers that nobody has set, written out as Jaqpot's own tools expect them."""
_MOST_CATEGORIES = 1000
"""Values that one categorical feature may have."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A table of training data.

    Attributes:
        names: the columns as their author calls them, in order.
        columns: each column's values, one per row.
        features: how rows of the published model name and type them, in the same order.
    """

    names: tuple[str, ...]
    columns: Mapping[str, Column]
    features: tuple[Feature, ...]

    @property
    def size(self) -> int:
        """How many rows there are."""
        return len(next(iter(self.columns.values()))) if self.columns else 0

    @property
    def is_numeric(self) -> bool:
        """Whether every column holds numbers, or truth values."""
        return all(feature.type in _NUMBERS for feature in self.features)

    def matrix(self) -> npt.NDArray[np.float64]:
        """All columns beside each other, as numbers; one row per row."""
        return np.column_stack([self.columns[name].astype(np.float64) for name in self.names])

    def rows(self, count: int) -> list[dict[str, Any]]:
        """The first rows, as callers of the published model write them.

        Args:
            count: how many at most.
        """
        cells = {feature.key: self.columns[name][:count].tolist() for name, feature in self._pairs()}
        return [{key: values[index] for key, values in cells.items()} for index in range(min(count, self.size))]

    def _pairs(self) -> Iterable[tuple[str, Feature]]:
        return zip(self.names, self.features, strict=True)


def read_frame(table: Any, *, smiles: Sequence[str] = ()) -> Frame:
    """Reads training data.

    Args:
        table: a pandas or polars data frame, a mapping of columns, or a 2-dimensional array, whose columns are called
            ``X1``, ``X2``, ….
        smiles: the columns that hold molecules.

    Raises:
        ModelInvalid: a column is missing, holds what no feature can hold, or lacks values.
    """
    columns = _columns(table)
    unknown = [name for name in smiles if name not in columns]
    if unknown:
        raise ModelInvalid([f"X has no column {unknown[0]!r}, which `smiles` names; it has {', '.join(columns)}"])
    lengths = {len(values) for values in columns.values()}
    if len(lengths) != 1 or 0 in lengths:
        raise ModelInvalid(["X has no rows, or columns of different lengths"])
    taken: set[str] = set()
    features = tuple(_feature(name, values, taken, molecule=name in smiles) for name, values in columns.items())
    return Frame(tuple(columns), columns, features)


def read_targets(targets: Any, names: Sequence[str] | None = None) -> dict[str, Column]:
    """Reads what a model was trained to say: one column per output, by name.

    Args:
        targets: a series, a data frame, or an array of one or two dimensions.
        names: what the outputs are called; None takes the table's own names, else ``y``, or ``y1``, ``y2``, ….

    Raises:
        ModelInvalid: there are not as many names as outputs.
    """
    if hasattr(targets, "columns"):
        found = _columns(targets)
    else:
        values = np.asarray(targets)
        own = getattr(targets, "name", None)
        if values.ndim == 1:
            found = {str(own) if own is not None else "y": values}
        else:
            found = {f"y{place}": values[:, place - 1] for place in range(1, values.shape[1] + 1)}
    if names is not None:
        if len(names) != len(found):
            raise ModelInvalid([f"there are {len(found)} outputs, and {len(names)} names for them"])
        found = dict(zip(names, found.values(), strict=True))
    return found


def target_feature(name: str, values: Column, taken: set[str]) -> Feature:
    """How results of the published model name and type one output.

    Args:
        name: as its author calls it.
        values: what it was trained on.
        taken: the keys that others have; its own is added.
    """
    return _feature(name, values, taken, molecule=False)


def design_table(
    table: Any,
    *,
    smiles: str | Sequence[str],
    featurizers: Sequence[str | Featurizer] = ("RDKitDescriptors",),
    select: Sequence[str] = (),
) -> Any:
    """What an estimator over molecules is to be fitted on: measured columns in order, then what is computed of each molecule.

    Args:
        table: as in `read_frame`.
        smiles: the column, or the columns, that hold molecules.
        featurizers: what is computed of them, by name or with a configuration.
        select: the columns to keep, in this order; empty keeps all.

    Returns:
        A data frame of the kind that ``table`` is; for anything else an array, one row per row and one column per column.

    Raises:
        ModelInvalid: a molecule can't be read, a value can't be computed of it, or a column is none.
    """
    molecules = (smiles,) if isinstance(smiles, str) else tuple(smiles)
    columns = design_columns(read_frame(table, smiles=molecules), molecules, resolve(featurizers), select)
    if hasattr(table, "columns"):
        return type(table)(columns)
    return np.column_stack(list(columns.values()))


def resolve(featurizers: Sequence[str | Featurizer]) -> tuple[Featurizer, ...]:
    """Featurizers with their usual configuration written out, where only a name was given."""
    return tuple(Featurizer(each, _USUAL.get(each, {})) if isinstance(each, str) else each for each in featurizers)


def design_columns(
    frame: Frame, smiles: Sequence[str], featurizers: Sequence[Featurizer], select: Sequence[str]
) -> dict[str, Column]:
    """The columns of `design_table`, by the names that graphs know. Of each molecule only what is kept is computed."""
    columns = {
        feature.key: frame.columns[name]
        for name, feature in zip(frame.names, frame.features, strict=True)
        if name not in smiles
    }
    for name in smiles:
        molecules = _molecules(name, frame.columns[name])
        for featurizer in featurizers:
            names, values = _computed(name, molecules, featurizer, select)
            twice = [each for each in names if each in columns]
            if twice:
                raise ModelInvalid([f"{twice[0]} would be there twice; compute it once, of one column of molecules"])
            columns.update((each, values[:, place]) for place, each in enumerate(names))
    missing = [each for each in select if each not in columns]
    if missing:
        raise ModelInvalid([f"`select` names {missing[0]!r}, which is no column that the estimator could see"])
    return {each: columns[each] for each in select} if select else columns


def _molecules(name: str, values: Column) -> list[Any]:
    from trivet.models.featurizers import read_molecules

    molecules, problems = read_molecules([str(value) for value in values])
    if problems:
        row, why = min(problems.items())
        raise ModelInvalid([f"row {row} of {name}: {why}"])
    return list(molecules)


def _computed(
    name: str, molecules: Sequence[Any], featurizer: Featurizer, select: Sequence[str]
) -> tuple[tuple[str, ...], npt.NDArray[np.float64]]:
    """The columns of one featurizer: all of them, or those that ``select`` names."""
    from trivet.models.featurizers import FeaturizerInvalid, opened

    try:
        tool = opened(featurizer.name, featurizer.config)
    except FeaturizerInvalid as error:
        raise ModelInvalid([str(error)]) from None
    places = [place for place, column in enumerate(tool.names) if not select or column in select]
    values = np.empty((len(molecules), len(places)))
    for row, molecule in enumerate(molecules):
        try:
            tool.compute(molecule, places, values[row])
        except ValueError as error:
            raise ModelInvalid([f"row {row} of {name}: {error}"]) from None
    return tuple(tool.names[place] for place in places), values


def _columns(table: Any) -> dict[str, Column]:
    if isinstance(table, Mapping):
        return {str(name): _array(values) for name, values in table.items()}
    if hasattr(table, "columns"):
        return {str(name): np.asarray(table[name]) for name in table.columns}
    values = np.asarray(table)
    if values.ndim != 2:
        raise ModelInvalid([f"X must be a table of rows and columns; this has the shape {values.shape}"])
    return {f"X{place}": values[:, place - 1] for place in range(1, values.shape[1] + 1)}


def _array(values: Any) -> Column:
    """A column as it is: numbers beside texts would all become texts."""
    found = np.asarray(values)
    is_mixed = found.dtype.kind == "U" and not all(isinstance(value, str) for value in values)
    return np.asarray(values, dtype=object) if is_mixed else found


def _feature(name: str, values: Column, taken: set[str], *, molecule: bool) -> Feature:
    key = _key(name, taken)
    if molecule:
        return Feature(key, name, FeatureType.SMILES)
    kind = _type(name, values)
    if kind is FeatureType.CATEGORICAL:
        known = sorted({str(value) for value in values})
        if len(known) > _MOST_CATEGORIES:
            raise ModelInvalid([f"{name} has {len(known)} different values; a category has at most {_MOST_CATEGORIES}"])
        return Feature(key, name, kind, possible_values=tuple(PossibleValue(value, value) for value in known))
    if kind is FeatureType.BOOLEAN:
        return Feature(key, name, kind)
    return Feature(key, name, kind, range=f"{values.min():g} to {values.max():g}")


def _type(name: str, values: Column) -> FeatureType:
    match values.dtype.kind:
        case "b":
            return FeatureType.BOOLEAN
        case "i" | "u":
            return FeatureType.INTEGER
        case "f":
            if not np.isfinite(values).all():
                raise ModelInvalid(
                    [f"{name} lacks values, or holds infinite ones; a row of the model has to have them all"]
                )
            return FeatureType.FLOAT
    kinds = {type(value) for value in values.tolist()}
    if kinds == {bool}:
        return FeatureType.BOOLEAN
    if kinds == {str}:
        return FeatureType.CATEGORICAL
    words = ", ".join(sorted(kind.__name__ for kind in kinds))
    raise ModelInvalid(
        [f"{name} holds {words}; a column holds numbers, truth values or texts, and nothing else beside them"]
    )


def _key(name: str, taken: set[str]) -> str:
    """A key that rows can have, near to the column's name, and that no other column has."""
    key = name
    if KEY_GRAMMAR.fullmatch(name) is None or name in RESERVED_KEYS:
        plain = re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_")[:200]
        key = plain if plain[:1].isalpha() and plain not in RESERVED_KEYS else f"x_{plain}".rstrip("_")
    fresh, number = key, 2
    while fresh in taken:
        fresh, number = f"{key}_{number}", number + 1
    taken.add(fresh)
    return fresh
