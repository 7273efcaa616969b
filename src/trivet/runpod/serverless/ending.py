"""Ends: of a program whose handler has ended it, and of a process that a handler has forked off."""

from __future__ import annotations

import os
import sys
import threading

ENDS = (SystemExit, KeyboardInterrupt)
"""What ends the program where a handler raises it. Everything else is the failure of its job."""
LONGEST = 10.0
"""Seconds that a program has for what it has put behind its end, such as ``atexit``."""
_INTERRUPTED = 130


def end_soon(error: BaseException) -> None:
    """Sees to it that this process ends soon, whatever threads of the author's go on: its job is not tried again before.

    Args:
        error: one of `ENDS`; the exit status is its.
    """
    timer = threading.Timer(LONGEST, os._exit, (status_of(error),))
    timer.daemon = True
    timer.start()


def end_if_forked_off(worker: int, error: BaseException | None = None) -> None:
    """Ends the calling process if it is not the worker, but one that its handler has forked off: it has no part in the jobs.

    Args:
        worker: the worker's process.
        error: what the handler has raised there, which is told on stderr.
    """
    if os.getpid() == worker:
        return
    status = 0
    try:
        if isinstance(error, ENDS):
            status = status_of(error)
        elif error is not None:
            import traceback  # not before it is needed: every worker's start would wait for it

            status = 1
            traceback.print_exception(error)
        sys.stdout.flush()
    finally:
        os._exit(status)


def status_of(error: BaseException) -> int:
    """The exit status of a program that ends with this, as Python has it."""
    if not isinstance(error, SystemExit):
        return _INTERRUPTED
    code = error.code
    return code & 0xFF if isinstance(code, int) else int(code is not None)
