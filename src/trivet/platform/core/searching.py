"""Searching: which texts fit some words best. A rule without an index: there are thousands of models, not millions."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_WORD = re.compile(r"\w+")
_MOST_WORDS = 32
_LEAST_OF_A_BEGINNING = 3
"""Letters that a query needs to stand for longer words that begin with them."""
_NAME, _TAGS, _TEXT = 4.0, 3.0, 1.0
_BEGINNING = 0.5
"""What a word counts that the query is only the beginning of."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What can be found, by the words in three texts of it."""

    name: str
    text: str = ""
    tags: str = ""

    def words(self) -> Mapping[str, float]:
        """Its words, each with the weight of the most important place where it stands."""
        found: dict[str, float] = {}
        for text, weight in ((self.text, _TEXT), (self.tags, _TAGS), (self.name, _NAME)):
            found.update(dict.fromkeys(words_of(text), weight))
        return found


def words_of(text: str) -> list[str]:
    """The words of a text, without regard to upper and lower case. A `_` parts words as a space does."""
    return _WORD.findall(text.casefold().replace("_", " "))


def rank(query: str, entries: Sequence[Mapping[str, float]]) -> list[int]:
    """The positions of the entries that hold any word of a query, best first; those that fit alike in the order they came.

    A word that few entries hold says more than one that nearly all hold. A query without words finds everything.

    Args:
        query: what somebody is looking for.
        entries: the words of each, as `Entry.words` gives them.
    """
    wanted = list(dict.fromkeys(words_of(query)))[:_MOST_WORDS]
    if not wanted:
        return list(range(len(entries)))
    scores = [0.0] * len(entries)
    for word in wanted:
        fits = [(place, weight) for place, words in enumerate(entries) if (weight := _weight(word, words))]
        rarity = 1.0 + math.log(len(entries) / len(fits)) if fits else 0.0
        for place, weight in fits:
            scores[place] += weight * rarity
    return sorted((place for place, score in enumerate(scores) if score), key=lambda place: -scores[place])


def _weight(word: str, words: Mapping[str, float]) -> float:
    whole = words.get(word, 0.0)
    if len(word) < _LEAST_OF_A_BEGINNING:
        return whole
    begun = max((weight for other, weight in words.items() if other.startswith(word)), default=0.0)
    return max(whole, begun * _BEGINNING)
