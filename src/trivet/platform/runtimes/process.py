"""Workers as processes of this machine: each in a group, a folder and an environment of its own."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import subprocess
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from trivet.platform.core.endpoints import Version
from trivet.platform.core.errors import Unavailable
from trivet.platform.core.workers import Departure, has_gpu
from trivet.platform.ports.runtime import Capabilities, OnExit, Started, WorkerSpec
from trivet.platform.runtimes import strays
from trivet.platform.runtimes.gpus import installed_gpus
from trivet.platform.runtimes.memory import MemoryLimit, MemoryLimits
from trivet.platform.runtimes.tail import Tail

logger = logging.getLogger(__name__)

_REMEMBERED = 500
"""So many ended workers keep their last lines."""
_OUTPUT_GRACE = 1.0
"""Seconds that output may still come after the end of the process."""
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "SSL_CERT_FILE")


@dataclass(slots=True, eq=False)
class _Running:
    process: asyncio.subprocess.Process
    folder: Path
    tail: Tail
    limit: MemoryLimit | None
    memory: int | None
    killed: bool = False
    readers: list[asyncio.Task[None]] = field(default_factory=list)


class ProcessRuntime:
    """Starts workers on this machine, and makes sure that nothing of them is left when they have ended.

    Args:
        data: the platform's data folder, with ``bundles`` and ``envs`` in it.
        link: where workers connect, such as ``unix:/path``.
    """

    def __init__(self, data: Path, link: str) -> None:
        self._bundles = data / "bundles"
        self._environments = data / "envs"
        self._folders = data / "workers"
        self._link = link
        self._limits = MemoryLimits()
        self._gpus: Mapping[str, int] = {}
        self._running: dict[str, _Running] = {}
        self._ended: OrderedDict[str, tuple[str, ...]] = OrderedDict()
        self._watchers: set[asyncio.Task[None]] = set()
        self.on_exit: OnExit = _forget
        self.on_line: Callable[[str, str], None] = _forget

    @property
    def capabilities(self) -> Capabilities:
        """What this machine can do."""
        return Capabilities(memory_limit=True, gpus=self._gpus, isolation=f"process-group+{self._limits.name}")

    async def open(self) -> None:
        """Ends what an earlier server left in this data folder, and looks at the machine."""
        killed = await asyncio.to_thread(strays.kill_marked, None, self._folders)
        if killed:
            logger.warning("%d processes of an earlier server were still there and have been ended", killed)
        await asyncio.to_thread(shutil.rmtree, self._folders, ignore_errors=True)
        self._folders.mkdir(parents=True, mode=0o700)
        self._gpus = await asyncio.to_thread(installed_gpus)

    async def start(self, spec: WorkerSpec) -> Started:
        """Starts a worker's process.

        Raises:
            Unavailable: it can't be started here, with the reason.
        """
        version = spec.version
        self._check(version)
        folder = self._folders / spec.worker_id
        (folder / "tmp").mkdir(parents=True, mode=0o700)
        python = self._environments / version.environment / "bin" / "python"
        limit: MemoryLimit | None = None
        if version.settings.memory is not None:
            limit = self._limits.limit(spec.worker_id, version.settings.memory, lambda: self.kill(spec.worker_id))
        try:
            process = await asyncio.create_subprocess_exec(
                str(python),
                "-I",
                "-m",
                "trivet.worker",
                cwd=folder,
                env=self._environ(spec, folder),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            if limit is not None:
                limit.close()
            raise Unavailable(
                f"The worker's interpreter can't be started: {error.strerror or error}.",
                hint="Deploy the endpoint again.",
            ) from error
        if limit is not None:
            limit.admit(process.pid)
        running = _Running(process, folder, Tail(), limit, version.settings.memory)
        self._running[spec.worker_id] = running
        running.readers.append(asyncio.create_task(self._read(spec.worker_id, running)))
        watcher = asyncio.create_task(self._watch(spec.worker_id, running))
        self._watchers.add(watcher)
        watcher.add_done_callback(self._watchers.discard)
        isolation = "process-group" if limit is None else f"process-group+{limit.name}"
        return Started(process.pid, isolation)

    def terminate(self, worker_id: str) -> None:
        """Asks a worker to drain and end."""
        running = self._running.get(worker_id)
        if running is not None:
            with suppress(ProcessLookupError):
                running.process.send_signal(signal.SIGTERM)

    def kill(self, worker_id: str) -> None:
        """Ends a worker's whole group, now."""
        running = self._running.get(worker_id)
        if running is not None:
            running.killed = True
            strays.kill_group(running.process.pid)

    def last_lines(self, worker_id: str) -> tuple[str, ...]:
        """The last lines that a worker wrote, also after its end."""
        running = self._running.get(worker_id)
        return running.tail.lines if running is not None else self._ended.get(worker_id, ())

    async def close(self) -> None:
        """Ends every worker and waits until all is gone."""
        for worker_id in list(self._running):
            self.kill(worker_id)
        if self._watchers:
            await asyncio.wait(self._watchers, timeout=10)

    def _check(self, version: Version) -> None:
        gpu = version.settings.gpu
        if gpu is not None and not has_gpu(self._gpus, gpu):
            here = ", ".join(f"{count} × {kind}" for kind, count in self._gpus.items()) or "none"
            raise Unavailable(
                f"the endpoint asks for the GPU {gpu!r}, and this machine has {here}.",
                hint="Deploy it without `gpu=`, or run the platform on a machine that has one.",
            )

    def _environ(self, spec: WorkerSpec, folder: Path) -> dict[str, str]:
        environ = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        environment = self._environments / spec.version.environment
        environ["PATH"] = f"{environment / 'bin'}{os.pathsep}{environ.get('PATH', os.defpath)}"
        environ.setdefault("LANG", "C.UTF-8")
        environ.update(spec.secrets)
        environ.update(
            HOME=str(folder),
            TMPDIR=str(folder / "tmp"),
            VIRTUAL_ENV=str(environment),
            PYTHONUNBUFFERED="1",
            TRIVET_LINK=self._link,
            TRIVET_WORKER_ID=spec.worker_id,
            TRIVET_WORKER_TOKEN=spec.token,
            TRIVET_WORKER_FOLDER=str(folder),
            TRIVET_BUNDLE=str(self._bundles / spec.version.bundle),
            TRIVET_HANDLER=spec.version.handler,
        )
        return environ

    async def _read(self, worker_id: str, running: _Running) -> None:
        output = running.process.stdout
        if output is None:
            return
        while data := await output.read(65536):
            for line in running.tail.feed(data):
                self.on_line(worker_id, line)
        for line in running.tail.end():
            self.on_line(worker_id, line)

    async def _watch(self, worker_id: str, running: _Running) -> None:
        """Waits for the end of the process, and makes it the end of all that it started."""
        code = await running.process.wait()
        strays.kill_group(running.process.pid)
        await asyncio.to_thread(strays.kill_marked, worker_id)
        await asyncio.wait(running.readers, timeout=_OUTPUT_GRACE)
        for reader in running.readers:
            reader.cancel()
        exceeded = running.limit is not None and running.limit.exceeded()
        if running.limit is not None:
            running.limit.close()
        lines = running.tail.lines
        del self._running[worker_id]
        self._ended[worker_id] = lines
        while len(self._ended) > _REMEMBERED:
            self._ended.popitem(last=False)
        await asyncio.to_thread(shutil.rmtree, running.folder, ignore_errors=True)
        self.on_exit(worker_id, Departure.of_exit(code, lines, memory_limit=running.memory if exceeded else None))


def _forget(*_: object) -> None:
    """Listens until somebody else does."""
