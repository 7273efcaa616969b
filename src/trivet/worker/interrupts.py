"""Interrupts: how a running handler is stopped from outside.

Each thread that runs handlers has a guard. It knows whose code runs there now and lets an interrupt through only while that
very attempt runs the author's code, and never in the middle of a write to the link.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Protocol


class Interrupted(BaseException):
    """Raised inside a handler that has to stop. Like `KeyboardInterrupt`, no ``except Exception`` holds it up."""


class Stoppable(Protocol):
    """What a guard needs to know of an attempt."""

    reason: str | None
    """Why it has to stop; ``None`` while it has not."""
    interrupted: bool
    """Whether its handler was told."""


class Guard:
    """The guard of one thread."""

    def __init__(self) -> None:
        self._attempt: Stoppable | None = None
        self._shields = 0
        self._knocked = False

    def enter(self, attempt: Stoppable) -> None:
        """From here on the author's code runs.

        Raises:
            Interrupted: the attempt has to stop already.
        """
        self._knocked = False
        self._shields = 0
        self._attempt = attempt
        if attempt.reason is not None:
            self._fire(attempt)

    def leave(self) -> None:
        """The author's code is over; no interrupt is raised any more. May be called twice."""
        self._attempt = None

    def shield(self) -> None:
        """Holds interrupts up until `unshield`."""
        self._shields += 1

    def unshield(self) -> None:
        """Lets interrupts through again.

        Raises:
            Interrupted: one came meanwhile.
        """
        self._shields -= 1
        if self._knocked and not self._shields:
            self.knock()

    def knock(self) -> None:
        """In the guarded thread: raises `Interrupted`, now or as soon as may be, if there is something to stop."""
        attempt = self._attempt
        if attempt is None or attempt.reason is None:
            return
        if self._shields:
            self._knocked = True
            return
        self._fire(attempt)

    def _fire(self, attempt: Stoppable) -> None:
        self._attempt = None  # once is enough: the clean-up of the author's own must not be interrupted again
        attempt.interrupted = True
        raise Interrupted(attempt.reason)


Guards = dict[int, Guard]
"""The guards by the id of their thread."""


class SignalGuard(Guard):
    """The guard of the main thread. A signal ends even a wait in the kernel (sleep, sockets, locks)."""

    SIGNAL = signal.SIGUSR1

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.main_thread().ident or 0
        signal.signal(self.SIGNAL, self._on_signal)

    def interrupt(self, attempt: Stoppable) -> None:
        """From another thread: makes the guarded one stop ``attempt``, whose ``reason`` is set."""
        signal.pthread_kill(self._thread, self.SIGNAL)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.knock()


class ThreadGuard(Guard):
    """The guard of another thread, which no signal reaches: the exception is raised between two steps of its Python code."""

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()
        # What is looked at and what is done about it must be one step: the thread goes on meanwhile.
        self._lock = threading.Lock()

    def enter(self, attempt: Stoppable) -> None:
        """As `Guard.enter`."""
        with self._lock:
            self._knocked = False
            self._shields = 0
            self._attempt = attempt
        if attempt.reason is not None:
            self._fire(attempt)

    def leave(self) -> None:
        """As `Guard.leave`."""
        with self._lock:
            self._attempt = None

    def shield(self) -> None:
        """As `Guard.shield`."""
        with self._lock:
            self._shields += 1

    def unshield(self) -> None:
        """As `Guard.unshield`."""
        with self._lock:
            self._shields -= 1
            knocked = self._knocked and not self._shields
        if knocked:
            self.knock()

    def interrupt(self, attempt: Stoppable) -> None:
        """As `SignalGuard.interrupt`."""
        import ctypes

        with self._lock:
            if self._attempt is not attempt:
                return
            if self._shields:
                self._knocked = True
                return
            self._attempt = None
            attempt.interrupted = True
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread), ctypes.py_object(Interrupted))
