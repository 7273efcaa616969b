"""Tables in memory that can take back what a unit of work did."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from trivet.platform.stores.errors import READ_ONLY

K = TypeVar("K")
V = TypeVar("V")


class Journal:
    """What the unit of work that runs now has changed, so that it can be undone."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], object]] = []
        self._read_only = False

    def begin(self, *, read_only: bool) -> None:
        """Starts a unit of work."""
        self._undo.clear()
        self._read_only = read_only

    def note(self, undo: Callable[[], object]) -> None:
        """Remembers how to take one change back; called before the change.

        Raises:
            RuntimeError: the unit of work only reads.
        """
        if self._read_only:
            raise RuntimeError(READ_ONLY)
        self._undo.append(undo)

    def roll_back(self) -> None:
        """Undoes the unit of work, last change first."""
        while self._undo:
            self._undo.pop()()


class Table(Generic[K, V]):
    """Rows by key, in the order in which the keys were first put."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._rows: dict[K, V] = {}

    def __contains__(self, key: K) -> bool:
        return key in self._rows

    def __iter__(self) -> Iterator[V]:
        return iter(self._rows.values())

    def get(self, key: K) -> V | None:
        """The row, or None."""
        return self._rows.get(key)

    def put(self, key: K, row: V) -> None:
        """Adds the row or takes the place of the one that is there."""
        rows = self._rows
        if key in rows:
            before = rows[key]
            self._journal.note(lambda: rows.__setitem__(key, before))
        else:
            self._journal.note(lambda: rows.pop(key))
        rows[key] = row

    def remove(self, key: K) -> bool:
        """Takes the row away; whether it was there."""
        if key not in self._rows:
            return False
        before = dict(self._rows)
        self._journal.note(lambda: self._restore(before))
        del self._rows[key]
        return True

    def _restore(self, rows: dict[K, V]) -> None:
        # the whole dict, as a row that is put back would otherwise come last
        self._rows.clear()
        self._rows.update(rows)
