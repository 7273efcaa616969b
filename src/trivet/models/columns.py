"""Which name in a row or in a CSV header stands for which feature."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from trivet.models.features import Feature


@dataclass(frozen=True, slots=True)
class Match:
    """What names stand for: `found` has the position of each feature's name, `twice` the positions where several would do."""

    found: dict[str, int]
    twice: dict[str, list[int]]


def fold(name: str) -> str:
    """A name without blanks around it and without case."""
    return name.strip().casefold()


_WAYS: Final[tuple[tuple[Callable[[Feature], str], Callable[[str], str]], ...]] = (
    (lambda feature: feature.key, lambda name: name),
    (lambda feature: feature.key, str.strip),
    (lambda feature: fold(feature.key), fold),
    (lambda feature: feature.name.strip(), str.strip),
    (lambda feature: fold(feature.name), fold),
)
"""How a name may stand for a feature, nearest first: what it must equal, and how the name is read for that."""


def match(names: Sequence[str], features: Sequence[Feature]) -> Match:
    """Finds the name that stands for each feature: its key, else its key in another case, else its display name.

    A name stands for one feature at most, and the nearer way wins: where `X1` is a key, a column `X1` is never taken for a
    feature whose display name that is.

    Args:
        names: The keys of a row, or the cells of a header.
        features: The features to look for.

    Returns:
        Positions in `names`, by feature key. A feature that no name stands for is in neither part.
    """
    found: dict[str, int] = {}
    twice: dict[str, list[int]] = {}
    free = set(range(len(names)))
    for of_feature, of_name in _WAYS:
        if len(found) + len(twice) == len(features):
            break
        places: defaultdict[str, list[int]] = defaultdict(list)
        for place in sorted(free):
            places[of_name(names[place])].append(place)
        for feature in features:
            here = (
                places.pop(of_feature(feature), None) if feature.key not in found and feature.key not in twice else None
            )
            if here is None:
                continue
            free.difference_update(here)
            if len(here) == 1:
                found[feature.key] = here[0]
            else:
                twice[feature.key] = here
    return Match(found, twice)
