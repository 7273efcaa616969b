"""Boxes: methods that hold each value against the bounds of its own column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from trivet.models.domain.stored import table
from trivet.models.domain.verdicts import Flags, Matrix, Verdicts, assessable


@dataclass(frozen=True, slots=True)
class BoundingBox:
    """Whether each value lies between the least and the greatest of its column."""

    name: ClassVar[str] = "BoundingBox"
    width: int
    low: Matrix
    high: Matrix

    @staticmethod
    def fit(rows: Matrix) -> dict[str, Any]:
        """The least and the greatest value of each column."""
        return {"boundingBox": np.column_stack([rows.min(axis=0), rows.max(axis=0)]).tolist()}

    @classmethod
    def opened(cls, data: Mapping[str, Any]) -> BoundingBox:
        """Reads `boundingBox`."""
        bounds = table(data["boundingBox"], "boundingBox", 2)
        return cls(len(bounds), bounds[:, 0], bounds[:, 1])

    def assess(self, rows: npt.ArrayLike) -> Verdicts:
        """Inside where no value is outside; a value within a relative 1e-4 of its bound is at the bound."""
        matrix, known = assessable(rows, self.width)
        outside = (matrix < self.low) & ~_close(matrix, self.low)
        outside |= (matrix > self.high) & ~_close(matrix, self.high)
        return _share(self.name, outside, known)


@dataclass(frozen=True, slots=True)
class MeanVar:
    """Whether each value lies within three standard deviations of its column's mean.

    The percentage is that of values outside the bounds of their own columns. Jaqpot's counts all values against the bounds
    of one column; `inDoa` is the same in both.
    """

    name: ClassVar[str] = "MeanVar"
    width: int
    low: Matrix
    high: Matrix

    @staticmethod
    def fit(rows: Matrix) -> dict[str, Any]:
        """Mean, standard deviation and variance of each column, of the rows as a whole population."""
        return {"bounds": np.column_stack([rows.mean(axis=0), rows.std(axis=0), rows.var(axis=0)]).tolist()}

    @classmethod
    def opened(cls, data: Mapping[str, Any]) -> MeanVar:
        """Reads `bounds`."""
        bounds = table(data["bounds"], "bounds", 3)
        mean, deviation = bounds[:, 0], bounds[:, 1]
        return cls(len(bounds), mean - 3 * deviation, mean + 3 * deviation)

    def assess(self, rows: npt.ArrayLike) -> Verdicts:
        """Inside where no value is outside."""
        matrix, known = assessable(rows, self.width)
        return _share(self.name, (matrix < self.low) | (matrix > self.high), known)


def _close(values: Matrix, bound: Matrix) -> Flags:
    return np.asarray(np.abs(values - bound) <= 1e-4 * np.maximum(np.abs(values), np.abs(bound)))


def _share(name: str, outside: Flags, known: Flags) -> Verdicts:
    count = outside.sum(axis=1)
    return Verdicts(name, {"outOfDoaPercentage": count / outside.shape[1] * 100}, known & (count == 0), known)
