"""The one writer: a thread that commits many units of work at once.

What is handed over while a commit runs is gathered and committed together, and then everybody is woken together. A commit
costs the same whether it carries one unit or a thousand; so the busier it gets, the cheaper each one becomes.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from threading import Thread

from trivet.platform.ports.stores import Transaction
from trivet.platform.stores.sqlite.connection import explain, meaning
from trivet.platform.stores.sqlite.session import DeferredRowError, WriteSession
from trivet.platform.stores.sqlite.transaction import SqliteTransaction

logger = logging.getLogger(__name__)

MAX_BATCH = 1024
"""Units per commit; a bound on how long the first of them waits for the last."""
RETRY_PAUSE = 0.25
"""Seconds between tries while the database can't be written and nobody waits."""
PATIENCE = 5.0
"""Seconds that a stop allows for what could not be written yet."""


class Unit:
    """A unit of work on its way through the writer.

    ``future`` belongs to the caller who waits, if one does. ``kept``: where the database can't be written it is tried again
    until it holds, instead of being refused.
    """

    __slots__ = ("error", "future", "kept", "result", "work")

    def __init__(
        self, work: Callable[[Transaction], object], future: asyncio.Future[object] | None, *, kept: bool
    ) -> None:
        self.work = work
        self.future = future
        self.kept = kept
        self.result: object = None
        self.error: BaseException | None = None


class Writer:
    """Applies units of work in the order in which they were handed over.

    Args:
        connection: the one that writes; this thread's alone from now on.
        wake: called on the writer's thread with the units that are done and that somebody waits for.
    """

    def __init__(self, connection: sqlite3.Connection, wake: Callable[[Sequence[Unit]], None]) -> None:
        self._session = WriteSession(connection)
        self._transaction = SqliteTransaction(self._session)
        self._wake = wake
        self._queue: SimpleQueue[Unit | None] = SimpleQueue()
        self._waiting: deque[Unit] = deque()
        self._trouble: sqlite3.Error | None = None
        self._stop_by: float | None = None
        self._thread = Thread(target=self._run, name="trivet-store-writer", daemon=True)
        self._thread.start()

    def submit(self, unit: Unit) -> None:
        """Hands a unit over; never waits."""
        self._queue.put(unit)

    def stop(self) -> None:
        """Writes what is left and ends the thread; waits for that. Nothing may be submitted any more."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while True:
            self._gather()
            if self._waiting:
                self._commit()
            if self._stop_by is not None and (not self._waiting or time.monotonic() >= self._stop_by):
                break
        if self._waiting and self._trouble is not None:
            logger.error("the store closes without having written %d units of work", len(self._waiting))
            self._refuse(list(self._waiting), self._trouble)

    def _gather(self) -> None:
        """Takes over all that was handed over; waits for the first where there is nothing to do.

        After trouble it waits a while before the next try, but not where a caller waits for an answer.
        """
        if self._stop_by is not None and not self._waiting:
            return
        until = time.monotonic() + RETRY_PAUSE
        while not self._waiting or self._trouble is not None:
            try:
                unit = self._queue.get(timeout=until - time.monotonic() if self._waiting else None)
            except (Empty, ValueError):  # ValueError: the pause was over before the wait began
                break
            self._take(unit)
            if unit is None or not unit.kept:
                break
        while True:
            try:
                self._take(self._queue.get_nowait())
            except Empty:
                return

    def _take(self, unit: Unit | None) -> None:
        if unit is None:
            self._stop_by = time.monotonic() + PATIENCE
        else:
            self._waiting.append(unit)

    def _commit(self) -> None:
        batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_BATCH))]
        trouble = self._apply(batch)
        if trouble is None:
            if self._trouble is not None:
                logger.info("the database can be written again")
            for unit in batch:
                if unit.future is None and unit.error is not None:
                    logger.error("a unit of work that nobody waits for failed and was left out", exc_info=unit.error)
            self._wake([unit for unit in batch if unit.future is not None])
        else:
            if self._trouble is None:
                logger.error("the database can't be written: %s", explain(trouble).detail)
            # all who wait are told at once, also those behind this batch: what is kept stands before them in the order
            everything = [*batch, *self._waiting]
            self._waiting = deque(unit for unit in everything if unit.kept)
            self._refuse([unit for unit in everything if not unit.kept], trouble)
        self._trouble = trouble

    def _refuse(self, units: Sequence[Unit], trouble: sqlite3.Error) -> None:
        for unit in units:
            unit.error = explain(trouble)
        self._wake([unit for unit in units if unit.future is not None])

    def _apply(self, batch: Sequence[Unit], *, one_by_one: bool = False) -> sqlite3.Error | None:
        """Applies and commits a batch; returns what kept it from being written, having changed nothing."""
        try:
            self._session.begin(one_by_one=one_by_one)
            for unit in batch:
                self._apply_unit(unit)
            self._session.commit()
        except DeferredRowError:
            self._session.roll_back()
            return self._apply(batch, one_by_one=True)
        except sqlite3.Error as error:
            self._session.roll_back()
            return error
        return None

    def _apply_unit(self, unit: Unit) -> None:
        self._session.begin_unit()
        try:
            unit.result = unit.work(self._transaction)
            self._session.end_unit()
            unit.error = None
        except BaseException as error:  # whatever it is belongs to the caller; the thread must live on
            if isinstance(error, sqlite3.Error) and meaning(error) is not None:
                raise
            self._session.undo_unit()
            unit.error = carried(error)


def carried(error: BaseException) -> BaseException:
    """The error as a future can carry it: a future means something else by `StopIteration`."""
    return RuntimeError(f"the unit of work raised {error!r}") if isinstance(error, StopIteration) else error
