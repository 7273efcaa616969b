"""Rows as columns: what a predictor works on, made from checked rows or from a CSV file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Table:
    """Typed columns, all of the same length, one for each independent feature.

    Values by type: `FLOAT` float, `INTEGER` int (64 bits), `BOOLEAN` bool, `CATEGORICAL` the possible value, `SMILES`, `STRING`,
    `TEXT` and `IMAGE` str, arrays a list. `problems` are of single rows, by position in this table (0 is its first row): such a
    row has no prediction, and its neighbours have theirs. `start` is the position of the first row in all that was given.
    """

    size: int
    columns: Mapping[str, Sequence[Any]]
    labels: Sequence[str | None] | None = None
    problems: Mapping[int, str] = field(default_factory=dict)
    start: int = 0
