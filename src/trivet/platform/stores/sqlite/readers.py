"""Readers: a few threads with a connection each, beside the writer and never in its way."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from trivet.platform.ports.stores import Transaction
from trivet.platform.stores.errors import READ_ONLY
from trivet.platform.stores.sqlite.connection import connect, explain, is_read_only, meaning
from trivet.platform.stores.sqlite.session import ReadSession
from trivet.platform.stores.sqlite.transaction import SqliteTransaction

T = TypeVar("T")

THREADS = 4


class _Reader:
    def __init__(self, path: Path) -> None:
        self.connection = connect(path, writable=False)
        self.transaction = SqliteTransaction(ReadSession(self.connection))


class Readers:
    """Runs units of work that only read, each on a consistent state of the database."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="trivet-store-reader")
        self._idle: deque[_Reader] = deque()

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """What ``work`` returns.

        Raises:
            Unavailable: the database can't be read.
            RuntimeError: ``work`` tried to change something.
        """
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._run, work)

    def close(self) -> None:
        """Waits for what is being read, and lets go."""
        self._pool.shutdown()
        while self._idle:
            self._idle.pop().connection.close()

    def _run(self, work: Callable[[Transaction], T]) -> T:
        try:
            # the one used last: its pages are warm. There are never more readers than threads
            reader = self._idle.pop() if self._idle else _Reader(self._path)
        except IndexError:
            reader = _Reader(self._path)
        except sqlite3.Error as error:
            raise explain(error) from None
        try:
            return self._read(reader, work)
        except sqlite3.Error as error:
            if is_read_only(error):
                raise RuntimeError(READ_ONLY) from error
            known = meaning(error)
            if known is None:
                raise
            raise known from None
        except StopIteration as error:
            raise RuntimeError("the unit of work raised StopIteration") from error
        finally:
            self._idle.append(reader)

    @staticmethod
    def _read(reader: _Reader, work: Callable[[Transaction], T]) -> T:
        reader.connection.execute("BEGIN")
        try:
            return work(reader.transaction)
        finally:
            if reader.connection.in_transaction:
                reader.connection.execute("ROLLBACK")
