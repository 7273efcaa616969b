"""A worker that lives in a shared process: its link, what it holds, and what runs of it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from typing import Any, NamedTuple, Protocol

from trivet.protocol.frames import MAX_FRAME, Kind, encode
from trivet.protocol.shares import KILLED, At
from trivet.worker import failures
from trivet.worker.attempt import Attempt
from trivet.worker.desk import SingleDesk
from trivet.worker.hosts import Host, Unfit, open_host
from trivet.worker.intake import EXIT_LINK_LOST, Intake
from trivet.worker.interrupts import Guards, ThreadGuard
from trivet.worker.link import Link, LinkLost
from trivet.worker.loop import attempted, conclude, finish
from trivet.worker.main import EXIT_REFUSED, EXIT_UNFIT, Refused, introduce
from trivet.worker.outcome import Trial
from trivet.worker.shared_pool import Pool

_HEARTBEAT = 5.0


class SharedHost(Host, Protocol):
    """A program that others may run beside."""

    def interrupt(self, attempt: Attempt) -> None:
        """Ends what an attempt does outside of Python, as far as that can be ended. From any thread."""


class Terms(NamedTuple):
    """What a tenant was told to be."""

    worker_id: str
    token: str
    address: str
    host: str
    folder: str
    handler: str


class SharedLink(Link):
    """A link in a process where a descriptor that is closed too soon would be the next tenant's."""

    _socket: socket.socket

    def offer(self, data: bytes) -> bool:
        """Sends, unless another thread is just writing; returns whether it did.

        Raises:
            LinkLost: nothing can be written any more.
        """
        if not self._lock.acquire(blocking=False):
            return False
        try:
            self.send(data)
        finally:
            self._lock.release()
        return True

    def hang_up(self) -> None:
        """Ends the conversation, also for a thread that waits in it. The descriptor stays taken until `close`."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:  # the server was first
            return

    def close(self) -> None:
        """Gives the descriptor back; nothing of the tenant runs any more."""
        self._socket.close()


class Tenant:
    """One worker among others. It begins attempts in the order in which they come, as many at a time as its version allows.

    The reader's thread calls what is said here to be the reader's; all else runs in the pool.

    Args:
        terms: what to be.
        pool: does the work.
        guards: of the pool's threads.
        board: shows what it is at.
        wake: called when something has changed that the reader is to look at.
    """

    def __init__(
        self, terms: Terms, pool: Pool, guards: Guards, board: Callable[[At], None], wake: Callable[[Tenant], None]
    ) -> None:
        self.id = terms.worker_id
        self.link: SharedLink | None = None
        self.lines: list[str] = []
        """Why it has ended, where that wants saying."""
        self._terms = terms
        self._pool = pool
        self._guards = guards
        self._board = board
        self._wake = wake
        self._intake: Intake | None = None
        self._desk: SingleDesk | None = None
        self._host: SharedHost | None = None
        self._status: int | None = None
        self._lock = threading.Lock()
        self._concurrency = 1
        self._busy = 1  # it begins by arriving
        self._waiting = 0
        self._running: dict[Attempt, ThreadGuard] = {}
        self._drains = False
        self.heartbeat = _HEARTBEAT
        """Seconds between two signs of life that the server expects."""

    # -- the reader's -------------------------------------------------------------------------------------------------

    def arrive(self) -> None:
        """Connects and loads its program, in the pool."""
        self._board(At.LOADING)
        self._pool.submit(self._arrive)

    def read(self) -> None:
        """Takes what the server has sent."""
        assert self.link is not None
        assert self._intake is not None
        try:
            news = self._intake.take(self.link.receive())
        except LinkLost as lost:
            self._lose(str(lost))
            return
        if news:
            self._call(news)

    def beat(self) -> bool:
        """Tells the server that it lives, unless an answer is just on its way; returns whether it did."""
        if self.link is None or self._intake is None or self._status is not None:
            return True
        try:
            return self.link.offer(encode(Kind.HEARTBEAT, 0, {"attempts": list(self._intake.held)}))
        except LinkLost as lost:
            self._lose(str(lost))
            return True

    @property
    def is_busy(self) -> bool:
        """Whether it holds attempts, which may have something to log."""
        return self._intake is not None and bool(self._intake.held)

    def flush(self) -> None:
        """Sends what its attempts have held back."""
        if self._intake is not None:
            self._intake.flush()

    def drain(self) -> None:
        """Takes no more, finishes what runs, and ends."""
        self._drains = True
        if self._intake is not None:
            self._intake.drain(tell=True)
        self._wake(self)

    def kill(self) -> None:
        """Stops what runs, as far as it can be stopped, and speaks to the server no more."""
        self._leave(KILLED)

    @property
    def is_there(self) -> bool:
        """Whether it has a link that is to be read."""
        return self._intake is not None and self._status is None

    @property
    def is_over(self) -> bool:
        """Whether it is to end, and nothing of it runs any more."""
        with self._lock:
            if self._busy:
                return False
        intake = self._intake
        return self._status is not None or (intake is not None and intake.draining and not intake.held)

    def end(self) -> int:
        """Says good-bye and gives back what it took; returns its status."""
        if self._host is not None:
            conclude(self._host)
            self._host = self._desk = None
        if self.link is not None:
            if self._status is None:
                try:
                    self.link.send(encode(Kind.BYE))
                except LinkLost:
                    self._status = EXIT_LINK_LOST
            self.link.close()
        return self._status or 0

    # -- as a `Runner` ------------------------------------------------------------------------------------------------

    def wake(self) -> None:
        """As `Runner.wake`."""
        self._wake(self)

    def interrupt(self, attempt: Attempt) -> None:
        """As `Runner.interrupt`."""
        guard = self._running.get(attempt)
        if guard is not None and self._host is not None:
            guard.interrupt(attempt)
            self._host.interrupt(attempt)

    # -- in the pool --------------------------------------------------------------------------------------------------

    def _arrive(self, guard: ThreadGuard) -> None:
        try:
            welcome = self._connect()
            if welcome is not None:
                self._load(welcome)
        except Unfit as unfit:
            self._unfit(unfit.error)
        except Refused as refused:
            self._leave(EXIT_REFUSED, f"the server refused this worker: {refused}")
        except (OSError, LinkLost, ValueError) as error:
            self._lose(f"no link to the server at {self._terms.address}: {error}")
        finally:
            self._release()

    def _connect(self) -> dict[str, Any] | None:
        """Introduces itself; None where it is not wanted any more."""
        self.link = link = SharedLink.connect(self._terms.address, self._guards)
        if self._is_told_to_end():  # killed while there was no link to shut
            return None
        welcome = introduce(link, self.id, self._terms.token)
        self.heartbeat = float(welcome.get("heartbeat") or _HEARTBEAT)
        self._concurrency = int(welcome.get("concurrency") or 1)
        intake = Intake(link)
        intake.runner = self
        self._intake = intake
        if self._is_told_to_end() or self._drains:  # told so before there was anything to do it with
            intake.drain(tell=True)
            return None
        self._wake(self)
        return welcome

    def _is_told_to_end(self) -> bool:
        return self._status is not None  # another thread may have set it since it was last looked at

    def _load(self, welcome: dict[str, Any]) -> None:
        """Makes its program ready.

        Raises:
            Unfit: it can't be loaded.
            LinkLost: there is nobody to load it for.
        """
        assert self.link is not None
        assert self._intake is not None
        folder = self._terms.folder
        host: Any = open_host(self._terms.host, folder, self._terms.handler)
        try:
            finish(host.setup())
        except BaseException as error:
            raise Unfit(error) from error
        self._host = host
        self._desk = SingleDesk(self._intake, Trial(host, int(welcome.get("max_output") or MAX_FRAME // 2), folder))
        if self._status is None and not self._intake.draining:
            self._board(At.REST)  # before it is asked for anything: a crash from now on is none of its loading
            self.link.send(encode(Kind.READY))

    def _unfit(self, error: BaseException) -> None:
        told = {
            "message": f"{failures.type_of(error)}: {failures.message_of(error)}",
            "traceback": failures.traceback_of(error, self._terms.folder),
        }
        if self.link is not None:
            with suppress(LinkLost):
                self.link.send(encode(Kind.UNFIT, 0, told))
        self._leave(EXIT_UNFIT, "The handler can't be loaded.", *told["traceback"].splitlines())

    def _call(self, news: int) -> None:
        """Has new attempts begun, those that may be begun now."""
        with self._lock:
            self._waiting += news
            begins = min(self._waiting, self._concurrency - self._busy)
            self._waiting -= begins
            if begins:
                self._board(At.WORK)
            self._busy += begins
        for _ in range(begins):
            self._pool.submit(self._work)

    def _work(self, guard: ThreadGuard) -> None:
        """Works on the oldest attempt that waits; it may have been taken back meanwhile."""
        desk = self._desk
        assert desk is not None  # the server sends nothing before it is ready
        try:
            attempt = desk.next()
            if attempt is not None:
                self._running[attempt] = guard
                try:
                    outcome = copy_context().run(attempted, desk, attempt, guard)
                finally:
                    del self._running[attempt]
                desk.answer(attempt, outcome)
        except LinkLost as lost:
            self._lose(str(lost))
        finally:
            self._release()

    def _release(self) -> None:
        """One thing is done: the next may begin, behind what others wait for."""
        with self._lock:
            again = self._waiting > 0 and self._status is None
            if again:
                self._waiting -= 1
                self._board(At.WORK)
            else:
                self._busy -= 1
                if not self._busy:
                    self._board(At.REST)
        if again:
            self._pool.submit(self._work)
        if self._status is not None or (self._intake is not None and self._intake.draining):
            self._wake(self)

    # -- its end ------------------------------------------------------------------------------------------------------

    def _lose(self, why: str) -> None:
        self._leave(EXIT_LINK_LOST, why)

    def _leave(self, status: int, *lines: str) -> None:
        """Is to end with a status, unless it is to end already. Stops what runs."""
        if self._status is None:
            self._status = status
            self.lines += lines
        if self._intake is not None:
            self._intake.lose()
        if self.link is not None:
            self.link.hang_up()
        self._wake(self)
