"""Blobs in memory."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from collections.abc import Set as AbstractSet

from trivet.platform.core.errors import NotFound, TooLarge


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

    async def put_stream(self, chunks: AsyncIterator[bytes], limit: int) -> tuple[str, int, str]:
        """Stores a stream; returns name, size in bytes, and SHA-256 in hex.

        Raises:
            TooLarge: more than ``limit`` bytes came; nothing is kept.
        """
        data = bytearray()
        async for chunk in chunks:
            data += chunk
            if len(data) > limit:
                raise TooLarge(f"More than {limit} bytes came.", limit=limit)
        return await self.put(bytes(data)), len(data), hashlib.sha256(data).hexdigest()

    async def get(self, name: str) -> bytes:
        """The whole blob.

        Raises:
            NotFound: there is none of that name.
        """
        if name not in self.blobs:
            raise NotFound.of("blob", name)
        return self.blobs[name]

    async def stream(self, name: str, chunk: int = 1 << 20) -> AsyncIterator[bytes]:
        """The blob in pieces of up to ``chunk`` bytes.

        Raises:
            NotFound: there is none of that name.
        """
        data = await self.get(name)
        for start in range(0, len(data), chunk):
            yield data[start : start + chunk]

    async def forget_others(self, known: AbstractSet[str]) -> int:
        """Forgets every blob that is not ``known``, and returns how many."""
        others = self.blobs.keys() - known
        for name in others:
            del self.blobs[name]
        return len(others)

    async def delete(self, name: str) -> None:
        """Forgets the blob; nothing happens where it is not there."""
        self.blobs.pop(name, None)
