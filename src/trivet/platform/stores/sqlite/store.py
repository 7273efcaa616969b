"""The store on one SQLite file."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar, cast

from trivet.platform.core.errors import Unavailable
from trivet.platform.ports.stores import Transaction
from trivet.platform.stores.sqlite.connection import connect, explain, make_durable
from trivet.platform.stores.sqlite.readers import Readers
from trivet.platform.stores.sqlite.schema import check_version, migrate, migrations
from trivet.platform.stores.sqlite.writer import Unit, Writer

T = TypeVar("T")


class SqliteStore:
    """A `Store` on one SQLite file, for one event loop. Made by `open`."""

    def __init__(self, path: Path, connection: sqlite3.Connection, loop: asyncio.AbstractEventLoop) -> None:
        self._connection = connection
        self._loop = loop
        self._writer = Writer(connection, self._wake)
        self._readers = Readers(path)
        self._closed = False

    @classmethod
    async def open(cls, path: Path) -> SqliteStore:
        """Opens the file, makes it where it is missing, and brings its schema up to date.

        Raises:
            StoreVersionError: a newer Trivet wrote it; it was not touched.
            StoreDamagedError: it is damaged, or belongs to another program; it was not touched.
            StorageFull: there is no space for it.
            Unavailable: it can't be opened, with the reason.
        """
        connection = await asyncio.to_thread(_prepare, path)
        return cls(path, connection, asyncio.get_running_loop())

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Applies a unit of work; returns what it returned once that is on disk, and re-raises what it raised, having
        changed nothing. A caller who is cancelled while waiting does not hold it up: it may still be applied.

        Raises:
            StorageFull: the disk is full; nothing was changed.
            Unavailable: the store can't be written now, or is closed.
        """
        return cast(T, await self._hand_over(work, kept=False))

    def write_behind(self, work: Callable[[Transaction], None]) -> None:
        """Applies a unit of work soon, in its turn, without anybody waiting. On a full disk it is tried again until it
        holds; one that raises is logged and left out.

        Raises:
            Unavailable: the store is closed.
        """
        self._check_open()
        self._writer.submit(Unit(work, None, kept=True))

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Reads a consistent state that includes every finished `write`.

        Raises:
            Unavailable: the store can't be read now, or is closed.
        """
        self._check_open()
        return await self._readers.read(work)

    async def flush(self) -> None:
        """Returns when everything handed over so far is on disk; on a full disk, when there is space again.

        Raises:
            Unavailable: the store is closed.
        """
        await self._hand_over(_nothing, kept=True)

    async def close(self) -> None:
        """Writes what is left and lets go. What can't be written within a few seconds is given up and logged."""
        if self._closed:
            return
        self._closed = True
        await asyncio.to_thread(self._writer.stop)
        await asyncio.to_thread(self._readers.close)
        # last, because the last connection to go moves everything into the main file
        await asyncio.to_thread(self._connection.close)

    async def _hand_over(self, work: Callable[[Transaction], object], *, kept: bool) -> object:
        self._check_open()
        future: asyncio.Future[object] = self._loop.create_future()
        self._writer.submit(Unit(work, future, kept=kept))
        return await future

    def _check_open(self) -> None:
        if self._closed:
            raise Unavailable("The store is closed: the platform is stopping.")

    def _wake(self, units: Sequence[Unit]) -> None:
        if units:
            with suppress(RuntimeError):  # the loop has ended: nobody waits any more
                self._loop.call_soon_threadsafe(_settle, units)


def _settle(units: Sequence[Unit]) -> None:
    for unit in units:
        future = unit.future
        if future is None or future.done():  # its caller has gone away
            continue
        if unit.error is None:
            future.set_result(unit.result)
        else:
            future.set_exception(unit.error)


def _nothing(tx: Transaction) -> None:
    """A unit of work that only takes its turn."""


def _prepare(path: Path) -> sqlite3.Connection:
    known = migrations()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        connection = connect(path, writable=True)
    except sqlite3.Error as error:
        raise explain(error) from None
    except OSError as error:
        raise Unavailable(
            f"The database {path} can't be opened: {error.strerror}.",
            hint="Check that the data folder belongs to the user who runs the platform, or choose another: --data DIR.",
        ) from None
    try:
        check_version(connection, path, known)
        make_durable(connection)
        migrate(connection, known)
    except sqlite3.Error as error:
        connection.close()
        raise explain(error) from None
    except BaseException:
        connection.close()
        raise
    return connection
