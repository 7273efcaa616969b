"""What an algorithm may leave in its folders: its ``/tmp``, its home and its copy of the code lie on a disk that others need."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, MutableMapping
from pathlib import Path
from time import monotonic

LIMIT = "TRIVET_ALGORITHM_TMP"
"""The variable that has the limit in bytes; 0: none."""
_BLOCK = 512
_SHARE = 50
"""How many times as long as a measurement took nobody measures again."""
_LEAST_PAUSE = 0.5
_ENTRY = 256
"""Bytes that an entry of a folder is counted as beside its blocks: a million empty files fill a disk as well."""


_HIDING = frozenset({errno.EACCES, errno.ENAMETOOLONG})
"""What a program can make of a folder so that nobody sees how much is in it."""


class TooMuchKept(Exception):
    """An algorithm has left more in its folders than it may."""


class Allowance:
    """How much a folder may grow. It is measured every now and then: nothing keeps a program from writing more in between.

    Args:
        folder: with all that lies in it; links are not followed.
        limit: bytes; 0: any number.
        clock: seconds that only go on.

    Raises:
        OSError: the folder can't be read.
    """

    def __init__(self, folder: Path, limit: int, clock: Callable[[], float] = monotonic) -> None:
        self._folder = folder
        self._limit = limit
        self._clock = clock
        self._before = _size(folder)[0] if limit else 0
        self._due = 0.0

    def check(self) -> None:
        """Measures, where that is due.

        Raises:
            TooMuchKept: it has grown too much.
        """
        now = self._clock()
        if not self._limit or now < self._due:
            return
        size, is_whole = _size(self._folder)
        grown = size - self._before
        self._due = now + max(_LEAST_PAUSE, _SHARE * (self._clock() - now))
        if not is_whole:
            raise TooMuchKept(
                "The algorithm keeps folders in its /tmp, home or working folder that can't be measured: they lie so deep in one "
                "another that their path is too long, or are closed to their own user. It was ended and all of that is gone."
            )
        if grown > self._limit:
            raise TooMuchKept(
                f"The algorithm keeps {grown:,} bytes in its /tmp, home and working folder, and may keep {self._limit:,}; "
                "it was ended and all of that is gone. "
                f"Have it delete what it needs no more, or ask whoever runs the platform ({LIMIT})."
            )


def limit_of(environ: MutableMapping[str, str]) -> int:
    """Takes the limit, in bytes, out of an environment; 0 where there is none in it."""
    return int(environ.pop(LIMIT, "0"))


def _size(folder: Path) -> tuple[int, bool]:
    """Bytes on the disk, and whether these are all. What goes while we look is not counted."""
    total, is_whole, left = 0, True, [str(folder)]
    while left:
        try:
            with os.scandir(left.pop()) as entries:
                for entry in entries:
                    total += _ENTRY
                    try:
                        status = entry.stat(follow_symlinks=False)
                        total += status.st_blocks * _BLOCK
                        if entry.is_dir(follow_symlinks=False):
                            left.append(entry.path)
                    except OSError as error:
                        is_whole &= error.errno not in _HIDING
        except OSError as error:
            is_whole &= error.errno not in _HIDING
    return total, is_whole
