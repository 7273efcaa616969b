"""Numbers: integers that are given once and never again."""

from __future__ import annotations

from trivet.platform.ports.stores import Store

_BLOCK = 64


class Numbers:
    """The integers of one counter. They are taken from the store in blocks, so that most cost no write; what is left of a block
    when the platform stops is skipped.

    Args:
        store: where the counter is kept.
        name: the counter's.
    """

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self._name = name
        self._next = self._end = 0

    async def next(self) -> int:
        """An integer that nobody was given before.

        Raises:
            StorageFull, Unavailable: as the store has it.
        """
        while self._next >= self._end:
            lowest = await self._store.write(lambda tx: tx.counters.take(self._name, _BLOCK))
            if lowest >= self._end:  # of two who waited for a block, each has brought one: the higher one counts
                self._next, self._end = lowest, lowest + _BLOCK
        number = self._next
        self._next += 1
        return number
