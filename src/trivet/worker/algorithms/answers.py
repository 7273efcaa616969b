"""The pipe that a child answers on: another one for each question, always under the same name."""

from __future__ import annotations

import fcntl
import os
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from trivet.worker.algorithms.watch import Watch
from trivet.worker.outcome import OutputTooLarge

LARGEST_DOCUMENT = 768 * 1024 * 1024
_READ = 256 * 1024
_CAPACITY = 1024 * 1024
_MOST_READS = 8
"""Of one pipe in a row, where what is read is thrown away: whoever writes without end would keep us for ever."""
_MOST_OLD = 8
"""Pipes of earlier questions that are kept for those who still write to them."""


class Answers:
    """Reads documents, one on each line.

    The published packages open the pipe for each answer. So whoever has opened it before a question came holds another pipe than
    the one that its answer is expected on, and nothing that is written there can be taken for that.

    Args:
        path: the name that authors' code knows.
        spare: a name beside it, on the same file system, where a new pipe is made before it takes the place of the old one.
        watch: what the pipes are waited for with.
        on_late: told once where something is written to the pipe of an earlier question while an answer is waited for.

    Raises:
        OSError: it can't be made.
    """

    def __init__(self, path: Path, spare: Path, watch: Watch, on_late: Callable[[], None]) -> None:
        self.documents: deque[bytes] = deque()
        self._partial = bytearray()
        self._path = path
        self._spare = spare
        self._watch = watch
        self._on_late = on_late
        self._is_told = False
        self._old: deque[_Pipe] = deque()
        self._pipe = self._make()

    def renew(self) -> None:
        """Puts a new pipe in the place of the one that is there. What has come on it, and what still comes, is no answer.

        Raises:
            OSError: it can't be made.
        """
        before, self._pipe = self._pipe, self._make()
        self.documents.clear()
        self._partial.clear()
        for pipe in list(self._old):
            # Nobody can be about to open these any more. They stay for those who have, until these close them.
            pipe.let_go()
            self._discard(pipe)
        # This one stays whole for now: somebody may be opening it, and would wait for ever if nobody read it.
        self._watch.drop(before.reads)
        self._watch.add(before.reads, lambda: self._overhear(before))
        self._old.append(before)
        self._discard(before)
        while len(self._old) > _MOST_OLD:
            self._forget(self._old[0])

    def take(self) -> bool:
        """Reads from the pipe; returns whether there was anything.

        Raises:
            OutputTooLarge: an answer goes on and on.
        """
        try:
            data = os.read(self._pipe.reads, _READ)
        except BlockingIOError:
            return False
        first, *others = data.split(b"\n")
        self._partial += first
        for each in others:
            self.documents.append(bytes(self._partial))
            self._partial = bytearray(each)
        if len(self._partial) > LARGEST_DOCUMENT:
            raise OutputTooLarge(f"The answer has more than {LARGEST_DOCUMENT:,} bytes.")
        return True

    def close(self) -> None:
        """Lets go of all pipes. May be called twice."""
        while self._old:
            self._forget(self._old[0])
        self._watch.drop(self._pipe.reads)
        self._pipe.close()

    def _make(self) -> _Pipe:
        os.mkfifo(self._spare, 0o644)
        pipe = _Pipe(self._spare)
        try:
            self._spare.replace(self._path)
        except BaseException:
            pipe.close()
            self._spare.unlink(missing_ok=True)
            raise
        self._watch.add(pipe.reads, self.take)
        return pipe

    def _overhear(self, pipe: _Pipe) -> bool:
        """What comes on an old pipe while an answer is waited for: it may be meant as that answer, so somebody should know."""
        anything = self._discard(pipe)
        if anything and not self._is_told:
            self._is_told = True
            self._on_late()
        return anything

    def _discard(self, pipe: _Pipe) -> bool:
        """Throws away what was written to an old pipe, and the pipe where nobody can write to it any more."""
        anything = False
        for _ in range(_MOST_READS):
            try:
                data = os.read(pipe.reads, _READ)
            except BlockingIOError:
                return anything
            if not data:
                self._forget(pipe)
                return anything
            anything = True
        return anything

    def _forget(self, pipe: _Pipe) -> None:
        self._watch.drop(pipe.reads)
        self._old.remove(pipe)
        pipe.close()


class _Pipe:
    """A named pipe that is there already, open for reading; and for writing, so that it does not end with each writer."""

    def __init__(self, path: Path) -> None:
        flags = os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW
        self._open = [os.open(path, os.O_RDONLY | flags)]
        self.reads = self._open[0]
        try:
            self._open.append(os.open(path, os.O_WRONLY | flags))
        except BaseException:
            self.close()
            raise
        with suppress(OSError, AttributeError):  # larger answers in fewer steps, where the system lets us
            fcntl.fcntl(self.reads, fcntl.F_SETPIPE_SZ, _CAPACITY)

    def let_go(self) -> None:
        """Has it end with its last writer."""
        while len(self._open) > 1:
            os.close(self._open.pop())

    def close(self) -> None:
        """Closes it. May be called twice."""
        while self._open:
            os.close(self._open.pop())
