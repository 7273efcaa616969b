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
from dataclasses import dataclass
from math import sqrt
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from trivet.models.quantiles import chi_square_quantile, quantile
from trivet.models.similarity import gaussian, pairs_once, product, squared_distances

__all__ = ["METHODS", "DomainInvalid", "Method", "Verdicts", "fit", "majority", "opened"]

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


# -- the six methods --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Leverage:
    """How far a row lies from the middle of the training rows, along their own directions (the hat matrix)."""

    name: ClassVar[str] = "Leverage"
    width: int
    matrix: Matrix
    limit: float

    @staticmethod
    def fit(rows: Matrix) -> dict[str, Any]:
        """The inverse of XᵀX, slightly regularised, and the usual limit of three mean leverages."""
        count, width = rows.shape
        inverse = np.linalg.pinv(rows.T @ rows + 1e-10 * np.eye(width))
        return {"hStar": 3 * (width + 1) / count, "doaMatrix": inverse.tolist()}

    @classmethod
    def opened(cls, data: Mapping[str, Any]) -> Leverage:
        """Reads `hStar` and `doaMatrix`."""
        matrix = _square(data["doaMatrix"], "doaMatrix")
        return cls(len(matrix), matrix, _number(data, "hStar"))

    def assess(self, rows: npt.ArrayLike) -> Verdicts:
        """Inside where the leverage is below `hStar`."""
        matrix, known = _finite(rows, self.width)
        leverage = np.einsum("ij,ij->i", product(matrix, self.matrix), matrix)
        known &= np.isfinite(leverage)
        inside = known & (leverage < self.limit)
        return Verdicts(self.name, {"h": leverage, "hStar": self.limit}, inside, known)


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
        bounds = _table(data["boundingBox"], "boundingBox", 2)
        return cls(len(bounds), bounds[:, 0], bounds[:, 1])

    def assess(self, rows: npt.ArrayLike) -> Verdicts:
        """Inside where no value is outside; a value within a relative 1e-4 of its bound is at the bound."""
        matrix, known = _finite(rows, self.width)
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
        bounds = _table(data["bounds"], "bounds", 3)
        mean, deviation = bounds[:, 0], bounds[:, 1]
        return cls(len(bounds), mean - 3 * deviation, mean + 3 * deviation)

    def assess(self, rows: npt.ArrayLike) -> Verdicts:
        """Inside where no value is outside."""
        matrix, known = _finite(rows, self.width)
        return _share(self.name, (matrix < self.low) | (matrix > self.high), known)


@dataclass(frozen=True, slots=True)
class Mahalanobis:
    """The distance to the mean of the training rows, in units of their covariance."""

    name: ClassVar[str] = "Mahalanobis"
    width: int
    mean: Matrix
    inverse: Matrix
    limit: float

    @staticmethod
    def fit(rows: Matrix) -> dict[str, Any]:
        """The mean, the inverse of the sample covariance, slightly regularised, and the root of a quantile of chi square."""
        count, width = rows.shape
        if width < 2 or count < 2:
            raise DomainInvalid(
                "MAHALANOBIS needs at least two columns and two training rows: it is about how columns vary together"
            )
        inverse = np.linalg.inv(np.cov(rows, rowvar=False) + 1e-6 * np.eye(width))
        return {
            "meanVector": rows.mean(axis=0).tolist(),
            "invCovMatrix": inverse.tolist(),
            "threshold": sqrt(chi_square_quantile(0.95, width - 1)),
        }

    @classmethod
    def opened(cls, data: Mapping[str, Any]) -> Mahalanobis:
        """Reads `meanVector`, `invCovMatrix` and `threshold`."""
        mean = _vector(data["meanVector"], "meanVector")
        inverse = _square(data["invCovMatrix"], "invCovMatrix")
        if len(inverse) != len(mean):
            raise ValueError(f"meanVector has {len(mean)} values and invCovMatrix {len(inverse)} rows")
        return cls(len(mean), mean, inverse, _number(data, "threshold"))

    def assess(self, rows: npt.ArrayLike) -> Verdicts:
        """Inside where the distance is at most the threshold."""
        matrix, known = _finite(rows, self.width)
        away = matrix - self.mean
        squares = np.einsum("ij,ij->i", product(away, self.inverse), away)
        distance = np.sqrt(np.maximum(squares, 0.0))
        known &= np.isfinite(distance)
        inside = known & (distance <= self.limit)
        return Verdicts(self.name, {"mahalanobisDistance": distance, "threshold": self.limit}, inside, known)


