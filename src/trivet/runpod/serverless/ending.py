"""The end of a program whose handler has ended it: its job is not tried again before, so that is not put off for long."""

from __future__ import annotations

import os
import threading

ENDS = (SystemExit, KeyboardInterrupt)
"""What ends the program where a handler raises it. Everything else is the failure of its job."""
LONGEST = 10.0
"""Seconds that a program has for what it has put behind its end, such as ``atexit``."""
_INTERRUPTED = 130


def end_soon(error: BaseException) -> None:
    """Sees to it that this process ends soon, whatever threads of the author's go on.

    Args:
        error: one of `ENDS`; the exit status is its.
    """
    timer = threading.Timer(LONGEST, os._exit, (status_of(error),))
    timer.daemon = True
    timer.start()


def status_of(error: BaseException) -> int:
    """The exit status of a program that ends with this, as Python has it."""
    if not isinstance(error, SystemExit):
        return _INTERRUPTED
    code = error.code
    return code & 0xFF if isinstance(code, int) else int(code is not None)
