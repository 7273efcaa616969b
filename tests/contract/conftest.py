"""The stores under contract, each with a loop of its own to run on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from trivet.platform.ports.blobs import BlobStore
from trivet.platform.ports.stores import Store, Transaction
from trivet.platform.stores.blobs_disk import DiskBlobs
from trivet.platform.stores.memory import MemoryBlobs, MemoryStore
from trivet.platform.stores.sqlite import SqliteStore

T = TypeVar("T")
PATIENCE = 30.0
"""Seconds after which a test that hangs is told so."""


class Driver:
    """Runs what a test awaits, and a store to it. ``fill`` and ``relieve`` fill its disk and free it again."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.store: Store

    def run(self, work: Awaitable[T]) -> T:
        return self.loop.run_until_complete(asyncio.wait_for(work, PATIENCE))

    def write(self, work: Callable[[Transaction], T]) -> T:
        return self.run(self.store.write(work))

    def read(self, work: Callable[[Transaction], T]) -> T:
        return self.run(self.store.read(work))

    def fill(self) -> None:
        raise AssertionError("this store has no disk")

    def relieve(self) -> None:
        raise AssertionError("this store has no disk")

    def close(self) -> None:
        self.run(self.store.close())
        self.run(self.loop.shutdown_default_executor())
        self.loop.close()


class MemoryDriver(Driver):
    def __init__(self) -> None:
        super().__init__()
        self.memory = self.store = MemoryStore()

    def fill(self) -> None:
        self.memory.out_of_space = True

    def relieve(self) -> None:
        self.memory.out_of_space = False


class SqliteDriver(Driver):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.sqlite = self.store = self.run(SqliteStore.open(path))

    def fill(self) -> None:
        self.run(self.sqlite.flush())
        self._pages(1)  # SQLite makes this as many as there are

    def relieve(self) -> None:
        self._pages(2**30)

    def reopen(self) -> None:
        self.run(self.sqlite.close())
        self.sqlite = self.store = self.run(SqliteStore.open(self.path))

    def _pages(self, count: int) -> None:
        self.sqlite._connection.execute(f"PRAGMA max_page_count = {count}")


@pytest.fixture(params=["memory", "sqlite"])
def driver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Driver]:
    """A fresh store of each kind."""
    driver = MemoryDriver() if request.param == "memory" else SqliteDriver(tmp_path / "trivet.db")
    yield driver
    driver.close()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[SqliteDriver]:
    """A fresh store on disk."""
    driver = SqliteDriver(tmp_path / "trivet.db")
    yield driver
    driver.close()


@pytest.fixture(params=["memory", "disk"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    """A fresh blob store of each kind."""
    return MemoryBlobs() if request.param == "memory" else DiskBlobs(tmp_path / "blobs")


@pytest.fixture
def run() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Runs a coroutine to its end."""
    return lambda work: asyncio.run(asyncio.wait_for(work, PATIENCE))
