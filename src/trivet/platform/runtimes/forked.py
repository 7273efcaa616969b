"""A process that a warm parent has forked: first a spare, then a worker."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
from collections.abc import Callable, Mapping
from typing import Any

from trivet.platform.runtimes.cgroups import Cgroup
from trivet.protocol import forks

_PATIENCE = 2.0
"""Seconds that a parent has to tell the status of a child that has ended."""


class Forked:
    """One child of a warm parent, as this process sees it: a `Life`.

    Args:
        cgroup: the control groups that it is in from the first.
        reap: told the pid when its number may be used again.
    """

    def __init__(self, cgroup: Cgroup | None, reap: Callable[[int], None]) -> None:
        loop = asyncio.get_running_loop()
        self.cgroup = cgroup
        self.pid = 0
        self.theirs: socket.socket | None
        self._channel, self.theirs = socket.socketpair(forks.FAMILY, forks.KIND)
        self._channel.setblocking(False)
        self._reap = reap
        self._pidfd: int | None = None
        self._born: asyncio.Future[None] = loop.create_future()
        self._ended: asyncio.Future[int | None] = loop.create_future()
        self._parent_lost = False
        self._buried = False
        self.at_work = False
        """Whether it has become a worker."""

    # -- birth --------------------------------------------------------------------------------------------------------

    def forked(self, pid: int) -> None:
        """The parent has made it."""
        self.pid = pid
        self._close_theirs()
        try:
            self._pidfd = os.pidfd_open(pid)
        except OSError:  # gone already, as its parent is
            self.lost()
            return
        loop = asyncio.get_running_loop()
        loop.add_reader(self._pidfd, self._seen_to_end)
        loop.add_reader(self._channel.fileno(), self._hear)

    def _hear(self) -> None:
        """Its one word is that it is born; then it listens."""
        asyncio.get_running_loop().remove_reader(self._channel.fileno())
        try:
            message, _ = forks.receive(self._channel)
        except (OSError, ValueError):
            message = {}
        if message.get("said") == "born" and not self._born.done():
            self._born.set_result(None)
        # without a word it is about to end, which is told on its own

    async def born(self) -> None:
        """Waits until it can be put to work.

        Raises:
            OSError: it has ended instead.
        """
        first: set[asyncio.Future[Any]] = {self._born, self._ended}
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        if not self._born.done() or self._ended.done():
            raise OSError("a forked process ended before it could be put to work")

    def put_to_work(self, environ: Mapping[str, str], output: int) -> None:
        """Has it become a worker. The environment goes to it alone.

        Args:
            environ: all of its environment.
            output: where it writes what it prints.

        Raises:
            OSError: it is gone.
        """
        environment = os.memfd_create("environment", os.MFD_CLOEXEC)
        try:
            content = json.dumps(dict(environ)).encode()
            with open(environment, "wb", closefd=False) as file:
                file.write(content)
            forks.send(self._channel, {"do": "work"}, [environment, output])
        finally:
            os.close(environment)
        self.at_work = True
        self._channel.close()

    def give_up(self) -> None:
        """Lets a spare go: it ends by itself."""
        self._close_theirs()
        if self._channel.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._channel.fileno())
            self._channel.close()

    def abandon(self) -> None:
        """Wants nothing more to do with it: it is ended, and its parent sees to the rest."""
        self.signal(signal.SIGKILL)
        self._forget_pidfd()
        self.give_up()

    # -- the end ------------------------------------------------------------------------------------------------------

    def ended(self, status: int) -> None:
        """The parent tells how it has ended; its number is kept until `bury`."""
        self._forget_pidfd()
        if not self._ended.done():
            self._ended.set_result(status)

    def lost(self) -> None:
        """The parent is gone, and with it the only one who could tell a status. The kernel ends the children."""
        self._parent_lost = True
        self.signal(signal.SIGKILL)
        if self._pidfd is None and not self._ended.done():
            self._close_theirs()
            self._ended.set_result(None)

    def _seen_to_end(self) -> None:
        """It has ended. The parent sees that too and knows the status, unless it is gone, or hangs."""
        self._forget_pidfd()
        if self._parent_lost:
            self._ended.set_result(None)
        else:
            asyncio.get_running_loop().call_later(_PATIENCE, self._despair)

    def _despair(self) -> None:
        if not self._ended.done():
            self._ended.set_result(None)

    def _forget_pidfd(self) -> None:
        if self._pidfd is not None:
            asyncio.get_running_loop().remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = None

    def _close_theirs(self) -> None:
        if self.theirs is not None:
            self.theirs.close()
            self.theirs = None

    @property
    def is_over(self) -> bool:
        """As `Life.is_over`."""
        return self._ended.done()

    def signal(self, number: int) -> None:
        """As `Life.signal`."""
        if self._pidfd is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)

    async def wait(self) -> int | None:
        """As `Life.wait`."""
        return await asyncio.shield(self._ended)

    def bury(self) -> None:
        """As `Life.bury`."""
        if not self._buried:
            self._buried = True
            self.give_up()
            if not self._parent_lost:
                self._reap(self.pid)
