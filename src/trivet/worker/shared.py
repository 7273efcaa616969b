"""A process that several workers share: one thread that reads all their links, and a pool that does their work.

Each of them has a link of its own, and the server can't tell it from a worker with a process of its own. Only what asks nobody
for anything may live so: programs of ours that run data of an author's, such as models.
"""

from __future__ import annotations

import faulthandler
import gc
import mmap
import os
import resource
import select
import signal
import socket
import sys
from collections import deque
from contextlib import suppress
from importlib import import_module
from time import monotonic
from typing import Any, NoReturn

from trivet.protocol import forks, memory
from trivet.protocol.shares import ORDERS, PLACES, At
from trivet.worker import limits
from trivet.worker.gate import wait_at_the_gate
from trivet.worker.heartbeat import TICK
from trivet.worker.interrupts import Guards, ThreadGuard
from trivet.worker.outputs import capture
from trivet.worker.shared_pool import Pool
from trivet.worker.shared_tenant import Tenant, Terms
from trivet.worker.waker import Waker

MOST_THREADS = 16
"""Attempts that one process works on at a time. They share an interpreter, and leave it while a graph runs."""
_BEAT = 5.0
_SWITCH_INTERVAL = 0.001
"""Seconds that one thread may keep the interpreter while others, and the links, wait for it."""
_AHEAD = ("numpy", "onnxruntime")
"""What is imported before the first program asks for it, where the environment has it."""


def serve() -> NoReturn:
    """Runs workers until the server is done with them, and ends the process.

    Raises:
        KeyError: it was not started by a runtime.
    """
    parent = os.getppid()
    orders = socket.socket(forks.FAMILY, forks.KIND, fileno=int(os.environ.pop(ORDERS)))
    orders.set_inheritable(False)
    memory.one_arena()
    limits.apply(None)
    bound_memory()
    limits.die_with_parent(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's to handle; it drains its workers
    faulthandler.enable(2)  # the last words of one that crashes in C code
    capture()
    sys.setswitchinterval(_SWITCH_INTERVAL)
    wait_at_the_gate()
    with suppress(ConnectionError):
        House(orders).run()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # threads may be deep in a graph, and nothing waits for what they would find


def bound_memory() -> None:
    """Bounds what this process may allocate to half of the machine's memory, where the system can.

    How much a graph asks for may depend on the numbers in a row. Beyond the bound it is refused, which costs the prediction that
    has asked; without one the kernel would choose what to kill on the machine, the server perhaps.
    """
    with suppress(OSError, ValueError):  # a system that doesn't say how much it has, or doesn't bound it
        most = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


class House:
    """The tenants of this process.

    Args:
        orders: what the server says, and is told, about them.
    """

    def __init__(self, orders: socket.socket) -> None:
        self._orders = orders
        self._guards: Guards = {}
        self._pool = Pool(MOST_THREADS, self._guards)
        self._tenants: dict[str, Tenant] = {}
        self._reading: dict[int, Tenant] = {}
        """By descriptor: those whose links are read."""
        self._changed: deque[Tenant] = deque()
        self._waker = Waker()
        self._board: mmap.mmap
        self._poller = select.poll()
        for descriptor in (orders.fileno(), self._waker.fileno()):
            self._poller.register(descriptor, select.POLLIN)
        self._due: dict[str, float] = {}
        """When each tenant is to give a sign of life."""
        self._tended_at = 0.0
        self._stirs = True
        """Whether somebody may be at work, or was a moment ago."""

    def run(self) -> None:
        """Obeys until the server hangs up.

        Raises:
            ConnectionError: it is gone without a word.
        """
        self._pool.submit(_import_ahead)
        signal.signal(signal.SIGTERM, lambda *_: self._drain_all())
        while True:
            for descriptor, _ in self._poller.poll(self._patience() * 1000):
                self._stirs = True
                if descriptor == self._orders.fileno():
                    order, files = forks.receive(self._orders)
                    if not order:  # the server is gone, or needs this process no more
                        return
                    self._obey(order, files)
                elif descriptor == self._waker.fileno():
                    self._waker.heard()
                elif descriptor in self._reading:
                    self._reading[descriptor].read()
            while self._changed:
                self._look_at(self._changed.popleft())
            if monotonic() - self._tended_at >= TICK:
                self._tend()

    def _patience(self) -> float:
        """Seconds until something is to be done, whatever happens."""
        if self._stirs:
            return TICK
        now = monotonic()
        due = min(self._due.values(), default=now + _BEAT)
        return max(0.0, max(due, self._tended_at + TICK) - now)

    def _obey(self, order: dict[str, Any], files: list[int]) -> None:
        what = order["do"]
        if what == "begin":
            self._board = mmap.mmap(files[0], PLACES)
            os.close(files[0])
        elif what == "serve":
            self._admit(order)
        elif order["worker"] in self._tenants:
            tenant = self._tenants[order["worker"]]
            if what == "drain":
                tenant.drain()
            elif what == "kill":
                tenant.kill()

    def _admit(self, order: dict[str, Any]) -> None:
        place, board = order["place"], self._board

        def show(at: At) -> None:
            board[place] = at

        terms = Terms(order["worker"], order["token"], order["link"], order["host"], order["folder"], order["handler"])
        tenant = self._tenants[terms.worker_id] = Tenant(terms, self._pool, self._guards, show, self._wake)
        tenant.arrive()

    def _wake(self, tenant: Tenant) -> None:
        """A tenant has changed. From any thread."""
        self._changed.append(tenant)
        self._waker.wake()

    def _look_at(self, tenant: Tenant) -> None:
        if tenant.id not in self._tenants:
            return
        link = tenant.link
        if not tenant.is_there:  # what still comes from there is only that it is gone
            self._stop_reading(tenant)
        if tenant.is_over:
            self._stop_reading(tenant)
            del self._tenants[tenant.id]
            self._due.pop(tenant.id, None)
            status = tenant.end()
            forks.send(
                self._orders, {"said": "ended", "worker": tenant.id, "status": status, "lines": tenant.lines[-50:]}
            )
        elif link is not None and tenant.is_there and link.fileno() not in self._reading:
            self._poller.register(link.fileno(), select.POLLIN)
            self._reading[link.fileno()] = tenant
            self._due[tenant.id] = monotonic() + tenant.heartbeat

    def _stop_reading(self, tenant: Tenant) -> None:
        link = tenant.link
        if link is not None and self._reading.pop(link.fileno(), None) is not None:
            self._poller.unregister(link.fileno())

    def _tend(self) -> None:
        """Sends what was held back, and signs of life."""
        self._tended_at = now = monotonic()
        stirred, self._stirs = self._stirs, False
        for tenant in self._tenants.values():
            if tenant.is_busy:
                self._stirs = True
                tenant.flush()
            if self._due.get(tenant.id, now + 1.0) <= now:
                self._due[tenant.id] = now + (tenant.heartbeat if tenant.beat() else TICK)
        if stirred and not self._stirs:
            memory.give_back()  # tables, and models that were let go of

    def _drain_all(self) -> None:
        for tenant in list(self._tenants.values()):
            tenant.drain()


def _import_ahead(_: ThreadGuard) -> None:
    for name in _AHEAD:
        with suppress(ImportError):  # whoever needs it will say so
            import_module(name)
    gc.freeze()  # these stay: the collector need not look at them again
