"""What a model says of a batch of rows: result rows as Python objects, and as JSON text without making the objects.

A result row has one key per dependent feature and `jaqpotMetadata`: the row's position, its probabilities, what the domain
of applicability says, its label where it came with one, and an error where there is no prediction.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from trivet.models.domain import Verdicts

__all__ = ["Probabilities", "Results"]

_json = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Probabilities:
    """The probabilities of the predicted rows.

    Attributes:
        labels: The classes, as they stand in a result.
        values: One row per predicted row, one column per class, rounded.
    """

    labels: tuple[str, ...]
    values: npt.NDArray[np.float64]


@dataclass(slots=True)
class Results:
    """The result rows of one table.

    Attributes:
        keys: The keys of the dependent features.
        size: How many rows there are, those without a prediction included.
        start: The position of the first among all rows that were given.
        errors: Why a row has no prediction, by its place in this batch (0 is the first).
        labels: The labels that rows came with, or None.
        values: For each key what was predicted for the rows without an error, in order; numbers, texts or lists.
        probabilities: Of the same rows; None where the model gives none.
        verdicts: What the methods of the domain say of the same rows; none if the model has no domain.
        majority: Their verdict together.
    """

    keys: tuple[str, ...]
    size: int
    start: int = 0
    errors: Mapping[int, str] = field(default_factory=dict)
    labels: Sequence[str | None] | None = None
    values: Sequence[Sequence[Any]] = ()
    probabilities: Probabilities | None = None
    verdicts: Sequence[Verdicts] = ()
    majority: Sequence[bool] | npt.NDArray[np.bool_] = ()

    def rows(self) -> list[dict[str, Any]]:
        """The result rows, in the order of the rows that were given."""
        predicted = iter(range(self.size - len(self.errors)))
        return [
            self._failed(place) if place in self.errors else self._row(place, next(predicted))
            for place in range(self.size)
        ]

    def json_items(self) -> bytes:
        """The result rows as JSON, with commas between them and nothing around them."""
        good = [place for place in range(self.size) if place not in self.errors] if self.errors else range(self.size)
        parts = self._parts(good)
        template = "".join(text if isinstance(text, str) else "%s" for text in parts)
        texts = [text for text in parts if not isinstance(text, str)]
        if not self.errors:
            return ",".join(map(template.__mod__, zip(*texts, strict=True))).encode()
        written = iter(map(template.__mod__, zip(*texts, strict=True)))
        return ",".join(
            _json(self._failed(place)) if place in self.errors else next(written) for place in range(self.size)
        ).encode()

    def _row(self, place: int, index: int) -> dict[str, Any]:
        row = {key: values[index] for key, values in zip(self.keys, self.values, strict=True)}
        metadata: dict[str, Any] = {"jaqpotRowId": self.start + place, "probabilities": None, "doa": None}
        if self.probabilities is not None:
            chances = self.probabilities.values[index].tolist()
            metadata["probabilities"] = dict(zip(self.probabilities.labels, chances, strict=True))
        if self.verdicts:
            metadata["doa"] = {verdict.name: verdict.row(index) for verdict in self.verdicts}
            metadata["doa"]["majorityVoting"] = bool(self.majority[index])
        if self.labels is not None:
            metadata["jaqpotRowLabel"] = self.labels[place]
        return {**row, "jaqpotMetadata": metadata}

    def _failed(self, place: int) -> dict[str, Any]:
        metadata: dict[str, Any] = {
            "jaqpotRowId": self.start + place,
            "probabilities": None,
            "doa": None,
            "error": self.errors[place],
        }
        if self.labels is not None:
            metadata["jaqpotRowLabel"] = self.labels[place]
        return {**dict.fromkeys(self.keys), "jaqpotMetadata": metadata}

    def _parts(self, places: Sequence[int]) -> list[str | Sequence[str]]:
        """A row's JSON as pieces that are the same in all rows (escaped for `%`) and pieces that have one text per row."""
        parts: list[str | Sequence[str]] = ["{"]
        for key, values in zip(self.keys, self.values, strict=True):
            parts += [f"{_constant(key)}:", _written(values), ","]
        parts += [
            '"jaqpotMetadata":{"jaqpotRowId":',
            [str(self.start + place) for place in places],
            ',"probabilities":',
        ]
        if self.probabilities is None:
            parts.append("null")
        else:
            opening = "{"
            for column, label in enumerate(self.probabilities.labels):
                parts += [f"{opening}{_constant(label)}:", _repeated(self.probabilities.values[:, column])]
                opening = ","
            parts.append("}" if self.probabilities.labels else "{}")
        parts.append(',"doa":')
        parts += self._domain_parts() if self.verdicts else ["null"]
        if self.labels is not None:
            labels = self.labels
            parts += [',"jaqpotRowLabel":', [_json(labels[place]) for place in places]]
        parts.append("}}")
        return parts

    def _domain_parts(self) -> list[str | Sequence[str]]:
        parts: list[str | Sequence[str]] = ["{"]
        for verdict in self.verdicts:
            parts.append(f"{_constant(verdict.name)}:")
            if not verdict.known.all():
                parts += [[_json(verdict.row(index)) for index in range(len(verdict.known))], ","]
                continue
            opening = "{"
            for key, figure in verdict.figures.items():
                parts += [
                    f"{opening}{_constant(key)}:",
                    repr(figure) if isinstance(figure, float) else _floats(figure),
                    "",
                ]
                opening = ","
            parts += [f'{opening}"inDoa":', _truths(verdict.inside), "},"]
        return [*parts, '"majorityVoting":', _truths(self.majority), "}"]


def _constant(text: str) -> str:
    return _json(text).replace("%", "%%")


def _floats(values: npt.NDArray[np.float64]) -> list[str]:
    return list(map(float.__repr__, values.tolist()))


def _repeated(values: npt.NDArray[np.float64]) -> list[str]:
    """The same for numbers of which there are few different ones, and no negative zero."""
    listed = values.tolist()
    known = {value: repr(value) for value in set(listed)}
    return [known[value] for value in listed]


def _truths(values: Iterable[Any]) -> list[str]:
    return ["true" if value else "false" for value in values]


_WRITERS: Mapping[type, Callable[[Any], str]] = {float: float.__repr__, int: int.__repr__}


def _written(values: Sequence[Any]) -> list[str]:
    """JSON of plain values: of one plain type at the speed of C."""
    kinds = set(map(type, values))
    writer = _WRITERS.get(next(iter(kinds))) if len(kinds) == 1 else None
    if writer is not None:
        return list(map(writer, values))
    if kinds == {str}:
        known = {text: _json(text) for text in set(values)}
        return [known[text] for text in values]
    return list(map(_json, values))
