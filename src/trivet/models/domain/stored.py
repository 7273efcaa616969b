"""Stored data: plain lists and numbers of a description, as arrays.

Raises everywhere:
    ValueError, TypeError, OverflowError: the value is not what a method stores under its key.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from trivet.models.domain.verdicts import Matrix


def number(data: Mapping[str, Any], key: str) -> float:
    """A finite number."""
    value = data[key]
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < np.inf:
        raise ValueError(f"{key} is no finite number")
    return float(value)


def vector(value: object, key: str) -> Matrix:
    """A list of finite numbers, at least one."""
    vector = np.asarray(value, dtype=np.float64)
    if vector.ndim != 1 or not len(vector) or not np.isfinite(vector).all():
        raise ValueError(f"{key} must be a list of finite numbers")
    return vector


def table(value: object, key: str, width: int | None = None) -> Matrix:
    """Rows of finite numbers, all of one width; of ``width``, where that is given."""
    table = np.asarray(value, dtype=np.float64)
    if table.ndim != 2 or 0 in table.shape or not np.isfinite(table).all() or (width and table.shape[1] != width):
        raise ValueError(f"{key} must be a list of rows of {width or 'as many'} finite numbers each")
    return table


def square(value: object, key: str) -> Matrix:
    """A table with as many rows as columns."""
    matrix = table(value, key)
    if matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"{key} must have as many rows as columns; it has {matrix.shape[0]} and {matrix.shape[1]}")
    return matrix
