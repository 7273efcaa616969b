"""Models: what their callers send, and what must come of it. Their workers run no code of the suite's, so there is no ledger.

Each row has a label that names the call and the row's place in it. It comes back with the result, so that an answer that belongs
to another call, another row or another model can be told.
"""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Mapping, Sequence
from typing import Any

FACTORS: Mapping[str, float] = {"thrice": 3.0, "sevenfold": 7.0}
"""Models that multiply, and by what."""
TURNS = "turns"
"""A model that gives back its number, after as many turns of a loop as its first row says."""
LABEL = "jaqpotRowLabel"
_MOST = 100
"""Rows of JSON that the tightest of the dialects takes."""
_LARGEST = 10_000
"""Numbers are whole and smaller than this, so that no graph has to round them."""
_PLACE = "#"


def small(n: str, chance: random.Random) -> list[dict[str, Any]]:
    """Rows of JSON, one or up to as many as every dialect takes."""
    return _rows(n, [chance.randrange(_LARGEST) for _ in range(chance.choice((1, 3, _MOST)))])


def lasting(n: str, chance: random.Random) -> list[dict[str, Any]]:
    """Rows that keep `TURNS` at work for a while, though not for long."""
    return _rows(n, [chance.choice((20_000, 100_000, 400_000)), chance.randrange(_LARGEST)])


def table(n: str, chance: random.Random) -> bytes:
    """A file of CSV, with columns in any order, between a few bytes and what is worked on in several goes."""
    rows = _rows(n, [chance.randrange(_LARGEST) for _ in range(chance.choice((1, 40, 1000, 10_000)))])
    text = io.StringIO()
    writer = csv.DictWriter(text, chance.sample(("x", LABEL), 2), delimiter=chance.choice(",;"))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def read_table(data: bytes) -> list[dict[str, Any]]:
    """The rows of such a file."""
    text = data.decode()
    separator = ";" if ";" in text.partition("\n")[0] else ","
    return [{**row, "x": float(row["x"])} for row in csv.DictReader(io.StringIO(text), delimiter=separator)]


def name_of(rows: Sequence[Any]) -> str | None:
    """The call that rows belong to, by the label of the first; None where they are none of these."""
    label = rows[0].get(LABEL) if rows and isinstance(rows[0], dict) else None
    return str(label).rpartition(_PLACE)[0] if label is not None else None


def is_answer(rows: Sequence[Mapping[str, Any]], output: object, factor: float) -> bool:
    """Whether an output is the answer to these rows: as many, in their order, each with its label and the right number."""
    if not isinstance(output, list) or len(output) != len(rows):
        return False
    return all(_is_row(place, row, found, factor) for place, (row, found) in enumerate(zip(rows, output, strict=True)))


def _is_row(place: int, row: Mapping[str, Any], found: object, factor: float) -> bool:
    if not isinstance(found, dict) or found.get("y") != row["x"] * factor:
        return False
    told = found.get("jaqpotMetadata")
    return isinstance(told, dict) and (told.get("jaqpotRowId"), told.get(LABEL)) == (place, row[LABEL])


def _rows(n: str, numbers: Sequence[int]) -> list[dict[str, Any]]:
    return [{"x": x, LABEL: f"{n}{_PLACE}{place}"} for place, x in enumerate(numbers)]
