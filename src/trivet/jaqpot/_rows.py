"""Rows: read from what programs have, cut into slices, and written as the wire wants them. No network."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, NamedTuple

from trivet.jaqpot.exceptions import ApiValueError
from trivet.sdk._shapes import is_listing, is_mapping, is_sequence

if TYPE_CHECKING:
    from trivet.sdk._json import JsonValue

METADATA = "jaqpotMetadata"
_ROW_ID = "jaqpotRowId"
_LONGEST_ID = 20
"""Digits of a row's number that are counted on; Python reads no longer ones than some thousand."""
_HINT = 'Give a list of dictionaries, one for each row: [{"X1": 1, "X2": 2}]; or a data frame.'


class Slice(NamedTuple):
    """Some of the rows of a longer list."""

    first: int
    rows: list[Any]

    def counted_on(self, result: list[JsonValue]) -> list[JsonValue]:
        """Its result, with the numbers that the rows have in the whole list."""
        for row in result:
            metadata = row.get(METADATA) if isinstance(row, dict) else None
            if isinstance(metadata, dict):
                number = metadata.get(_ROW_ID)
                if isinstance(number, int) and not isinstance(number, bool):
                    metadata[_ROW_ID] = number + self.first
                elif isinstance(number, str) and number.isascii() and number.isdigit() and len(number) < _LONGEST_ID:
                    metadata[_ROW_ID] = str(int(number) + self.first)
        return result


def read(dataset: Any) -> list[Any]:
    """The rows of a list, of one dictionary (which is one row), or of a data frame.

    Data frames are known by what they can do (`to_dict` and `columns` as with pandas, `to_dicts` as with polars), so that none
    of these packages has to be there.

    Raises:
        ApiValueError: it is none of them.
    """
    if is_mapping(dataset):
        return [dict(dataset)]
    if hasattr(dataset, "to_dicts"):
        return list(dataset.to_dicts())
    if hasattr(dataset, "to_dict") and hasattr(dataset, "columns"):
        return list(dataset.to_dict("records"))
    if isinstance(dataset, (str, bytes)) or not hasattr(dataset, "__iter__"):
        raise ApiValueError(f"A dataset is a list of rows, and not {type(dataset).__name__}.", hint=_HINT)
    return list(dataset)


def slices(rows: list[Any], most: int) -> list[Slice]:
    """The rows in slices of ``most``; one slice also where there are none."""
    return [Slice(first, rows[first : first + most]) for first in range(0, max(1, len(rows)), most)]


def encoded(rows: list[Any]) -> bytes:
    """The rows as JSON. What is not a number (NaN) counts as missing, as in data frames.

    Raises:
        ApiValueError: something in them has no form in JSON.
    """
    try:
        text = json.dumps(rows, default=_plain, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    except ValueError:  # a NaN or a circle; what is there is looked at once more, and slowly
        text = _again(rows)
    except (TypeError, RecursionError) as error:
        raise ApiValueError(f"The rows can't be sent: {error}.", hint=_HINT) from None
    return text.encode("utf-8", "surrogatepass")


def as_csv(rows: list[Any]) -> bytes:
    """The rows as a file of CSV, its columns by the keys in the order in which they come.

    Raises:
        ApiValueError: a row is no dictionary, or holds what has no form there.
    """
    import csv
    import io

    columns: dict[str, None] = {}
    for number, row in enumerate(rows):
        if not is_mapping(row):
            raise ApiValueError(f"input[{number}] is {type(row).__name__}, and no dictionary.", hint=_HINT)
        columns.update(dict.fromkeys(row))
    written = io.StringIO(newline="")
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(columns)
    decoded: list[dict[str, Any]] = json.loads(encoded(rows))
    for plain in decoded:
        writer.writerow([_cell(plain.get(name)) for name in columns])
    return written.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _again(rows: list[Any]) -> str:
    try:
        cleaned = [_without_nan(row, f"input[{number}]") for number, row in enumerate(rows)]
        return json.dumps(cleaned, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        if isinstance(error, ApiValueError):
            raise
        raise ApiValueError(f"The rows can't be sent: {error}.", hint=_HINT) from None


def _without_nan(value: Any, place: str) -> Any:
    if isinstance(value, float):
        if math.isinf(value):
            raise ApiValueError(
                f"{place} is infinite, and JSON has no form for it.", hint="Leave it out, or give a number."
            )
        return None if math.isnan(value) else value
    if is_mapping(value):
        return {str(key): _without_nan(item, f"{place}.{key}") for key, item in value.items()}
    if is_listing(value):
        return [_without_nan(item, f"{place}[{position}]") for position, item in enumerate(value)]
    if value is None or isinstance(value, (str, int)):
        return value
    return _without_nan(_plain(value), place)


def _plain(value: Any) -> Any:
    """The form of a value that JSON knows nothing of: numbers and arrays of NumPy, times, decimals."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if hasattr(value, "isoformat"):
        return value.isoformat() if value == value else None  # noqa: PLR0124 — a time that is none is not equal to itself
    from decimal import Decimal

    if isinstance(value, Decimal):
        return str(value)
    if is_sequence(value):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")
