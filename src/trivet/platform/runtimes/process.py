"""Workers as processes of this machine: each in a group, a folder and an environment of its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trivet.platform.core.endpoints import Version
from trivet.platform.core.errors import Unavailable
from trivet.platform.core.workers import Departure, has_gpu
from trivet.platform.ports.runtime import Capabilities, OnExit, Started, WorkerSpec
from trivet.platform.runtimes import algorithms, programs, strays
from trivet.platform.runtimes.cgroups import Cgroup, CgroupTree, find_cgroups
from trivet.platform.runtimes.forked import Forked
from trivet.platform.runtimes.gpus import installed_gpus
from trivet.platform.runtimes.kinds import UNFORKED, Kinds
from trivet.platform.runtimes.lives import Life, Spawned
from trivet.platform.runtimes.memory import MemoryGuard
from trivet.platform.runtimes.surroundings import base_environ, custom_environ, worker_environ
from trivet.platform.runtimes.tail import Tail
from trivet.platform.runtimes.warm import LONGEST_ID, WarmParents, WarmSettings
from trivet.protocol.removal import remove_folder
from trivet.protocol.shares import ORDERS

logger = logging.getLogger(__name__)

OnLine = Callable[[str, str], None]
"""Called with a worker's id for each line that it writes outside of a job."""

_COMMAND = (
    *("-I", "-c"),
    "import gc, sys; gc.disable(); from trivet.worker.main import main; gc.enable(); sys.exit(main([]))",
)
"""What the interpreter of an environment is started with to be a worker. Without `runpy`, and without looking for garbage in
what is only just being loaded, it is up a fifth sooner.
"""
_READ = 64 * 1024
_LAST_READ = 4 * 1024 * 1024
_PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class ProcessSettings:
    """How workers are kept.

    Args:
        processes: how many processes and threads a worker may have, where the kernel can hold it to that.
        use_cgroups: whether to use control groups where they are to be had.
        memory_interval: seconds between two looks at the memory of workers, where there are no control groups.
        kept: of how many workers that have ended the last lines are kept.
        warm: how warm parents are kept, which workers are forked from.
        url: where the platform is found over HTTP, for programs that are told so; "" where it is not.
        algorithm_tmp: bytes that an algorithm may keep in its own folders; 0: any number.
    """

    processes: int = 2048
    use_cgroups: bool = True
    memory_interval: float = 0.2
    kept: int = 256
    warm: WarmSettings = field(default_factory=WarmSettings)
    url: str = ""
    algorithm_tmp: int = 0


@dataclass(slots=True, eq=False)
class _Running:
    id: str
    life: Life
    output: int
    tail: Tail
    limit: int | None
    cgroup: Cgroup | None
    gate: int | None
    """What its input ends with, once it is where it belongs."""
    over_limit: bool = False
    watcher: asyncio.Task[None] | None = field(default=None, repr=False)


