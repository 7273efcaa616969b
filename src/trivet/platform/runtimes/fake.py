"""A runtime without processes, for tests: it records what it is asked, and workers end when the test says so."""

from __future__ import annotations

from trivet.platform.core.errors import Unavailable
from trivet.platform.core.workers import Departure, has_gpu
from trivet.platform.ports.runtime import Capabilities, OnExit, Started, WorkerSpec


class FakeRuntime:
    """Keeps the specs of started workers in ``started``, and the ids of the others in ``terminated`` and ``killed``."""

    def __init__(self, capabilities: Capabilities | None = None) -> None:
        self.capabilities = capabilities or Capabilities()
        self.started: dict[str, WorkerSpec] = {}
        self.terminated: list[str] = []
        self.killed: list[str] = []
        self.lines: dict[str, tuple[str, ...]] = {}
        self.on_exit: OnExit = lambda _id, _departure: None

    async def start(self, spec: WorkerSpec) -> Started:
        """Notes the worker.

        Raises:
            Unavailable: it asks for a GPU that the capabilities don't have.
        """
        gpu = spec.version.settings.gpu
        if gpu is not None and not has_gpu(self.capabilities.gpus, gpu):
            raise Unavailable(f"the endpoint asks for the GPU {gpu!r}, and this machine has none such.")
        self.started[spec.worker_id] = spec
        return Started(None, "none")

    def terminate(self, worker_id: str) -> None:
        """Notes the wish."""
        self.terminated.append(worker_id)

    def kill(self, worker_id: str) -> None:
        """Ends the worker at once."""
        self.killed.append(worker_id)
        self.end(worker_id, Departure.of_exit(-9, self.last_lines(worker_id)))

    def end(self, worker_id: str, departure: Departure) -> None:
        """The test says that the worker has ended."""
        if self.started.pop(worker_id, None) is not None:
            self.on_exit(worker_id, departure)

    def last_lines(self, worker_id: str) -> tuple[str, ...]:
        """What the test put into ``lines``."""
        return self.lines.get(worker_id, ())

    async def close(self) -> None:
        """Ends every worker."""
        for worker_id in list(self.started):
            self.kill(worker_id)
