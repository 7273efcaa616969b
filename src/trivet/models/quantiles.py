"""Quantiles: of more numbers than memory holds, and of the chi-square distribution."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import exp, lgamma, log, sqrt

import numpy as np
import numpy.typing as npt

__all__ = ["chi_square_quantile", "quantile"]

Matrix = npt.NDArray[np.float64]


def quantile(numbers: Callable[[], Iterator[Matrix]], count: int, share: float, *, held: int = 1 << 22) -> float:
    """A quantile, interpolated as NumPy does, of more numbers than memory holds.

    Args:
        numbers: Gives all numbers in pieces, the same each time that it is called.
        count: How many they are.
        share: Which quantile, from 0 to 1.
        held: How many of them may be held in memory.
    """
    low, high = np.inf, -np.inf
    for piece in numbers():
        low, high = min(low, piece.min(initial=np.inf)), max(high, piece.max(initial=-np.inf))
    below, within = 0, count
    place = share * (count - 1)
    first = int(place)
    while within > held and low < high:
        edges = np.linspace(low, high, 1025)
        counts = sum((np.histogram(piece, edges)[0] for piece in numbers()), np.zeros(1024, dtype=np.int64))
        sums = below + np.cumsum(counts)
        start, end = (
            int(np.searchsorted(sums, first, "right")),
            int(np.searchsorted(sums, min(first + 1, count - 1), "right")),
        )
        low, high = edges[start], edges[end + 1]
        below, narrowed = int(sums[start] - counts[start]), int(counts[start : end + 1].sum())
        if narrowed == within:
            break
        within = narrowed
    kept = np.sort(np.concatenate([piece[(piece >= low) & (piece <= high)] for piece in numbers()]))
    at = kept[first - below]
    after = kept[min(first + 1 - below, len(kept) - 1)]
    return float(at + (after - at) * (place - first))


def chi_square_quantile(share: float, freedom: int) -> float:
    """Below which number a chi-square variable lies with a given probability.

    The distribution is the regularised incomplete gamma function, by its series below its middle and by its continued
    fraction above (Abramowitz and Stegun, Handbook of Mathematical Functions, 6.5.29 and 6.5.31); it is inverted by Newton's
    method between bounds, from the cube-root approximation (26.4.17).

    Args:
        share: The probability, between 0 and 1.
        freedom: Degrees of freedom, at least 1.
    """
    shape = freedom / 2
    spread = 2 / (9 * freedom)
    normal = sqrt(-2 * log(min(share, 1 - share))) * (1 if share > 0.5 else -1) * 0.8  # near enough to start from
    guess = max(freedom * (1 - spread + normal * sqrt(spread)) ** 3, 1e-8) / 2
    low, high = 0.0, 2 * guess + 1
    while _gamma_share(shape, high) < share:
        high *= 2
    for _ in range(200):
        excess = _gamma_share(shape, guess) - share
        low, high = (low, guess) if excess > 0 else (guess, high)
        slope = exp((shape - 1) * log(guess) - guess - lgamma(shape))
        step = guess - excess / slope if slope > 0 else low
        if not low < step < high:
            step = (low + high) / 2
        if abs(step - guess) <= 1e-15 * guess:
            break
        guess = step
    return 2 * guess


def _gamma_share(shape: float, upto: float) -> float:
    """The regularised lower incomplete gamma function."""
    scale = exp(shape * log(upto) - upto - lgamma(shape))
    if upto < shape + 1:
        term = total = 1 / shape
        divisor = shape
        while abs(term) > 1e-17 * total:
            divisor += 1
            term *= upto / divisor
            total += term
        return total * scale
    tiny = 1e-300
    base = upto + 1 - shape
    numerator, denominator = 1 / tiny, 1 / base
    fraction = denominator
    for turn in range(1, 10_000):
        part = turn * (shape - turn)
        base += 2
        denominator = 1 / (part * denominator + base or tiny)
        numerator = base + part / numerator or tiny
        change = numerator * denominator
        fraction *= change
        if abs(change - 1) < 1e-16:
            break
    return 1 - scale * fraction
