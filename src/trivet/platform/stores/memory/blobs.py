"""Blobs in memory."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from collections.abc import Set as AbstractSet

from trivet.platform.core.errors import NotFound, TooLarge
from trivet.platform.ports.blobs import StoredBlob


class MemoryBlobs:
    """A `BlobStore` whose blobs last as long as it does. ``blobs`` is there for tests to look into."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self._made = 0

    async def put(self, data: bytes) -> str:
        """Stores ``data`` and returns its name."""
        self._made += 1
        name = f"{self._made:032x}"
        self.blobs[name] = data
        return name

    async def put_stream(self, chunks: AsyncIterator[bytes], limit: int) -> StoredBlob:
        """Stores a stream. Nothing is kept where the stream raises.

        Raises:
            TooLarge: more than ``limit`` bytes came; nothing is kept.
        """
        data = bytearray()
        async for chunk in chunks:
            data += chunk
            if len(data) > limit:
                raise TooLarge(f"More than {limit} bytes came.", limit=limit)
        name = await self.put(bytes(data))
        md5 = hashlib.md5(data, usedforsecurity=False)
        return StoredBlob(name, len(data), hashlib.sha256(data).hexdigest(), md5.hexdigest())

    async def get(self, name: str) -> bytes:
        """The whole blob.

        Raises:
            NotFound: there is none of that name.
        """
        if name not in self.blobs:
            raise NotFound.of("blob", name)
        return self.blobs[name]

    async def stream(
        self, name: str, start: int = 0, end: int | None = None, *, chunk: int = 1 << 20
    ) -> AsyncIterator[bytes]:
        """The blob in pieces of up to ``chunk`` bytes, from ``start`` up to but without ``end`` (None: to its end).

        Raises:
            NotFound: there is none of that name.
        """
        data = await self.get(name)
        stop = len(data) if end is None else min(end, len(data))
        for at in range(start, stop, chunk):
            yield data[at : min(at + chunk, stop)]

    async def open(self, name: str) -> None:
        """There are no files behind these blobs.

        Raises:
            NotFound: there is none of that name.
        """
        await self.get(name)

    async def forget_others(self, known: AbstractSet[str]) -> int:
        """Forgets every blob that is not ``known``, and returns how many."""
        others = self.blobs.keys() - known
        for name in others:
            del self.blobs[name]
        return len(others)

    async def delete(self, name: str) -> None:
        """Forgets the blob; nothing happens where it is not there."""
        self.blobs.pop(name, None)
