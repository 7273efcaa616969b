"""The sweeper: forgets hosted data that have had their time, in small steps."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from trivet.platform.core.data import File
from trivet.platform.ports.blobs import BlobStore
from trivet.platform.ports.clock import Clock
from trivet.platform.ports.stores import Store, Transaction

DROP_GRACE = 5.0
"""Seconds between the moment a file lets go of its blob and the blob's end: for who has just looked the file up, to open it."""
LOST_INTERVAL = 60.0
"""Seconds between two searches for collections whose owner or endpoint is gone."""

_STEP = 200
"""Files that go in one unit of work: a collection may have a million of them."""


class Sweeper:
    """Removes expired files, sessions whose job has ended, collections that nobody can find, and blobs that files let go of.

    Whatever it is killed at, it takes up again.

    Args:
        store: where collections and files are listed.
        blobs: where their bytes lie.
        clock: the time of day.
        is_open: whether a job has not ended yet, by its id.
    """

    def __init__(self, store: Store, blobs: BlobStore, clock: Clock, is_open: Callable[[str], bool]) -> None:
        self._store = store
        self._blobs = blobs
        self._clock = clock
        self._is_open = is_open
        self._aside: deque[str] = deque()
        self._searched_at: float | None = None

    def clear_soon(self, collection_id: str) -> None:
        """A collection was set aside, and the next tick removes it. Where there is none any more, a later search finds it."""
        self._aside.append(collection_id)

    async def tick(self) -> None:
        """Step by step until nothing is left that has had its time."""
        await self._clear_expired()
        for session in await self._store.read(lambda tx: tx.data.sessions()):
            if not self._is_open(session.name):
                await self.end_session(session.name)
        while self._aside:
            await self._clear(self._aside.popleft())
        await self._clear_lost()
        await self._delete_dropped()

    async def end_session(self, root_id: str) -> None:
        """Takes away what the jobs below ``root_id``, and that job itself, had in common."""

        def unit(tx: Transaction) -> list[str]:
            ended = [session.id for session in tx.data.sessions() if session.name == root_id]
            for collection_id in ended:
                tx.data.set_aside(collection_id)
            return ended

        self._aside.extend(await self._store.write(unit))

    async def _clear(self, collection_id: str) -> None:
        """Removes a collection that nobody finds, its files first."""
        now = self._clock()

        def unit(tx: Transaction) -> int:
            files = tx.data.files(collection_id, limit=_STEP)
            _remove(tx, files, now)
            tx.data.remove(collection_id)
            return len(files)

        while await self._store.write(unit) == _STEP:
            pass

    async def _clear_expired(self) -> None:
        now = self._clock()

        def unit(tx: Transaction) -> None:
            _remove(tx, tx.data.expired(now, _STEP), now)

        while await self._store.read(lambda tx: tx.data.expired(now, 1)):
            await self._store.write(unit)

    async def _clear_lost(self) -> None:
        # a search looks at every collection there is
        now = self._clock()
        if self._searched_at is not None and 0 <= now - self._searched_at < LOST_INTERVAL:
            return
        while lost := await self._store.read(lambda tx: tx.data.lost(_STEP)):
            for collection in lost:
                await self._clear(collection.id)
        self._searched_at = now

    async def _delete_dropped(self) -> None:
        due = self._clock() - DROP_GRACE
        while blobs := await self._store.read(lambda tx: tx.data.dropped_blobs(due, _STEP)):
            # the files first: a note too many is harmless
            for blob in blobs:
                await self._blobs.delete(blob)
            await self._forget_dropped(blobs)

    async def _forget_dropped(self, blobs: Sequence[str]) -> None:
        await self._store.write(lambda tx: tx.data.forget_dropped(blobs))


def _remove(tx: Transaction, files: Sequence[File], now: float) -> None:
    for file in files:
        tx.data.remove_file(file.collection_id, file.name)
    tx.data.drop_blobs([file.blob for file in files], now)
