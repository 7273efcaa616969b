"""Blocks of a CSV file that hold plain numbers and nothing else: read at once, without making a text of each cell.

What is not of that form is left to `trivet.models.sheets`, from the block on where it begins.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from trivet.models import cells
from trivet.models.features import FeatureType

_QUOTE: Final = b'"'
_NUMBERS: Final = frozenset({FeatureType.FLOAT, FeatureType.INTEGER})


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines of a file.

    `values` has one row per line and one column per column of the file; `end` is where the next block begins, in bytes, and
    `lines` how many lines it has.
    """

    values: Any
    end: int
    lines: int


def blocks(data: bytes, start: int, separator: bytes, width: int, rows: int) -> Iterator[Block]:
    """Reads blocks for as long as they hold plain numbers.

    Args:
        data: The file's bytes, in an encoding that has ASCII's bytes for ASCII's characters.
        start: Where the line below the header begins.
        separator: What stands between cells.
        width: How many cells a line has.
        rows: How many rows a block has at most.

    Yields:
        Blocks in their order. It ends with the file, or before the first block that holds anything else: a quote, a blank
        line, an empty cell, a word, a number that is not finite.
    """
    import numpy as np

    while start < len(data):
        end = _end_of_lines(data, start, rows)
        piece = data[start:end]
        lines = piece.count(b"\n") + (not piece.endswith(b"\n"))
        texts = piece.removesuffix(b"\n").replace(b"\n", separator).split(separator)
        if _QUOTE in piece or len(texts) != lines * width or not _is_even(np, piece, separator, width):
            return
        try:
            values = np.fromiter(map(float, texts), np.float64, len(texts)).reshape(lines, width)
        except ValueError:
            return
        if not np.isfinite(values).all():
            return
        yield Block(values, end, lines)
        start = end


def column(values: Any, kind: FeatureType) -> Sequence[Any] | None:
    """A column of a block as a feature of that type has it; None where its numbers are not of that type.

    Args:
        values: The column's numbers.
        kind: `FLOAT` or `INTEGER`.
    """
    import numpy as np

    if kind is FeatureType.FLOAT:
        real: Any = np.ascontiguousarray(values)
        return cast("Sequence[Any]", real)
    if np.abs(values).max() >= cells.EXACT or (values != np.floor(values)).any():
        return None
    return cast("Sequence[Any]", values.astype(np.int64))


def are_numbers(kinds: Sequence[FeatureType]) -> bool:
    """Whether features of these types can be read in blocks."""
    return _NUMBERS.issuperset(kinds)


def _end_of_lines(data: bytes, start: int, rows: int) -> int:
    """Where so many lines end that begin at a place, or fewer: it looks only as far as lines of that file are long."""
    first = data.find(b"\n", start) + 1
    if not first:
        return len(data)
    reach = min(start + (first - start) * rows, len(data))
    piece = data[start:reach]
    if piece.count(b"\n") <= rows:
        return len(data) if reach == len(data) else start + piece.rfind(b"\n") + 1
    end = start
    for _ in range(rows):
        end = data.index(b"\n", end) + 1
    return end


def _is_even(np: Any, piece: bytes, separator: bytes, width: int) -> bool:
    """Whether each line has as many cells as the header."""
    octets = np.frombuffer(piece, np.uint8)
    breaks = np.flatnonzero(octets == ord("\n"))
    if not piece.endswith(b"\n"):
        breaks = np.append(breaks, len(octets))
    between = np.flatnonzero(octets == ord(separator))
    counts = np.diff(np.searchsorted(between, breaks), prepend=0)
    return bool((counts == width - 1).all())
