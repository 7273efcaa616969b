"""What somebody may have meant who wrote a word that nobody knows."""

from __future__ import annotations

from collections.abc import Iterable


def meant(word: object, known: Iterable[str]) -> str:
    """The nearest known word as a question in the midst of a sentence, with a space before it; empty where none is near.

    Args:
        word: what was written.
        known: the words that there are.
    """
    from difflib import get_close_matches  # only where something is wrong

    near = get_close_matches(word.lower(), known, n=1, cutoff=0.6) if isinstance(word, str) else []
    return f" (did you mean {near[0]!r}?)" if near else ""
