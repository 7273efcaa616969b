"""What a child prints: read while it works on a job, and between two jobs as well, so that it never waits for a reader."""

from __future__ import annotations

import codecs
import os
import select
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from trivet.worker.algorithms.runner import READY
from trivet.worker.algorithms.watch import Watch

Tell = Callable[[str, str], None]
"""Told each text that a child prints, after the name of the stream."""

KEPT_BETWEEN = 64 * 1024
"""Characters that a child may print between two jobs; what it prints beyond is read and thrown away."""
_READ = 256 * 1024
_MOST_READS = 4
_PAUSE = 0.05
"""Seconds between two looks at a child that prints and prints while it has no job."""
_TURN = 0.5
"""Seconds between two looks at whether all is over, while the other thread reads."""
_KEPT_ERRORS = 8 * 1024
"""Characters of what a child wrote last on stderr that are told where it ends."""


class Printed:
    """The standard streams of a child.

    While the child works on a job, or is loaded, the worker's own thread reads them (`attended`, `watch`). At all other times a
    thread of theirs does.

    Args:
        stdout: where one is read, a descriptor that does not block.
        stderr: likewise.
        tell: told what is printed within a job, and while the algorithm is loaded.
        tell_between: told what is printed at other times: it belongs to no job.
    """

    def __init__(self, stdout: int, stderr: int, tell: Tell, tell_between: Tell) -> None:
        self.is_ready = False
        """Whether it has printed that it is loaded."""
        self.last_words = ""
        """What it wrote last on stderr."""
        self._streams = {stdout: "stdout", stderr: "stderr"}
        self._decoders = {each: codecs.getincrementaldecoder("utf-8")("backslashreplace") for each in self._streams}
        self._tell = tell
        self._tell_between = tell_between
        self._loading = ""
        self._lock = threading.RLock()
        """Held by whoever reads."""
        self._is_attended = False
        self._left = KEPT_BETWEEN
        self._ear, self._mouth = os.pipe()
        self._open = [self._ear, self._mouth]
        """Of this pipe, whose end ends the thread."""
        self._thread: threading.Thread | None = None

    def watch(self, watch: Watch) -> None:
        """Has the worker's own thread read them where it waits for something else as well."""

        def taking(descriptor: int) -> bool:
            with self._lock:
                if self._take(descriptor):
                    return True
            if descriptor not in self._streams:
                watch.drop(descriptor)
            return False

        for descriptor in self._streams:
            watch.add(descriptor, lambda descriptor=descriptor: taking(descriptor))  # type: ignore[misc]  # binds it

    @contextmanager
    def attended(self) -> Iterator[None]:
        """While this lasts, the calling thread reads, and what is printed up to its end belongs to the job or the loading."""
        with self._lock:
            self.drain()
            self._is_attended = True
            try:
                try:
                    yield
                finally:
                    self.drain()
            finally:
                self._is_attended = False
                self._left = KEPT_BETWEEN
        if self._thread is None:
            self._thread = threading.Thread(target=self._read_between, name="trivet-printed", daemon=True)
            self._thread.start()

    def drain(self) -> None:
        """Takes all that was printed up to now, which is no more than the pipes hold."""
        with self._lock:
            for descriptor in list(self._streams):
                for _ in range(_MOST_READS):
                    if not self._take(descriptor):
                        break

    def close(self) -> None:
        """Ends the reading. May be called twice; from then on nobody reads the streams."""
        if self._mouth in self._open:
            self._open.remove(self._mouth)
            os.close(self._mouth)
        if self._thread is not None:
            self._thread.join()
        while self._open:
            os.close(self._open.pop())

    def _read_between(self) -> None:
        """What its thread does."""
        poller = select.poll()
        watched = set(self._streams)
        for descriptor in (*watched, self._ear):
            poller.register(descriptor, select.POLLIN)
        while self._ear not in {descriptor for descriptor, _ in poller.poll()}:
            if not self._lock.acquire(timeout=_TURN):  # the worker's own thread has it for as long as it reads itself
                continue
            try:
                self.drain()
                is_flood = self._left < 0
            finally:
                self._lock.release()
            if is_flood:
                select.select([self._ear], [], [], _PAUSE)
            for descriptor in watched - self._streams.keys():
                poller.unregister(descriptor)
                watched.discard(descriptor)

    def _take(self, descriptor: int) -> bool:
        """Reads what was printed; returns whether there was anything."""
        try:
            data = os.read(descriptor, _READ)
        except BlockingIOError:
            return False
        if not data:
            self._streams.pop(descriptor, None)
            return False
        name = self._streams.get(descriptor, "stderr")
        text = self._decoders[descriptor].decode(data)
        if name == "stderr":
            self.last_words = (self.last_words + text)[-_KEPT_ERRORS:]
        elif not self.is_ready:
            text = self._before_ready(text)
        if text:
            self._pass_on(name, text)
        return True

    def _pass_on(self, name: str, text: str) -> None:
        if self._is_attended:
            self._tell(name, text)
        elif self._left >= 0:
            kept, self._left = text[: self._left], self._left - len(text)
            more = "\n… what it goes on to print before its next job is not kept\n" if self._left < 0 else ""
            self._tell_between(name, kept + more)

    def _before_ready(self, text: str) -> str:
        """What of a text is to be told: lines that are whole, without the one that says that the algorithm is loaded."""
        lines = (self._loading + text).splitlines(keepends=True)
        for number, line in enumerate(lines):
            if READY in line and line.endswith("\n"):
                self.is_ready, self._loading = True, ""
                return "".join(lines[:number] + lines[number + 1 :])
        self._loading = lines.pop() if lines and not lines[-1].endswith("\n") else ""
        return "".join(lines)
