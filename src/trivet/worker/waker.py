"""A waker: ends another thread's wait for the link. Safe to use in a signal handler."""

from __future__ import annotations

import os


class Waker:
    """A pipe with one reader, who waits on it beside other things."""

    def __init__(self) -> None:
        self._ear, self.mouth = os.pipe()
        for descriptor in (self._ear, self.mouth):
            os.set_blocking(descriptor, False)

    def fileno(self) -> int:
        """What to wait on."""
        return self._ear

    def wake(self, word: bytes = b"\0") -> None:
        """Ends the wait, with a word on why."""
        try:
            os.write(self.mouth, word)
        except BlockingIOError:  # full of words that were not heard yet: the wait ends anyway
            return

    def heard(self) -> bytes:
        """What was said since the last time."""
        try:
            return os.read(self._ear, 4096)
        except BlockingIOError:
            return b""
