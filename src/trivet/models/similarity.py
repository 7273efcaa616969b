"""Distances and similarities of many rows, in bounded memory, and the same for a row whatever else is in the batch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

__all__ = ["gaussian", "pairs_once", "product", "squared_distances"]

Matrix = npt.NDArray[np.float64]

_HEIGHT = 8
"""Rows that are multiplied at once. A BLAS adds in another order where there are more or fewer."""

_BLOCK = 1 << 20
"""Distances that are held at once: 8 MiB of them."""


def product(left: Matrix, right: Matrix) -> Matrix:
    """Multiplies matrices so that a row's numbers are the same in every batch.

    Args:
        left: One row per row.
        right: As many rows as `left` has columns.
    """
    count, width = left.shape
    whole = -(-count // _HEIGHT) * _HEIGHT
    if whole != count:
        left = np.concatenate([left, np.zeros((whole - count, width))])
    stacked = np.matmul(left.reshape(-1, _HEIGHT, width), right)
    return np.asarray(stacked.reshape(whole, right.shape[1])[:count])


def squared_distances(rows: Matrix, points: Matrix) -> Iterator[Matrix]:
    """Squared distances of rows to points, a bounded number of rows at a time.

    Args:
        rows: One row per row.
        points: Of the same width. Both should lie around the origin, as the squares of large numbers hide their differences.

    Yields:
        For some rows after the others, one row per row and one column per point.
    """
    height = max(_HEIGHT, _BLOCK // len(points) // _HEIGHT * _HEIGHT)
    lengths = np.einsum("ij,ij->i", points, points)
    across = np.ascontiguousarray(points.T)
    for start in range(0, len(rows), height):
        block = rows[start : start + height]
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is not assessable, and said to be
            squares = np.einsum("ij,ij->i", block, block)[:, None] - 2 * product(block, across) + lengths
        yield np.maximum(squares, 0.0, out=squares)


def pairs_once(rows: Matrix) -> Iterator[Matrix]:
    """Squared distances of all pairs of rows, each pair once.

    Args:
        rows: As in `squared_distances`.
    """
    start = 0
    for block in squared_distances(rows, rows):
        yield block[np.arange(len(rows))[None, :] > np.arange(start, start + len(block))[:, None]]
        start += len(block)


def gaussian(squares: Matrix, sigma: float) -> Matrix:
    """Similarities of squared distances: one for none, and less the farther.

    Args:
        squares: Squared distances.
        sigma: At which distance the similarity has fallen to e to the power of minus a half.
    """
    return np.exp(squares / (-2 * sigma * sigma))
