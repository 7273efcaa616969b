"""Results as a table: a line for each result row, with a column for each output, each probability and each domain method."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

METADATA = "jaqpotMetadata"
_LABEL = "jaqpotRowLabel"
_VOTE = "majorityVoting"
_OWN = frozenset({"row", "label", "domain", "error"})
"""Columns that say something about a row; an output of that name is told apart from them."""
_ROWS_AT_A_TIME = 2000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a text begins with that spreadsheets would run."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table that is ready to be written. ``columns`` are the names of all, in order; ``rows`` the values by name."""

    columns: Sequence[str]
    rows: Sequence[Mapping[str, Any]] = field(repr=False)

    @classmethod
    def read(cls, result: bytes, given: bytes) -> Sheet:
        """The table of a result.

        Args:
            result: an array of result rows, as JSON.
            given: the rows that were predicted for, as JSON; empty where they are not to be shown.
        """
        found = msgspec.json.decode(result)
        inputs = msgspec.json.decode(given) if given else []
        inputs = inputs if isinstance(inputs, list) else [inputs]
        rows = []
        for place, row in enumerate(found):
            told = _told(row)
            own = inputs[place] if len(inputs) == len(found) and isinstance(inputs[place], Mapping) else {}
            rows.append({"row": told.pop("row", place), **{f"input.{key}": each for key, each in own.items()}, **told})
        columns: dict[str, None] = {}
        for row in rows:
            columns.update(dict.fromkeys(row))
        return cls(sorted(columns, key=_rank), rows)


async def written(sheet: Sheet) -> AsyncGenerator[bytes, None]:
    """The table as CSV, in pieces."""
    yield await asyncio.to_thread(_lines, [sheet.columns])
    for start in range(0, len(sheet.rows), _ROWS_AT_A_TIME):
        some = sheet.rows[start : start + _ROWS_AT_A_TIME]
        yield await asyncio.to_thread(_lines, [[row.get(name) for name in sheet.columns] for row in some])


def _told(row: object) -> dict[str, Any]:
    """All that a result row says, flat."""
    if not isinstance(row, Mapping):
        return {"result": row}
    found: dict[str, Any] = {}
    metadata = row.get(METADATA)
    if isinstance(metadata, Mapping):
        found["row"] = metadata.get("jaqpotRowId")
        label = metadata.get(_LABEL, row.get(_LABEL))
        if label is not None:
            found["label"] = label
    for key, value in row.items():
        if key not in (METADATA, _LABEL):
            found[f"output.{key}" if key in _OWN else key] = value
    if isinstance(metadata, Mapping):
        found |= _probabilities(metadata.get("probabilities"), "probability")
        found |= _domains(metadata.get("doa"))
        if metadata.get("error") is not None:
            found["error"] = metadata["error"]
    return found


def _probabilities(said: object, name: str) -> dict[str, Any]:
    pairs: Iterable[tuple[object, object]] = ()
    if isinstance(said, Mapping):
        pairs = said.items()
    elif isinstance(said, list):
        pairs = enumerate(said)
    found: dict[str, Any] = {}
    for label, value in pairs:
        if isinstance(value, Mapping | list):
            found |= _probabilities(value, f"{name}.{label}")
        else:
            found[f"{name}.{label}"] = value
    return found


def _domains(said: object) -> dict[str, Any]:
    if not isinstance(said, Mapping):
        return {}
    found: dict[str, Any] = {}
    for method, assessed in said.items():
        if not isinstance(assessed, Mapping):
            found["domain" if method == _VOTE else f"domain.{method}"] = assessed
            continue
        found[f"domain.{method}"] = assessed.get("inDoa")
        found |= {f"domain.{method}.{name}": value for name, value in assessed.items() if name != "inDoa"}
    return found


def _rank(column: str) -> int:
    """Where a column stands among the others; those of one kind stay in the order in which they came."""
    begins = column.partition(".")[0]
    return {"row": 0, "label": 1, "input": 2, "probability": 4, "domain": 5, "error": 6}.get(begins, 3)


def _lines(rows: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue().encode("utf-8", "replace")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) and not _is_number(value) else value
    if isinstance(value, Mapping | list):
        return msgspec.json.encode(value).decode()
    return value
