"""How wide the columns of a table are on a terminal, and which of them have no room there: pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

GAP = 2
"""Cells between two columns."""
_READABLE = 16
"""Cells that a column keeps as long as there is another one that can be left out instead."""
_LEAST = 6
"""Cells below which a column says nothing any more."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One column.

    Attributes:
        width: the cells of its longest text, the heading among them.
        whole: it is never shortened and never left out.
    """

    width: int
    whole: bool = False


def fitted(shapes: Sequence[Shape], room: int) -> dict[int, int]:
    """How wide the columns are in ``room`` cells.

    What may be shortened is, the widest first; then columns are left out from the right, the first two excepted; then what is
    left is shortened to a stump. Where even that is too wide the terminal has to wrap the lines: ids and names are not cut.

    Args:
        shapes: the columns.
        room: the cells of a line.

    Returns:
        The width of each column that is shown, by its position.
    """
    widths = {position: shape.width for position, shape in enumerate(shapes)}
    flexible = [position for position, shape in enumerate(shapes) if not shape.whole]
    _shorten(widths, flexible, room, _READABLE)
    for position in reversed(flexible):
        if position > 1 and _excess(widths, room) > 0:
            del widths[position]
            # There may be more room now than the others need.
            widths |= {other: shapes[other].width for other in widths}
            _shorten(widths, flexible, room, _READABLE)
    _shorten(widths, flexible, room, _LEAST)
    return widths


def _excess(widths: dict[int, int], room: int) -> int:
    return sum(widths.values()) + GAP * (len(widths) - 1) - room


def _shorten(widths: dict[int, int], flexible: Sequence[int], room: int, least: int) -> None:
    while _excess(widths, room) > 0:
        widest = max((each for each in flexible if each in widths), key=widths.__getitem__, default=None)
        if widest is None or widths[widest] <= least:
            return
        widths[widest] -= 1
