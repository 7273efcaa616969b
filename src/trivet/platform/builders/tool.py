"""Running one program to its end: watched, in time, and with nothing of it left behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MARKER = "TRIVET_BUILD"
"""A variable in the environment of everything that a build starts, so that what left its process group is still found."""
LONGEST_LINE = 4096
_LAST_LINES = 60
_READ = 64 * 1024
_AFTERMATH = 5.0
_PAUSE = 0.005


@dataclass(frozen=True, slots=True)
class Finished:
    """How a program ended. ``status`` is negative for a signal, and None where it was killed for taking too long."""

    status: int | None
    last_lines: tuple[str, ...]
    """The last lines of what went to ``on_line``."""
    stdout: bytes


async def run(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout: float,
    on_line: Callable[[str], None],
    keep_stdout: int = 0,
) -> Finished:
    """Runs a program in a process group of its own, without input, and ends whatever it leaves running.

    Args:
        command: the program and its arguments.
        cwd: the folder that it starts in.
        env: its whole environment.
        timeout: seconds until it is killed.
        on_line: told every line that it prints, cut at ``LONGEST_LINE`` letters.
        keep_stdout: how many bytes of its standard output to keep apart; 0 gives standard output to ``on_line`` too.

    Raises:
        OSError: it can't be started.
    """
    mark = os.urandom(8).hex()
    lines = _Lines(on_line)
    kept = _Kept(keep_stdout)
    # Pipes of our own rather than asyncio's: waiting for the end must not wait for a stray that still holds them.
    err_read, err_write = os.pipe()
    out_read, out_write = os.pipe() if keep_stdout else (-1, err_write)
    try:
        readers = [asyncio.create_task(_drain(err_read, lines.feed))]
        if keep_stdout:
            readers.append(asyncio.create_task(_drain(out_read, kept.feed)))
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out_write,
            stderr=err_write,
            cwd=cwd,
            env={**env, MARKER: mark},
            start_new_session=True,
        )
    finally:
        for descriptor in {err_write, out_write}:
            os.close(descriptor)
    status: int | None = None
    try:
        with contextlib.suppress(TimeoutError):
            status = await asyncio.wait_for(process.wait(), timeout)
    finally:
        _kill_group(process.pid)
        await asyncio.to_thread(_kill_strays, mark)
        await process.wait()
        await asyncio.wait(readers, timeout=_AFTERMATH)
        for reader in readers:
            reader.cancel()
    lines.close()
    return Finished(status, tuple(lines.last), bytes(kept.data))


async def _drain(descriptor: int, feed: Callable[[bytes], None]) -> None:
    """Reads a pipe to its end, and closes it.

    The event loop only tells when there is something. A transport of uvloop's would close the descriptor twice (uvloop #763): the
    second time it may be another thread's, a connection to the database for instance.
    """
    loop = asyncio.get_running_loop()
    ended = loop.create_future()

    def take() -> None:
        try:
            data = os.read(descriptor, _READ)
        except BlockingIOError:
            return
        if data:
            feed(data)
        else:
            loop.remove_reader(descriptor)
            ended.set_result(None)

    os.set_blocking(descriptor, False)
    loop.add_reader(descriptor, take)
    try:
        await ended
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def _kill_group(pid: int) -> None:
    # Also after the program's own end: the number stays taken while any of its group is left, and is not given again so soon.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _kill_strays(mark: str) -> None:
    """Ends what has left the process group, until a look around finds no more: one that forks as it dies is not done at once."""
    import psutil

    until = time.monotonic() + _AFTERMATH
    while time.monotonic() < until:
        found = False
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.environ().get(MARKER) == mark:
                    process.kill()
                    found = True
        if not found:
            return
        time.sleep(_PAUSE)


class _Lines:
    """Cuts bytes into lines of text as they come."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._rest = b""
        self.last: deque[str] = deque(maxlen=_LAST_LINES)

    def feed(self, data: bytes) -> None:
        *whole, rest = (self._rest + data).split(b"\n")
        for line in whole:
            self._give(line)
        # What is behind the cut is dropped, also where a line never ends.
        self._rest = rest[:LONGEST_LINE]

    def close(self) -> None:
        if self._rest:
            self._give(self._rest)
            self._rest = b""

    def _give(self, line: bytes) -> None:
        text = line[:LONGEST_LINE].decode("utf-8", "replace").rstrip()
        self.last.append(text)
        self._on_line(text)


class _Kept:
    """The last bytes of a stream, up to a limit."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.data = bytearray()

    def feed(self, data: bytes) -> None:
        self.data += data
        if len(self.data) > self._most:
            del self.data[: -self._most]
