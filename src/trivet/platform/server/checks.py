"""Checks of large inputs, away from the event loop and its interpreter.

To decode ten megabytes takes up to a second, and nobody else has the interpreter meanwhile, whichever thread does it. So it is
done by processes of their own: one for each lane, each with one input at a time. What is large waits for what is large.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import select
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any

from trivet.platform.core.errors import FieldError, InvalidInput, Unavailable
from trivet.platform.core.payloads import Payload
from trivet.platform.wire import verdicts

logger = logging.getLogger(__name__)

HUGE = 1 << 20
"""Bytes from which on an input has to wait for others like it."""
LONGEST = 60.0
"""Seconds that a check may take."""
_PIECE = 64 * 1024
_PROGRAM = (sys.executable, "-P", "-m", "trivet.platform.server.checker")


class Checks:
    """Checks inputs against schemas; implements `ports.validator.LargeCheck`. Its processes begin when they are needed.

    Args:
        longest: seconds that a check may take.
    """

    def __init__(self, longest: float = LONGEST) -> None:
        self._large, self._huge = _Lane(longest), _Lane(longest)

    async def __call__(self, schema: dict[str, Any] | None, payload: Payload) -> None:
        """Checks an input.

        Raises:
            InvalidInput, InvalidJson: it does not fit, or can't be checked within the time and memory that there is.
            Unavailable: the platform is shutting down.
        """
        if payload.data is None:
            return
        question = verdicts.Question(schema, payload.content_type, payload.size)
        lane = self._huge if payload.size > HUGE else self._large
        verdict = await lane.ask(verdicts.encode(question) + b"\n", payload.data)
        verdict.tell()

    async def close(self) -> None:
        """Ends the processes, and what they are at."""
        await self._large.close()
        await self._huge.close()


class _Lane:
    """One process, and a thread that talks to it."""

    def __init__(self, longest: float) -> None:
        self._longest = longest
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="trivet-checks")
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False

    async def ask(self, question: bytes, data: bytes) -> verdicts.Verdict:
        """The verdict, when those who came before have theirs."""
        if self._closed:
            raise _closing()
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._ask, question, data)

    async def close(self) -> None:
        """Ends the process."""
        self._closed = True
        process = self._process
        if process is not None:
            process.kill()  # a thread that waits for it goes on, and finds out
        await asyncio.to_thread(self._thread.shutdown)
        self._end()

    def _ask(self, question: bytes, data: bytes) -> verdicts.Verdict:
        if self._closed:
            raise _closing()
        answer = _converse(self._running(), question, data, self._longest)
        if answer.endswith(b"\n"):
            return verdicts.read_verdict(answer)
        self._end()
        if self._closed:
            raise _closing()
        logger.warning("an input of %d bytes could not be checked within %g seconds", len(data), self._longest)
        raise InvalidInput(
            f"The input of {len(data):,} bytes can't be checked against the endpoint's schema: that takes more than "
            f"{self._longest:g} seconds, or more memory than there is.",
            errors=(FieldError("", "Takes too much to be checked."),),
            hint="Send it in parts, or as a file of hosted data; or leave the endpoint's schema more open.",
        )

    def _running(self) -> subprocess.Popen[bytes]:
        process = self._process
        if process is None or process.poll() is not None:
            self._end()
            process = self._process = subprocess.Popen(
                _PROGRAM,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,  # what is written and read has a time limit, which a buffer would not know of
                start_new_session=True,  # Ctrl-C is for the server
            )
            if self._closed:  # meanwhile
                process.kill()
        return process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):  # what was not written yet
                        pipe.close()
            process.wait()


def _converse(process: subprocess.Popen[bytes], question: bytes, data: bytes, longest: float) -> bytes:
    """The line that a process answers; not a whole one where it ends, or takes too long to read or to answer."""
    if process.stdin is None or process.stdout is None:
        raise AssertionError("both were asked for")
    until = time.monotonic() + longest
    try:
        _write(process.stdin, question, until)
        _write(process.stdin, data, until)
        return _read_line(process.stdout, until)
    except OSError:
        return b""


def _write(pipe: IO[bytes], data: bytes, until: float) -> None:
    """Writes all of it, as fast as it is read. Raises `TimeoutError` where that takes until after ``until``."""
    place = pipe.fileno()
    os.set_blocking(place, False)  # so that no more is written at once than there is room for
    left = memoryview(data)
    while left:
        _wait(place, select.POLLOUT, until)
        left = left[os.write(place, left) :]


def _read_line(pipe: IO[bytes], until: float) -> bytes:
    """A line; only its beginning where the process ends within it. Raises `TimeoutError` as `_write` does."""
    line = bytearray()
    while not line.endswith(b"\n"):
        _wait(pipe.fileno(), select.POLLIN, until)
        piece = os.read(pipe.fileno(), _PIECE)
        if not piece:
            break
        line += piece
    return bytes(line)


def _wait(place: int, event: int, until: float) -> None:
    ready = select.poll()  # `select.select` knows no more than 1,024 files
    ready.register(place, event)
    if not ready.poll(max(0.0, until - time.monotonic()) * 1000):
        raise TimeoutError


def _closing() -> Unavailable:
    return Unavailable("The platform is shutting down.", hint="Try again in a few seconds.")
