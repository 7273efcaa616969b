"""Workers as processes of this machine: each in a group, a folder and an environment of its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import signal
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trivet.platform.core.endpoints import Version
from trivet.platform.core.errors import Unavailable
from trivet.platform.core.workers import Departure, has_gpu
from trivet.platform.ports.runtime import Capabilities, OnExit, Started, WorkerSpec
from trivet.platform.runtimes import strays
from trivet.platform.runtimes.cgroups import Cgroup, CgroupTree, find_cgroups
from trivet.platform.runtimes.gpus import installed_gpus
from trivet.platform.runtimes.memory import MemoryGuard
from trivet.platform.runtimes.tail import Tail

logger = logging.getLogger(__name__)

OnLine = Callable[[str, str], None]
"""Called with a worker's id for each line that it writes outside of a job."""

_ENTER = 'while [ "$1" != -- ]; do echo $$ > "$1" || exit 126; shift; done; shift; exec "$@"'
"""Enters the control groups named before ``--`` and becomes the program named behind it: so that nothing of a worker ever
runs outside of its groups."""
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
    """

    processes: int = 2048
    use_cgroups: bool = True
    memory_interval: float = 0.2
    kept: int = 256


@dataclass(slots=True, eq=False)
class _Running:
    id: str
    process: asyncio.subprocess.Process
    output: int
    tail: Tail
    limit: int | None
    cgroup: Cgroup | None
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
        self._running: dict[str, _Running] = {}
        self._ended: OrderedDict[str, tuple[str, ...]] = OrderedDict()
        self._closing = asyncio.Event()
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

    async def start(self, spec: WorkerSpec) -> Started:
        """Starts a worker; returns when its process runs.

        Raises:
            Unavailable: it can't be started, with the reason.
        """
        version = spec.version
        self._check_gpu(version)
        if self._closing.is_set():
            raise Unavailable("The platform is shutting down.")
        try:
            worker = await self._spawn(spec, self._python(version), self._bundle(version))
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise Unavailable(
                f"The worker's process can't be started: {reason}.", hint="See `trivet doctor` on the server's machine."
            ) from error
        self._running[worker.id] = worker
        loop = asyncio.get_running_loop()
        loop.add_reader(worker.output, self._read, worker)
        if worker.limit is not None and worker.cgroup is None:
            self._guard.watch(worker.id, worker.process.pid, worker.limit)
        worker.watcher = loop.create_task(self._watch(worker))
        if self._closing.is_set():  # close() came while the process was made, and could not see it
            self.kill(worker.id)
        limited = worker.limit is not None
        return Started(worker.process.pid, self._isolation(worker.cgroup is not None, limited=limited))

    def terminate(self, worker_id: str) -> None:
        """Asks a worker to drain and end. What it has started hears nothing of it."""
        worker = self._running.get(worker_id)
        if worker is not None:
            with contextlib.suppress(ProcessLookupError):
                worker.process.send_signal(signal.SIGTERM)

    def kill(self, worker_id: str) -> None:
        """Ends a worker and all that it has started, now."""
        worker = self._running.get(worker_id)
        if worker is not None and worker.process.returncode is None:
            strays.kill_group(worker.process.pid)
            if worker.cgroup is not None:
                worker.cgroup.kill()

    def last_lines(self, worker_id: str) -> tuple[str, ...]:
        """The last lines that a worker wrote by itself, also after its end, for as long as they are kept."""
        worker = self._running.get(worker_id)
        return worker.tail.lines if worker is not None else self._ended.get(worker_id, ())

    async def close(self) -> None:
        """Kills every worker and waits for their ends, which are told as always."""
        self._closing.set()
        for worker_id in list(self._running):
            self.kill(worker_id)
        watchers = [worker.watcher for worker in self._running.values() if worker.watcher is not None]
        if watchers:
            await asyncio.wait(watchers, timeout=2 * _PATIENCE)
        self._guard.close()

    # -- starting -----------------------------------------------------------------------------------------------------

    def _sweep(self) -> int:
        ended = strays.kill_marked(None, self._folders)
        for group in self._cgroups.leftovers() if self._cgroups is not None else ():
            group.clear(_PATIENCE)
        shutil.rmtree(self._folders, ignore_errors=True)
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
        python = self._data / "envs" / version.environment / "bin" / "python"
        if not version.environment or not python.exists():
            raise Unavailable(
                f"The environment of version {version.number} is not there any more.",
                hint="Deploy it again; it is rebuilt.",
            )
        return python

    def _bundle(self, version: Version) -> Path:
        bundle = self._data / "bundles" / version.bundle
        if not version.bundle or not bundle.is_dir():
            raise Unavailable(f"The code of version {version.number} is not there any more.", hint="Deploy it again.")
        return bundle

    async def _spawn(self, spec: WorkerSpec, python: Path, bundle: Path) -> _Running:
        settings = spec.version.settings
        room = self._folders / spec.worker_id
        room.mkdir(mode=0o700)
        (room / "tmp").mkdir(mode=0o700)
        cgroup = None
        if self._cgroups is not None:
            cgroup = self._cgroups.make(spec.worker_id, memory=settings.memory, processes=self._settings.processes)
        command = [str(python), "-I", "-m", "trivet.worker"]
        if cgroup is not None:
            command = ["/bin/sh", "-c", _ENTER, "worker", *map(str, cgroup.entrances), "--", *command]
        # One pipe for both streams keeps their lines in order. It is ours and not asyncio's, so that waiting for the end of
        # the worker is not waiting for a stray that still holds the pipe.
        ours, theirs = os.pipe()
        try:
            os.set_blocking(ours, False)
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=theirs,
                stderr=theirs,
                cwd=room,
                env=self._environ(spec, python, bundle, room),
                start_new_session=True,
            )
        except BaseException:
            os.close(ours)
            if cgroup is not None:
                cgroup.remove()
            shutil.rmtree(room, ignore_errors=True)
            raise
        finally:
            os.close(theirs)
        return _Running(spec.worker_id, process, ours, Tail(), settings.memory, cgroup)

    def _environ(self, spec: WorkerSpec, python: Path, bundle: Path, room: Path) -> dict[str, str]:
        """All that a worker knows of its surroundings: nothing of the server's own that is not named here."""
        environ = {
            "PATH": f"{python.parent}:/usr/local/bin:/usr/bin:/bin",
            "LANG": os.environ.get("LANG", "C.UTF-8"),
            "HOME": str(room),
            "TMPDIR": str(room / "tmp"),
        }
        passed_on = ("TZ", "CUDA_VISIBLE_DEVICES") if spec.version.settings.gpu else ("TZ",)
        environ.update((name, os.environ[name]) for name in passed_on if name in os.environ)
        environ.update(spec.secrets)
        # Last, so that no secret can take their place.
        environ.update(
            {
                "VIRTUAL_ENV": str(python.parent.parent),
                "TRIVET_LINK": self._link,
                strays.MARK: spec.worker_id,
                "TRIVET_WORKER_TOKEN": spec.token,
                "TRIVET_WORKER_FOLDER": str(room),
                "TRIVET_BUNDLE": str(bundle),
                "TRIVET_HOST": spec.version.host,
                "TRIVET_HANDLER": spec.version.handler,
            }
        )
        if spec.version.settings.memory is not None:
            environ["TRIVET_MEMORY_LIMIT"] = str(spec.version.settings.memory)
        return environ

    def _isolation(self, has_cgroup: bool, *, limited: bool) -> str:
        """What keeps a worker apart, in one word of parts."""
        if has_cgroup and self._cgroups is not None:
            return f"process-group+cgroup{self._cgroups.version}{'-memory' if limited else ''}"
        return "process-group+polled-memory" if limited else "process-group"

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
        code = await worker.process.wait()
        self._guard.forget(worker.id)
        # Its number is not given to another process while any of its group is left, nor so soon after.
        strays.kill_group(worker.process.pid)
        over = worker.over_limit or (code != 0 and worker.cgroup is not None and worker.cgroup.ran_out())
        await asyncio.to_thread(_end_strays, worker)
        self._read_rest(worker)
        await asyncio.to_thread(shutil.rmtree, self._folders / worker.id, ignore_errors=True)
        lines = worker.tail.lines
        self._ended[worker.id] = lines
        while len(self._ended) > self._settings.kept:
            self._ended.popitem(last=False)
        del self._running[worker.id]
        self.on_exit(worker.id, Departure.of_exit(code, lines, memory_limit=worker.limit if over else None))

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


def _nobody(worker_id: str, said: object) -> None:
    """Who is told until somebody wants to be."""


def _end_strays(worker: _Running) -> None:
    """Ends what a worker started that has left its process group: all of its control group, else all with its mark."""
    if worker.cgroup is not None:
        worker.cgroup.clear(_PATIENCE)
    else:
        strays.kill_marked(worker.id)
