"""What a handler prints: sent with its job while one runs, written to the worker's own log otherwise."""

from __future__ import annotations

import codecs
import io
import sys

from trivet.authoring.reporting import current
from trivet.worker.attempt import Work


class JobStream(io.TextIOWrapper):
    """Stands for ``sys.stdout`` or ``sys.stderr``. A real text file on the real descriptor, whose writes find their job.

    As usual, lines on ``stderr`` and what is flushed leave at once; the rest of ``stdout`` is held back a moment.

    Args:
        name: ``stdout`` or ``stderr``.
        descriptor: where what belongs to no job goes.
    """

    def __init__(self, name: str, descriptor: int) -> None:
        file = io.FileIO(descriptor, "w", closefd=False)  # lives as long as the process
        file.name = f"<{name}>"  # by which some programs tell a standard stream
        raw = io.BufferedWriter(file)
        super().__init__(raw, encoding="utf-8", errors="backslashreplace", line_buffering=True)
        self.mode = "w"  # type: ignore[misc]  # read-only to the type checker; the interpreter sets it just so
        self._stream = name
        self._bytes = _JobBytes(self, raw)

    @property
    def buffer(self) -> _JobBytes:  # type: ignore[override]  # as much of a buffer as writers use
        """For what writes bytes."""
        return self._bytes

    def detach(self) -> _JobBytes:  # type: ignore[override]  # as above
        """The bytes, for what puts a text layer of its own on them. This one can still be written to."""
        self.flush()
        return self._bytes

    def write(self, text: str) -> int:
        """Writes to the log of the job that the code asking is part of."""
        work = _work()
        if work is None:
            return super().write(text)
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        work.write(self._stream, text)
        if self._stream == "stderr" and "\n" in text:
            work.flush()
        return len(text)

    def flush(self) -> None:
        """Sends what the job has printed: it must be out when the next thing the handler does is to crash."""
        _flush_work()
        super().flush()


class _JobBytes(io.BufferedIOBase):
    """The bytes below a stream."""

    def __init__(self, stream: JobStream, raw: io.BufferedWriter[io.FileIO]) -> None:
        self._stream = stream
        self._raw = raw
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._raw.fileno()

    def write(self, data: bytes | bytearray | memoryview) -> int:  # type: ignore[override]  # the base takes any buffer
        if _work() is not None:
            self._stream.write(self._decoder.decode(bytes(data)))
            return len(data)
        return self._raw.write(data)

    def flush(self) -> None:
        _flush_work()
        self._raw.flush()


def _work() -> Work | None:
    """Whose log takes what is printed now; ``None`` where the worker's own does."""
    work = current()
    return work if isinstance(work, Work) and not work.over else None


def _flush_work() -> None:
    work = _work()
    if work is not None:
        work.flush()


def capture() -> None:
    """Replaces ``sys.stdout`` and ``sys.stderr`` for the rest of the process, unless a warm parent has done so before."""
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        if not isinstance(getattr(sys, name), JobStream):
            setattr(sys, name, JobStream(name, descriptor))
