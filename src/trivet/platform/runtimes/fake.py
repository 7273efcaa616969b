"""A runtime in memory: notes what is asked of it, and ends its workers when a test says so."""

from __future__ import annotations

import signal
from collections.abc import Iterable

from trivet.platform.core.errors import Unavailable
from trivet.platform.core.workers import Departure
from trivet.platform.ports.runtime import Capabilities, OnExit, Started, WorkerSpec
from trivet.platform.runtimes.gpus import missing_gpu


class FakeRuntime:
    """Keeps to the same contract as runtimes that start something.

    As there, the end of a worker is never told from within the call that brings it about: `settle` tells what is due.

    Args:
        capabilities: what it claims to be able to do.

    Attributes:
        on_exit: told of each worker's end.
        started: every spec that was started, in order.
        running: the specs of workers that run, by id.
        terminated: the ids of workers that were asked to end, in order.
        killed: the ids of workers that were killed, in order.
        refusal: where set, every start raises it.
    """

    def __init__(self, capabilities: Capabilities | None = None) -> None:
        self.capabilities = capabilities or Capabilities(isolation="fake")
        self.on_exit: OnExit = _nobody
        self.started: list[WorkerSpec] = []
        self.running: dict[str, WorkerSpec] = {}
        self.terminated: list[str] = []
        self.killed: list[str] = []
        self.refusal: Unavailable | None = None
        self._due: dict[str, Departure] = {}
        self._lines: dict[str, tuple[str, ...]] = {}

    async def start(self, spec: WorkerSpec) -> Started:
        """Notes a worker as running.

        Raises:
            Unavailable: it asks for a GPU that is not there, or the test said so.
        """
        if self.refusal is not None:
            raise self.refusal
        missing = missing_gpu(spec.version.settings.gpu, self.capabilities.gpus)
        if missing is not None:
            raise Unavailable(f"{missing}.")
        self.started.append(spec)
        self.running[spec.worker_id] = spec
        return Started(10_000 + len(self.started), self.capabilities.isolation)

    def terminate(self, worker_id: str) -> None:
        """Notes it; the worker ends well with the next `settle`."""
        if worker_id in self.running:
            self.terminated.append(worker_id)
            self._due.setdefault(worker_id, Departure.of_exit(0, self.last_lines(worker_id)))

    def kill(self, worker_id: str) -> None:
        """Notes it; the worker is gone with the next `settle`."""
        if worker_id in self.running:
            self.killed.append(worker_id)
            self._due[worker_id] = Departure.of_exit(-signal.SIGKILL, self.last_lines(worker_id))

    def last_lines(self, worker_id: str) -> tuple[str, ...]:
        """What the test let the worker say."""
        return self._lines.get(worker_id, ())

    async def close(self) -> None:
        """Kills every worker and tells their ends."""
        for worker_id in list(self.running):
            self.kill(worker_id)
        self.settle()

    # -- for tests ----------------------------------------------------------------------------------------------------

    def say(self, worker_id: str, lines: Iterable[str]) -> None:
        """Lets a worker write lines by itself."""
        self._lines[worker_id] = (*self.last_lines(worker_id), *lines)

    def end(self, worker_id: str, departure: Departure | None = None) -> None:
        """Ends a worker now: by default as if it had been killed from outside."""
        self._due[worker_id] = departure or Departure.of_exit(-signal.SIGKILL, self.last_lines(worker_id))
        self.settle()

    def settle(self) -> None:
        """Tells the ends that are due."""
        while self._due:
            worker_id = next(iter(self._due))
            departure = self._due.pop(worker_id)
            if self.running.pop(worker_id, None) is not None:
                self.on_exit(worker_id, departure)


def _nobody(worker_id: str, departure: Departure) -> None:
    """Who is told until somebody wants to be."""
