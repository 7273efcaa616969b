"""Verdicts: what a method says of the rows of a batch, and which rows it can say something of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

NOT_ASSESSABLE = "not assessable: a value of this row is no finite number"
"""What the note of a row says that a method can't judge."""


class DomainInvalid(ValueError):
    """A domain that can't be fitted, or whose stored data can't be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What one method says of each row of a batch.

    Attributes:
        name: The method's key in a result, such as ``Leverage``.
        figures: What it measured, in the order of the result: an array has one number per row, a plain number is the same
            for all.
        inside: Whether a row is in the domain.
        known: False where a row is not assessable; its measured figures mean nothing then.
    """

    name: str
    figures: Mapping[str, Matrix | float]
    inside: Flags
    known: Flags

    def row(self, index: int) -> dict[str, Any]:
        """What a result says of one row.

        Args:
            index: The row's position in the batch.
        """
        known = bool(self.known[index])
        said: dict[str, Any] = {}
        for key, figure in self.figures.items():
            if isinstance(figure, float):
                said[key] = figure
            else:
                said[key] = float(figure[index]) if known else None
        said["inDoa"] = bool(self.inside[index])
        if not known:
            said["note"] = NOT_ASSESSABLE
        return said


def assessable(rows: npt.ArrayLike, width: int) -> tuple[Matrix, Flags]:
    """Tells the rows that can be judged from others.

    Args:
        rows: One row of numbers per row.
        width: How many values a row must have.

    Returns:
        The rows, with zeros in place of those that aren't finite, and which are finite.

    Raises:
        DomainInvalid: They have another width.
    """
    matrix = np.asarray(rows, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[1] != width:
        raise DomainInvalid(f"the domain is about rows of {width} values; these have the shape {matrix.shape}")
    known = np.asarray(np.isfinite(matrix).all(axis=1))
    return np.where(known[:, None], matrix, 0.0), known
