"""The intake: what the server has sent and is not answered yet, and what its frames ask for."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable
from typing import Protocol

from trivet.protocol.frames import Frame, Kind, encode
from trivet.worker.attempt import Attempt
from trivet.worker.link import Link, LinkLost

EXIT_LINK_LOST = 75


class Runner(Protocol):
    """Who works on what comes in."""

    def wake(self) -> None:
        """There are new attempts, or it is time to drain. Called from any thread."""

    def interrupt(self, attempt: Attempt) -> None:
        """Stops a running attempt, whose ``reason`` is set. Called from any thread."""


class Loading:
    """Stands for the runner while the handler is being loaded: nothing runs that would have to be finished."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def wake(self) -> None:
        """Says good-bye and ends: told to drain, there is nothing to wait for."""
        try:
            self._link.send(encode(Kind.BYE))
        except LinkLost:
            os._exit(EXIT_LINK_LOST)
        os._exit(0)

    def interrupt(self, attempt: Attempt) -> None:
        """Nothing runs yet."""


class Through:
    """Stands for the runner once the loop is through, though the process may go on with what its author has put behind."""

    def wake(self) -> None:
        """Nobody works on anything any more."""

    def interrupt(self, attempt: Attempt) -> None:
        """Nothing runs any more."""


class Intake:
    """What this worker holds. Frames are taken by one thread at a time; attempts may be finished by any.

    Deques and dicts change in single steps of the interpreter, so those who take from them need no lock.

    Args:
        link: where the attempts come from.
    """

    def __init__(self, link: Link) -> None:
        self.link = link
        self.runner: Runner = Loading(link)
        self.pending: deque[Attempt] = deque()
        """Received and not started, oldest first."""
        self.held: dict[int, Attempt] = {}
        """Received and not finished, by number."""
        self.draining = False
        self.leaving = False
        self.lost = False

    def take(self, frames: Iterable[Frame]) -> int:
        """Does what frames from the server ask for.

        Returns:
            How many new attempts there are.

        Raises:
            LinkLost: an answer can't be given any more.
        """
        news = 0
        for frame in frames:
            kind = frame.kind
            if kind is Kind.JOB:
                attempt = Attempt(frame, self.link)
                if self.draining:
                    self._hand_back(attempt)
                    continue
                self.held[attempt.number] = attempt
                self.pending.append(attempt)
                news += 1
            elif kind is Kind.CANCEL:
                self._cancel(frame)
            elif kind is Kind.RECALL:
                self._hand_back_pending()
            elif kind is Kind.DRAIN:
                self.drain()
        return news

    def next(self) -> Attempt | None:
        """Takes the oldest attempt that waits; ``None`` where none does."""
        if self.leaving:
            self.drain()
            return None
        try:
            return self.pending.popleft()
        except IndexError:
            return None

    def done(self, attempt: Attempt) -> None:
        """Forgets an attempt that was answered."""
        self.held.pop(attempt.number, None)

    def leave(self) -> None:
        """From within an attempt: the worker wants to be replaced, and begins no other. The server is told before its result.

        Raises:
            LinkLost: it can't be told any more.
        """
        with self.link:  # keeps interrupts away: the server is told, or nothing has been asked
            if not self.leaving:
                self.leaving = True
                self.link.send(encode(Kind.DRAINING))

    def drain(self, *, tell: bool = False) -> None:
        """Takes no more: what waits goes back to the server, what runs is finished.

        Args:
            tell: the server does not know yet.
        """
        if self.draining:
            return
        self.draining = True
        try:
            if tell:
                self.link.send(encode(Kind.DRAINING))
            self._hand_back_pending()
        except LinkLost:
            self.lost = True
        self.runner.wake()

    def lose(self) -> None:
        """The link is gone: stops all that runs."""
        self.lost = self.draining = True
        self.pending.clear()
        for attempt in list(self.held.values()):
            attempt.reason = attempt.reason or "link_lost"
            self.runner.interrupt(attempt)
        self.runner.wake()

    def heartbeat(self) -> None:
        """Tells the server what this worker holds.

        Raises:
            LinkLost: it can't be told any more.
        """
        self.link.send(encode(Kind.HEARTBEAT, 0, {"attempts": list(self.held)}))

    def flush(self) -> None:
        """Sends what attempts have held back."""
        for attempt in list(self.held.values()):
            attempt.flush()

    def _cancel(self, frame: Frame) -> None:
        attempt = self.held.get(frame.attempt)
        if attempt is None:  # finished; its answer is on the way
            return
        attempt.reason = str(frame.meta.get("reason") or "cancelled")
        try:
            self.pending.remove(attempt)
        except ValueError:
            self.runner.interrupt(attempt)
            return
        self.done(attempt)
        attempt.finish(Kind.STOPPED, {"reason": attempt.reason})

    def _hand_back_pending(self) -> None:
        """Hands back what waits, the newest first: the server puts each before those it has."""
        while True:
            try:
                attempt = self.pending.pop()
            except IndexError:
                return
            self._hand_back(attempt)

    def _hand_back(self, attempt: Attempt) -> None:
        self.done(attempt)
        attempt.finish(Kind.RETURNED, {})
