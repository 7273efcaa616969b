"""Workers that share processes: those of programs that are nobody's code, such as models, of which there may be hundreds."""

from __future__ import annotations

import asyncio
import logging
import os
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from trivet.platform.core.endpoints import Version, VersionSettings
from trivet.platform.core.errors import Unavailable
from trivet.platform.core.workers import Departure
from trivet.platform.ports.runtime import Capabilities, OnExit, Started, WorkerSpec
from trivet.platform.runtimes.process import OnLine, ProcessRuntime
from trivet.platform.runtimes.shared_process import SharedProcess, Tenant
from trivet.platform.runtimes.shared_rules import Crowd, aftermath, choose
from trivet.protocol import shares

logger = logging.getLogger(__name__)

HOSTS = frozenset({"model"})
"""The kinds of host whose workers share processes."""


@dataclass(frozen=True, slots=True)
class SharedSettings:
    """How processes are shared.

    Args:
        processes: how many an environment has at most; 0: every worker has one of its own.
        idle: seconds that one is kept which has no workers.
        patience: seconds that a worker has to stop what it runs before its process is killed.
        loading_patience: the same for one that is just loading its program, when nobody waits for it.
    """

    processes: int = field(default_factory=lambda: os.cpu_count() or 1)
    idle: float = 60.0
    patience: float = 1.0
    loading_patience: float = 30.0


