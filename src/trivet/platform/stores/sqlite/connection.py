"""Connections to the file, and what its faults mean to a caller."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from trivet.platform.core.errors import CoreError, StorageFull, Unavailable
from trivet.platform.stores.errors import StoreDamagedError

BUSY_TIMEOUT = 5.0
"""Seconds to wait for another process that has locked the file."""
_WAL_LIMIT = 64 * 2**20
_CHECKPOINT_PAGES = 4096
"""16 MiB: fewer, larger checkpoints, as each costs the writer a sync of the main file."""


def connect(path: Path, *, writable: bool) -> sqlite3.Connection:
    """A connection that commits when told to; any thread may use it, one at a time.

    Raises:
        sqlite3.Error: see `meaning`.
    """
    if writable:
        # made by us and not by SQLite, so that nobody else can read it; the files beside it inherit this
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    connection = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA temp_store = MEMORY")
        if not writable:
            connection.execute("PRAGMA query_only = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def make_durable(connection: sqlite3.Connection) -> None:
    """A commit is on disk when it returns, and readers never wait for the writer."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA journal_size_limit = {_WAL_LIMIT}")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")


def meaning(error: sqlite3.Error) -> CoreError | None:
    """What a fault of the file or its disk means to a caller; None where the statement itself was at fault."""
    extended = getattr(error, "sqlite_errorcode", None)
    if extended is None:
        return None
    name = getattr(error, "sqlite_errorname", "")
    match extended & 0xFF:
        case sqlite3.SQLITE_FULL:
            return StorageFull("The disk that holds the database is full; nothing was changed.")
        case sqlite3.SQLITE_IOERR | sqlite3.SQLITE_NOMEM:
            return StorageFull(f"The disk that holds the database refused to work ({name}); nothing was changed.")
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return Unavailable(
                f"Another process has kept the database locked for more than {BUSY_TIMEOUT:g} s.",
                hint="End the program that has the file open (a backup, a database browser); then try again.",
            )
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return Unavailable(
                f"The database file can't be opened or written ({name}).",
                hint="Check that the data folder is there and belongs to the user who runs the platform.",
            )
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return StoreDamagedError(f"The database file is damaged ({error}).")
    return None


def explain(error: sqlite3.Error) -> CoreError:
    """The error that a caller gets for any fault of the database."""
    return meaning(error) or Unavailable(f"The database can't be used now ({error}).")


def is_read_only(error: sqlite3.Error) -> bool:
    """Whether a statement was refused because it would have changed something."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF == sqlite3.SQLITE_READONLY
