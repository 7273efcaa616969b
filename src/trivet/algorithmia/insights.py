"""Figures that an algorithm reports about its own work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trivet.algorithmia._sync.reporting import report

__all__ = ["Insights"]


class Insights:
    """A report, made by making this object; see `report`.

    Args:
        insights: names and values.

    Raises:
        InputError: they can't be sent; also a `TypeError`.
        ApiError: no answer came.
    """

    def __init__(self, insights: Mapping[str, Any]) -> None:
        report(insights)