class SharedRuntime:
    """A runtime in front of another, which it has start processes that several workers share, and all that may not share.

    A worker in a shared process has its own link, token and end, as any worker.

    Args:
        inner: starts processes.
        link: where workers connect to.
        settings: how processes are shared.

    Attributes:
        on_exit: told of each worker's end; set it before the first start.
        on_line: told each line that a worker writes by itself.
    """

    def __init__(self, inner: ProcessRuntime, link: str, settings: SharedSettings | None = None) -> None:
        self._inner = inner
        self._link = link
        self._settings = settings or SharedSettings()
        self._processes: dict[str, SharedProcess] = {}
        self._homes: dict[str, SharedProcess] = {}
        """The process of each worker that shares one."""
        self._suspects: set[str] = set()
        """The versions whose workers share no more, as they were at work when a process crashed, or did not stop."""
        self._ended: OrderedDict[str, tuple[str, ...]] = OrderedDict()
        self._closing = False
        self.on_exit: OnExit = _nobody
        self.on_line: OnLine = _nobody
        inner.on_exit = self._exited
        inner.on_line = self._wrote

    @property
    def capabilities(self) -> Capabilities:
        """What this machine can do."""
        return self._inner.capabilities

    async def open(self) -> None:
        """As `ProcessRuntime.open`."""
        await self._inner.open()

    def interpreter(self, environment: str) -> Path:
        """Where the Python of an environment lies."""
        return self._inner.interpreter(environment)

    async def start(self, spec: WorkerSpec) -> Started:
        """Starts a worker; returns when the process runs that it lives in.

        Raises:
            Unavailable: it can't be started, with the reason.
        """
        if not self._may_share(spec.version, {**spec.env, **spec.secrets}):
            return await self._inner.start(spec)
        if self._closing:
            raise Unavailable("The platform is shutting down.")
        folder = self._inner.bundle(spec.version)
        process = self._find(spec.version) or self._make(spec.version)
        if process is None:
            return await self._inner.start(spec)
        tenant = process.reserve(spec.worker_id, spec.version.id)
        if process.idle_timer is not None:
            process.idle_timer.cancel()
        try:
            started = await asyncio.shield(process.started)
            process.serve(tenant, spec, str(folder), self._link)
        except OSError as error:
            raise Unavailable("The process that the worker was to share has ended.", hint="Try again.") from error
        finally:
            if not tenant.served:
                process.tenants.pop(spec.worker_id, None)
                self._rest(process)
        self._homes[spec.worker_id] = process
        return Started(started.pid, f"shared-{started.isolation}")

    def prepare(self, version: Version) -> None:
        """Says that a version's first worker may be wanted soon."""
        if not self._may_share(version, {}):
            self._inner.prepare(version)
        elif not self._closing and self._find(version) is None:
            process = self._make(version)
            if process is not None:
                self._rest(process)

    def terminate(self, worker_id: str) -> None:
        """Asks a worker to drain and end."""
        process = self._homes.get(worker_id)
        if process is None:
            self._inner.terminate(worker_id)
        else:
            process.tell("drain", process.tenants[worker_id])

    def kill(self, worker_id: str) -> None:
        """Ends a worker and all that it runs, now; the process with it where that is the only way."""
        process = self._homes.get(worker_id)
        if process is None:
            self._inner.kill(worker_id)
            return
        tenant = process.tenants[worker_id]
        if tenant.killed:
            return
        tenant.killed = True
        told = process.tell("kill", tenant)
        is_loading = process.at(tenant) is shares.At.LOADING
        patience = self._settings.loading_patience if is_loading else self._settings.patience
        asyncio.get_running_loop().call_later(patience if told else 0.0, self._insist, process, tenant)

    def last_lines(self, worker_id: str) -> tuple[str, ...]:
        """The last lines that a worker wrote by itself, also after its end, for as long as they are kept."""
        if worker_id in self._homes:
            return ()
        return self._ended.get(worker_id) or self._inner.last_lines(worker_id)

    async def close(self) -> None:
        """Kills every worker and waits for their ends, which are told as always."""
        self._closing = True
        await self._inner.close()
        for process in list(self._processes.values()):  # those that were just being started
            self._forget(process)

    # -- processes ----------------------------------------------------------------------------------------------------

    def _may_share(self, version: Version, custom: Mapping[str, str]) -> bool:
        """Whether a version's workers may share a process: nothing is theirs alone, neither limits nor variables."""
        settings = version.settings
        own = custom or settings.memory is not None or settings.gpu is not None or version.sealed_env is not None
        return version.host in HOSTS and self._settings.processes > 0 and not own and version.id not in self._suspects

    def _find(self, version: Version) -> SharedProcess | None:
        """The process for one more worker; None where another is to be started."""
        processes = [
            process
            for process in self._processes.values()
            if process.environment == version.environment and not process.retired
        ]
        crowds = [
            Crowd(
                len(process.tenants),
                len(process.at_work),
                any(tenant.version_id == version.id for tenant in process.tenants.values()),
            )
            for process in processes
        ]
        index = choose(crowds, self._settings.processes)
        return None if index is None else processes[index]

    def _make(self, version: Version) -> SharedProcess | None:
        """A new process; None where the system has no way to speak to one."""
        try:
            process = SharedProcess(f"shr_{os.urandom(8).hex()}", version.environment, self._let_go)
        except OSError:
            return None
        self._processes[process.id] = process
        process.started = asyncio.get_running_loop().create_task(self._launch(process, version))
        process.started.add_done_callback(_heard)
        return process

    async def _launch(self, process: SharedProcess, version: Version) -> Started:
        plain = replace(version, host=shares.HOST, handler="", settings=VersionSettings(), sealed_env=None)
        try:
            started = await self._inner.start(
                WorkerSpec(process.id, plain, "", os.urandom(8).hex()), process.theirs.fileno()
            )
            process.begin()
        except BaseException:
            self._forget(process)
            raise
        return started

    def _rest(self, process: SharedProcess) -> None:
        """Ends a process that has had no workers for a while."""
        if process.tenants or process.retired:
            return
        if process.idle_timer is not None:
            process.idle_timer.cancel()
        process.idle_timer = asyncio.get_running_loop().call_later(self._settings.idle, self._retire, process)

    def _retire(self, process: SharedProcess) -> None:
        if process.tenants:
            return
        process.retired = True
        process.hang_up()
        asyncio.get_running_loop().call_later(self._settings.loading_patience, self._inner.kill, process.id)

    def _forget(self, process: SharedProcess) -> None:
        if self._processes.pop(process.id, None) is not None:
            process.retired = True
            if process.idle_timer is not None:
                process.idle_timer.cancel()
            process.close()

    # -- ends ---------------------------------------------------------------------------------------------------------

    def _let_go(self, process: SharedProcess, tenant: Tenant, status: int, lines: tuple[str, ...]) -> None:
        """A process has let a worker go, and goes on."""
        self._tell(tenant, Departure.of_exit(shares.KILLED if tenant.killed else status, lines))
        self._rest(process)

    def _insist(self, process: SharedProcess, tenant: Tenant) -> None:
        """A worker that was to stop at once, and has not: its process is ended."""
        if process.tenants.get(tenant.worker_id) is tenant:
            self._inner.kill(process.id)

    def _exited(self, worker_id: str, departure: Departure) -> None:
        """A process of the inner runtime has ended."""
        process = self._processes.get(worker_id)
        if process is None:
            self.on_exit(worker_id, departure)
            return
        process.read()  # its last words may tell of ends
        tenants = {tenant.worker_id: tenant for tenant in process.tenants.values() if tenant.served}
        after = aftermath(
            departure,
            tenants,
            [worker for worker in process.at_work if worker in tenants],
            [worker for worker, tenant in tenants.items() if tenant.killed],
        )
        self._forget(process)
        if tenants and not self._closing:
            logger.warning("a process that %d workers shared %s", len(tenants), departure.reason)
            self._suspects.update(tenants[worker].version_id for worker in after.suspects)
        for worker in tenants:
            del self._homes[worker]
        for worker, how in after.departures.items():
            self._tell(tenants[worker], replace(departure, last_lines=()) if self._closing else how)

    def _tell(self, tenant: Tenant, departure: Departure) -> None:
        self._homes.pop(tenant.worker_id, None)
        self._ended[tenant.worker_id] = departure.last_lines
        while len(self._ended) > shares.PLACES:
            self._ended.popitem(last=False)
        self.on_exit(tenant.worker_id, departure)

    def _wrote(self, worker_id: str, text: str) -> None:
        """A process has written a line. Whose it is can be told where there is only one worker in it."""
        process = self._processes.get(worker_id)
        if process is None:
            self.on_line(worker_id, text)
        elif len(process.tenants) == 1:
            self.on_line(next(iter(process.tenants)), text)
        else:
            logger.info("a process that %d workers share: %s", len(process.tenants), text)


def _nobody(worker_id: str, said: object) -> None:
    """Who is told until somebody wants to be."""


def _heard(started: asyncio.Task[Started]) -> None:
    """A failure is heard even where nobody waits for the start."""
    if not started.cancelled():
        started.exception()
