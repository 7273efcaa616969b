"""A data folder whose one environment runs a bundle's ``worker.py`` as if it were the worker runtime."""

from __future__ import annotations

import asyncio
import sys
import textwrap
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from trivet.platform.core.endpoints import Version, VersionSettings, VersionState
from trivet.platform.core.workers import Departure
from trivet.platform.ports.runtime import Started, WorkerSpec
from trivet.platform.runtimes.process import ProcessRuntime, ProcessSettings
from trivet.platform.runtimes.shared import SharedRuntime
from trivet.platform.runtimes.warm import WarmSettings

T = TypeVar("T")
PYTHON = """#!/bin/sh
case "$*" in
*trivet.worker.parent*) exec "{python}" -I "{parent}" ;;
esac
cat  # as the worker runtime does: nothing of an author's runs before its input has ended
exec "{python}" -I "$TRIVET_BUNDLE/worker.py"
"""
PARENT = """
import os, runpy
import trivet.worker.main, trivet.worker.parent

def work(arguments):
    runpy.run_path(os.environ["TRIVET_BUNDLE"] + "/worker.py", run_name="__main__")
    return 0

trivet.worker.main.main = work
raise SystemExit(trivet.worker.parent.main())
"""
PATIENCE = 20.0
LINK = "unix:/nowhere.sock"


class WarmRuntime(ProcessRuntime):
    """One that never starts a worker plainly if it can help it."""

    async def start(self, spec: WorkerSpec, orders: int | None = None) -> Started:
        await self.warm_up(spec.version)
        return await super().start(spec, orders)


class Stage:
    """Writes programs, makes specs for them, and notes what a runtime tells.

    Args:
        data: the data folder.
        forked: workers are forked off a warm parent, which is warmed before the first of them.
    """

    def __init__(self, data: Path, *, forked: bool = False) -> None:
        self.data = data
        self.forked = forked
        self.exits: list[tuple[str, Departure]] = []
        self.lines: list[str] = []
        self._changed: asyncio.Event | None = None
        python = data / "envs" / "bare" / "bin" / "python"
        python.parent.mkdir(parents=True, exist_ok=True)
        parent = python.with_name("parent.py")
        parent.write_text(PARENT)
        python.write_text(PYTHON.format(python=sys.executable, parent=parent))
        python.chmod(0o755)

    def spec(
        self, worker_id: str, program: str, *, memory: int | None = None, gpu: str | None = None, **secrets: str
    ) -> WorkerSpec:
        bundle = self.data / "bundles" / f"of-{worker_id}"
        bundle.mkdir(parents=True, exist_ok=True)
        (bundle / "worker.py").write_text(textwrap.dedent(program))
        version = Version(
            *("ver_1", "ep_1", "1.0.0", "0" * 64, VersionState.READY, 0.0, "acc_1"),
            handler="main:hello",
            bundle=bundle.name,
            environment="bare",
            settings=VersionSettings(memory=memory, gpu=gpu, secrets=tuple(secrets)),
        )
        return WorkerSpec(worker_id, version, "admin/hello", "token-of-the-worker", secrets)

    def play(self, act: Callable[[ProcessRuntime], Awaitable[T]], **settings: bool | float | str | WarmSettings) -> T:
        """Opens a runtime, acts with it, and closes it."""

        async def whole() -> T:
            kind = WarmRuntime if self.forked else ProcessRuntime
            runtime = kind(self.data, LINK, ProcessSettings(**settings))  # type: ignore[arg-type]  # a few of them
            self.listen(runtime)
            await runtime.open()
            try:
                return await asyncio.wait_for(act(runtime), PATIENCE)
            finally:
                await runtime.close()

        return asyncio.run(whole())

    def listen(self, runtime: ProcessRuntime | SharedRuntime) -> None:
        self._changed = asyncio.Event()

        def on_exit(worker_id: str, departure: Departure) -> None:
            self.exits.append((worker_id, departure))
            self._tell()

        def on_line(worker_id: str, text: str) -> None:
            self.lines.append(text)
            self._tell()

        runtime.on_exit, runtime.on_line = on_exit, on_line

    def _tell(self) -> None:
        assert self._changed is not None
        self._changed.set()

    async def until(self, done: Callable[[], bool]) -> None:
        """Waits until something that was told makes it so."""
        assert self._changed is not None
        while not done():
            self._changed.clear()
            await asyncio.wait_for(self._changed.wait(), PATIENCE)

    async def gone(self, worker_id: str) -> Departure:
        """How a worker ended, when it has."""
        await self.until(lambda: any(each == worker_id for each, _ in self.exits))
        return next(departure for each, departure in self.exits if each == worker_id)
