"""A text generator: a model of letters, trained when the worker starts, that streams its text word by word."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import trivet

ORDER = 5
"""How many letters the model looks back."""
MAX_WORDS = 1000


class LetterModel:
    """Guesses the next letter from the ones before it.

    For each context of up to `ORDER` letters it knows which letters followed, and how often. A context seldom seen says
    little, so its counts are mixed with those of the next shorter one, the more so the more varied it was (the method
    of Witten and Bell).
    """

    def __init__(self, text: str) -> None:
        self._following: dict[str, Counter[str]] = defaultdict(Counter)
        for end, letter in enumerate(text):
            for start in range(max(0, end - ORDER), end + 1):
                self._following[text[start:end]][letter] += 1

    def probabilities(self, context: str) -> dict[str, float]:
        """How likely each letter is to follow ``context``; the values add up to 1."""
        seen = self._following.get(context)
        if not context:
            counts = self._following[""]
            total = counts.total()
            return {letter: count / total for letter, count in counts.items()}
        shorter = self.probabilities(context[1:])
        if seen is None:
            return shorter
        total, kinds = seen.total(), len(seen)
        return {letter: (seen[letter] + kinds * share) / (total + kinds) for letter, share in shorter.items()}

    def letters(self, prompt: str, chance: random.Random) -> Iterator[str]:
        """Letters without end that continue ``prompt``."""
        context = prompt[-ORDER:]
        while True:
            candidates = self.probabilities(context)
            letter = chance.choices(list(candidates), list(candidates.values()))[0]
            yield letter
            context = (context + letter)[-ORDER:]


@trivet.endpoint(name="generator", workers=(0, 2), timeout=60)
class Generator:
    """Continues a text, word by word."""

    def setup(self) -> None:
        """Trains the model, once in the life of a worker."""
        text = (Path(__file__).parent / "corpus.txt").read_text(encoding="utf-8")
        self.model = LetterModel(" ".join(text.split()))

    def __call__(self, prompt: str = "The keeper", words: int = 40, seed: int | None = None) -> Iterator[str]:
        """Streams ``words`` words that continue ``prompt``; the same ``seed`` gives the same text."""
        if not 1 <= words <= MAX_WORDS:
            raise ValueError(f"words must be between 1 and {MAX_WORDS}, not {words}")
        word = ""
        written = 0
        # Not a secret: a seed must give the same text again.
        for letter in self.model.letters(f"{prompt} ", random.Random(seed)):  # noqa: S311 - no secret
            word += letter
            if letter == " " and word.strip():
                yield word
                word = ""
                written += 1
                if written == words:
                    return
