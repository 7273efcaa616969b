"""Searching: which entries hold the words of a query, and which come first."""

from __future__ import annotations

import pytest

from trivet.platform.core.searching import Entry, rank, words_of

FISH = Entry("Fish toxicity", "The LC50 of small fish, in mg/l.", "aquatic lc50").words()
BIRD = Entry("Bird toxicity", "Nothing that swims.", "terrestrial").words()
WATER = Entry("Solubility", "How much dissolves in water; measured for fish farms.", "").words()
ALL = [BIRD, FISH, WATER]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("lc50 fish", [1, 2]),
        ("FISH", [1, 2]),
        ("toxicity", [0, 1]),
        ("toxicity fish", [1, 0, 2]),
        ("swims", [0]),
        ("solub", [2]),
        ("so", []),
        ("penguin", []),
        ("penguin water", [2]),
        ("", [0, 1, 2]),
        ("  !! ", [0, 1, 2]),
    ],
)
def test_any_word_counts_and_the_best_comes_first(query: str, found: list[int]) -> None:
    assert rank(query, ALL) == found


def test_a_word_in_the_name_says_more_than_one_in_the_text() -> None:
    named, told = Entry("Acute", "").words(), Entry("x", "acute acute acute").words()
    assert rank("acute", [told, named]) == [1, 0]


def test_a_rare_word_says_more_than_a_common_one() -> None:
    entries = [Entry("model", "").words() for _ in range(9)] + [Entry("daphnia", "").words()]
    assert rank("model daphnia", entries)[0] == 9


def test_words_are_those_of_every_language() -> None:
    assert words_of("LogP_model: Größe, 水 2.0") == ["logp", "model", "grösse", "水", "2", "0"]


def test_a_query_without_end_is_cut() -> None:
    assert rank(" ".join(f"w{n}" for n in range(100_000)), ALL) == []
