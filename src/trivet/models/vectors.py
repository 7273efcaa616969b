"""Rows with the results that a model gave when it was checked: how a model finds out that it still computes the same.

Whoever opens a bundle may have another release of RDKit or ONNX Runtime, or another processor. The rows tell whether that
matters.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trivet.models.features import Feature, FeatureType
from trivet.models.problems import RowsInvalid

if TYPE_CHECKING:
    from trivet.models.description import ModelDescription
    from trivet.models.predictor import Predictor

__all__ = ["differences", "neutral_row", "recorded", "sample_rows"]

_MOLECULES = ("CCO", "c1ccccc1O", "CC(=O)O", "CN1CCC[C@H]1c1cccnc1")
_SHIFTS = (0.0, 0.25, -0.25, 0.4)
"""How far from the middle of its range a number is, in the sample rows."""

_RANGE = re.compile(
    r"\s*[\[(]?\s*(-?[\d.]+(?:e[+-]?\d+)?)\s*(?:-|–|—|to|,|;|\.\.+|:)\s*(-?[\d.]+(?:e[+-]?\d+)?)", re.IGNORECASE
)

_EXACT, _SINGLE = 1e-6, 1e-4
"""How far numbers may differ, relative to their size where that is above one: for double and for single precision."""

_ROUNDED = 0.001
"""A probability has three decimals, so the last one may be another."""


def neutral_row(description: ModelDescription, shift: float = 0.0, turn: int = 0) -> dict[str, Any]:
    """A row that any model of this description should be able to predict.

    Args:
        description: The model.
        shift: How far from the middle of their ranges numbers are, as a share of the range's length.
        turn: Which of the possible values is taken, where there are some.
    """
    return {feature.key: _value(feature, shift, turn) for feature in description.independent}


def sample_rows(description: ModelDescription) -> list[dict[str, Any]]:
    """A few different rows, the neutral one first.

    Args:
        description: The model.
    """
    return [neutral_row(description, shift, turn) for turn, shift in enumerate(_SHIFTS)]


def recorded(predictor: Predictor) -> list[dict[str, Any]]:
    """Predicts the sample rows, to be kept beside the model.

    Args:
        predictor: The model that was just checked.

    Returns:
        One object of `rows` and `results`; rows that can't be predicted are left out. None if no row is left.
    """
    from trivet.models.rows import check

    rows = sample_rows(predictor.description)
    results = predictor.results(check(predictor.description, rows)).rows()
    kept = [(row, said) for row, said in zip(rows, results, strict=True) if "error" not in said["jaqpotMetadata"]]
    return [{"rows": [row for row, _ in kept], "results": [said for _, said in kept]}] if kept else []


def differences(predictor: Predictor, vectors: Sequence[Mapping[str, Any]]) -> list[str]:
    """Predicts recorded rows again, and says what is not as it was.

    Args:
        predictor: The opened model.
        vectors: What `recorded` gave, or what the model's author kept.

    Returns:
        A sentence for each value that differs by more than its precision; none if all is as it was.
    """
    from trivet.models.rows import check

    tolerance = _SINGLE if predictor.single_precision else _EXACT
    found: list[str] = []
    for vector in vectors:
        rows, expected = vector["rows"], vector["results"]
        if not rows:
            continue
        try:
            results = predictor.results(check(predictor.description, rows)).rows()
        except RowsInvalid as error:
            found.append(f"a row that was kept can't be read: {error}")
            continue
        for place, (said, was) in enumerate(zip(results, expected, strict=True)):
            if not isinstance(was, Mapping):
                found.append(f"row {place}: no result was kept")
                continue
            keys = [feature.key for feature in predictor.description.dependent if feature.key in was]
            for key in keys:
                found += _compared(f"row {place}: {key}", said[key], was[key], tolerance)
            now, then = said["jaqpotMetadata"], was.get("jaqpotMetadata") or {}
            if "error" in now and "error" not in then:
                found.append(f"row {place}: {now['error']}")
                continue
            for part, allowed in (("probabilities", tolerance + _ROUNDED), ("doa", tolerance)):
                if then.get(part) is not None:
                    found += _compared(f"row {place}: {part}", now[part], then[part], allowed)
    return found


def _compared(where: str, now: Any, then: Any, tolerance: float) -> Iterator[str]:
    if isinstance(now, dict) and isinstance(then, Mapping):
        for key in then:
            yield from _compared(f"{where}.{key}", now.get(key), then[key], tolerance)
    elif isinstance(now, list) and isinstance(then, list) and len(now) == len(then):
        for place, (one, other) in enumerate(zip(now, then, strict=True)):
            yield from _compared(f"{where}[{place}]", one, other, tolerance)
    elif isinstance(now, bool) and isinstance(then, bool):
        pass  # whether a row is inside follows from figures, which are compared
    elif isinstance(now, int | float) and isinstance(then, int | float):
        if not math.isclose(now, then, rel_tol=tolerance, abs_tol=tolerance):
            yield f"{where} is {now!r}, and was {then!r}"
    elif now != then:
        yield f"{where} is {now!r}, and was {then!r}"


def _value(feature: Feature, shift: float, turn: int) -> Any:
    if feature.type in (FeatureType.FLOAT, FeatureType.INTEGER):
        low, high = _limits(feature)
        number = (low + high) / 2 + shift * (high - low)
        return round(number) if feature.type is FeatureType.INTEGER else number
    if feature.type is FeatureType.CATEGORICAL:
        return feature.possible_values[turn % len(feature.possible_values)].value
    if feature.type is FeatureType.SMILES:
        return _MOLECULES[turn % len(_MOLECULES)]
    if feature.type is FeatureType.BOOLEAN:
        return turn % 2 == 1
    return [] if feature.type in (FeatureType.FLOAT_ARRAY, FeatureType.STRING_ARRAY) else "text"


def _limits(feature: Feature) -> tuple[float, float]:
    """The range of a feature, as far as its text says one in numbers; else 0 to 2."""
    found = _RANGE.match(feature.range or "")
    if found is not None:
        try:
            low, high = float(found[1]), float(found[2])
        except ValueError:
            return 0.0, 2.0
        if math.isfinite(low) and math.isfinite(high):
            return min(low, high), max(low, high)
    return 0.0, 2.0
