"""Distances: methods that measure how far a row lies from the training rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from trivet.models.domain.stored import number, square, table, vector
from trivet.models.domain.verdicts import DomainInvalid, Matrix, Verdicts, assessable
from trivet.models.quantiles import chi_square_quantile, quantile
from trivet.models.similarity import gaussian, pairs_once, product, squared_distances


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
        matrix = square(data["doaMatrix"], "doaMatrix")
        return cls(len(matrix), matrix, number(data, "hStar"))

    def assess(self, rows: npt.ArrayLike) -> Verdicts:
        """Inside where the leverage is below `hStar`."""
        matrix, known = assessable(rows, self.width)
        leverage = np.einsum("ij,ij->i", product(matrix, self.matrix), matrix)
        known &= np.isfinite(leverage)
        inside = known & (leverage < self.limit)
        return Verdicts(self.name, {"h": leverage, "hStar": self.limit}, inside, known)


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
        mean = vector(data["meanVector"], "meanVector")
        inverse = square(data["invCovMatrix"], "invCovMatrix")
        if len(inverse) != len(mean):
            raise ValueError(f"meanVector has {len(mean)} values and invCovMatrix {len(inverse)} rows")
        return cls(len(mean), mean, inverse, number(data, "threshold"))

    def assess(self, rows: npt.ArrayLike) -> Verdicts:
        """Inside where the distance is at most the threshold."""
        matrix, known = assessable(rows, self.width)
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
        points = table(data["dataPoints"], "dataPoints")
        sigma = number(data, "sigma")
        if not sigma > 0:
            raise ValueError(f"sigma is {sigma}, and must be greater than 0")
        centre = points.mean(axis=0)  # about their middle, differences of squares lose no digits
        return cls(points.shape[1], points - centre, centre, sigma, number(data, "threshold"))

    def assess(self, rows: npt.ArrayLike) -> Verdicts:
        """Inside where the mean similarity is at least the threshold."""
        matrix, known = assessable(rows, self.width)
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
        mean = vector(data["meanVector"], "meanVector")
        return cls(len(mean), mean, number(data, "threshold"))

    def assess(self, rows: npt.ArrayLike) -> Verdicts:
        """Inside where the distance is at most the threshold."""
        matrix, known = assessable(rows, self.width)
        distance = np.abs(matrix - self.mean).sum(axis=1)
        known &= np.isfinite(distance)
        inside = known & (distance <= self.limit)
        return Verdicts(self.name, {"cityBlockDistance": distance, "threshold": self.limit}, inside, known)
