"""Blobs: named bytes of any size, written once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import BinaryIO, Protocol


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """What was stored: the blob's name, its size in bytes, and two digests of it in hex."""

    name: str
    size: int
    sha256: str
    md5: str


class BlobStore(Protocol):
    """Where large inputs, outputs, uploads and files lie. Names are made by the store; nobody's path ever becomes one."""

    async def put(self, data: bytes) -> str:
        """Stores ``data``, on disk when this returns, and returns its name. Raises `StorageFull`."""

    async def put_stream(self, chunks: AsyncIterator[bytes], limit: int) -> StoredBlob:
        """Stores a stream, on disk when this returns. Nothing is kept where the stream raises, or the caller is cancelled.

        Raises:
            TooLarge: more than ``limit`` bytes came; nothing is kept.
            StorageFull: nothing is kept.
        """

    async def get(self, name: str) -> bytes:
        """The whole blob. Raises `NotFound`."""

    def stream(
        self, name: str, start: int = 0, end: int | None = None, *, chunk: int = 1 << 20
    ) -> AsyncIterator[bytes]:
        """The blob in pieces of up to ``chunk`` bytes, from ``start`` up to but without ``end`` (None: to its end).

        It is opened before the first piece comes. Whoever has it open reads it to its end, also where it is deleted meanwhile.

        Raises:
            NotFound: there is none of that name.
        """

    async def open(self, name: str) -> BinaryIO | None:
        """The blob as an open file of this machine, which the kernel can send by itself; None where the store has no such thing,
        and `stream` is the only way. Whoever asks closes it; until then it can be read whole, also where it is deleted meanwhile.

        Raises:
            NotFound: there is none of that name.
        """

    async def forget_others(self, known: AbstractSet[str]) -> int:
        """Forgets every blob that is not ``known``, and returns how many; only while nobody stores any."""

    async def delete(self, name: str) -> None:
        """Forgets the blob; nothing happens where it is not there."""