@dataclass(frozen=True, slots=True)
class KernelBased:
    """How similar a row is to the training rows on average, by a Gaussian of the distance to each."""

    name: ClassVar[str] = "KernelBased"
    width: int
    points: Matrix
    centre: Matrix
    sigma: float
    limit: float

    @staticmethod
    def fit(rows: Matrix) -> dict[str, Any]:
        """The width of the Gaussian is the median distance of two training rows, the limit the 5th percentile of all
        similarities.
        """
        count = len(rows)
        if count < 2:
            raise DomainInvalid("KERNEL_BASED needs at least two training rows: it is about the distances between them")
        centred = rows - rows.mean(axis=0)
        sigma = quantile(lambda: (np.sqrt(pairs) for pairs in pairs_once(centred)), count * (count - 1) // 2, 0.5)
        if not sigma > 0:
            raise DomainInvalid("KERNEL_BASED can't be fitted: half of all training rows are the same")
        threshold = quantile(
            lambda: (gaussian(block, sigma).ravel() for block in squared_distances(centred, centred)),
            count * count,
            0.05,
        )
        return {"sigma": sigma, "threshold": threshold, "kernelType": "GAUSSIAN", "dataPoints": rows.tolist()}

    @classmethod
    def opened(cls, data: Mapping[str, Any]) -> KernelBased:
        """Reads `dataPoints`, `sigma` and `threshold`; every kernel is taken as a Gaussian one."""
        points = _table(data["dataPoints"], "dataPoints")
        sigma = _number(data, "sigma")
        if not sigma > 0:
            raise ValueError(f"sigma is {sigma}, and must be greater than 0")
        centre = points.mean(axis=0)  # about their middle, differences of squares lose no digits
        return cls(points.shape[1], points - centre, centre, sigma, _number(data, "threshold"))

    def assess(self, rows: npt.ArrayLike) -> Verdicts:
        """Inside where the mean similarity is at least the threshold."""
        matrix, known = _finite(rows, self.width)
        means = [
            gaussian(block, self.sigma).mean(axis=1) for block in squared_distances(matrix - self.centre, self.points)
        ]
        similarity = np.concatenate(means) if means else np.zeros(0)
        known &= np.isfinite(similarity)
        inside = known & (similarity >= self.limit)
        return Verdicts(self.name, {"kernelDistance": similarity, "threshold": self.limit}, inside, known)


@dataclass(frozen=True, slots=True)
class CityBlock:
    """The sum of all differences to the mean of the training rows."""

    name: ClassVar[str] = "CityBlock"
    width: int
    mean: Matrix
    limit: float

    @staticmethod
    def fit(rows: Matrix) -> dict[str, Any]:
        """The mean, and the 95th percentile of the training rows' own distances to it."""
        mean = rows.mean(axis=0)
        distances = np.abs(rows - mean).sum(axis=1)
        return {"meanVector": mean.tolist(), "threshold": float(np.percentile(distances, 95))}

    @classmethod
    def opened(cls, data: Mapping[str, Any]) -> CityBlock:
        """Reads `meanVector` and `threshold`."""
        mean = _vector(data["meanVector"], "meanVector")
        return cls(len(mean), mean, _number(data, "threshold"))

    def assess(self, rows: npt.ArrayLike) -> Verdicts:
        """Inside where the distance is at most the threshold."""
        matrix, known = _finite(rows, self.width)
        distance = np.abs(matrix - self.mean).sum(axis=1)
        known &= np.isfinite(distance)
        inside = known & (distance <= self.limit)
        return Verdicts(self.name, {"cityBlockDistance": distance, "threshold": self.limit}, inside, known)


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


def _known(method: str) -> _Kind:
    kind = METHODS.get(method)
    if kind is None:
        raise DomainInvalid(f"there is no domain method {method}; there are {', '.join(METHODS)}")
    return kind


# -- stored data --------------------------------------------------------------------------------------------------------


def _number(data: Mapping[str, Any], key: str) -> float:
    value = data[key]
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < np.inf:
        raise ValueError(f"{key} is no finite number")
    return float(value)


def _vector(value: object, key: str) -> Matrix:
    vector = np.asarray(value, dtype=np.float64)
    if vector.ndim != 1 or not len(vector) or not np.isfinite(vector).all():
        raise ValueError(f"{key} must be a list of finite numbers")
    return vector


def _table(value: object, key: str, width: int | None = None) -> Matrix:
    table = np.asarray(value, dtype=np.float64)
    if table.ndim != 2 or 0 in table.shape or not np.isfinite(table).all() or (width and table.shape[1] != width):
        raise ValueError(f"{key} must be a list of rows of {width or 'as many'} finite numbers each")
    return table


def _square(value: object, key: str) -> Matrix:
    matrix = _table(value, key)
    if matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"{key} must have as many rows as columns; it has {matrix.shape[0]} and {matrix.shape[1]}")
    return matrix


# -- arithmetic ---------------------------------------------------------------------------------------------------------


def _finite(rows: npt.ArrayLike, width: int) -> tuple[Matrix, Flags]:
    """The rows with zeros in place of rows that aren't finite, and which rows are."""
    matrix = np.asarray(rows, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[1] != width:
        raise DomainInvalid(f"the domain is about rows of {width} values; these have the shape {matrix.shape}")
    known = np.asarray(np.isfinite(matrix).all(axis=1))
    return np.where(known[:, None], matrix, 0.0), known


def _close(values: Matrix, bound: Matrix) -> Flags:
    return np.asarray(np.abs(values - bound) <= 1e-4 * np.maximum(np.abs(values), np.abs(bound)))


def _share(name: str, outside: Flags, known: Flags) -> Verdicts:
    count = outside.sum(axis=1)
    return Verdicts(name, {"outOfDoaPercentage": count / outside.shape[1] * 100}, known & (count == 0), known)
