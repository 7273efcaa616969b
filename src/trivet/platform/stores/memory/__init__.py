"""A store and a blob store in memory: the same contract as on disk, for tests and for trying things out."""

from trivet.platform.stores.memory.blobs import MemoryBlobs
from trivet.platform.stores.memory.store import MemoryStore

__all__ = ["MemoryBlobs", "MemoryStore"]
