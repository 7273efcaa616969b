"""Latent Dirichlet allocation by collapsed Gibbs sampling: each word of each document is given to one topic."""

import random
import re
from collections import Counter

Topic = dict[str, int]
"""Words, and how often each of them occurs in a topic."""

DOCUMENT_PRIOR = 0.1
WORD_PRIOR = 0.01
STOP_WORDS = frozenset(
    re.findall(
        r"\S+",
        """a about after all also am an and any are as at be because been before being but by can could did do does for from had
        has have he her here hers him his how i if in into is it it's its just me more most my no nor not of on one only or other
        our out over she so some such than that the their them then there these they this those through to too under until up us
        very was we were what when where which while who why will with would you your""",
    )
)
WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")


def words_of(text: str) -> list[str]:
    """The words of a text that say what it is about, in small letters."""
    words = (word.lower().replace("’", "'") for word in WORD.findall(text))
    return [word for word in words if word not in STOP_WORDS and len(word) > 1]


def find_topics(documents: list[list[str]], *, topics: int, words: int, rounds: int, seed: int = 1) -> list[Topic]:
    """Finds topics in documents. The same documents have the same topics every time.

    Args:
        documents: the words of each.
        topics: how many topics there are at most.
        words: how many words of each are told.
        rounds: how often each word is given to a topic anew.
        seed: of the chance in it.

    Returns:
        The topics that have words: that with the commonest word first, and in each its commonest words first.
    """
    model = Model(documents, topics, random.Random(seed))  # noqa: S311 - nothing here is secret
    for _ in range(rounds):
        model.improve()
    ranked = [sorted((+count).items(), key=lambda item: (-item[1], item[0])) for count in model.counts]
    told = [dict(pairs[:words]) for pairs in ranked if pairs]
    return sorted(told, key=lambda topic: (-max(topic.values()), sorted(topic)))


class Model:
    """Which topic each word was given to, and what follows from that.

    Args:
        documents: the words of each.
        topics: how many topics there are.
        chance: where chance comes from.
    """

    def __init__(self, documents: list[list[str]], topics: int, chance: random.Random) -> None:
        self.counts = [Counter[str]() for _ in range(topics)]
        self._topics = range(topics)
        self._chance = chance
        self._vocabulary = len({word for document in documents for word in document})
        self._sizes = [0] * topics
        self._shares = [[0] * topics for _ in documents]
        self._given = [
            (share, word, chance.randrange(topics))
            for share, document in zip(self._shares, documents, strict=True)
            for word in document
        ]
        for each in self._given:
            self._count(*each, 1)

    def improve(self) -> None:
        """Gives each word to a topic anew: a likely one, as all the others lie."""
        for place, (share, word, old) in enumerate(self._given):
            self._count(share, word, old, -1)
            weights = [
                (share[topic] + DOCUMENT_PRIOR)
                * (self.counts[topic][word] + WORD_PRIOR)
                / (self._sizes[topic] + WORD_PRIOR * self._vocabulary)
                for topic in self._topics
            ]
            (new,) = self._chance.choices(self._topics, weights)
            self._count(share, word, new, 1)
            self._given[place] = share, word, new

    def _count(self, share: list[int], word: str, topic: int, number: int) -> None:
        self.counts[topic][word] += number
        self._sizes[topic] += number
        share[topic] += number
