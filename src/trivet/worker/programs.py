"""Programs of their authors' own that are workers: they are run as they are, and speak for themselves, over HTTP or by our link.

The process that a runtime has started becomes the program, so that its number, its group and its limits stay what they are.
"""

from __future__ import annotations

import os
import shutil
import sys

from trivet.worker import limits
from trivet.worker.gate import wait_at_the_gate

CODE = "code"
"""The folder in a worker's own that the program finds itself in."""
LARGEST_COPY = 1024 * 1024
"""Bytes; a larger file is not copied but linked to."""
EXIT_UNRUNNABLE = 126
_BUNDLE, _PROGRAM, _LINK = "TRIVET_BUNDLE", "TRIVET_HANDLER", "TRIVET_LINK"


def main() -> int:
    """Becomes the program that a runtime names in ``TRIVET_BUNDLE`` and ``TRIVET_HANDLER``, in a copy of its folder.

    One that is to find our link keeps the variables that lead to it, and that folder's name in the bundle's place.

    Returns:
        An exit status, only where that is not possible.
    """
    limits.apply(None)
    limits.die_with_parent(os.getppid())  # it has no link, or none yet, whose end would tell it
    wait_at_the_gate()
    environ = dict(os.environ)
    bundle, program = environ.pop(_BUNDLE), environ.pop(_PROGRAM)
    try:
        folder = furnish(bundle, os.getcwd())  # noqa: PTH109 - pathlib would take a tenth of a worker's start
        os.chdir(folder)
        if _LINK in environ:
            environ |= {_BUNDLE: folder, _PROGRAM: program}
        os.execve(sys.executable, [sys.executable, "-u", program], environ)  # noqa: S606 - it is what this is for
    except OSError as error:
        sys.stderr.write(f"trivet worker: {program} can't be run: {error}\n")
    return EXIT_UNRUNNABLE


def furnish(bundle: str, room: str) -> str:
    """Gives a program a folder of its own that looks like the bundle, which many share and none may change.

    Args:
        bundle: the folder with the code.
        room: the worker's own folder.

    Returns:
        The new folder: small files are copied, large ones linked to.

    Raises:
        OSError: it can't be made.
    """
    folder = os.path.join(room, CODE)  # noqa: PTH118 - as above
    shutil.copytree(bundle, folder, copy_function=_copy)
    return folder


def _copy(source: str, target: str) -> str:
    if os.stat(source).st_size > LARGEST_COPY:  # noqa: PTH116 - as above
        os.symlink(source, target)  # noqa: PTH211 - as above
    else:
        shutil.copy(source, target)
    return target
