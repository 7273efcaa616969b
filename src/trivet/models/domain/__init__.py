"""Domains of applicability: is a row like those that a model was trained on?

Six methods, each fitted on a matrix of training rows and asked about a batch of new ones. What a method keeps (`fit`) and
what it says (`Verdicts`) are Jaqpot's, field by field, so that a domain that was fitted there answers here with the same
numbers. Three things differ on purpose:

* A row that holds a value which is no finite number is *not assessable*: it is outside, with a note that says so.
* The percentage of `MEAN_VAR` counts each value against the bounds of its own column. Jaqpot compares all values with the
  bounds of one column. What is inside and what is outside is the same.
* `KERNEL_BASED` never holds more than a block of the similarities in memory.

`RBF` and `LAPLACIAN` kernels are computed as Gaussian ones, and `gamma` is not looked at: that is how Jaqpot computes them,
so their stored thresholds mean nothing in any other formula.

No number depends on which other rows are in a batch: products of matrices are taken in blocks of a fixed height, as a BLAS
adds in another order where the height is another one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from trivet.models.domain.boxes import BoundingBox, MeanVar
from trivet.models.domain.distances import CityBlock, KernelBased, Leverage, Mahalanobis
from trivet.models.domain.verdicts import NOT_ASSESSABLE, DomainInvalid, Flags, Verdicts

__all__ = ["METHODS", "NOT_ASSESSABLE", "DomainInvalid", "Method", "Verdicts", "fit", "majority", "opened"]


class Method(Protocol):
    """One fitted method."""

    name: ClassVar[str]
    """Its key in a result."""

    @property
    def width(self) -> int:
        """How many values a row must have."""
        ...

    def assess(self, rows: npt.ArrayLike) -> Verdicts:
        """Says of each row whether it is in the domain.

        Args:
            rows: One row of `width` values per row, as the model is fed with.
        """
        ...


_Kind = type[Leverage] | type[BoundingBox] | type[MeanVar] | type[Mahalanobis] | type[KernelBased] | type[CityBlock]

METHODS: Mapping[str, _Kind] = {
    "LEVERAGE": Leverage,
    "BOUNDING_BOX": BoundingBox,
    "MEAN_VAR": MeanVar,
    "MAHALANOBIS": Mahalanobis,
    "KERNEL_BASED": KernelBased,
    "CITY_BLOCK": CityBlock,
}
"""The methods, by the name that a description gives them."""


def fit(method: str, rows: npt.ArrayLike) -> dict[str, Any]:
    """Fits a method on training rows.

    Args:
        method: `LEVERAGE`, `BOUNDING_BOX`, `MEAN_VAR`, `MAHALANOBIS`, `KERNEL_BASED` or `CITY_BLOCK`.
        rows: Training rows as the model is fed with them: numbers, one row per row, all finite.

    Returns:
        What a description stores as the domain's `data`: plain lists and numbers.

    Raises:
        DomainInvalid: The rows can't carry this method, or there is no such method.
    """
    matrix = np.asarray(rows, dtype=np.float64)
    if matrix.ndim != 2 or 0 in matrix.shape:
        raise DomainInvalid(f"a domain is fitted on rows of numbers; this has the shape {matrix.shape}")
    if not np.isfinite(matrix).all():
        raise DomainInvalid("a domain is fitted on finite numbers; the training rows hold missing or infinite ones")
    return _known(method).fit(matrix)


def opened(method: str, data: Mapping[str, Any]) -> Method:
    """Opens a fitted method from what a description stores.

    Args:
        method: As in `fit`.
        data: The stored `data`.

    Raises:
        DomainInvalid: There is no such method, or its data is incomplete or contradicts itself.
    """
    kind = _known(method)
    try:
        return kind.opened(data)
    except KeyError as missing:
        raise DomainInvalid(f"the data of {method} has no {missing.args[0]}") from None
    except (TypeError, ValueError, OverflowError) as error:
        raise DomainInvalid(f"the data of {method} can't be used: {error}") from None


def majority(verdicts: Sequence[Verdicts]) -> Flags:
    """The verdict of all methods together: inside where strictly more than half say so.

    Args:
        verdicts: What each method says of the same rows; at least one.
    """
    votes = np.sum([verdict.inside for verdict in verdicts], axis=0)
    return np.asarray(votes * 2 > len(verdicts))


def _known(method: str) -> _Kind:
    kind = METHODS.get(method)
    if kind is None:
        raise DomainInvalid(f"there is no domain method {method}; there are {', '.join(METHODS)}")
    return kind
