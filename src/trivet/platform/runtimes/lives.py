"""The process of a worker, however it came to be: spawned by this process, or forked off a warm parent."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol


class Life(Protocol):
    """One process, from its start to its end. Its number belongs to nobody else until `bury`."""

    @property
    def pid(self) -> int:
        """Its number, which is that of its process group too."""

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""

    def signal(self, number: int) -> None:
        """Sends it a signal; nothing happens where it has ended."""

    async def wait(self) -> int | None:
        """Waits for its end. Its status: negative for a signal, None where nobody could see it."""

    def bury(self) -> None:
        """All that it had started is dead: its number may be used again."""


class Spawned:
    """A child of this process, started here and now: `subprocess` does it without copying this process's page tables, which
    the faster event loops do, for many times the time.

    Args:
        command: the program and its arguments.
        stdin: the descriptor of its input.
        output: the descriptor of what it prints, on both streams.
        cwd: its working folder.
        environ: all of its environment.
        inherited: descriptors that it is given beside its streams, under the same numbers.

    Raises:
        OSError: it can't be started.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        stdin: int,
        output: int,
        cwd: Path,
        environ: Mapping[str, str],
        inherited: Sequence[int] = (),
    ) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=stdin,
            stdout=output,
            stderr=output,
            cwd=cwd,
            env=environ,
            start_new_session=True,
            pass_fds=inherited,
        )
        self.pid = self._process.pid
        loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[int] = loop.create_future()
        if hasattr(os, "pidfd_open"):
            pidfd = os.pidfd_open(self.pid)
            loop.add_reader(pidfd, self._seen_to_end, pidfd)
        else:
            threading.Thread(target=self._watch, args=(loop,), name=f"trivet-end-of-{self.pid}", daemon=True).start()

    def _seen_to_end(self, pidfd: int) -> None:
        asyncio.get_running_loop().remove_reader(pidfd)
        os.close(pidfd)
        self._ended.set_result(self._process.wait())

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        code = self._process.wait()
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody wants to know any more
            loop.call_soon_threadsafe(self._ended.set_result, code)

    @property
    def is_over(self) -> bool:
        """As `Life.is_over`."""
        return self._ended.done()

    def signal(self, number: int) -> None:
        """As `Life.signal`."""
        if not self._ended.done():
            self._process.send_signal(number)

    async def wait(self) -> int:
        """As `Life.wait`."""
        return await asyncio.shield(self._ended)

    def bury(self) -> None:
        """As `Life.bury`: the number was given back when the end was seen, and numbers are not used again so soon."""
