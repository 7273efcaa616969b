"""A process that several workers share, as the server sees it."""

from __future__ import annotations

import asyncio
import contextlib
import mmap
import os
import socket
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from trivet.platform.ports.runtime import Started, WorkerSpec
from trivet.protocol import forks
from trivet.protocol.shares import PLACES, At


@dataclass(slots=True, eq=False)
class Tenant:
    """A worker in such a process. ``served``: the process was told to be it; ``killed``: it was told to let it go at once."""

    worker_id: str
    version_id: str
    place: int
    served: bool = False
    killed: bool = False


OnEnded = Callable[["SharedProcess", Tenant, int, tuple[str, ...]], None]
"""Told when a process has let a worker go: its status, and why, where there is a reason."""


class SharedProcess:
    """One process, from before its start to its end.

    Args:
        id: its own, in the words of the runtime that starts it.
        environment: what it runs in.
        on_ended: told of each worker that has ended by itself.

    Attributes:
        theirs: the end of the line that the process is to be given; closed by `begin`.
        started: how it was started, once it is; set by whoever starts it.
        retired: whether it is given no more workers.
        idle_timer: what ends it when it has had none for long.

    Raises:
        OSError: this system has no such sockets.
    """

    def __init__(self, id: str, environment: str, on_ended: OnEnded) -> None:
        self.id = id
        self.environment = environment
        self.tenants: dict[str, Tenant] = {}
        self.retired = False
        self.idle_timer: asyncio.TimerHandle | None = None
        self.started: asyncio.Task[Started]
        self._on_ended = on_ended
        self._ours, self.theirs = socket.socketpair(forks.FAMILY, forks.KIND)
        self._ours.setblocking(False)
        self._file = _shared_memory()
        self._board = mmap.mmap(self._file, PLACES)
        self._listens = False

    def reserve(self, worker_id: str, version_id: str) -> Tenant:
        """Gives a worker a place here. It counts as at work until it is served."""
        taken = {tenant.place for tenant in self.tenants.values()}
        place = next(number for number in range(PLACES) if number not in taken)
        tenant = self.tenants[worker_id] = Tenant(worker_id, version_id, place)
        self._board[place] = At.LOADING
        return tenant

    def begin(self) -> None:
        """The process runs: speaks to it, and listens.

        Raises:
            OSError: it has ended already.
        """
        self.theirs.close()
        forks.send(self._ours, {"do": "begin"}, [self._file])
        asyncio.get_running_loop().add_reader(self._ours.fileno(), self.read)
        self._listens = True

    def serve(self, tenant: Tenant, spec: WorkerSpec, folder: str, link: str) -> None:
        """Has the process be a worker too.

        Raises:
            OSError: it has ended already.
        """
        order = {
            "do": "serve",
            "worker": spec.worker_id,
            "token": spec.token,
            "link": link,
            "host": spec.version.host,
            "folder": folder,
            "handler": spec.version.handler,
            "place": tenant.place,
        }
        forks.send(self._ours, order)
        tenant.served = True

    def tell(self, what: str, tenant: Tenant) -> bool:
        """Has a worker ``drain`` or ``kill`` itself. False where the process does not listen any more."""
        try:
            forks.send(self._ours, {"do": what, "worker": tenant.worker_id})
        except OSError:
            return False
        return True

    def at(self, tenant: Tenant) -> At:
        """What a worker is at."""
        return At(self._board[tenant.place])

    @property
    def at_work(self) -> list[str]:
        """The workers that are loading, or working on something."""
        return [tenant.worker_id for tenant in self.tenants.values() if self.at(tenant) is not At.REST]

    def read(self) -> None:
        """Takes what the process has said."""
        if not self._listens:
            return
        with contextlib.suppress(BlockingIOError):
            while True:
                try:
                    message, _ = forks.receive(self._ours)
                except ConnectionError:
                    message = {}
                if not message:
                    self._stop_listening()
                    return
                self._hear(message)

    def hang_up(self) -> None:
        """Speaks to it no more, which ends it where it still runs."""
        self._stop_listening()
        self._ours.close()

    def close(self) -> None:
        """Gives back what was taken for it; it has ended."""
        self.hang_up()
        self.theirs.close()
        self._board.close()
        os.close(self._file)

    def _hear(self, message: dict[str, Any]) -> None:
        tenant = self.tenants.pop(message["worker"], None)
        if tenant is not None:
            self._on_ended(self, tenant, message["status"], tuple(message["lines"]))

    def _stop_listening(self) -> None:
        if self._listens:
            self._listens = False
            asyncio.get_running_loop().remove_reader(self._ours.fileno())


def _shared_memory() -> int:
    """A file of `PLACES` bytes that no folder has."""
    if hasattr(os, "memfd_create"):
        file = os.memfd_create("trivet-board")
    else:
        with tempfile.TemporaryFile() as nameless:
            file = os.dup(nameless.fileno())
    os.truncate(file, PLACES)
    return file
