"""What can be wrong with a model or with rows: errors that name every problem they found, and where."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

MOST_NAMED: Final = 20
"""How many problems a message names. Who has more than that has one cause."""

_MOST_SHOWN: Final = 60  # characters of a value in a message


class _Problems(ValueError):
    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        named = "; ".join(self.problems[:MOST_NAMED])
        super().__init__(f"{named}; and more" if len(self.problems) > MOST_NAMED else named)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.problems,)


class ModelInvalid(_Problems):
    """A model description, a model folder or a bundle that cannot be used.

    `problems` has a sentence for each problem, with its place in front (`independentFeatures[2].key: …`); the message joins
    the first twenty.
    """

    problems: tuple[str, ...]


class RowsInvalid(_Problems):
    """Rows or a CSV file that a model cannot read.

    `problems` has a sentence for each problem, with row or line, key and value; the message joins the first twenty.
    """

    problems: tuple[str, ...]


class TooManyRows(RowsInvalid):
    """More rows than are allowed."""


def shown(value: object) -> str:
    """Writes a value as it looked in JSON, cut to what a message has room for.

    Args:
        value: Anything that came out of a JSON document or a CSV cell.

    Returns:
        Its JSON text, at most some sixty characters; the name of its type where it has none.
    """
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        text = type(value).__name__
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 1]}…"
