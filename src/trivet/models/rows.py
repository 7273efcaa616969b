"""Rows checked against a model's features, before anything is predicted."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import Any, Final

from trivet.models import cells
from trivet.models.columns import match
from trivet.models.description import ModelDescription
from trivet.models.features import ROW_LABEL, Feature, FeatureType
from trivet.models.problems import MOST_NAMED, RowsInvalid, shown
from trivet.models.tables import Table

__all__ = ["RowsInvalid", "check"]

_NUMBERS: Final = frozenset({int, float})


def check(description: ModelDescription, rows: object, *, limit: int | None = None) -> Table:
    """Checks rows against a model's features and makes columns of them.

    A row is an object of feature keys; a key in another case and the feature's display name do as well, where the key itself is
    not there. Other keys are ignored. Numbers may be texts, a whole number may be `2.0`, a category may be called by its
    description. A molecule's text is only looked at for being empty, which costs its own row and no other.

    Args:
        description: The model.
        rows: A list of rows, as it came out of JSON.
        limit: The most rows allowed; None for no limit.

    Returns:
        A table of Python values, in the order of the rows.

    Raises:
        RowsInvalid: Names up to twenty problems with row, key and value, the first rows first.
    """
    if isinstance(rows, str | bytes) or not isinstance(rows, Sequence):
        raise RowsInvalid([f"input must be a list of rows, not {shown(rows)}"])
    if not rows:
        raise RowsInvalid(["input has 0 rows"])
    if limit is not None and len(rows) > limit:
        raise RowsInvalid([f"input has {len(rows)} rows, the limit is {limit}"])
    others = [place for place, row in enumerate(rows) if not isinstance(row, Mapping)]
    if others:
        raise RowsInvalid(f"input[{place}] must be an object of feature keys" for place in others[: MOST_NAMED + 1])
    return _Checking(description, rows).table()


class _Checking:
    def __init__(self, description: ModelDescription, rows: Sequence[Mapping[str, Any]]) -> None:
        self._features = description.independent
        self._rows = rows
        self._wrong: list[tuple[int, int, str]] = []  # row, feature, sentence
        self._row_problems: dict[int, str] = {}

    def table(self) -> Table:
        columns = {feature.key: self._column(place, feature) for place, feature in enumerate(self._features)}
        labels = self._labels()
        if self._wrong:
            raise RowsInvalid(sentence for _, _, sentence in sorted(self._wrong)[: MOST_NAMED + 1])
        return Table(size=len(self._rows), columns=columns, labels=labels, problems=self._row_problems)

    def _column(self, place: int, feature: Feature) -> Sequence[Any]:
        key = feature.key
        values = [row.get(key) for row in self._rows]
        kinds = set(map(type, values))
        if type(None) in kinds:
            values = [row.get(alias.get(key, key)) for row, alias in zip(self._rows, self._aliases, strict=True)]
            kinds = set(map(type, values))
        column = _QUICK[feature.type](values, kinds) if feature.type in _QUICK else None
        return self._cell_by_cell(place, feature, values) if column is None else column

    @cached_property
    def _aliases(self) -> list[dict[str, str]]:
        """For each row, which of its keys stands for which feature; rows with the same keys are asked once."""
        known: dict[tuple[str, ...], dict[str, str]] = {}
        aliases = []
        for row in self._rows:
            names = tuple(map(str, row))
            found = known.get(names)
            if found is None:
                found = known[names] = {key: names[at] for key, at in match(names, self._features).found.items()}
            aliases.append(found)
        return aliases

    def _cell_by_cell(self, place: int, feature: Feature, values: Sequence[Any]) -> list[Any]:
        read = cells.reader(feature)
        column: list[Any] = []
        problems: list[tuple[int, int, str]] = []
        for position, value in enumerate(values):
            if value is None:
                problems.append((position, place, f"input[{position}]: missing {feature.key} ({feature.type})"))
                column.append(None)
                continue
            try:
                column.append(read(value))
            except cells.Unfit as reason:
                problems.append((position, place, f"input[{position}].{feature.key}: {shown(value)} {reason}"))
                column.append(None)
                continue
            if feature.type is FeatureType.SMILES and not column[-1]:
                self._row_problems.setdefault(position, cells.empty_molecule(feature))
        self._wrong += islice(problems, MOST_NAMED + 1)
        return column

    def _labels(self) -> list[str | None] | None:
        if not any(ROW_LABEL in row for row in self._rows):
            return None
        labels: list[str | None] = []
        for position, row in enumerate(self._rows):
            label = row.get(ROW_LABEL)
            if label is not None and not isinstance(label, str | int | float):
                sentence = f"input[{position}].{ROW_LABEL}: {shown(label)} is not text"
                self._wrong.append((position, len(self._features), sentence))
            labels.append(label if label is None or isinstance(label, str) else shown(label))
        return labels


def _quick_real(values: list[Any], kinds: set[type]) -> list[float] | None:
    if not kinds <= _NUMBERS and (kinds != {str} or "_" in "".join(values)):  # Python reads `1_000`, nobody else does
        return None
    try:
        column = list(map(float, values))
    except (OverflowError, ValueError):
        return None
    return (
        column if math.isfinite(sum(column)) else None
    )  # a sum too large sends good values the slow way, and no harm done


def _quick_integer(values: list[Any], kinds: set[type]) -> list[int] | None:
    if kinds != {int} or min(values) < cells.INT64_LEAST or max(values) > cells.INT64_MOST:
        return None
    return values


def _quick_boolean(values: list[Any], kinds: set[type]) -> list[bool] | None:
    return values if kinds == {bool} else None


def _quick_string(values: list[Any], kinds: set[type]) -> list[str] | None:
    return values if kinds == {str} else None


def _quick_smiles(values: list[Any], kinds: set[type]) -> list[str] | None:
    if kinds != {str}:
        return None
    column = list(map(str.strip, values))
    return column if all(column) else None


_QUICK: Final[Mapping[FeatureType, Callable[[list[Any], set[type]], list[Any] | None]]] = {
    FeatureType.FLOAT: _quick_real,
    FeatureType.INTEGER: _quick_integer,
    FeatureType.BOOLEAN: _quick_boolean,
    FeatureType.STRING: _quick_string,
    FeatureType.TEXT: _quick_string,
    FeatureType.SMILES: _quick_smiles,
}
"""Whole columns of the plain type, at C's speed; None sends a column the slow way, which finds what is wrong."""
