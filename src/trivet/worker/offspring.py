"""Offspring: a process that a handler has forked off. It is no worker: what it does, prints and how it ends is its own."""

from __future__ import annotations

import os
import signal
import sys

from trivet.authoring.reporting import CURRENT, set_elsewhere
from trivet.worker.failures import traceback_of
from trivet.worker.interrupts import SignalGuard
from trivet.worker.link import Link, LinkLost

_forked_off = False


def step_aside(link: Link) -> None:
    """In a process that was just forked off a worker: lets go of all that is the worker's.

    Args:
        link: the worker's.
    """
    global _forked_off  # noqa: PLW0603 - it is what this process is
    _forked_off = True
    link.abandon()
    CURRENT.set(None)
    set_elsewhere(lambda: None)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(SignalGuard.SIGNAL, signal.SIG_DFL)


def end_if_forked_off(error: BaseException | None = None) -> None:
    """Ends a process that was forked off a worker, with the status of a program that ends so. Does nothing in the worker.

    Called wherever the author's code comes back to ours. It must go no further: an event loop, for one, is watched by the same
    descriptor in both processes, and closing it in one would leave the other deaf.

    Args:
        error: what the code has raised. ``SystemExit`` names the status; anything else is told on stderr.
    """
    if not _forked_off:
        return
    status = 0
    try:
        status = _told(error)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status)


def _told(error: BaseException | None) -> int:
    """The exit status, after what is to be said about it."""
    if error is None or isinstance(error, LinkLost):  # a piece of a stream, which nobody waits for
        return 0
    if not isinstance(error, SystemExit):
        sys.stderr.write(traceback_of(error))
        return 1
    if error.code is None or isinstance(error.code, int):
        return (error.code or 0) & 0xFF
    sys.stderr.write(f"{error.code}\n")
    return 1
