"""A plant whose workers come and ask: a test visits in their name."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from typing import Any

from tests.unit.services.plant import Plant, payload
from tests.unit.services.town import ref
from trivet.platform.core.accounts import Principal
from trivet.platform.core.calls import CallOptions
from trivet.platform.core.endpoints import Endpoint, Version
from trivet.platform.core.jobs import Job, JobError, JobStatus, Progress
from trivet.platform.core.payloads import JSON
from trivet.platform.services.takes import Line, TakenJob, Takes, Visit


class Caller:
    """A worker that polls, in the test's hand."""

    def __init__(self, hall: Hall, visit: Visit) -> None:
        self._hall = hall
        self.visit = visit
        self.id = visit.worker_id

    async def take(self, most: int = 1, *, busy: bool = False, hold: float = 0.0, after: str = "") -> list[str]:
        """The ids of the jobs that it gets."""
        return names(await self.jobs(most, busy=busy, hold=hold, after=after))

    async def jobs(self, most: int = 1, *, busy: bool = False, hold: float = 0.0, after: str = "") -> list[TakenJob]:
        return await self._hall.takes.take(self.visit, most, busy=busy, hold=hold, after=after)

    def waits(self, most: int = 1, *, busy: bool = False, hold: float = 5.0) -> asyncio.Task[list[TakenJob]]:
        """An open poll."""
        return asyncio.create_task(self.jobs(most, busy=busy, hold=hold))

    def hears(self, hold: float = 5.0) -> asyncio.Task[list[str]]:
        """An open poll for stops."""
        return asyncio.create_task(self._hall.takes.stops(self.visit, hold=hold))

    async def stops(self) -> list[str]:
        return await self._hall.takes.stops(self.visit, hold=0.0)

    def ping(self, *held: str) -> None:
        self._hall.takes.beat(self.visit, frozenset(held))

    def succeed(self, job_id: str, value: Any = 1) -> bool:
        return self._hall.takes.succeed(self.visit, job_id, JSON, json.dumps(value).encode())

    def fail(self, job_id: str, message: str = "it broke") -> bool:
        return self._hall.takes.fail(self.visit, job_id, JobError("handler_error", message))

    def piece(self, job_id: str, value: Any = "p") -> bool:
        return self._hall.takes.piece(self.visit, job_id, JSON, json.dumps(value).encode())

    def progress(self, job_id: str, message: str = "half") -> bool:
        return self._hall.takes.progress(self.visit, job_id, Progress(0.5, message))


class Hall(Plant):
    """Ada's endpoint ``ada/hello``. Nothing scales by itself here: the tests start every worker."""

    def __init__(self) -> None:
        super().__init__()
        self.ada: Principal = self.account("ada")
        self.endpoint: Endpoint
        self.version: Version
        self.endpoint, self.version = self.offer(self.ada, "ada/hello")
        self.porter: Principal = self.with_scopes(self.ada, "work")
        """Ada, asking with a key that lets workers work and nothing else."""
        self.scaling.close()

    def build(self) -> None:
        super().build()
        self.readers: dict[str, Callable[[str], Line]] = {}
        """Who reads the lines of workers, by their kind of program."""
        self.takes = Takes(
            workers=self.workers,
            dispatcher=self.dispatcher,
            endpoints=self.endpoints,
            notifier=self.notifier,
            vault=self.vault,
            clock=self.clock,
            background=self.tasks.run,
            readers=self.readers,
        )

    async def started(self) -> tuple[str, str]:
        """A worker of this platform that has not come yet, and its token."""
        worker_id = self.workers.start(self.version)
        await self.until(lambda: worker_id in self.runtime.started)
        return worker_id, self.runtime.started[worker_id].token

    async def newcomer(self) -> Caller:
        """A worker of this platform that has not asked yet."""
        worker_id, token = await self.started()
        return Caller(self, self.takes.admit(self.endpoint.id, worker_id, token, None))

    async def caller(self) -> Caller:
        """A worker of this platform that has asked once, when there was nothing to do."""
        caller = await self.newcomer()
        assert await caller.take() == []
        return caller

    async def guest(self, worker_id: str = "pod-1", principal: Principal | None = None) -> Caller:
        """A worker from elsewhere that has asked once."""
        caller = Caller(self, self.takes.admit(self.endpoint.id, worker_id, "", principal or self.porter))
        assert await caller.take() == []
        return caller

    async def queue(self, **options: Any) -> str:
        """The id of a new job."""
        view = await self.calls.submit(self.ada, ref("ada/hello"), payload(), CallOptions(**options))
        return view.job.id

    async def job(self, job_id: str) -> Job:
        await self.settle()
        return (await self.jobs.get(self.ada, job_id)).job

    async def status(self, job_id: str) -> JobStatus:
        return (await self.job(job_id)).status

    def later(self, seconds: float, *, step: float = 0.5) -> None:
        """Time goes on, and whoever ticks does."""
        until = self.now + seconds
        while self.now < until:
            self.now = min(until, self.now + step)
            self.dispatcher.tick()
            self.workers.tick()
            self.takes.tick()

    def lines(self) -> list[str]:
        return [line.text for line in self.workers.logs.lines(self.ada, ref("ada/hello"))]


def names(jobs: Iterable[TakenJob]) -> list[str]:
    return [job.job_id for job in jobs]
