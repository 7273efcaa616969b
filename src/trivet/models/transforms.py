"""Undoing what was done to the values that a model learned.

A model that was trained on scaled values predicts scaled values. Its description lists what was done, as the names and the
fitted attributes of scikit-learn's transformers; a prediction undoes them from the last to the first. Nothing of scikit-learn
is needed for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

__all__ = ["Chain", "TransformInvalid"]

Values = npt.NDArray[Any]


class TransformInvalid(ValueError):
    """A transform that can't be undone from what is stored of it; the message says why."""


class Inverse(Protocol):
    """Undoes one transform."""

    @property
    def width(self) -> int | None:
        """For how many values per row it was fitted; None if for any number."""
        ...

    def __call__(self, values: Values) -> Values:
        """Undoes the transform.

        Args:
            values: One row per row, one column per predicted value.
        """
        ...


@dataclass(frozen=True, slots=True)
class Chain:
    """All transforms of a model, ready to be undone.

    Attributes:
        steps: What is undone, in the order in which it is.
        classes: The labels of a `LabelEncoder`, which also name the probabilities; None without one.
    """

    steps: tuple[Inverse, ...]
    classes: tuple[str, ...] | None = None

    @classmethod
    def opened(cls, transforms: Sequence[tuple[str, Mapping[str, Any]]]) -> Chain:
        """Opens the transforms of a description.

        Args:
            transforms: Name and fitted attributes of each, in the order in which they were applied.

        Raises:
            TransformInvalid: One of them is not known, incomplete, or stands where it can't be undone.
        """
        steps: list[Inverse] = []
        classes: tuple[str, ...] | None = None
        for position, (name, config) in enumerate(transforms):
            opened = _OPENERS.get(name)
            if opened is None:
                raise TransformInvalid(f"{name} can't be undone; these can: {', '.join(_OPENERS)}")
            try:
                step = opened(config)
            except KeyError as missing:
                raise TransformInvalid(f"the config of {name} has no {missing.args[0]}") from None
            except (TypeError, ValueError, OverflowError) as error:
                raise TransformInvalid(f"the config of {name} can't be used: {error}") from None
            if isinstance(step, _Labels):
                if position:
                    raise TransformInvalid(
                        "LabelEncoder must be the first of the preprocessors: what follows would scale labels"
                    )
                classes = tuple(map(str, step.labels))
            steps.append(step)
        return cls(tuple(reversed(steps)), classes)

    def undo(self, values: Values) -> Values:
        """Undoes all transforms.

        Args:
            values: What the model gave: one row per row, one column per predicted value.

        Returns:
            The same shape; labels where there is a `LabelEncoder`, None in place of a number that is no label's.

        Raises:
            TransformInvalid: The values are no numbers, or as many as none of the transforms was fitted for.
        """
        if self.steps and values.dtype.kind not in "biuf":
            raise TransformInvalid(f"the preprocessors are about numbers, and the model gives {values.dtype} values")
        for step in self.steps:
            if step.width not in (None, values.shape[1]):
                raise TransformInvalid(
                    f"a preprocessor was fitted for {step.width} values per row; the model gives {values.shape[1]}"
                )
            values = step(values)
        return values


@dataclass(frozen=True, slots=True)
class _Linear:
    """`(values - before) * scale + after`: every scaler is one of these."""

    before: Values
    scale: Values
    after: Values
    width: int | None

    def __call__(self, values: Values) -> Values:
        return (values.astype(np.float64) - self.before) * self.scale + self.after


@dataclass(frozen=True, slots=True)
class _Exponential:
    width: int | None = None

    def __call__(self, values: Values) -> Values:
        with np.errstate(over="ignore"):  # an infinite prediction is reported as what it is
            return np.exp(values.astype(np.float64))


@dataclass(frozen=True, slots=True)
class _Labels:
    labels: tuple[Any, ...]
    width: int | None = 1

    def __call__(self, values: Values) -> Values:
        table = np.array([*self.labels, None], dtype=object)  # the last place stands for "no label"
        known = np.isfinite(values) & (values >= 0) & (values < len(self.labels))
        return np.asarray(table[np.where(known, values, len(self.labels)).astype(np.int64)])


_SWITCHES = {"mean_": "with_mean", "center_": "with_centering"}
"""What turns a part of a scaler off that is fitted nevertheless. A scale is not fitted then."""


def _is_on(config: Mapping[str, Any], key: str) -> bool:
    return config[key] is not None and config.get(_SWITCHES.get(key, ""), True) is not False


def _numbers(config: Mapping[str, Any], key: str, without: float) -> Values:
    """Fitted numbers, one per column; `without` where that part of the scaler was switched off."""
    value = config[key]
    if not _is_on(config, key):
        return np.array([without])
    numbers = np.atleast_1d(np.asarray(value, dtype=np.float64))
    if numbers.ndim != 1 or not len(numbers) or not np.isfinite(numbers).all():
        raise ValueError(f"{key} must be a list of finite numbers")
    return numbers


def _scaler(
    before: str | None, scale: str, after: str | None, *, divides: bool = False
) -> Callable[[Mapping[str, Any]], Inverse]:
    """How to open a scaler from the names of its attributes."""

    def opened(config: Mapping[str, Any]) -> Inverse:
        zero = np.zeros(1)
        first = _numbers(config, before, 0.0) if before else zero
        factor = _numbers(config, scale, 1.0)
        last = _numbers(config, after, 0.0) if after else zero
        widths = {
            len(part)
            for part, name in ((first, before), (factor, scale), (last, after))
            if name and _is_on(config, name)
        }
        if len(widths) > 1:
            raise ValueError("its attributes are for different numbers of columns")
        if divides:
            if not factor.all():
                raise ValueError(f"{scale} holds a zero")
            factor = 1 / factor
        return _Linear(first, factor, last, widths.pop() if widths else None)

    return opened


def _labels(config: Mapping[str, Any]) -> Inverse:
    classes = config["classes_"]
    if not isinstance(classes, list | tuple) or not classes:
        raise ValueError("classes_ must be a list of labels")
    if not all(isinstance(label, str | int | float) for label in classes):
        raise ValueError("classes_ must be texts or numbers")
    return _Labels(tuple(classes))


_OPENERS: Mapping[str, Callable[[Mapping[str, Any]], Inverse]] = {
    "StandardScaler": _scaler(None, "scale_", "mean_"),
    "MinMaxScaler": _scaler("min_", "scale_", None, divides=True),
    "MaxAbsScaler": _scaler(None, "scale_", None),
    "RobustScaler": _scaler(None, "scale_", "center_"),
    "LogTransformer": lambda config: _Exponential(),
    "LabelEncoder": _labels,
}
