"""Sessions: what repositories run their SQL on.

The writer's session puts off inserts that nobody has to see yet, and brings them to the database many rows to a statement.
That is what makes the hot path fast: each statement lets go of the interpreter's lock and has to win it back from a busy
event loop, which costs far more than the row itself.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import Any, Protocol

from trivet.platform.core.errors import CoreError
from trivet.platform.stores.errors import READ_ONLY
from trivet.platform.stores.sqlite.connection import meaning

Row = tuple[Any, ...]
SIZES = (1, 4, 16, 64, 256)
"""How many rows one statement may take; few sizes, so that each stays prepared."""


@dataclass(frozen=True, eq=False)
class BulkInsert:
    """An insert of many rows at once: ``head``, the rows with ``width`` values each, ``tail``. No row begins with 0."""

    head: str
    tail: str
    width: int
    refusals: Mapping[str, CoreError] = field(default_factory=dict)
    """What a row is refused with by the column, as `refused` takes it."""

    @cached_property
    def statements(self) -> dict[int, str]:
        """The SQL by number of rows. Rows of zeros only fill up and are left out."""
        row = f"({', '.join('?' * self.width)})"
        return {size: f"{self.head} {_rows(row, size)} {self.tail}" for size in SIZES}

    def calls(self, rows: Sequence[Row]) -> Iterator[tuple[str, Row]]:
        """The statements and their parameters that insert ``rows``, in order."""
        for start in range(0, len(rows), SIZES[-1]):
            some = rows[start : start + SIZES[-1]]
            size = next(size for size in SIZES if size >= len(some))
            yield self.statements[size], (*chain.from_iterable(some), *(0,) * ((size - len(some)) * self.width))


def _rows(row: str, size: int) -> str:
    return f"SELECT * FROM (VALUES {', '.join([row] * size)}) WHERE column1 <> 0"  # noqa: S608 - question marks only


class Session(Protocol):
    """What a repository works on."""

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Runs one statement now."""

    def defer(self, insert: BulkInsert, row: Row) -> None:
        """Inserts a row before the transaction ends."""

    def flush(self) -> None:
        """Brings deferred rows to the database, so that the next statement sees them."""


class ReadSession:
    """A session that changes nothing."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Runs one statement now."""
        return self._connection.execute(sql, parameters)

    def defer(self, insert: BulkInsert, row: Row) -> None:
        """Raises `RuntimeError`."""
        raise RuntimeError(READ_ONLY)

    def flush(self) -> None:
        """Nothing to do."""


class DeferredRowError(Exception):
    """A deferred row can't be stored, and it is not known which unit of work it came from."""


class WriteSession:
    """The writer's session: a transaction of many units of work, each of which can be undone alone.

    A unit that only defers rows needs no statement, and so no savepoint, of its own.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._deferred: list[tuple[BulkInsert, Row]] = []
        self._mark = 0
        self._saved = False
        self._one_by_one = False
        self._failure: Exception | None = None

    def begin(self, *, one_by_one: bool = False) -> None:
        """Starts the transaction, which the first statement opens.

        Args:
            one_by_one: bring each unit's rows to the database at its end, so that a row which can't be stored is known to
                be that unit's. Otherwise such a row raises `DeferredRowError` from whatever comes upon it.
        """
        self.roll_back()
        self._deferred.clear()
        self._saved = False
        self._failure = None
        self._one_by_one = one_by_one

    def begin_unit(self) -> None:
        """Starts a unit of work."""
        self._mark = len(self._deferred)

    def end_unit(self) -> None:
        """Keeps what the unit did. Raises what went wrong with a deferred row, also where the unit took no notice."""
        if self._one_by_one:
            self.flush()
        if self._failure is not None:
            raise self._failure if self._one_by_one else DeferredRowError
        if self._saved:
            self._connection.execute("RELEASE unit")
            self._saved = False

    def undo_unit(self) -> None:
        """Takes back what the unit did."""
        if self._failure is not None and not self._one_by_one:
            raise DeferredRowError
        self._failure = None
        del self._deferred[self._mark :]
        if self._saved:
            self._connection.execute("ROLLBACK TO unit")
            self._connection.execute("RELEASE unit")
            self._saved = False

    def commit(self) -> None:
        """Ends the transaction; it is on disk when this returns."""
        calls = self._deferred_calls()
        if len(calls) > 1 and not self._connection.in_transaction:  # one statement is a transaction of its own
            self._connection.execute("BEGIN IMMEDIATE")
        self._run(calls)
        if self._connection.in_transaction:
            self._connection.execute("COMMIT")

    def roll_back(self) -> None:
        """Ends the transaction, where one is open, without a trace. On a full disk SQLite may have done so by itself."""
        with suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Runs one statement now."""
        if not self._saved:
            self._save()
        return self._connection.execute(sql, parameters)

    def defer(self, insert: BulkInsert, row: Row) -> None:
        """Inserts a row before the transaction ends."""
        self._deferred.append((insert, row))

    def flush(self) -> None:
        """Brings deferred rows to the database, so that the next statement sees them."""
        if self._deferred:
            if not self._saved:
                self._save()
            self._run(self._deferred_calls())

    def _save(self) -> None:
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN IMMEDIATE")
        # rows of earlier units are theirs: they must outlive an undo of this one, so they go before its savepoint
        own = self._deferred[self._mark :]
        del self._deferred[self._mark :]
        self._run(self._deferred_calls())
        self._connection.execute("SAVEPOINT unit")
        self._saved = True
        self._deferred = own
        self._mark = 0

    def _deferred_calls(self) -> list[tuple[BulkInsert, str, Row]]:
        rows: dict[BulkInsert, list[Row]] = {}
        for insert, row in self._deferred:
            rows.setdefault(insert, []).append(row)
        self._deferred.clear()
        return [(insert, *call) for insert, some in rows.items() for call in insert.calls(some)]

    def _run(self, calls: Sequence[tuple[BulkInsert, str, Row]]) -> None:
        for insert, sql, parameters in calls:
            try:
                self._connection.execute(sql, parameters)
            except Exception as caught:
                if isinstance(caught, sqlite3.Error) and meaning(caught) is not None:
                    raise
                error = refused(caught, insert.refusals) if isinstance(caught, sqlite3.IntegrityError) else caught
                self._failure = error
                if self._one_by_one:
                    raise error from caught
                raise DeferredRowError from error


def refused(error: sqlite3.IntegrityError, sentences: Mapping[str, CoreError]) -> Exception:
    """The error whose key (a column, or ``FOREIGN KEY``) stands in what SQLite says; ``error`` itself where none does."""
    return next((sentence for column, sentence in sentences.items() if column in str(error)), error)
