"""The contract of every runtime: start, end, and exactly one word on each end."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.unit.runtimes.shared_stage import SharedStage
from tests.unit.runtimes.stage import PATIENCE, Stage, WarmRuntime
from trivet.platform.core.errors import Unavailable
from trivet.platform.core.workers import Departure
from trivet.platform.ports.runtime import OnExit, Runtime, WorkerSpec
from trivet.platform.runtimes.fake import FakeRuntime
from trivet.platform.runtimes.process import ProcessRuntime
from trivet.platform.runtimes.shared import SharedRuntime

WAITS = "import signal; print('up', flush=True); signal.pause()"


class Told(Runtime, Protocol):
    on_exit: OnExit


class Bench:
    """One runtime under test, with what it told."""

    def __init__(self, stage: Stage, runtime: Told) -> None:
        self.stage = stage
        self.runtime = runtime
        self.exits: list[tuple[str, Departure]] = []
        self._changed = asyncio.Event()
        runtime.on_exit = self._note

    def _note(self, worker_id: str, departure: Departure) -> None:
        self.exits.append((worker_id, departure))
        self._changed.set()

    async def start(self, worker_id: str, gpu: str | None = None) -> None:
        await self.runtime.start(self.spec(worker_id, gpu))

    def spec(self, worker_id: str, gpu: str | None = None) -> WorkerSpec:
        """One that waits, for whatever: the program for its end, a model that nobody answers for its server."""
        spec = self.stage.spec(worker_id, WAITS, gpu=gpu)
        if isinstance(self.runtime, SharedRuntime):
            return replace(spec, version=replace(spec.version, host="model"))
        return spec

    async def gone(self, *worker_ids: str) -> None:
        while not set(worker_ids) <= {worker_id for worker_id, _ in self.exits}:
            self._changed.clear()
            await asyncio.wait_for(self._changed.wait(), PATIENCE)


Play = Callable[[Callable[[Bench], Awaitable[None]]], None]


@pytest.fixture(params=["spawned", "forked", "shared", "fake"])
def play(request: pytest.FixtureRequest, tmp_path: Path) -> Play:
    """Runs a scene on a runtime of each kind."""

    def run(scene: Callable[[Bench], Awaitable[None]]) -> None:
        async def whole() -> None:
            stage = Stage(tmp_path / "data")
            if request.param == "fake":
                await scene(Bench(stage, FakeRuntime()))
                return
            if request.param == "shared":
                stage = SharedStage(tmp_path / "data")
            silence = socket.socket(socket.AF_UNIX)
            silence.bind(str(stage.data / "link.sock"))
            silence.listen()
            link = f"unix:{stage.data}/link.sock"
            kind = WarmRuntime if request.param == "forked" else ProcessRuntime
            runtime: Any = kind(stage.data, link)
            if request.param == "shared":
                runtime = SharedRuntime(runtime, link)
            await runtime.open()
            try:
                await scene(Bench(stage, runtime))
            finally:
                await runtime.close()
                silence.close()

        asyncio.run(whole())

    return run


def test_a_killed_worker_is_told_as_gone_once(play: Play) -> None:
    async def scene(bench: Bench) -> None:
        await bench.start("w1")
        bench.runtime.kill("w1")
        bench.runtime.kill("w1")
        await bench.gone("w1")
        bench.runtime.kill("w1")
        assert [(worker_id, departure.exit_code) for worker_id, departure in bench.exits] == [("w1", -9)]

    play(scene)


def test_killing_one_leaves_the_others(play: Play) -> None:
    async def scene(bench: Bench) -> None:
        await bench.start("w1")
        await bench.start("w2")
        bench.runtime.kill("w1")
        await bench.gone("w1")
        assert [worker_id for worker_id, _ in bench.exits] == ["w1"]
        bench.runtime.kill("w2")
        await bench.gone("w2")

    play(scene)


def test_closing_tells_every_end(play: Play) -> None:
    async def scene(bench: Bench) -> None:
        for worker_id in ("w1", "w2"):
            await bench.start(worker_id)
        await bench.runtime.close()
        assert sorted(worker_id for worker_id, _ in bench.exits) == ["w1", "w2"]

    play(scene)


def test_a_gpu_that_is_not_there_refuses_the_start(play: Play) -> None:
    async def scene(bench: Bench) -> None:
        with pytest.raises(Unavailable, match="GPU 'quantum'"):
            await bench.start("w1", gpu="quantum")
        assert bench.exits == []

    play(scene)


def test_unknown_workers_are_no_error(play: Play) -> None:
    async def scene(bench: Bench) -> None:
        bench.runtime.kill("w9")
        bench.runtime.terminate("w9")
        assert bench.runtime.last_lines("w9") == ()
        assert bench.exits == []

    play(scene)


def test_a_started_worker_says_how_it_is_kept_apart(play: Play) -> None:
    async def scene(bench: Bench) -> None:
        started = await bench.runtime.start(bench.spec("w1"))
        assert started.isolation
        assert bench.runtime.capabilities.isolation

    play(scene)