class ProcessRuntime:
    """Starts workers as processes, and tells when one is gone, once, with all that it had started.

    Args:
        data: the data folder; code is in ``bundles/``, interpreters are in ``envs/``, workers live in ``workers/``.
        link: where workers connect to: ``unix:PATH`` or ``tcp:HOST:PORT``.
        settings: how workers are kept.

    Attributes:
        on_exit: told of each worker's end; set it before the first start.
        on_line: told each line that a worker writes by itself.
    """

    def __init__(self, data: Path, link: str, settings: ProcessSettings | None = None) -> None:
        self._data = data.resolve()
        self._link = link
        self._settings = settings or ProcessSettings()
        self._folders = self._data / "workers"
        self._cgroups: CgroupTree | None = None
        self._gpus: Mapping[str, int] = {}
        self._guard = MemoryGuard(self._settings.memory_interval, self._end_over_limit)
        self._parents: WarmParents | None = None
        self._kinds = Kinds(self._data / "bundles")
        self._running: dict[str, _Running] = {}
        self._ended: OrderedDict[str, tuple[str, ...]] = OrderedDict()
        self._closing = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self.on_exit: OnExit = _nobody
        self.on_line: OnLine = _nobody

    @property
    def capabilities(self) -> Capabilities:
        """What this machine can do, as `open` found it."""
        isolation = self._isolation(self._cgroups is not None, limited=True)
        return Capabilities(memory_limit=True, gpus=self._gpus, isolation=isolation)

    async def open(self) -> None:
        """Looks at the machine, and ends the workers that an earlier server has left in this data folder."""
        strays.keep_descriptors()
        if self._settings.use_cgroups:
            self._cgroups = await asyncio.to_thread(find_cgroups)
        ended = await asyncio.to_thread(self._sweep)
        if ended:
            logger.warning("%d processes of an earlier server were still there and have been ended", ended)
        self._gpus = await asyncio.to_thread(installed_gpus)
        if self._settings.warm.most and hasattr(os, "pidfd_open") and hasattr(os, "memfd_create"):
            self._parents = WarmParents(
                self._folders, self._settings.warm, self.interpreter, base_environ, self._make_cgroup
            )

    async def start(self, spec: WorkerSpec, orders: int | None = None) -> Started:
        """Starts a worker; returns when its process runs.

        Args:
            spec: the worker.
            orders: a descriptor that the process is given too, and told of by the variable `ORDERS`.

        Raises:
            Unavailable: it can't be started, with the reason.
        """
        version = spec.version
        self._check_gpu(version)
        if self._closing.is_set():
            raise Unavailable("The platform is shutting down.")
        try:
            worker = await self._spawn(spec, self._python(version), self.bundle(version), orders)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise Unavailable(
                f"The worker's process can't be started: {reason}.", hint="See `trivet doctor` on the server's machine."
            ) from error
        self._running[worker.id] = worker
        loop = asyncio.get_running_loop()
        loop.add_reader(worker.output, self._read, worker)
        if worker.limit is not None and worker.cgroup is None:
            self._guard.watch(worker.id, worker.life.pid, worker.limit)
        worker.watcher = loop.create_task(self._watch(worker))
        if worker.gate is not None:
            await self._enter(worker, worker.gate)
        if self._closing.is_set():  # close() came while the process was made, and could not see it
            self.kill(worker.id)
        limited = worker.limit is not None
        return Started(worker.life.pid, self._isolation(worker.cgroup is not None, limited=limited))

    def terminate(self, worker_id: str) -> None:
        """Asks a worker to drain and end. What it has started hears nothing of it."""
        worker = self._running.get(worker_id)
        if worker is not None:
            worker.life.signal(signal.SIGTERM)

    def kill(self, worker_id: str) -> None:
        """Ends a worker and all that it has started, now."""
        worker = self._running.get(worker_id)
        if worker is not None and not worker.life.is_over:
            strays.kill_group(worker.life.pid)
            if worker.cgroup is not None:
                worker.cgroup.kill()

    def last_lines(self, worker_id: str) -> tuple[str, ...]:
        """The last lines that a worker wrote by itself, also after its end, for as long as they are kept."""
        worker = self._running.get(worker_id)
        return worker.tail.lines if worker is not None else self._ended.get(worker_id, ())

    async def close(self) -> None:
        """Kills every worker and waits for their ends, which are told as always."""
        self._closing.set()
        for task in list(self._tasks):
            task.cancel()
        for worker_id in list(self._running):
            self.kill(worker_id)
        watchers = [worker.watcher for worker in self._running.values() if worker.watcher is not None]
        if watchers:
            await asyncio.wait(watchers, timeout=2 * _PATIENCE)
        if self._parents is not None:
            await self._parents.close()
        self._guard.close()

    def interpreter(self, environment: str) -> Path:
        """Where the Python of an environment lies."""
        return self._data / "envs" / environment / "bin" / "python"

    def bundle(self, version: Version) -> Path:
        """Where the code of a version lies.

        Raises:
            Unavailable: it is not there any more.
        """
        bundle = self._data / "bundles" / version.bundle
        if not version.bundle or not bundle.is_dir():
            raise Unavailable(f"The code of version {version.number} is not there any more.", hint="Deploy it again.")
        return bundle

    # -- starting -----------------------------------------------------------------------------------------------------

    def _sweep(self) -> int:
        ended = strays.kill_marked(self._folders)
        for group in self._cgroups.leftovers() if self._cgroups is not None else ():
            group.clear(_PATIENCE)
        remove_folder(self._folders)
        self._folders.mkdir(parents=True, mode=0o700, exist_ok=True)
        return ended

    def _check_gpu(self, version: Version) -> None:
        gpu = version.settings.gpu
        if gpu is not None and not has_gpu(self._gpus, gpu):
            here = ", ".join(f"{count} × {kind}" for kind, count in sorted(self._gpus.items())) or "none"
            raise Unavailable(
                f"the endpoint asks for the GPU {gpu!r}, and this machine has {here}.",
                hint="Deploy it without `gpu=`, or run the platform on a machine that has one.",
            )

    def _python(self, version: Version) -> Path:
        python = self.interpreter(version.environment)
        if not version.environment or not python.exists():
            raise Unavailable(
                f"The environment of version {version.number} is not there any more.",
                hint="Deploy it again; it is rebuilt.",
            )
        return python

    def _make_cgroup(self, name: str) -> Cgroup | None:
        if self._cgroups is None:
            return None
        return self._cgroups.make(name, memory=None, processes=self._settings.processes)

    async def _spawn(self, spec: WorkerSpec, python: Path, bundle: Path, orders: int | None) -> _Running:
        room = self._folders / spec.worker_id
        if spec.version.host in programs.HOSTS:
            environ = programs.program_environ(spec, python, bundle, room, self._link, self._settings.url)
        else:
            environ = worker_environ(spec, python, bundle, room, self._link, self._settings.url)
        if spec.version.host == algorithms.HOST:
            environ = algorithms.algorithm_environ(spec, environ, self._settings.url, self._settings.algorithm_tmp)
        if orders is not None:
            environ[ORDERS] = str(orders)
        room.mkdir(mode=0o700)
        (room / "tmp").mkdir(mode=0o700)
        # One pipe for both streams keeps their lines in order. It is ours and not asyncio's, so that waiting for the end of
        # the worker is not waiting for a stray that still holds the pipe.
        ours, theirs = os.pipe()
        try:
            os.set_blocking(ours, False)
            worker = await self._fork(spec, environ, ours, theirs)
            return worker or self._spawn_plainly(spec, python, environ, ours, theirs, orders)
        except BaseException:
            os.close(ours)
            remove_folder(room)
            raise
        finally:
            os.close(theirs)

    def _spawn_plainly(  # noqa: PLR0917 - what was put together for it in one place
        self,
        spec: WorkerSpec,
        python: Path,
        environ: Mapping[str, str],
        ours: int,
        theirs: int,
        orders: int | None,
    ) -> _Running:
        memory = spec.version.settings.memory
        cgroup = None
        if self._cgroups is not None:
            cgroup = self._cgroups.make(spec.worker_id, memory=memory, processes=self._settings.processes)
        # The kernel takes its time to move a process into control groups, as long as an interpreter does to start. So both
        # happen at once, and the worker waits for the end of its input before it runs anything of its author's.
        gate, opens = os.pipe() if cgroup is not None else (None, None)
        try:
            life = Spawned(
                (str(python), *(programs.COMMAND if spec.version.host in programs.HOSTS else _COMMAND)),
                stdin=subprocess.DEVNULL if gate is None else gate,
                output=theirs,
                cwd=Path(environ[strays.FOLDER]),
                environ=environ,
                inherited=() if orders is None else (orders,),
            )
        except BaseException:
            if opens is not None:
                os.close(opens)
            if cgroup is not None:
                cgroup.remove()
            raise
        finally:
            if gate is not None:
                os.close(gate)
        return _Running(spec.worker_id, life, ours, Tail(), memory, cgroup, opens)

    async def _enter(self, worker: _Running, gate: int) -> None:
        """Brings a worker into its control groups and opens its gate; one that can't be brought there is killed before."""
        worker.gate = None
        try:
            if worker.cgroup is not None:
                await asyncio.to_thread(worker.cgroup.enter, worker.life.pid)
        except OSError as error:
            logger.warning("worker %s could not be brought into its control groups: %s", worker.id, error)
            self.kill(worker.id)
        finally:
            os.close(gate)

    # -- forking ------------------------------------------------------------------------------------------------------

    async def _fork(self, spec: WorkerSpec, environ: Mapping[str, str], ours: int, theirs: int) -> _Running | None:
        """A worker from a warm parent; None where it has to be started plainly, and then a parent is wished for."""
        if self._parents is None or len(spec.worker_id) > LONGEST_ID or spec.version.host in UNFORKED:
            return None
        variables = custom_environ(spec)
        known = self._kinds.of(spec.version, variables)
        child = await self._parents.fork(*known) if known is not None else None
        if child is None:
            self._run(self._prepare(spec.version, variables, self._settings.warm.delay))
            return None
        memory = spec.version.settings.memory
        try:
            if memory is not None and child.cgroup is not None and self._cgroups is not None:
                self._cgroups.limit(child.cgroup, memory)
            child.put_to_work(environ, theirs)
        except OSError:
            await _give_up(child)
            return None
        return _Running(spec.worker_id, child, ours, Tail(), memory, child.cgroup, None)

    def prepare(self, version: Version) -> None:
        """Says that a version's first worker may be wanted soon. It changes nothing but how quickly that one comes up."""
        # the names of a template's variables are known when a worker is started, and not before
        if self._parents is not None and not self._closing.is_set() and version.sealed_env is None:
            self._run(self._prepare(version, dict.fromkeys(version.settings.secrets, ""), None))

    async def warm_up(self, version: Version) -> bool:
        """Has a parent warmed for a version now, whoever has to go for it, and waits for it; whether there is one then."""
        if self._parents is None:
            return False
        secrets = dict.fromkeys(version.settings.secrets, "")
        await self._prepare(version, secrets, 0.0)
        known = self._kinds.of(version, secrets)
        return known is not None and await self._parents.warmed(known[0])

    async def _prepare(self, version: Version, variables: Mapping[str, str], delay: float | None) -> None:
        """Has a parent warmed, after a delay where a worker was started, or None: ahead of the first."""
        await asyncio.sleep(delay or 0.0)
        await self._kinds.read(version)
        known = self._kinds.of(version, variables)
        if known is not None and self._parents is not None:
            self._parents.wish(known[0], ahead=delay is None)

    def _isolation(self, has_cgroup: bool, *, limited: bool) -> str:
        """What keeps a worker apart, in one word of parts."""
        if has_cgroup and self._cgroups is not None:
            return f"process-group+cgroup{self._cgroups.version}{'-memory' if limited else ''}"
        return "process-group+polled-memory" if limited else "process-group"

    def _run(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- while it lives, and its end ----------------------------------------------------------------------------------

    def _wrote(self, worker: _Running, lines: list[str]) -> None:
        for line in lines:
            self.on_line(worker.id, line)

    def _read(self, worker: _Running) -> None:
        with contextlib.suppress(BlockingIOError):
            data = os.read(worker.output, _READ)
            if data:
                self._wrote(worker, worker.tail.feed(data))
            else:  # it has closed its output, which need not be its end
                asyncio.get_running_loop().remove_reader(worker.output)

    def _end_over_limit(self, worker_id: str) -> None:
        worker = self._running.get(worker_id)
        if worker is not None:
            worker.over_limit = True
            self.kill(worker_id)

    async def _watch(self, worker: _Running) -> None:
        code = await worker.life.wait()
        self._guard.forget(worker.id)
        # Its number is not given to another process while any of its group is left, nor so soon after.
        strays.kill_group(worker.life.pid)
        over = worker.over_limit or (code != 0 and worker.cgroup is not None and worker.cgroup.ran_out())
        await asyncio.to_thread(_end_strays, worker, self._folders)
        worker.life.bury()
        self._read_rest(worker)
        await asyncio.to_thread(remove_folder, self._folders / worker.id)
        lines = worker.tail.lines
        self._ended[worker.id] = lines
        while len(self._ended) > self._settings.kept:
            self._ended.popitem(last=False)
        del self._running[worker.id]
        self.on_exit(worker.id, _departure(code, lines, worker.limit if over else None))

    def _read_rest(self, worker: _Running) -> None:
        """Reads what the worker wrote last. Its pipe has an end now, as all that could write to it is dead."""
        asyncio.get_running_loop().remove_reader(worker.output)
        read = 0
        with contextlib.suppress(BlockingIOError):
            while read < _LAST_READ and (data := os.read(worker.output, _READ)):
                self._wrote(worker, worker.tail.feed(data))
                read += len(data)
        os.close(worker.output)
        self._wrote(worker, worker.tail.end())


def _departure(code: int | None, lines: tuple[str, ...], memory_limit: int | None) -> Departure:
    if code is None and memory_limit is None:
        return Departure("ended together with the process that it was forked from", lines)
    return Departure.of_exit(-signal.SIGKILL if code is None else code, lines, memory_limit=memory_limit)


async def _give_up(child: Forked) -> None:
    """Lets go of a child that could not be put to work."""
    child.give_up()
    await child.wait()
    if child.cgroup is not None:
        await asyncio.to_thread(child.cgroup.clear, _PATIENCE)
    child.bury()


def _nobody(worker_id: str, said: object) -> None:
    """Who is told until somebody wants to be."""


def _end_strays(worker: _Running, folders: Path) -> None:
    """Ends what a worker started that has left its process group: all of its control group, else all with its mark."""
    if worker.cgroup is not None:
        worker.cgroup.clear(_PATIENCE)
    else:
        strays.kill_marked(folders, worker.id)
