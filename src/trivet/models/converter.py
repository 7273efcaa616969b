"""Columns of CSV cells made into columns of values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import ModuleType
from typing import Any, Final

from trivet.models import cells
from trivet.models.features import Feature, FeatureType
from trivet.models.problems import MOST_NAMED, shown

_NUMBERS: Final = (FeatureType.FLOAT, FeatureType.INTEGER)
_TEXTS: Final = (FeatureType.SMILES, FeatureType.STRING, FeatureType.TEXT)


class Converter:
    """Makes values of one file's cells.

    Args:
        decimal_comma: Whether a number that has one comma and no point has a decimal comma.
        underscores: Whether there may be an underscore in any cell; where there is none, numbers are read faster.
    """

    def __init__(self, *, decimal_comma: bool, underscores: bool) -> None:
        self._comma = decimal_comma
        self._underscores = underscores
        self._categories: dict[str, dict[str, str]] = {}
        self._numpy = _numpy()

    def quick(self, feature: Feature, texts: Sequence[str]) -> Sequence[Any] | None:
        """Converts a column at C's speed.

        Args:
            feature: What the column is for.
            texts: The cells.

        Returns:
            The values; None where a cell is empty, wrong, or of a form that only `careful` reads.
        """
        if feature.type in _TEXTS:
            column = list(map(str.strip, texts))
            return column if all(column) else None
        try:
            if feature.type is FeatureType.CATEGORICAL:
                return list(map(self._known(feature).__getitem__, texts))
            if feature.type is FeatureType.BOOLEAN:
                return list(map(cells.TRUTHS.__getitem__, map(str.lower, map(str.strip, texts))))
        except KeyError:
            return None
        if feature.type not in _NUMBERS or (self._underscores and "_" in "".join(texts)):
            return None  # Python reads `1_000` as a number, and nobody else does
        if feature.type is FeatureType.INTEGER:
            whole: Sequence[int] | None = self._integers(texts)
            return whole
        reals: Sequence[float] | None = self._reals(texts)
        return reals

    def careful(self, feature: Feature, texts: Sequence[str]) -> tuple[list[Any], list[tuple[int, str]]]:
        """Converts a column cell by cell.

        Args:
            feature: What the column is for.
            texts: The cells.

        Returns:
            The values, with None where a cell is refused; and the refused cells' positions, each with the end of a sentence
            that begins with its line. After twenty such cells the rest is left unread.
        """
        column: list[Any] = []
        refused: list[tuple[int, str]] = []
        for position, text in enumerate(texts):
            cell = text.strip()
            try:
                column.append(self._value(feature, cell))
            except cells.Unfit as reason:
                column.append(None)
                what = (
                    f", {feature.key}: {shown(cell)} {reason}" if cell else f": missing {feature.key} ({feature.type})"
                )
                refused.append((position, what))
                if len(refused) > MOST_NAMED:
                    break
        return column, refused

    @property
    def is_fast(self) -> bool:
        """Whether numbers are read by numpy, and there is none that only Python would read."""
        return self._numpy is not None and not self._underscores

    def is_number(self, feature: Feature, text: str) -> bool:
        """Whether a cell is a number of a feature that has numbers."""
        if feature.type not in _NUMBERS:
            return False
        try:
            self._value(feature, text.strip())
        except cells.Unfit:
            return False
        return True

    def _value(self, feature: Feature, cell: str) -> Any:
        if feature.type is FeatureType.CATEGORICAL:
            return cells.category(self._known(feature), cell)
        if feature.type in _NUMBERS and self._comma and cell.count(",") == 1:
            cell = cell.replace(",", ".")
        return cells.reader(feature)(cell)

    def _known(self, feature: Feature) -> dict[str, str]:
        known = self._categories.get(feature.key)
        if known is None:
            known = self._categories[feature.key] = cells.categories(feature)
        return known

    def _reals(self, texts: Sequence[str]) -> Any:
        try:
            return self._floats(texts)
        except ValueError:
            if not self._comma:
                return None
        try:
            return self._floats([text.replace(",", ".") for text in texts])
        except ValueError:
            return None

    def _floats(self, texts: Sequence[str]) -> Any:
        np = self._numpy
        if np is None:
            column = list(map(float, texts))
            return column if math.isfinite(sum(column)) else None
        array = np.fromiter(map(float, texts), np.float64, len(texts))
        return array if np.isfinite(array).all() else None

    def _integers(self, texts: Sequence[str]) -> Any:
        np = self._numpy
        try:
            if np is not None:
                return np.fromiter(map(int, texts), np.int64, len(texts))
            column = list(map(int, texts))
        except (ValueError, OverflowError):
            return self._integers_with_point(texts)
        return column if min(column) >= cells.INT64_LEAST and max(column) <= cells.INT64_MOST else None

    def _integers_with_point(self, texts: Sequence[str]) -> Any:
        """Whole numbers in a column where some say `2.0`, as tables do that had a gap once."""
        np = self._numpy
        reals = self._reals(texts)
        if np is None or reals is None or np.abs(reals).max() >= cells.EXACT or (reals != np.floor(reals)).any():
            return None
        return np.asarray(reals).astype(np.int64)


def _numpy() -> ModuleType | None:
    try:
        import numpy as np
    except ImportError:  # values are Python's own then
        return None
    return np
