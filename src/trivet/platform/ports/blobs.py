"""Blobs: named bytes of any size, written once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from collections.abc import Set as AbstractSet
from typing import Protocol


class BlobStore(Protocol):
    """Where large inputs, outputs and uploads lie. Names are made by the store; nobody's path ever becomes one."""

    async def put(self, data: bytes) -> str:
        """Stores ``data``, on disk when this returns, and returns its name. Raises `StorageFull`."""

    async def put_stream(self, chunks: AsyncIterator[bytes], limit: int) -> tuple[str, int, str]:
        """Stores a stream; returns name, size in bytes, and SHA-256 in hex.

        Raises:
            TooLarge: more than ``limit`` bytes came; nothing is kept.
            StorageFull: nothing is kept.
        """

    async def get(self, name: str) -> bytes:
        """The whole blob. Raises `NotFound`."""

    def stream(self, name: str, chunk: int = 1 << 20) -> AsyncIterator[bytes]:
        """The blob in pieces. Raises `NotFound`."""

    async def forget_others(self, known: AbstractSet[str]) -> int:
        """Forgets every blob that is not ``known``, and returns how many; only while nobody stores any."""

    async def delete(self, name: str) -> None:
        """Forgets the blob; nothing happens where it is not there."""
