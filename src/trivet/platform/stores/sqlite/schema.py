"""Migrations: numbered files of SQL, applied in order; the file itself says how far it has come (``user_version``)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from trivet.platform.stores.errors import StoreDamagedError, StoreVersionError

APPLICATION_ID = 0x54525654
"""``TRVT``: how a file says that it is one of ours."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema: the file ``NNNN_name.sql``."""

    number: int
    name: str
    script: str = field(repr=False)


def migrations() -> list[Migration]:
    """All steps that this Trivet knows, in order."""
    folder = resources.files("trivet.platform.stores") / "migrations"
    found = []
    for entry in folder.iterdir():
        number, _, name = entry.name.removesuffix(".sql").partition("_")
        if entry.name.endswith(".sql"):
            found.append(Migration(int(number), name, entry.read_text("utf-8")))
    return sorted(found, key=lambda migration: migration.number)


def check_version(connection: sqlite3.Connection, path: Path, known: Sequence[Migration]) -> None:
    """Reads whose file it is and how far it has come; changes nothing.

    Raises:
        StoreVersionError: a newer Trivet wrote it.
        StoreDamagedError: it is a database, but not one of ours.
    """
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    is_empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    if application != APPLICATION_ID and not is_empty:
        raise StoreDamagedError(
            f"{path} is a database of another program, not one of Trivet's.",
            hint="Move it away, or choose another folder: --data DIR.",
        )
    newest = known[-1].number
    if version > newest:
        raise StoreVersionError(
            f"{path} was written by a newer Trivet: its schema has number {version}, this Trivet knows up to {newest}."
        )


def migrate(connection: sqlite3.Connection, known: Sequence[Migration]) -> None:
    """Brings the schema up to date, all of it or nothing.

    Raises:
        sqlite3.Error: nothing was changed.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        # read under the lock: another process may have done the work in the meantime
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        for migration in known:
            if migration.number > version:
                for statement in statements(migration.script):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {migration.number}")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def statements(script: str) -> Iterator[str]:
    """The statements of a script, each of which ends a line. (`executescript` would commit before it begins.)"""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
