"""Pages: which part of a list is asked for, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from trivet.platform.dialects.jaqpot.context import Call

T = TypeVar("T")

MODELS_ON_A_PAGE = 20
DATASETS_ON_A_PAGE = 10
MOST_ON_A_PAGE = 500
_FURTHEST = 10**9


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a list that is asked for: page ``number``, from 0, of pages with ``size`` items."""

    number: int
    size: int

    @property
    def offset(self) -> int:
        """How many items come before it."""
        return self.number * self.size

    def of(self, items: Sequence[T]) -> list[T]:
        """The items of a list that are on it."""
        return list(items[self.offset : self.offset + self.size])


def part(call: Call, usual: int, most: int = MOST_ON_A_PAGE) -> Part:
    """What a query says about the page.

    Raises:
        BadRequest: something in it is no whole number.
    """
    return Part(call.count("page", 0, _FURTHEST), max(1, call.count("size", usual, most)))


def orders(call: Call) -> list[tuple[str, bool]]:
    """What a query says about the order: the names of properties, each with whether the greatest comes first. What can't be read
    is passed over.
    """
    found = []
    for text in call.query.get("sort", ()):
        name, bar, direction = text.partition("|")
        if name and direction.lower() in (("asc", "desc") if bar else ("",)):
            found.append((name, direction.lower() == "desc"))
    return found


def ordered(items: Sequence[T], wanted: Sequence[tuple[str, bool]], keys: Mapping[str, Callable[[T], Any]]) -> list[T]:
    """A list in the order that was asked for; properties that it can't be ordered by are passed over.

    Args:
        items: the list, in the order that counts where nothing else does.
        wanted: what `orders` gives.
        keys: how each property is found.
    """
    found = list(items)
    for name, downwards in reversed(wanted):
        key = keys.get(name)
        if key is not None:
            found.sort(key=key, reverse=downwards)
    return found
